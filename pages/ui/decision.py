"""The reader's decision: agree or overrule, draft or sign, and every version there was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

import streamlit as st

from imaging.entities import Answer, Assessment, Call, Review, StudyRecord
from imaging.errors import AssistantError
from pages.ui import resources, state, words
from pages.ui.i18n import _, sentence

PRESENT, ABSENT = "present", "absent"
FIELD_CHOICE, FIELD_NOTE, FIELD_READER = "choice", "note", "reader"


@dataclass(frozen=True, slots=True)
class Question:
    """What the reader is asked about; ``positive`` is the network's own answer, None if unsure."""

    code: str
    label: str
    positive: bool | None


def question(lead: Assessment | None) -> Question:
    """The question a study's leading assessment leaves to the reader."""
    if lead is not None and lead.primary is not None:
        firm = lead.answer is not Answer.UNSURE
        primary = lead.primary
        return Question(primary.code, primary.label, primary.positive if firm else None)
    spec = resources.card(lead.model.name if lead and lead.model else "").findings[0]
    return Question(spec.code, spec.label, None)


def render_decision(record: StudyRecord, asked: Question) -> None:
    """Draw the review form. No choice is preselected: the reader decides, not the network."""
    uid, last = record.study_instance_uid, record.review
    state.set_seen_version(uid, last.version if last else 0)
    signed = bool(last and last.signed)
    with st.form(f"decision-{uid}", border=True, enter_to_submit=False):
        _render_fields(uid, last, asked)
        with st.container(horizontal=True):
            if not signed:
                _submit(_("Save draft"), record, asked, sign=False)
            _submit(_("Sign amendment") if signed else _("Sign"), record, asked, sign=True)


def render_history(record: StudyRecord, asked: Question) -> None:
    """List every version of the decision, newest first."""
    if not record.reviews:
        return
    lines = "".join(
        f"<div>{_line(review, asked.label)}</div>" for review in reversed(record.reviews)
    )
    st.html(f'<div class="lb-history"><b>{escape(_("Decisions"))}</b>{lines}</div>')


def _render_fields(uid: str, last: Review | None, asked: Question) -> None:
    """Choice, note and name, filled with the last version."""
    options = (ABSENT, PRESENT) if asked.positive is False else (PRESENT, ABSENT)
    chosen = None
    if last is not None:
        chosen = options.index(PRESENT if last.finding_present else ABSENT)
    st.radio(
        _("Your decision"),
        options,
        index=chosen,
        format_func=lambda option: _option_words(option, asked),
        key=state.review_key(uid, FIELD_CHOICE),
    )
    unsaved = state.unsaved_note(uid)
    note = unsaved if unsaved is not None else last.note if last else ""
    st.text_area(_("Note"), note, height=68, key=state.review_key(uid, FIELD_NOTE))
    st.text_input(
        _("Reader's name"), state.reader(), max_chars=80, key=state.review_key(uid, FIELD_READER)
    )


def _submit(label: str, record: StudyRecord, asked: Question, *, sign: bool) -> None:
    st.form_submit_button(
        label,
        type="primary" if sign else "secondary",
        on_click=_save,
        args=(record.study_instance_uid, asked, sign),
    )


def _save(uid: str, asked: Question, sign: bool) -> None:
    """Append a version on top of the one that was on screen; leave a notice about it."""
    choice = state.review_field(uid, FIELD_CHOICE)
    note, reader = state.review_field(uid, FIELD_NOTE), state.review_field(uid, FIELD_READER)
    if not choice or not reader.strip():
        state.leave_notice("warning", _("Choose your decision and enter your name first."))
        return
    state.set_reader(reader.strip())
    try:
        stored = resources.repository().add_review(_review(uid, asked, choice, note, sign))
    except AssistantError as exc:
        state.set_unsaved_note(uid, note)
        state.leave_notice("error", sentence(str(exc)))
        return
    state.set_unsaved_note(uid, None)
    words_ = _("Signed as version {version}.") if sign else _("Draft saved as version {version}.")
    state.leave_notice("success", words_.format(version=stored.version))


def _review(uid: str, asked: Question, choice: str, note: str, sign: bool) -> Review:
    """The decision as it will be stored."""
    call = Call.UNAIDED
    if asked.positive is not None:
        call = Call.ACCEPTED if asked.positive == (choice == PRESENT) else Call.OVERRULED
    return Review(
        study_instance_uid=uid,
        call=call,
        finding_code=asked.code,
        finding_present=choice == PRESENT,
        note=note.strip(),
        reader=state.reader(),
        signed=sign,
        version=state.seen_version(uid),
        created_at=datetime.now(UTC),
    )


def _option_words(option: str, asked: Question) -> str:
    presence = words.presence(asked.label, option == PRESENT)
    if asked.positive is None:
        return presence
    agrees = asked.positive == (option == PRESENT)
    return (_("Agree: {what}") if agrees else _("Overrule: {what}")).format(what=presence)


def _line(review: Review, label: str) -> str:
    state_ = "\u2713 " + _("signed") if review.signed else _("draft")
    parts = [
        _("{state}, version {version}").format(version=review.version, state=state_),
        words.moment(review.created_at),
        review.reader,
        words.decision(review, label),
        review.note,
    ]
    return escape(" \u00b7 ".join(part for part in parts if part))
