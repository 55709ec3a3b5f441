"""The reader's statements: the network's findings are drafts to accept, reject or restate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape

import streamlit as st

from imaging.entities import Answer, Assessment, Finding, Instance
from imaging.export import report_words
from imaging.review import drafting
from imaging.review.answers import answer_about, speaking
from imaging.review.records import Call, ReadFinding, Review, Side, Stage
from imaging.review.rights import Right
from imaging.review.sides import lacks_side, side_said, sides_of
from imaging.review.signatures import TWO_DOCTORS
from imaging.review.terms import TERMS
from imaging.study import StudyRecord
from models.inference.scope import is_other_part
from pages.ui import autosave, labels, resources, session
from pages.ui.account import confirm, two_doctors
from pages.ui.deeds import deed, only
from pages.ui.i18n import _, sentence
from pages.ui.review import report_fields, report_preview, second_look
from pages.ui.review.hanging_protocol import Prior

PRESENT, ABSENT = "present", "absent"


def questions(record: StudyRecord) -> tuple[Finding, ...]:
    """The findings to decide on: every network's firm ones, else what one would have looked for.

    Of a film of another part of the body no network would have looked for anything.
    """
    firm = tuple(one.findings[0] for one in speaking(record.assessments))
    return firm or unanswered(record)[:1]


def unanswered(record: StudyRecord) -> tuple[Finding, ...]:
    """What the networks that speak would have looked for; empty where none reads such a film."""
    for instance, said in zip(record.instances, record.assessments, strict=True):
        asked = resources.installed_card(said.model) if said else None
        if asked is None or not is_other_part(instance, asked.scope):
            spec = (asked or resources.card()).findings[0]
            return (Finding(spec.code, spec.label, 0.0, 1.0),)
    return ()


def finding_in_turn(record: StudyRecord) -> Finding | None:
    """The finding that keys state: the one gone to, else the first that is not decided."""
    asked = questions(record)
    if not asked:
        return None
    at = session.finding_at(record.study_instance_uid)
    missing = drafting.list_undecided(record.review, record.assessments)
    return missing[0] if missing and not at else asked[at % len(asked)]


@only(Right.DRAFT)
def render_statements(record: StudyRecord, priors: Sequence[Prior], instance: Instance) -> None:
    """Draw the report's fields; read-only once signed off.

    What a doctor decides stands first, where no window hides it; the report has its own order.
    """
    uid, review = record.study_instance_uid, record.review
    if review is not None and record.ai_off is not None:
        review = drafting.without_ai(review)  # shown alone: what is saved follows from the store
    locked = review is not None and review.stage is Stage.FINAL
    asked = questions(record)
    with st.container(border=True, key="statements"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{_('Findings')}**")
            if not locked:
                report_fields.render_normal(record, asked)
        for finding in asked:
            turn = len(asked) > 1 and not locked and finding == finding_in_turn(record)
            _render_draft(record, review, finding, locked=locked, turn=turn)
        drafted = {f.code for f in asked}
        own = [f for f in review.findings if not {f.code, f.replaces} & drafted] if review else []
        for stated in own:
            _render_own(uid, stated, locked=locked)
            if review is not None:
                report_fields.render_place(uid, stated, review, locked=locked)
        if not locked:
            _render_add(uid, review)
        report_fields.render_head(record, priors, instance, locked=locked)
        _render_note(uid, review, locked=locked)
        report_fields.render_impression(record, locked=locked)


def _render_draft(
    record: StudyRecord,
    review: Review | None,
    finding: Finding,
    *,
    locked: bool,
    turn: bool,
) -> None:
    """A finding of the network: its answer, and the reader's decision on it.

    Of several the one that keys state next (in `turn`) is marked.
    """
    uid, said = record.study_instance_uid, answer_about(record.assessments, finding.code)
    stated = review.finding(finding.code) if review else None
    key = f"field-{uid}-says-{finding.code}"
    key = session.settled(key, None if stated is None else PRESENT if stated.present else ABSENT)
    answer = said.answer if said else None
    suspected = drafting.network_says(finding, answer) if said else None
    title = labels.concept(stated.code) if stated and stated.replaces else _(finding.label)
    title = f"\u25b8 {title}" if turn else title
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            title,
            (PRESENT, ABSENT),
            required=True,  # a second press states it again; Undo takes it back
            format_func=partial(_option, suspected, _(finding.label)),
            key=key,
            disabled=locked,
            on_change=_decide,
            args=(uid, finding, said, key, _side_said(record, finding)),
        )
        if not locked:
            with st.popover(_("Change wording"), help=_("Use another term, or add a remark.")):
                _render_restate(uid, finding, stated)
    unsure = answer is Answer.UNSURE
    draft = next((f for f in drafting.drafted(record.assessments) if f.code == finding.code), None)
    state = _describe_state(stated, unsure=unsure)
    if stated is None and draft is not None:
        state = report_words.draft_line(draft, _)
    if stated is not None and lacks_side(stated, record.assessments, sides_of(record.instances)):
        state = f"{state} \u00b7 {_('Say which side')}"
    st.html(f'<div class="lb-small">{escape(state)}</div>')
    if stated is not None and review is not None:
        report_fields.render_place(uid, stated, review, locked=locked)


def _option(suspected: bool | None, label: str, option: str) -> str:
    """Present or absent, and which of them agrees with the network."""
    present = option == PRESENT
    if suspected is None:
        return _("Present") if present else _("Absent")
    if suspected == present:
        words = _("Agree: {finding}") if present else _("Agree: no {finding}")
    else:
        words = _("Disagree: {finding}") if present else _("Disagree: no {finding}")
    return words.format(finding=labels.within(label))


def _describe_state(stated: ReadFinding | None, *, unsure: bool = False) -> str:
    """The state of a draft: not decided, accepted, overruled, restated."""
    if stated is None:
        return _("Your decision needed")
    done = {
        Call.ACCEPTED: _("Agreed with the AI"),
        Call.OVERRULED: _("You disagreed with the AI"),
        Call.EDITED: _("Reworded by you"),
        Call.ADDED: _("Added by you"),
        Call.UNAIDED: _("Decided by doctor (AI was unsure)")
        if unsure or stated.unsure
        else _("Decided by doctor"),
        Call.STATED: _("Stated"),
    }[stated.call]
    parts = [done, stated.note]
    if stated.regions:
        parts.append(_("{count} area(s) annotated").format(count=len(stated.regions)))
    return " \u00b7 ".join(part for part in parts if part)


@deed(Right.DRAFT)
def _decide(
    uid: str, finding: Finding, said: Assessment | None, key: str, side: Side | None
) -> None:
    """Save the choice of a segmented control; a late message without one takes nothing back."""
    chosen = st.session_state.get(key)
    if chosen is not None:
        _save(uid, finding, said, chosen == PRESENT, side)


def decide(
    record: StudyRecord,
    finding: Finding,
    said: Assessment | None,
    present: bool,
    *,
    blind: bool = False,
) -> None:
    """Save that a finding is present or absent, beside what a network said, if one did.

    Parameters
    ----------
    said : Assessment or None
        The answer that speaks for the study about this finding (`imaging.review.answers`).
    blind : bool
        The reader has not seen on which side a network sees it, so that is not taken over.
    """
    side = None if blind else _side_said(record, finding)
    _save(record.study_instance_uid, finding, said, present, side)


def _side_said(record: StudyRecord, finding: Finding) -> Side | None:
    return side_said(finding.code, record.assessments, sides_of(record.instances))


def _save(
    uid: str, finding: Finding, said: Assessment | None, present: bool, side: Side | None
) -> None:
    if said is not None:
        answer = said.answer
        autosave.change(uid, lambda review: drafting.decide(review, finding, answer, present, side))
    else:
        autosave.change(uid, lambda review: drafting.decide_unaided(review, finding.code, present))


def _render_restate(uid: str, finding: Finding, stated: ReadFinding | None) -> None:
    """Another term for the same thing, and a remark."""
    key = f"field-{uid}-other-{finding.code}"
    at = stated.code if stated and stated.replaces else None
    options = [code for code in TERMS if code != finding.code]
    key = session.settled(key, at)
    st.selectbox(
        _("Report as"),
        options,
        format_func=labels.concept,
        key=key,
        placeholder=_(finding.label),
        on_change=_restate,
        args=(uid, finding.code, key),
    )
    if stated is not None:
        _render_remark(uid, stated)


@deed(Right.DRAFT)
def _restate(uid: str, code: str, key: str) -> None:
    other = session.told(key)
    if other:
        autosave.change(uid, lambda review: drafting.restate(review, code, other))


def _render_remark(uid: str, stated: ReadFinding) -> None:
    key = session.field(uid, f"remark-{stated.code}")
    st.session_state.setdefault(key, stated.note)
    st.text_input(
        _("Remark"), key=key, max_chars=200, on_change=_remark, args=(uid, stated.code, key)
    )


@deed(Right.DRAFT)
def _remark(uid: str, code: str, key: str) -> None:
    text = str(session.told(key))
    autosave.change(uid, lambda review: drafting.remark(review, code, text))


def _render_own(uid: str, stated: ReadFinding, *, locked: bool) -> None:
    """A finding the reader added."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(
            f"<b>{escape(labels.concept(stated.code))}</b>"
            f'<div class="lb-small">{escape(_describe_state(stated))}</div>'
        )
        if not locked:
            with st.popover(_("Remark")):
                _render_remark(uid, stated)
            st.button(
                "\u2715",
                key=f"remove-{uid}-{stated.code}",
                help=_("Remove {finding}").format(finding=labels.concept(stated.code)),
                on_click=_remove,
                args=(uid, stated.code),
            )


@deed(Right.DRAFT)
def _remove(uid: str, code: str) -> None:
    autosave.change(uid, lambda review: drafting.withdraw(review, code))


def _render_add(uid: str, review: Review | None) -> None:
    """Draw the coded list; choosing a finding adds it."""
    stated = {f.code for f in review.findings} if review else set()
    key = f"field-{uid}-add"
    key = session.settled(key, None)
    st.selectbox(
        _("Add a finding"),
        [code for code in TERMS if code not in stated],
        format_func=labels.concept,
        key=key,
        placeholder=_("Add a finding"),
        label_visibility="collapsed",
        on_change=_add,
        args=(uid, key),
    )


@deed(Right.DRAFT)
def _add(uid: str, key: str) -> None:
    code = session.told(key)
    if code:
        autosave.change(uid, lambda review: drafting.add(review, code))


def _render_note(uid: str, review: Review | None, *, locked: bool) -> None:
    """The free note; saved when the field is left."""
    key = session.field(uid, "note")
    unsaved = session.unsaved_note(uid)
    if unsaved is not None:
        st.session_state[key] = unsaved
    waiting = autosave.waiting_note(uid)
    if waiting is not None:  # this page was left, and is back before it could be saved
        st.session_state.setdefault(key, waiting)
    st.session_state.setdefault(key, review.note if review else "")
    st.text_area(_("Note"), key=key, height=68, disabled=locked, on_change=_note, args=(uid, key))


@deed(Right.DRAFT)
def _note(uid: str, key: str) -> None:
    text = str(session.told(key))
    autosave.change(uid, autosave.with_note(text), note=text)


def render_signature(record: StudyRecord, maps: report_preview.Maps = ()) -> None:
    """Draw the stage of the review, and the buttons for what may be done next."""
    uid, review = record.study_instance_uid, record.review
    locked = review is not None and review.stage is Stage.FINAL
    missing = drafting.list_undecided(review, record.assessments)
    with st.container(horizontal=True, vertical_alignment="center", key="stage"):
        st.html(f'<div class="lb-small" role="status">{escape(_describe_stage(record))}</div>')
        report_preview.render_preview(record, maps)
    signs = session.may(Right.SIGN)
    if signs and autosave.asks_password() and not locked:
        confirm.render_confirmation(uid)
    with st.container(horizontal=True):
        if locked:
            st.button(
                _("Amend"),
                on_click=autosave.amend,
                args=(uid,),
                help=_("The signed version stays."),
            )
            return
        st.button(
            _("Undo"),
            on_click=autosave.undo,
            args=(uid,),
            disabled=drafting.undo(record.reviews, session.account()) is None,
        )
        if not signs:
            return
        why = _("Decide first: {findings}").format(findings=", ".join(_(f.label) for f in missing))
        nothing = review is None or drafting.says_nothing(review)
        amending = record.final is not None
        first = two_doctors.waits_for_another(record)
        asked = session.signature_asked(uid) is not None  # the question has the primary button
        if first or not amending:
            st.button(
                _("Sign preliminary"),
                type="primary" if first and not asked else "secondary",
                on_click=second_look.sign,
                args=(uid, Stage.PRELIMINARY),
                disabled=bool(missing) or nothing or _is_preliminary(review),
                help=why if missing else None,
            )
        st.button(
            _("Sign amendment") if amending else _("Sign final"),
            type="secondary" if first or asked else "primary",
            on_click=second_look.sign,
            args=(uid, Stage.FINAL),
            disabled=bool(missing) or nothing or first,
            help=why if missing else sentence(TWO_DOCTORS) if first else None,
        )


def _is_preliminary(review: Review | None) -> bool:
    return review is not None and review.stage is Stage.PRELIMINARY


def _describe_stage(record: StudyRecord) -> str:
    """The stage in a line: not begun, saved draft, preliminary, final, amendment under way."""
    review, final = record.review, record.final
    if review is None:
        return _("No findings yet. Changes save automatically.")
    when = labels.moment(review.created_at)
    line = _("{stage}, version {version}, {reader}, {time}").format(
        stage=labels.stage(review.stage), version=review.version, reader=review.reader, time=when
    )
    if final is not None and final is not review:
        line += " \u00b7 " + _("amends version {version}").format(version=final.version)
    return line
