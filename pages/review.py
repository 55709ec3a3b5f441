"""Review: the film, what the network thinks of it and why, and the reader's decision."""

from __future__ import annotations

import streamlit as st

from imaging.worklist import leading_assessment
from pages.ui import banner, cases, decision, film, findings, resources
from pages.ui.frame import insist_on_router
from pages.ui.i18n import _
from pages.ui.messages import show_notice

insist_on_router()
items = resources.repository().worklist()
uid = st.query_params.get("study", "")
if not uid:
    st.info(_("Choose a study; the worklist shows all of them."))
    cases.render_picker(items, key="review")
    st.stop()

record = resources.repository().study(uid)
answers = dict(zip(record.instances, record.assessments, strict=True))
lead = leading_assessment(record)
instances = list(answers)

top = st.container(key="banner")
left, right = st.columns([9, 4])
with left, st.container(key="film"):
    instance = cases.choose_instance(instances, lead)
    film.render_film(instance, answers[instance])
with right:
    cases.render_steps(items, uid)
    show_notice()
    findings.render_answer(instance, answers[instance])
    asked = decision.question(lead)
    decision.render_history(record, asked)
    decision.render_decision(record, asked)
with top:
    banner.render_banner(instance)
