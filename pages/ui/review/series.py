"""Going through the pictures of one series: their order, the slider, the wheel."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from imaging.entities import Instance
from imaging.fidelity import PROJECTIONS
from imaging.review.rights import Right
from imaging.slices import instances_in_order
from imaging.study import StudyRecord
from pages.ui import session
from pages.ui.deeds import deed
from pages.ui.i18n import _
from pages.ui.viewer import Stack


def members(record: StudyRecord, chosen: Instance) -> list[Instance]:
    """The pictures of the series that a picture is of."""
    series = chosen.identity.series_instance_uid
    return instances_in_order(
        [i for i in record.instances if i.identity.series_instance_uid == series]
    )


def stack(record: StudyRecord, chosen: Instance) -> Stack | None:
    """The place of a picture in a series that is gone through with the wheel.

    None for a single picture and for projections: each of those is looked at by itself.
    """
    pictures = members(record, chosen)
    if len(pictures) < 2 or chosen.acquisition.modality in PROJECTIONS:
        return None
    return Stack(chosen.identity.series_instance_uid, pictures.index(chosen), len(pictures))


def step_to(record: StudyRecord, chosen: Instance, at: int) -> None:
    """Look at another picture of the series of the chosen one."""
    _choose(record.study_instance_uid, members(record, chosen), at)


def render_position(record: StudyRecord, chosen: Instance) -> None:
    """Draw the slider through a series, where the strip has not room for all its pictures."""
    pictures = members(record, chosen)
    if len(pictures) < 2:
        return
    key = f"position-{chosen.identity.series_instance_uid}"
    session.settle(key, pictures.index(chosen) + 1)
    st.slider(
        _("Image (of {count})").format(count=len(pictures)),
        1,
        len(pictures),
        key=key,
        on_change=_slide,
        args=(record.study_instance_uid, pictures, key),
    )


@deed(Right.FILMS)
def _slide(uid: str, pictures: Sequence[Instance], key: str) -> None:
    _choose(uid, pictures, st.session_state[key] - 1)


def _choose(uid: str, pictures: Sequence[Instance], at: int) -> None:
    if 0 <= at < len(pictures):
        session.choose_image(uid, pictures[at].identity.sop_instance_uid)
