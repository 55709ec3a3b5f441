"""Worklist: one page of the stored studies, the most urgent and longest waiting first."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from imaging.entities import SourceKind
from imaging.review.rights import Right
from imaging.worklist.query import WorklistPage, WorklistQuery
from pages.ui import navigation, resources, session, study_table, who
from pages.ui.account import ai_switches
from pages.ui.audit import moments, sights
from pages.ui.frame import insist_on_router
from pages.ui.i18n import _
from pages.ui.intake.uploader import render_uploader
from pages.ui.messages import show_notice
from pages.ui.review import first_read
from pages.ui.worklist import filters, jobs, reading_order, upload, views, waiting_times


def _note_search(uids: list[str]) -> None:
    sights.note_list(uids, "search")


def render_rows(query: WorklistQuery, page: WorklistPage) -> None:
    """The page as a table; choosing a row opens its study."""
    uids = [item.study_instance_uid for item in page.items]
    revealed = first_read.revealed_among(uids)
    sights.note_list(uids, "worklist")
    pictures = repository.originals.study_thumbnails(uids)  # of this page alone
    rows = [
        study_table.worklist_row(
            item,
            revealed=item.read or item.study_instance_uid in revealed,
            thumbnail=pictures.get(item.study_instance_uid),
        )
        for item in page.items
    ]
    told = (i.study_instance_uid for i in page.items if i.finding is not None)
    moments.note_listed([uid for uid in told if uid in revealed], "worklist")
    unnamed = any(item.source is SourceKind.FILM for item in page.items)
    who.render_table(rows, uids, key="worklist", unnamed=unnamed)
    filters.render_pages(query, page.total)
    navigation.render_picker(query, key="worklist", shown=page, on_shown=_note_search)


insist_on_router()
show_notice()
repository = resources.repository()
with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    title, start = st.container(width="content"), st.container(width="content")
    navigation.render_identity_switch()
    whole_query = filters.render_filter()
    views.render_views(whole_query)
session.set_worklist_query(whole_query)
query = filters.page_of(whole_query)
own_job, other_jobs = jobs.find_job(), jobs.find_others()  # before the list: see `find_others`
page = repository.worklist.page(query)
if not page.items and page.total:  # the list became shorter than the page this session is at
    session.set_worklist_page(1)
    query = whole_query
    page = repository.worklist.page(query)

counted = _("{unread} unread of {total} studies").format(
    unread=page.stored_unread, total=page.stored
)
title.subheader(counted, anchor=False)
if session.may(Right.FINDINGS):
    first = repository.worklist.next_unread(whole_query)
    pressed = start.button(_("Read next"), type="primary", shortcut="N", disabled=first is None)
    if pressed and first:
        navigation.open_study(first.study_instance_uid)

with st.expander(_("Add a folder")):
    render_uploader("intake-triage", folder_first=True)
    upload.render_server_folder()
    jobs.render_rescore(whole_query, page.total)
for job in other_jobs:
    jobs.follow(job)
jobs.render_job(own_job, folded=True)
waiting_times.render_waiting_times(
    cap_hours=repository.site.reading_order().max_wait / timedelta(hours=1)
)

ai_switches.render_off_for_all()
reading_order.render_overdue(page.overdue)
if not page.stored:
    st.info(_("No studies yet. Upload an image, or add a folder above."))
elif not page.total:
    st.info(_("No study matches the filter."))
else:
    if whole_query.filtered:
        st.caption(
            _("Showing {count} of {total} studies; {unread} of {all_unread} unread.").format(
                count=page.total,
                total=page.stored,
                unread=page.unread,
                all_unread=page.stored_unread,
            )
        )
    render_rows(query, page)
reading_order.render_order()
