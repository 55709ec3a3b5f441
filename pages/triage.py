"""Worklist: one page of the stored studies, the most urgent and longest waiting first."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from pages.ui import navigation, resources, session
from pages.ui.account import ai_switches, tour
from pages.ui.frame import insist_on_router
from pages.ui.i18n import _
from pages.ui.intake.uploader import render_uploader
from pages.ui.messages import show_notice
from pages.ui.worklist import filters, jobs, reading_order, studies, upload, views, waiting_times

insist_on_router()
show_notice()
tour.render_tour(session.account())
repository = resources.repository()
with st.container(key="worklist-head", horizontal=True, vertical_alignment="bottom", gap="small"):
    title, start = st.container(width="content"), st.container(width="content")
    whole_query = filters.render_filter()
    views.render_views(whole_query)
    folder = st.container(width="content")
    navigation.render_identity_switch()
    naming = st.container(width="content")
session.set_worklist_query(whole_query)
query = filters.page_of(whole_query)
own_job, other_jobs = jobs.find_job(), jobs.find_others()  # before the list: see `find_others`
page = repository.worklist.page(query)
if not page.items and page.total:  # the list became shorter than the page this session is at
    session.set_worklist_page(1)
    query = whole_query
    page = repository.worklist.page(query)

with title:
    filters.render_count(whole_query, page)
with start:
    navigation.render_start(whole_query, page)
with folder, st.popover(_("Add a folder"), width="content"):
    render_uploader("intake-triage", folder_first=True)
    upload.render_server_folder()
for job in other_jobs:
    jobs.follow(job)
jobs.render_job(own_job, folded=True)

ai_switches.render_off_for_all()
if not page.stored:
    st.info(_("No studies yet. Upload an image, or add a folder above."))
elif not page.total:
    st.info(_("No study matches the filter."))
else:
    studies.render_studies(query, page, naming)
reading_order.render_overdue(page.overdue)
waiting_times.render_waiting_times(
    cap_hours=repository.site.reading_order().max_wait / timedelta(hours=1)
)
reading_order.render_order()
jobs.render_rescore(whole_query, page.total)
