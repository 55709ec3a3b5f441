"""Films of a study that wait for the network: whoever opens it has them asked about first."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from imaging.errors import StoreError
from imaging.review.rights import Right
from imaging.study import StudyRecord
from pages.ui import labels, poll, resources, session
from pages.ui.deeds import fragment
from pages.ui.escape import plain
from pages.ui.i18n import ngettext

_NAMED = 8  # files


def render_waiting(record: StudyRecord) -> None:
    """Say how many wait, and put them before all others; a page without a film waits for one."""
    if not record.waiting:
        return
    uid, count = record.study_instance_uid, len(record.waiting)
    with suppress(StoreError):  # they wait at their place; nobody is kept from reading
        if resources.repository().pending.prioritise_study(uid, account=session.account().name):
            resources.worker().wake()
    names = _file_names(record)
    if record.instances:
        _render_count(count, names)
    else:
        _watch(uid, count, names)


@fragment(Right.FILMS)
def _watch(study_instance_uid: str, count: int, names: str) -> None:
    """Draw the page anew once a film has its outcome: before, nobody can have begun to read."""
    if resources.repository().pending.films_waiting(study_instance_uid) != count:
        poll.redraw()
    _render_count(count, names)
    poll.beat("waiting")


def _file_names(record: StudyRecord) -> str:
    """Which films wait, by their files; none is decoded before its turn, so there is no picture."""
    if session.identity_hidden():
        return ""
    names = [labels.file_name(film.file_name) for film in record.waiting]
    return ", ".join(names[:_NAMED]) + (", \u2026" if len(names) > _NAMED else "")


def _render_count(count: int, names: str) -> None:
    st.info(
        ngettext(
            "{count} image of this study still waits for the AI. It goes before all others.",
            (
                "{count} images of this study still wait for the AI. They go before all others, "
                "a handful at a time."
            ),
            count,
        ).format(count=count)
    )
    if names:
        st.caption(plain(names))
