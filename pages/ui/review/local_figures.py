"""Figures of this site: how many flagged studies were signed positive, how many wrong followed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from imaging.entities import Assessment
from imaging.review.agreement import MINIMUM_CASES, Share
from imaging.review.rights import Right
from imaging.review.signed import Called, count_following, count_signed
from pages.ui import labels, network_answer, resources, session
from pages.ui.deeds import only
from pages.ui.i18n import _, ngettext

DAYS = 90
_AGAIN = 300.0  # seconds until Review counts anew: every change of a page would otherwise


@only(Right.FINDINGS)
def render_called(answer: Assessment | None) -> None:
    """Beside an answer that flags: how many such were signed positive here lately."""
    finding = answer.primary if answer is not None else None
    if answer is None or finding is None or finding.exploratory or not finding.positive:
        return
    counted = session.kept_for("called-here", _AGAIN, _count)
    key = (answer.model, finding.code, finding.operating_point)
    here = next((c for c in counted if (c.model, c.code, c.operating_point) == key), None)
    st.caption(describe(here))


def _count() -> tuple[Called, ...]:
    since = datetime.now(UTC) - timedelta(days=DAYS)
    return count_signed(resources.repository().outcomes.answered_since(since), since)


def describe(called: Called | None) -> str:
    """The natural frequency in a sentence; how many cases are still missing below the least."""
    total = called.signed.total if called else 0
    if called is None or not called.enough:
        return _(
            "How many flagged studies are signed positive here is shown after {count} cases "
            "({total} so far)."
        ).format(count=MINIMUM_CASES, total=total)
    return _(
        "Of 100 flagged here in the last {days} days, {share} were signed positive "
        "({count} of {total} patients, 95 % interval {low} to {high})."
    ).format(days=DAYS, **_parts(called.signed))


def _parts(share: Share) -> dict[str, int]:
    low, high = share.interval or (0.0, 1.0)
    return {
        "share": round(100 * (share.value or 0.0)),
        "count": share.count,
        "total": share.total,
        "low": round(100 * low),
        "high": round(100 * high),
    }


@only(Right.STATISTICS)
def render_called_here() -> None:
    """On the Readers page: the same for each network and threshold, and what is not counted."""
    st.subheader(_("Flagged here and signed"), anchor=False)
    counted = _count()
    if not counted:
        st.caption(describe(None))
    for called in counted:
        st.markdown(f"**{labels.concept(called.code)}** \u00b7 {describe(called)}")
        point = _("threshold {percent}").format(percent=labels.percent(called.operating_point))
        st.caption(f"{network_answer.model_line(called.model)} \u00b7 {point}")
        left_out = ngettext(
            "Not counted: {count} further study of the same patients",
            "Not counted: {count} further studies of the same patients",
            called.again,
        ).format(count=called.again)
        terms = ngettext(
            "{count} signed in other terms", "{count} signed in other terms", called.restated
        ).format(count=called.restated)
        st.caption(f"{left_out}; {terms}.")
    st.caption(
        _(
            "Each patient counts once, by the first study flagged in these days and its newest "
            "final signature. The doctors had seen the answer, so this is not its accuracy."
        )
    )


@only(Right.STATISTICS)
def render_following() -> None:
    """How often a wrong answer was followed, with its map opened before deciding and without."""
    following = count_following(resources.repository().outcomes.with_known_truth())
    st.subheader(_("Wrong answers that were followed"), anchor=False)
    rows = [
        _following_row(_("Map opened before deciding"), following.with_map),
        _following_row(_("Map not opened"), following.without_map),
    ]
    st.table(rows, hide_index=True, alt=_("Wrong answers that were followed"))
    st.caption(
        _(
            "Cases: the outcome is known from elsewhere, AI was wrong about it, and its answer was "
            "on the doctor's screen before the finding was stated. Shares are shown after "
            "{count} cases."
        ).format(count=MINIMUM_CASES)
    )


def _following_row(name: str, share: Share) -> dict[str, str]:
    shown = _("shown after {count} cases").format(count=MINIMUM_CASES)
    if share.total >= MINIMUM_CASES:
        shown = _("{share} % ({low} to {high})").format(**_parts(share))
    return {
        _("Reading"): name,
        _("Cases"): str(share.total),
        _("Followed (95 % interval)"): shown,
    }
