"""Review: the film, what the network thinks of it and why, and the reader's findings."""

from __future__ import annotations

import streamlit as st

from imaging.entities import Status
from imaging.worklist import leading_assessment
from imaging.worklist_query import WorklistQuery
from pages.ui import (
    blind,
    cases,
    desk,
    documents,
    evidence,
    fidelity,
    findings,
    gate,
    hanging,
    history,
    leave,
    refusal,
    releasing,
    resources,
    room,
    selection,
    state,
    statements,
    waiting,
)
from pages.ui.frame import insist_on_router
from pages.ui.i18n import _
from pages.ui.messages import show_notice

insist_on_router()
uid = st.query_params.get("study", "")
if not uid:
    st.info(_("Choose a study; the worklist shows all of them."))
    cases.render_picker(WorklistQuery(blind=state.reads_blind()), key="review")
    st.stop()

record = desk.open_record(uid)
gate.note_view(uid)
if not record.instances:
    cases.render_steps(uid, done=record.final is not None)
    waiting.render_waiting(record)
    documents.render_alone(record)
    st.stop()
lead = leading_assessment(record)
hidden = blind.hides(record)
priors = resources.repository().studies.priors(uid)
instance = hanging.choose_instance(record, lead)
answer = dict(zip(record.instances, record.assessments, strict=True))[instance]

strip, film, panel = st.columns([1, 8.6, 4], gap="small")
with strip:
    room.render_strip(record, priors, instance)
with film, st.container(key="film"):
    waiting.render_waiting(record)
    documents.render_unreadable(record)
    record, asked = room.render_room(record, priors, instance, explained=not hidden)
    if answer is not None and answer.findings and not hidden:
        evidence.render_evidence(record, room.load(instance), answer, asked)
    elif answer is not None and answer.status is Status.REFUSED and not hidden:
        refusal.render_refusal(room.load(instance), answer)
with panel, st.container(key="panel"):
    cases.render_steps(uid, done=record.final is not None)
    with st.container():  # a place of its own: what follows must not move when it comes and goes
        show_notice()
    if hidden:
        blind.render_first_read(record, lead)
    else:
        findings.render_answer(instance, answer)
        selection.render_selection(record, instance)
        with st.container():
            blind.render_verdict(record)
        statements.render_statements(record, lead)
        with st.container():
            history.render_history(record)
        fidelity.render_file(room.load(instance), answer)
        documents.render_reports(record)
        leave.render_export(record)
        releasing.render_release(record)
