"""Upload: hand films in, see what became of each, go on to its review."""

from __future__ import annotations

import streamlit as st

from pages.ui import network_answer, resources, session
from pages.ui.account import tour
from pages.ui.frame import insist_on_router
from pages.ui.i18n import _
from pages.ui.intake.uploader import render_uploader
from pages.ui.messages import show_notice
from pages.ui.worklist import jobs, recent_jobs, upload

insist_on_router()
show_notice()
tour.render_tour(session.account())
left, right = st.columns([3, 1], vertical_alignment="bottom")
with left:
    render_uploader("intake-upload")
with right:
    upload.render_examples()
    st.caption(_("Images stay on this computer."))
for card in resources.panel().cards:
    st.caption(network_answer.scope_line(card.identity))
jobs.render_job(jobs.find_job())
recent_jobs.render_recent()
