"""Films of a study that wait for the network: whoever opens it has them asked about first."""

from __future__ import annotations

import streamlit as st

from imaging.study import StudyRecord
from pages.ui import poll, resources, session
from pages.ui.i18n import ngettext


def render_waiting(record: StudyRecord) -> None:
    """Say how many wait, and put them before all others; a page without a film waits for one."""
    if not record.waiting:
        return
    uid, count = record.study_instance_uid, len(record.waiting)
    if resources.repository().pending.prioritise_study(uid, account=session.account().name):
        resources.worker().wake()
    if record.instances:
        _render_count(count)
    else:
        _watch(uid, count)


@st.fragment
def _watch(study_instance_uid: str, count: int) -> None:
    """Draw the page anew once a film has its outcome: before, nobody can have begun to read."""
    if resources.repository().pending.films_waiting(study_instance_uid) != count:
        st.rerun()
    _render_count(count)
    poll.beat("waiting")


def _render_count(count: int) -> None:
    st.info(
        ngettext(
            "{count} film of this study still waits for the network. It goes before all others.",
            "{count} films of this study still wait for the network. "
            "They go before all others, a handful at a time.",
            count,
        ).format(count=count)
    )
