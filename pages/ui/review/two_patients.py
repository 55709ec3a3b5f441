"""A study whose files name two patients: both are shown, and a reader says whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from imaging.entities import Instance, Patient
from imaging.errors import AssistantError
from imaging.patients import doubts, group_of, merge
from imaging.person import person_of
from imaging.review.rights import Right
from imaging.study import StudyRecord
from pages.ui import labels, patient_banner, resources, session
from pages.ui.deeds import deed
from pages.ui.escape import plain
from pages.ui.i18n import _, ngettext, sentence
from pages.ui.messages import in_words
from pages.ui.review.film_wall import small_picture

_MOST_PICTURES = 3  # of each patient
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def render_identity(record: StudyRecord) -> None:
    """Tell whose a study is where that is in doubt; nothing where it is not."""
    if record.held:
        _render_hold(record)
        return
    if record.identity is not None:
        when = record.identity.decided_at
        words = _("{reader} said that all files of this study are this patient's ({time}).")
        time = labels.moment(when) if when else labels.NOTHING
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(plain(words.format(reader=record.identity.reader, time=time)))
            uid = record.study_instance_uid
            st.button(_("Take this back"), on_click=_take_back, args=(uid,), key=f"back-{uid}")
    for one, other, compared in doubts(file.patient for file in record.files):
        words = _("The files of this study do not quite agree about the patient: {difference}.")
        difference = patient_banner.difference(compared, one, other)
        st.warning(plain(words.format(difference=difference)))


def _render_hold(record: StudyRecord) -> None:
    """The banner: both identities with their films, and the two ways on."""
    uid, groups = record.study_instance_uid, record.patients
    with st.container(border=True, key="two-patients"), in_words():
        st.error(
            _(
                "The files of this study name more than one patient. Nothing of it can be signed "
                "or exported until you separate them, or say which patient is right."
            ),
            icon=":material/block:",
        )
        if any(review.signed for review in record.reviews):
            st.warning(
                _(
                    "It was signed before: look whether the report was about the images of "
                    "one patient alone."
                )
            )
        for at, column in enumerate(st.columns(len(groups))):
            with column:
                st.html(_describe(record, at))
        chosen = st.radio(
            _("Whose study is it?"),
            range(len(groups)),
            index=None,
            format_func=lambda at: plain(_name_with_identity(at, groups[at])),
            key=f"whose-{uid}",
        )
        with st.container(horizontal=True):
            st.button(
                _("Separate: the others get a study of their own"),
                disabled=chosen is None,
                on_click=_separate,
                args=(uid, groups[chosen][0] if chosen is not None else None),
                key=f"separate-{uid}",
            )
            st.button(
                _("All are one person's; this identity is right"),
                disabled=chosen is None,
                on_click=_identify,
                args=(uid, merge(groups[chosen]) if chosen is not None else None, groups),
                key=f"identify-{uid}",
            )


def _name(at: int) -> str:
    return _("Patient {letter}").format(letter=_LETTERS[at % len(_LETTERS)])


def _name_with_identity(at: int, patients: Sequence[Patient]) -> str:
    """Letter, name and number; a browser must not have to be scrolled up to choose rightly."""
    facts = patient_banner.identity_facts(merge(patients))[:2]
    return ", ".join((_name(at), *(value for _term, value in facts)))


def _describe(record: StudyRecord, at: int) -> str:
    """One of the patients: who it is, how many files, the first of the films."""
    groups = record.patients
    files = [file for file in record.files if group_of(groups, file.patient) == at]
    count = ngettext("{count} file", "{count} files", len(files)).format(count=len(files))
    lines = [f"<b>{escape(_name(at))}</b> \u00b7 {escape(count)}"]
    facts = patient_banner.identity_facts(merge(groups[at]))
    lines += [f"{escape(term)}: <b>{escape(value)}</b>" for term, value in facts]
    unnamed = sum(person_of(file.patient).silent for file in files)
    if unnamed:
        words = ngettext(
            "{count} of them names no patient", "{count} of them name no patient", unnamed
        )
        lines.append(escape(words.format(count=unnamed)))
    films = [film for film in files if film in record.instances]
    images = "".join(
        f'<img alt="" src="{escape(small_picture(film))}" style="height: 96px; margin: 4px">'
        for film in films[:_MOST_PICTURES]
        if isinstance(film, Instance)
    )
    return f"<div>{'<br>'.join(lines)}<div>{images}</div></div>"


@deed(Right.FACTS)
def _separate(uid: str, keeps: Patient | None) -> None:
    """Give the others studies of their own."""
    if keeps is None:
        return
    repository, account = resources.repository(), session.account()
    try:
        new = repository.studies.separate(uid, keeps, account=account.name)
    except AssistantError as exc:
        session.leave_notice("error", sentence(str(exc)))
        return
    session.leave_notice(
        "success",
        ngettext(
            "Separated: {count} new study is on the worklist.",
            "Separated: {count} new studies are on the worklist.",
            len(new),
        ).format(count=len(new)),
    )


@deed(Right.FACTS)
def _take_back(uid: str) -> None:
    """Let the files be again what they say."""
    try:
        resources.repository().studies.take_back_identity(uid, account=session.account().name)
    except AssistantError as exc:
        session.leave_notice("error", sentence(str(exc)))


@deed(Right.FACTS)
def _identify(uid: str, patient: Patient | None, groups: Sequence[Sequence[Patient]]) -> None:
    """Write down that all files are one person's, of those that were on screen."""
    if patient is None:
        return
    repository, account = resources.repository(), session.account()
    try:
        repository.studies.identify(
            uid,
            patient,
            account=account.name,
            reader=account.reader,
            seen=[one for group in groups for one in group],
        )
    except AssistantError as exc:
        session.leave_notice("error", sentence(str(exc)))
