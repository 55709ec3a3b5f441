"""Which image of the study the network was asked about, and why not the others."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby

import streamlit as st

from imaging.entities import Instance
from imaging.study import StudyRecord
from models.inference.image_selection import RULE, Selected, accepted, select
from pages.ui.i18n import _, ngettext, sentence
from pages.ui.labels import pair

_MOST = 12  # lines; long series are summed up by reason anyway


def render_selection(record: StudyRecord, shown: Instance) -> None:
    """Say why the image on the wall was classified or not, then the others by reason."""
    chosen = select(record)
    uid = shown.identity.sop_instance_uid
    current = next(image for image in chosen if image.instance.identity.sop_instance_uid == uid)
    words = _describe_shown(current, many=len(chosen) > 1)
    if words:
        st.html(f'<div class="lb-small">{escape(words)}</div>')
    others = [image for image in chosen if image is not current]
    if not others:
        return
    lines = [_describe_others(because, list(same)) for because, same in _group_by_reason(others)]
    if len(lines) > _MOST:
        lines = [*lines[:_MOST], "\u2026"]
    body = "".join(f"<div>{escape(line)}</div>" for line in (*lines, sentence(RULE)))
    title = escape(_("Other images of this study"))
    st.html(
        f'<details class="lb-exploratory"><summary>{title}</summary>'
        f'<div class="lb-small">{body}</div></details>'
    )


def _group_by_reason(others: Sequence[Selected]) -> list[tuple[str, list[Selected]]]:
    """Put images with the same reason together, classified ones first."""
    in_order = sorted(others, key=lambda image: (not image.classified, image.because))
    return [(words, list(same)) for words, same in groupby(in_order, lambda image: image.because)]


def _describe_shown(current: Selected, *, many: bool) -> str:
    """That the image on the wall was classified, and whether it leads.

    Nothing where it was not: the reason stands in the answer, and is said once.
    """
    if not current.classified:
        return ""
    words = sentence(accepted(current.instance))
    if not many:
        return words
    if current.leads:
        return words + " " + _("Its answer leads: the most urgent of this study.")
    return words + " " + _("Another image of this study leads.")


def _describe_others(because: str, same: Sequence[Selected]) -> str:
    """Count all images with the same reason, in one line."""
    count = ngettext("{count} image", "{count} images", len(same)).format(count=len(same))
    lead = " " + _("(its answer leads)") if any(image.leads for image in same) else ""
    return pair(count, sentence(because)) + lead
