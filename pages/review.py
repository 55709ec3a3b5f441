"""Review: the film, what the network thinks of it and why, and the reader's findings."""

from __future__ import annotations

from functools import partial

import streamlit as st

from imaging.entities import Status
from imaging.review.records import Stage
from imaging.review.rights import Right
from imaging.worklist.order import leading_assessment
from imaging.worklist.query import WorklistQuery
from pages.ui import autosave, navigation, network_answer, resources, selection, session, who
from pages.ui.account import ai_switches
from pages.ui.audit import moments, sights
from pages.ui.explain import evidence, refusal
from pages.ui.frame import insist_on_router
from pages.ui.i18n import _
from pages.ui.messages import show_notice
from pages.ui.regions import tool as regions
from pages.ui.review import (
    deidentify,
    documents,
    doubtful_priors,
    file_report,
    film_wall,
    first_read,
    hanging_protocol,
    history,
    key_acts,
    local_figures,
    pending_films,
    report_preview,
    second_look,
    statements,
    straighten,
    study_export,
    two_patients,
)
from pages.ui.review.hanging_protocol import Prior


def _note_search(uids: list[str]) -> None:
    sights.note_list(uids, "search")


insist_on_router()
uid = st.query_params.get("study", "")
if not uid:
    st.info(_("Choose a study; the worklist shows all of them."))
    navigation.render_picker(
        WorklistQuery(blind=session.reads_blind()), key="review", on_shown=_note_search
    )
    st.stop()

record = autosave.open_record(uid)
sights.note_views([uid])
if not record.instances:
    navigation.render_steps(uid, done=record.final is not None)
    show_notice()
    two_patients.render_identity(record)
    pending_films.render_waiting(record)
    documents.render_alone(record)
    st.stop()
lead = leading_assessment(record)
reads = session.may(Right.FINDINGS)
hidden = first_read.hides(record)
found = resources.repository().studies.priors(uid)
instance = hanging_protocol.choose_instance(record, lead)
answer = dict(zip(record.instances, record.assessments, strict=True))[instance]

two_patients.render_identity(record)
acts = partial(key_acts.do, record, answer, may_state=reads and not hidden and not record.held)
room = st.container(key="review", horizontal=True)
with room:
    strip = st.container(key="strip", width=68)  # first, though what is in it is known later
    film = st.container(key="film", width="stretch")
    panel = st.container(key="panel", width=324)
with film:
    asked_for = doubtful_priors.render_choice(record, found.doubtful)
    priors = [*asked_for, *map(Prior, found.same)]
if film_wall.has_strip(record, priors):
    with strip:
        film_wall.render_strip(record, priors, instance)
elif uid not in resources.repository().originals.study_thumbnails([uid]):
    film_wall.small_picture(instance)  # lists of films lack it
sights.note_views([prior.record.study_instance_uid for prior in priors], sights.PRIOR)
test, choice = None, None  # of the network's reason, which stands in the panel
with film:
    pending_films.render_waiting(record)
    documents.render_unreadable(record)
    picture = film_wall.find(instance)
    if picture is None:
        pass  # it says why
    elif straighten.is_open(instance):
        straighten.render_tool(picture)
    elif regions.is_open(instance):
        regions.render_tool(picture)
    else:
        told = None if hidden else answer
        known = answer is None or resources.installed_card(answer.model) is not None
        straighten.render_way_on(record, instance, told)
        regions.render_way_on(record, instance, told)
        record, choice = film_wall.render_room(
            record, priors, instance, explained=known and not hidden, on_act=acts
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            straighten.render_offer(record, instance, told)
            regions.render_offer(record, instance, told)
        if answer is not None and answer.findings and known and not hidden:
            test = partial(evidence.render_evidence, record, picture, answer, choice)
        elif answer is not None and answer.status is Status.REFUSED and known and not hidden:
            test = partial(refusal.render_refusal, picture, instance, answer)
with panel:
    navigation.render_steps(uid, done=record.final is not None)
    with st.container():  # a place of its own: what follows must not move when it comes and goes
        show_notice()
    who.render_wait(record, instance)
    if record.ai_off is not None:
        ai_switches.render_off(record)
    elif not hidden or not reads:
        moments.note_answer(uid, answer)
        network_answer.render_answer(instance, answer)
    body, foot = st.container(key="panel-body"), st.container(key="panel-foot")
    signable = reads and not record.held and not hidden
    maps = report_preview.tested_map(picture, answer, choice)
    gone = picture is None and not (record.review and record.review.stage is Stage.FINAL)
    with body:
        who.render_film(record, instance)
        if hidden and reads and not record.held:
            first_read.render_first_read(record)
        if signable:
            with st.container():
                first_read.render_verdict(record)
            if gone:
                st.info(_("What is not signed yet can be finished once its image is back."))
            else:
                statements.render_statements(record, priors, instance)
        told_of = not hidden and record.ai_off is None
        if reads and not record.held and told_of:  # which leads follows from findings
            selection.render_selection(record, instance)
        if told_of:
            local_figures.render_called(answer)
        navigation.render_identity_switch()
        if test is not None:
            test()
        if signable:
            with st.container():
                history.render_history(record)
        if picture is not None and not (hidden and reads):
            file_report.render_file(picture, answer)
        if signable:
            documents.render_reports(record)
            study_export.render_export(record)
            deidentify.render_release(record)
            ai_switches.render_study_switch(record)
    if signable and not gone:
        with foot:
            second_look.render(record)
            key_acts.render_question(record, instance)
            statements.render_signature(record, maps)
if signable:
    report_preview.render_printed(record, maps)
else:
    report_preview.render_not_printed()
key_acts.render_done(uid)
