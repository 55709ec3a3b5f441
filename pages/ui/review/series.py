"""Going through the pictures of one series: their order, the slider, the wheel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from imaging.entities import Instance
from imaging.fidelity import PROJECTIONS
from imaging.study import StudyRecord
from pages.ui import session
from pages.ui.i18n import _
from pages.ui.viewer import Stack


def in_order(instances: Iterable[Instance]) -> list[Instance]:
    """By InstanceNumber (0020,0013) where all have one of their own, else as received."""
    found = list(instances)
    numbers = [one.acquisition.instance_number for one in found]
    if None in numbers or len(set(numbers)) < len(numbers):
        return found
    return sorted(found, key=lambda one: one.acquisition.instance_number or 0)


def members(record: StudyRecord, chosen: Instance) -> list[Instance]:
    """The pictures of the series of one of them."""
    series = chosen.identity.series_instance_uid
    return in_order(i for i in record.instances if i.identity.series_instance_uid == series)


def stack(record: StudyRecord, chosen: Instance) -> Stack | None:
    """The place of a picture in a series that is gone through with the wheel.

    None for a single picture and for projections: each of those is looked at by itself.
    """
    found = members(record, chosen)
    if len(found) < 2 or chosen.acquisition.modality in PROJECTIONS:
        return None
    return Stack(chosen.identity.series_instance_uid, found.index(chosen), len(found))


def step_to(record: StudyRecord, chosen: Instance, at: int) -> None:
    """Look at another picture of the series of the chosen one."""
    _choose(record.study_instance_uid, members(record, chosen), at)


def render_position(record: StudyRecord, chosen: Instance) -> None:
    """Which picture of its series is on the wall, where the strip has not room for all of them."""
    found = members(record, chosen)
    if len(found) < 2:
        return
    key = f"position-{chosen.identity.series_instance_uid}"
    session.settle(key, found.index(chosen) + 1)
    st.slider(
        _("Image (of {count})").format(count=len(found)),
        1,
        len(found),
        key=key,
        on_change=_slide,
        args=(record.study_instance_uid, found, key),
    )


def _slide(uid: str, found: Sequence[Instance], key: str) -> None:
    _choose(uid, found, st.session_state[key] - 1)


def _choose(uid: str, found: Sequence[Instance], at: int) -> None:
    if 0 <= at < len(found):
        session.choose_image(uid, found[at].identity.sop_instance_uid)
