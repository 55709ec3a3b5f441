"""Every session_state key, behind typed getters and setters.

A session ends with the browser's reload: what must last lies in the store, what names it in the
address line. Pictures and explanations may be kept here, never in a cache shared between readers.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

import streamlit as st

from imaging.dicom import Image
from models.attribution import Attribution

T = TypeVar("T")

READER = "reader"
HIDE_IDENTITY = "hide_identity"

_KEEP_IMAGES, _KEEP_PICTURES, _KEEP_ATTRIBUTIONS = 3, 12, 24


def reader() -> str:
    """The name the reader last signed with."""
    return str(st.session_state.get(READER, ""))


def set_reader(name: str) -> None:
    """Remember who reads."""
    st.session_state[READER] = name


def identity_hidden() -> bool:
    """True while patients shall not be named on screen."""
    return bool(st.session_state.get(HIDE_IDENTITY, False))


def overlay_shown(sop_instance_uid: str) -> bool:
    """True while a film is shown with its explanation; False when it opens."""
    return bool(st.session_state.get(f"overlay-{sop_instance_uid}", False))


def flip_overlay(sop_instance_uid: str) -> None:
    """Show or hide a film's explanation."""
    st.session_state[f"overlay-{sop_instance_uid}"] = not overlay_shown(sop_instance_uid)


def uploader_key(place: str) -> str:
    """Key of an uploader; it changes with every hand-in, which empties the widget."""
    return f"files-{place}-{st.session_state.get(f'round-{place}', 0)}"


def empty_uploader(place: str) -> None:
    """Give the uploader a new key."""
    st.session_state[f"round-{place}"] = st.session_state.get(f"round-{place}", 0) + 1


def review_key(study_instance_uid: str, field: str) -> str:
    """Key of a field of the review form, for the version that is on screen."""
    return f"review-{field}-{study_instance_uid}-{seen_version(study_instance_uid)}"


def review_field(study_instance_uid: str, field: str) -> str:
    """What the reader put into a field; empty while nothing."""
    return str(st.session_state.get(review_key(study_instance_uid, field)) or "")


def seen_version(study_instance_uid: str) -> int:
    """The version of the decision that was on screen when the reader pressed a button."""
    return int(st.session_state.get(f"seen-{study_instance_uid}", 0))


def set_seen_version(study_instance_uid: str, version: int) -> None:
    """Note which version is on screen."""
    st.session_state[f"seen-{study_instance_uid}"] = version


def unsaved_note(study_instance_uid: str) -> str | None:
    """A note that could not be saved, to be offered again."""
    note = st.session_state.get(f"unsaved-{study_instance_uid}")
    return None if note is None else str(note)


def set_unsaved_note(study_instance_uid: str, note: str | None) -> None:
    """Keep a note that could not be saved; None forgets it."""
    st.session_state[f"unsaved-{study_instance_uid}"] = note


def take_notice() -> tuple[str, str] | None:
    """The notice (kind, sentence) left by a callback, once."""
    notice: tuple[str, str] | None = st.session_state.pop("notice", None)
    return notice


def leave_notice(kind: str, sentence: str) -> None:
    """Leave a notice for the next drawing of the page; kind is success, warning or error."""
    st.session_state["notice"] = (kind, sentence)


def image(sha256: str, make: Callable[[], Image]) -> Image:
    """A decoded image by the hash of its file."""
    return _recall("images", sha256, make, _KEEP_IMAGES)


def picture(key: tuple[Hashable, ...], make: Callable[[], str]) -> str:
    """A drawn picture (data URI) by everything that went into it."""
    return _recall("pictures", key, make, _KEEP_PICTURES)


def attribution(key: tuple[Hashable, ...], make: Callable[[], Attribution]) -> Attribution:
    """An explanation by (file hash, weights hash, method, target)."""
    return _recall("attributions", key, make, _KEEP_ATTRIBUTIONS)


def _recall(shelf: str, key: Hashable, make: Callable[[], T], keep: int) -> T:
    """The kept value of a key, made when missing; the longest unused leaves first."""
    kept: OrderedDict[Hashable, T] = st.session_state.setdefault(f"kept-{shelf}", OrderedDict())
    if key not in kept:
        kept[key] = make()
    kept.move_to_end(key)
    while len(kept) > keep:
        kept.popitem(last=False)
    return kept[key]
