"""Going from study to study: in the order of the worklist, by button, key or table row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import streamlit as st

from imaging.entities import WorklistItem
from pages.ui import state, words
from pages.ui.i18n import _

REVIEW_PAGE = "pages/review.py"


def open_study(study_instance_uid: str) -> NoReturn:
    """Go to the Review page of a study."""
    st.switch_page(REVIEW_PAGE, query_params={"study": study_instance_uid})


def is_unread(item: WorklistItem) -> bool:
    """True until a reader has signed off."""
    return not item.read


def next_unread(items: Sequence[WorklistItem], after: str = "") -> WorklistItem | None:
    """The unread study that follows, else the first of all but this one."""
    unread = [item for item in items if is_unread(item) or item.study_instance_uid == after]
    at = next((i for i, item in enumerate(unread) if item.study_instance_uid == after), -1)
    others = unread[at + 1 :] + unread[: max(at, 0)]
    return others[0] if others else None


def previous(items: Sequence[WorklistItem], before: str) -> WorklistItem | None:
    """The study above in the worklist, read or not."""
    at = next((i for i, item in enumerate(items) if item.study_instance_uid == before), 0)
    return items[at - 1] if at > 0 else None


def matches(item: WorklistItem, wanted: str) -> bool:
    """True when every word of a filter occurs in what the row shows."""
    patient, taken = item.patient, item.acquisition
    shown = (patient.name, patient.patient_id, taken.accession_number, taken.modality)
    text = " ".join((*shown, words.date(taken.study_date), item.file_name, describe(item)))
    return all(word in text.casefold() for word in wanted.casefold().split())


def describe(item: WorklistItem) -> str:
    """One line that tells studies apart in a list."""
    patient = words.HIDDEN if state.identity_hidden() else words.patient_name(item.patient.name)
    found = words.outcome(item.status)
    if item.finding and (item.read or not state.reads_blind()):
        found = words.answer(item.finding, item.answer)
    return " \u00b7 ".join(
        part
        for part in (
            patient or (words.HIDDEN if state.identity_hidden() else item.file_name),
            words.date(item.acquisition.study_date),
            found,
            words.reading(item),
        )
        if part
    )


def render_identity_switch() -> None:
    """Mask who the patients are, on every page of this session."""
    st.toggle(_("Hide identity"), key=state.HIDE_IDENTITY, persist_state="session")


def render_picker(items: Sequence[WorklistItem], *, key: str) -> None:
    """A list and a button: the way to a study without a mouse."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            _("Go to a study (type to search)"),
            items,
            index=None,
            format_func=describe,
            placeholder=_("Patient, date or finding"),
            key=f"pick-{key}",
        )
        if st.button(_("Open"), key=f"open-{key}", disabled=chosen is None) and chosen:
            open_study(chosen.study_instance_uid)


def render_steps(items: Sequence[WorklistItem], current: str) -> None:
    """Buttons to the case above and to the next unread one."""
    before, after = previous(items, current), next_unread(items, current)
    done = all(not is_unread(item) for item in items if item.study_instance_uid == current)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        if st.button(_("Previous"), shortcut="P", disabled=before is None, key="previous"):
            open_study(before.study_instance_uid if before else current)
        render_identity_switch()
        if st.button(
            _("Next unread"),
            shortcut="N",
            disabled=after is None,
            type="primary" if done else "secondary",
            key="next",
        ):
            open_study(after.study_instance_uid if after else current)
