"""Every version of a review, newest first; nothing is ever overwritten."""

from __future__ import annotations

from html import escape

import streamlit as st

from imaging.review.drafting import without_ai
from imaging.review.records import Review
from imaging.review.rights import Right
from imaging.study import StudyRecord
from pages.ui import labels
from pages.ui.deeds import only
from pages.ui.explain import eraser
from pages.ui.i18n import _, ngettext


@only(Right.FINDINGS)
def render_history(record: StudyRecord) -> None:
    """List the versions, folded away; signed ones stand out."""
    if not record.reviews:
        return
    count = len(record.reviews)
    title = ngettext("{count} version", "{count} versions", count).format(count=count)
    with st.expander(title):
        shown = record.reviews if record.ai_off is None else map(without_ai, record.reviews)
        lines = "".join(f"<div>{_line(review)}</div>" for review in reversed(tuple(shown)))
        st.html(f'<div class="lb-history">{lines}</div>')


def _line(review: Review) -> str:
    """When, who and the statements; in bold once signed."""
    head = f"{review.version} \u00b7 {labels.stage(review.stage)} \u00b7 "
    head += f"{labels.moment(review.created_at)} \u00b7 {review.reader}"
    parts = [labels.statement(stated) for stated in review.findings]
    if review.annotations:
        parts.append(_("{count} annotation(s)").format(count=len(review.annotations)))
    parts += [eraser.trial_line(trial) for trial in review.trials]
    if review.restores is not None:
        parts.append(_("undone to version {version}").format(version=review.restores))
    text = escape("; ".join([*parts, review.note] if review.note else parts))
    head = f"<b>\u2713 {escape(head)}</b>" if review.signed else escape(head)
    return f"{head}<br>{text}" if text else head
