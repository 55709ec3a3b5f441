"""Originals without their patient: what would change, the reader's yes, and the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from imaging.delivery.deidentified import (
    REPORT_NAME,
    STILL_THERE,
    copy_without_patient,
    report,
)
from imaging.dicom import Profile, Released
from imaging.dicom.deidentify.burned_in_text import Box
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.entities import RESEARCH_USE, Instance, SourceKind
from imaging.errors import AssistantError, InputError
from imaging.export import ExportedFile
from imaging.review.records import AuditEvent, Shape
from imaging.review.rights import Right
from imaging.store import seal_file
from imaging.study import StudyRecord
from pages.ui import labels, resources, session
from pages.ui.deeds import only
from pages.ui.download import render_download
from pages.ui.escape import plain
from pages.ui.i18n import _, ngettext, sentence
from pages.ui.messages import in_words
from pages.ui.review import burned_in_text
from pages.ui.review.film_wall import load
from pages.ui.review.study_export import archive

KEY = "deidentified-originals"
KEY_FILE = "project.key"  # in the data folder: one project a site until it wants several


@dataclass(frozen=True, slots=True)
class _Order:
    """The profile for all files, and the boxes to blacken in each."""

    profile: Profile
    ticked: burned_in_text.Ticked


@only(Right.DEIDENTIFY)
def render_release(record: StudyRecord) -> None:
    """Draw the options, the table of changes, the confirmation and the download."""
    uid = record.study_instance_uid
    films = [film for film in record.instances if film.source is SourceKind.DICOM]
    if not films:
        return
    with (
        st.expander(_("De-identified originals"), key=KEY, on_change="rerun") as folded,
        in_words(),
    ):
        if not folded.open:
            return
        order, looked = _render_options(record, films)
        wanted = (uid, order)
        if st.button(_("Show what changes"), disabled=not looked, key=f"show-release-{uid}"):
            with st.spinner(_("Writing the copies ...")):
                st.session_state[_slot(uid)] = (wanted, _release_all(films, order))
        kept = st.session_state.get(_slot(uid))
        if kept is not None and kept[0] == wanted:
            if order.ticked.boxes and any(isinstance(copy, Released) for copy in kept[1]):
                st.caption(
                    _("The blackened copies were looked at again: no text is found in them.")
                )
            _render_changes(uid, kept[1])


def rectangles(record: StudyRecord) -> tuple[Box, ...]:
    """The rectangles drawn on the study's films, as parts to blacken: top, left, bottom, right."""
    review = record.review
    drawn = [mark for mark in review.annotations if mark.shape is Shape.RECTANGLE] if review else []
    boxes = []
    for mark in drawn:
        columns, rows = zip(*mark.points, strict=True)
        top, bottom = int(min(rows)), int(max(rows)) + 1
        boxes.append((top, int(min(columns)), bottom, int(max(columns)) + 1))
    return tuple(boxes)


def _render_options(record: StudyRecord, films: Sequence[Instance]) -> tuple[_Order, bool]:
    """Draw the choices; returns them, and whether burned-in text was dealt with."""
    uid, boxes = record.study_instance_uid, rectangles(record)
    st.caption(_("Copies after PS3.15 Annex E; the stored originals stay as they are."))
    dates = st.toggle(_("Move dates, keep the intervals"), value=True, key=f"release-dates-{uid}")
    device = st.toggle(_("Keep what names the device"), key=f"release-device-{uid}")
    masked = False
    if boxes:
        label = ngettext(
            "Blacken the rectangle that is drawn",
            "Blacken the {count} rectangles that are drawn",
            len(boxes),
        )
        masked = st.toggle(label.format(count=len(boxes)), value=True, key=f"release-mask-{uid}")
    ticked = burned_in_text.render_search(uid, films)
    looked = masked or not any(
        _may_have_text(film) for film in films if not ticked.of(film.identity.sha256)
    )
    if not looked:
        st.caption(_("Text may be burned in: draw a rectangle over it, or say that there is none."))
        looked = st.checkbox(_("I looked: no text is burned in"), key=f"release-looked-{uid}")
    profile = Profile(dates=dates, device=device, masks=boxes if masked else ())
    return _Order(profile, ticked), looked


def _may_have_text(instance: Instance) -> bool:
    fidelity = session.fidelity(instance.identity.sha256, lambda: load(instance).inspect())
    return any(caution.code == "burned-in" for caution in fidelity.cautions)


def _release_all(films: Sequence[Instance], order: _Order) -> list[Released | str]:
    """Each file de-identified, or why it is not."""
    try:
        key = Project.open(resources.settings().home / KEY_FILE)
    except AssistantError as exc:
        return [str(exc)]
    copies: list[Released | str] = []
    for film in films:
        try:
            copies.append(_release(film, key, order))
        except AssistantError as exc:
            copies.append(str(exc))
    return copies


def _release(film: Instance, key: Project, order: _Order) -> Released:
    """De-identify one file; where text was searched and blackened, it is searched once more."""
    sha256 = film.identity.sha256
    masks = (*order.profile.masks, *order.ticked.of(sha256))
    content = resources.repository().originals.content(sha256)
    try:
        return copy_without_patient(
            content,
            key,
            replace(order.profile, masks=masks),
            text_checked=True,  # the button asks for it
            search_again=order.ticked.searched,
        )
    except InputError as exc:
        if str(exc) != STILL_THERE:
            raise
        reason = _("Text is still found after blackening, so the copy was left out.")
        advice = _("Tick what is not ticked, or draw a rectangle over it.")
        raise InputError(f"{reason} {advice}") from exc


def _render_changes(uid: str, copies: Sequence[Released | str]) -> None:
    """The table of the first file, what was left out, and the way to the files."""
    sound = [copy for copy in copies if isinstance(copy, Released)]
    for copy in copies:
        if isinstance(copy, str):
            st.warning(plain(sentence(copy)))
    if not sound:
        return
    hidden = session.identity_hidden()
    rows = [
        {
            _("Attribute"): change.keyword,
            _("Before"): labels.HIDDEN if hidden and change.before else change.before,
            _("After"): change.after or labels.NOTHING,
        }
        for change in sound[0].changes
    ]
    narrow = dict.fromkeys(rows[0], st.column_config.Column(width="small")) if rows else {}
    st.dataframe(rows, hide_index=True, height=260, column_config=narrow)
    st.caption(_("What stays in the copies, as it is:"))
    kept = [{_("Attribute"): keyword, _("Value"): value} for keyword, value in sound[0].kept]
    st.dataframe(kept, hide_index=True, height=180)
    st.caption(_(RESEARCH_USE))
    if not st.checkbox(_("This is right"), key=f"release-right-{uid}"):
        return
    recorded = f"released-{uid}"  # the copies whose export is in the audit trail already
    if st.session_state.get(recorded) != id(copies):
        st.session_state[recorded] = id(copies)
        detail = f"{len(sound)} de-identified originals"
        seals: dict[str, str | None] = {}
        for copy in sound:
            seals |= seal_file(f"{copy.sop_instance_uid}.dcm", copy.content)
        resources.repository().audit.record(
            AuditEvent.EXPORT,
            account=session.account().name,
            study_instance_uid=uid,
            detail=detail,
            seals=seals,
        )
    films = (ExportedFile(f"{copy.sop_instance_uid}.dcm", copy.content) for copy in sound)
    files = (*films, ExportedFile(REPORT_NAME, report(sound)))
    name = "lightbox-deidentified.zip"
    label = _("Save {name}").format(name=name)
    render_download(label, name, archive(files), "application/zip", key=f"save-release-{uid}")


def _slot(uid: str) -> str:
    return f"release-made-{uid}"
