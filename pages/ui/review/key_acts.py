"""Reading by keyboard alone: what the viewer's keys state and sign.

A signature by key is confirmed before it is given: the question names the patient and what is
signed (`render_question`). What a key asks for is done once, in the order of the keys; the viewer
sends the next when it has heard of the one before (`session.acts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from imaging.entities import Assessment, Instance
from imaging.export import report_words
from imaging.review import drafting
from imaging.review.answers import answer_about
from imaging.review.records import Stage
from imaging.review.rights import Right
from imaging.review.signatures import TWO_DOCTORS
from imaging.study import StudyRecord
from pages.ui import labels, patient_banner, session
from pages.ui.account import two_doctors
from pages.ui.audit import moments
from pages.ui.deeds import deed
from pages.ui.i18n import _, sentence
from pages.ui.review import report_fields, report_preview, second_look, statements
from pages.ui.review.hanging_protocol import Hanging
from pages.ui.viewer.render import acts_done

_STAGES = {"signPreliminary": Stage.PRELIMINARY, "signFinal": Stage.FINAL}
_ACTS = {stage: act for act, stage in _STAGES.items()}


def do(
    record: StudyRecord,
    shown: Assessment | None,
    hangings: Sequence[Hanging],
    act: str,
    *,
    may_state: bool,
) -> None:
    """Do what a key asks for on the study on screen.

    Parameters
    ----------
    record : StudyRecord
        As it was drawn; what was saved since is refused as everywhere.
    shown : Assessment or None
        The answer to the film on screen.
    hangings : sequence of Hanging
        The ways in which its films can be hung.
    act : str
        One of `pages.ui.viewer.scene.ACTS`.
    may_state : bool
        False while findings are not stated here: before a blind first read, or on a held study.
    """
    uid = record.study_instance_uid
    if act == "mapSeen":  # no deed of the reader's: what is asked stays asked
        moments.note_map(uid, shown)
        return
    asked = session.signature_asked(uid)
    if act == "accept" and asked is not None:
        return  # pressed before the question was on the screen: it answers nothing
    session.ask_signature(uid, None)
    if act == "prior":
        _turn_prior(uid, hangings)
    elif not may_state:
        session.leave_notice("info", _("Findings cannot be entered yet; see beside the image."))
    elif record.review is not None and record.review.stage is Stage.FINAL:
        session.leave_notice("info", _("This report is signed; amend it to change it."))
    elif act in _STAGES:
        _ask_to_sign(record, _STAGES[act])
    elif act == "confirm" and asked is not None:
        second_look.sign_anyway(uid, asked)
    elif act == "nextFinding":
        session.set_finding_at(uid, session.finding_at(uid) + 1)
    elif act == "normal":
        report_fields.call_normal(record, statements.questions(record))
    elif act in ("accept", "reject", "present", "absent"):
        _state(record, act)


@deed(Right.DRAFT)
def _state(record: StudyRecord, act: str) -> None:
    finding = statements.finding_in_turn(record)
    if finding is None:
        session.leave_notice("info", _("No AI reads this image: add the findings yourself."))
        return
    said = answer_about(record.assessments, finding.code)
    says = drafting.network_says(finding, said.answer) if said else None
    if act in ("present", "absent"):
        present = act == "present"
    elif says is None:
        words = _("The AI is unsure: choose present or absent yourself.")
        session.leave_notice("warning", words)
        return
    else:
        present = says == (act == "accept")
    statements.decide(record, finding, said, present)


@deed(Right.SIGN)
def _ask_to_sign(record: StudyRecord, stage: Stage) -> None:
    missing = drafting.list_undecided(record.review, record.assessments)
    if missing:
        names = ", ".join(_(finding.label) for finding in missing)
        session.leave_notice("warning", _("Decide first: {findings}").format(findings=names))
    elif record.review is None or drafting.says_nothing(record.review):
        session.leave_notice("warning", _("No findings yet, so there is nothing to sign."))
    elif stage is Stage.FINAL and two_doctors.waits_for_another(record):
        session.leave_notice("warning", sentence(TWO_DOCTORS))
    elif stage is Stage.PRELIMINARY and (
        record.review.stage is Stage.PRELIMINARY
        or (record.final is not None and not two_doctors.waits_for_another(record))
    ):
        session.leave_notice("info", _("It is signed as preliminary or final already."))
    else:
        second_look.ask(record)  # stands with the question: the answer to both is one press
        session.ask_signature(record.study_instance_uid, stage)


def _turn_prior(uid: str, hangings: Sequence[Hanging]) -> None:
    """Hang the prior beside, or the film alone; without a prior there is nothing to turn."""
    key = f"hanging-{uid}"
    if Hanging.PRIOR in hangings:
        beside = st.session_state.get(key, hangings[0]) == Hanging.PRIOR
        st.session_state[key] = Hanging.ONE if beside else Hanging.PRIOR
        session.set_hanging(st.session_state[key])
    else:
        session.leave_notice("info", _("No earlier study of this patient is here."))


def render_question(record: StudyRecord, instance: Instance) -> None:
    """Ask whether to sign, in words that name the patient and the findings; nothing if unasked."""
    uid, review = record.study_instance_uid, record.review
    stage = session.signature_asked(uid)
    if stage is None or review is None or review.stage is Stage.FINAL:
        return
    report = report_preview.report(record)
    said = [report_words.finding_sentence(f, review.compared, _) for f in review.findings]
    name = labels.HIDDEN if session.identity_hidden() else labels.patient_name(record.patient.name)
    impression = " ".join(report_words.impression_lines(report, _))
    lines = (
        " \u00b7 ".join(p for p in (name, patient_banner.identity_line(instance)) if p),
        " ".join(said) or review.note,
        f"{_('Impression')}: {impression}",
    )
    question = _("Sign {stage}?").format(stage=labels.within(labels.stage(stage)))
    viewer = f"viewer-{uid}"
    with st.container(key="sign-question", border=True):
        # One element: the viewer's keys take its data for a question that stands there whole.
        st.html(
            f'<div class="lb-question" data-viewer="{escape(viewer)}" data-act="{_ACTS[stage]}" '
            f'data-acts="{acts_done(viewer)}"><b>{escape(question)}</b>'
            + "".join(f"<p>{escape(line)}</p>" for line in lines)
            + "</div>"
        )
        with st.container(horizontal=True):
            st.button(
                _("Sign"),
                type="primary",
                key="sign-confirm",
                help=_("Enter"),
                on_click=_answer,
                args=(uid, stage),
            )
            st.button(_("Back"), key="sign-back", help=_("Esc"), on_click=_answer, args=(uid, None))


@deed(Right.SIGN)
def _answer(uid: str, stage: Stage | None) -> None:
    session.ask_signature(uid, None)
    if stage is not None:
        second_look.sign_anyway(uid, stage)


def render_done(uid: str) -> None:
    """Say, last of all on the page, how many acts are done: it shows what they changed by now.

    The browser sends the state of every control along with the next act. Sent before the page was
    drawn to its end, that of a finding stated by key would still be empty, and take it back.
    """
    done = acts_done(f"viewer-{uid}")
    st.html(f'<span class="lb-acts" hidden data-acts="{done}"></span>')
