"""Every version of a review, newest first, and the order of events; nothing is overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import streamlit as st

from imaging.review.drafting import without_ai
from imaging.review.events import Happening, Moment, ReadingEvent, in_order
from imaging.review.records import Review, Stage
from imaging.review.rights import Right
from imaging.study import StudyRecord
from pages.ui import labels, resources, session
from pages.ui.deeds import only
from pages.ui.explain import eraser
from pages.ui.i18n import _, ngettext


@only(Right.FINDINGS)
def render_history(record: StudyRecord) -> None:
    """List the versions, signed ones standing out, then all that happened in order; folded away."""
    repository, uid = resources.repository(), record.study_instance_uid
    shown = tuple(record.reviews if record.ai_off is None else map(without_ai, record.reviews))
    events = repository.reading.of_study(uid)
    if not shown and not events:
        return
    count = len(shown)
    title = ngettext("{count} version", "{count} versions", count).format(count=count)
    with st.expander(title if count else _("Order of events")):
        lines = "".join(f"<div>{_line(review)}</div>" for review in reversed(shown))
        happened = in_order(shown, events, repository.reviews.first_reads(uid))
        names = {review.account: review.reader for review in record.reviews}
        names[session.account().name] = session.account().reader
        moments = "".join(f"<div>{escape(_moment(one, names))}</div>" for one in happened)
        head = f"<div><b>{escape(_('Order of events (UTC)'))}</b></div>"
        st.html(f'<div class="lb-history">{lines}{head}{moments}</div>')


def _moment(happening: Happening, names: Mapping[str, str]) -> str:
    """A line of the order of events: when to the second, who, what."""
    when = happening.at.strftime("%Y-%m-%d %H:%M:%S")
    return (
        f"{when} \u00b7 {names.get(happening.account, happening.account)} \u00b7 {_what(happening)}"
    )


def _what(happening: Happening) -> str:
    if happening.event is not None:
        return _event(happening.event)
    if happening.first_read is not None:
        read = happening.first_read
        said = labels.presence(labels.concept(read.code), read.present)
        return _("own statement, before AI was shown: {said}").format(said=said)
    review = happening.review
    if review is None:
        return ""
    stated = ", ".join(labels.presence(labels.concept(f.code), f.present) for f in review.findings)
    words = {
        Stage.DRAFT: _("version {version}: {stated}"),
        Stage.PRELIMINARY: _("version {version} signed as preliminary: {stated}"),
        Stage.FINAL: _("version {version} signed as final: {stated}"),
    }[review.stage]
    line = words.format(version=review.version, stated=stated or _("no finding"))
    return line + (" \u00b7 " + _("AI was off") if review.ai_off else "")


def _event(event: ReadingEvent) -> str:
    seen_on = {"worklist": _("on the worklist"), "job": _("in a list of files")}
    where = seen_on.get(str(event.detail.get("where")), _("beside the image"))
    return {
        Moment.ANSWER: _("AI answer first on screen, {where}").format(where=where),
        Moment.MAP: _("map first on screen"),
        Moment.SECOND_LOOK: _("second look shown: AI contradicts the finding to be signed"),
        Moment.AFTER_SECOND_LOOK: (
            _("signed after the second look: finding kept")
            if event.detail.get("did") == "kept"
            else _("signed after the second look: finding changed")
        ),
        Moment.AI_OFF: _("AI switched off for this study"),
        Moment.AI_ON: _("AI switched on for this study"),
    }[event.kind]


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
