"""Upload: hand films in, see what became of each, go on to its review."""

from __future__ import annotations

import streamlit as st

from pages.ui import findings, intake, jobs, recent_jobs, resources
from pages.ui.frame import insist_on_router
from pages.ui.i18n import _
from pages.ui.messages import show_notice

insist_on_router()
show_notice()
left, right = st.columns([3, 1], vertical_alignment="bottom")
with left:
    intake.render_intake("upload")
with right:
    intake.render_examples()
    st.caption(_("Films stay on this computer."))
for model in resources.panel().classifiers:
    st.caption(findings.scope_line(model.card.identity))
jobs.render_job()
recent_jobs.render_recent()
