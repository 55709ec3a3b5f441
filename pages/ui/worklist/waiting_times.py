"""Waiting times under an order of reading, simulated, in a panel of the worklist."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from imaging.entities import RESEARCH_USE
from imaging.errors import AssistantError
from imaging.review.rights import Right
from imaging.worklist.simulation import (
    ARRIVALS_PER_HOUR,
    CAP_HOURS,
    READING_MINUTES,
    Policy,
    Scenario,
    limit_repetitions,
)
from imaging.worklist.waiting_times import Comparison, Estimate, Group, compare
from imaging.worklist.workload import Workload, workload
from models.commands import waiting_times as texts
from models.model_card.operating_point import OperatingPoint, read_operating_point
from pages.ui import background, poll, resources, session
from pages.ui.deeds import fragment, only
from pages.ui.i18n import _, ngettext, sentence
from pages.ui.model import labels as names
from pages.ui.network_answer import model_line

OPEN = "worth-open"
_SLOT = "worth"
_HOURS = 24.0  # of arrivals that are played through


def listed() -> Workload:
    """The workload as the store has it. A store that counts for itself can take its place."""
    repository = resources.repository()
    signed = [(review.account, review.created_at) for review in repository.reviews.finals()]
    return workload(repository.worklist.load_workload_rows(), signed)


@only(Right.FINDINGS)
@fragment(Right.FINDINGS)
def render_waiting_times(
    load: Callable[[], Workload] = listed, *, cap_hours: float = CAP_HOURS
) -> None:
    """Draw the panel; nothing is counted or simulated while it is closed, or for who reads blind.

    Parameters
    ----------
    load : callable
        Counts the work: what waits at which urgency and since when, how fast studies come and
        are read. Called only while the panel is open.
    cap_hours : float
        How long a study may wait behind others at this site, to begin with.
    """
    if session.reads_blind():  # the waits follow from what was raised, down to a single study
        return
    panel = st.expander(_("Effect of AI ordering on waiting times"), key=OPEN, on_change="rerun")
    if not panel.open:
        return
    with panel:
        try:
            point = read_operating_point(resources.settings())
        except AssistantError as exc:
            st.info(sentence(str(exc)))
            return
        work = load()
        _render_operating_point(point, work)
        scenario = limit_repetitions(point.apply(_choose_scenario(point, work, cap_hours)))
        compared = _compare(scenario, work)
        if compared is not None:
            _render_table(compared)
            _render_change(compared)
        st.markdown(sentence(texts.ABOUT_WAITING))
        st.caption(_(RESEARCH_USE))


def _render_operating_point(point: OperatingPoint, work: Workload) -> None:
    """Say whose answers make the order, how good they are, and what waits now."""
    words = _(
        "{model}, threshold {point}: gives priority to {sensitivity} of the images with the "
        "finding and leaves {specificity} of those without. It is unsure, without giving "
        "priority, about {unsure} and {unsure_absent}. Measured on {films} images of the "
        "{split} split; 95 % intervals."
    )
    st.caption(
        words.format(
            model=model_line(point.model),
            point=f"{point.threshold:.3f}",
            sensitivity=point.sensitivity.whole,
            specificity=point.specificity.whole,
            unsure=point.unsure_present.whole,
            unsure_absent=point.unsure_absent.whole,
            films=point.films,
            split=names.split(point.split),
        )
    )
    routine, unsure, raised = work.counts()
    count = len(work.waiting)
    waits = ngettext("{count} study waits now.", "{count} studies wait now.", count)
    total = waits.format(count=count)
    by_urgency = _("Priority: {raised}, unsure: {unsure}, routine: {routine}.")
    counts = by_urgency.format(raised=raised, unsure=unsure, routine=routine)
    st.caption(f"{total} {counts}")


def _choose_scenario(point: OperatingPoint, work: Workload, cap_hours: float) -> Scenario:
    """The scenario as the list has it, where it holds enough, else as the reader says."""
    raised = work.raised_share
    share = point.prevalence if raised is None else point.shows(raised)
    rate, minutes = work.arrivals_per_hour, work.minutes
    columns = st.columns(5, gap="medium")
    with columns[0]:
        arrivals = _render_slider(
            _("Studies per hour"), rate, ARRIVALS_PER_HOUR, bounds=(0.1, 60.0), step=0.1
        )
    with columns[1]:
        reading = _render_slider(
            _("Minutes per reading"), minutes, READING_MINUTES, bounds=(0.5, 30.0), step=0.5
        )
    with columns[2]:
        readers = st.slider(_("Doctors reading"), 1, 12, 1, key="worth-readers")
        st.caption(_("assumed"))
    with columns[3]:
        percent = st.slider(
            _("With the finding, %"), 1, 99, round(100 * share), key="worth-prevalence"
        )
        estimated = _("from the share with priority here")
        st.caption(_("as in the test images") if raised is None else estimated)
    with columns[4]:
        cap = st.slider(
            _("Maximum wait (h)"), 0.5, 72.0, _within(cap_hours, 0.5, 72.0), key="worth-cap"
        )
        st.caption(_("after this time a study goes first"))
    # a measured spread goes with the measured mean, and scales along when a reader moves it
    spread = work.minutes_spread if minutes else None
    return Scenario(
        arrivals_per_hour=arrivals,
        minutes=reading,
        minutes_spread=reading * spread / minutes if spread and minutes else reading,
        readers=readers,
        hours=_HOURS,
        prevalence=percent / 100,
        cap_hours=cap,
        waiting=work.waiting,
    )


def _render_slider(
    label: str, value: float | None, usual: float, *, bounds: tuple[float, float], step: float
) -> float:
    """A slider that begins with what was measured, and says whether it was."""
    low, high = bounds[0], max(bounds[1], math.ceil(value or 0.0))
    start = round(_within(usual if value is None else value, low, high) / step) * step
    chosen = st.slider(label, low, float(high), round(start, 2), step, key=f"worth-{label}")
    st.caption(_("assumed") if value is None else _("measured on this list"))
    return float(chosen)


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _compare(scenario: Scenario, work: Workload) -> Comparison | None:
    """The comparison once it is there; until then a bar."""
    # without the ages: they grow from one drawing of the page to the next
    key = (replace(scenario, waiting=()), work.counts())
    task = background.start(_SLOT, key, lambda report: compare(scenario, on_progress=report))
    if task.done and not task.stopped:
        return task.result
    if not task.stopped:
        background.render_wait(_SLOT, _("Simulating the list"))
    elif st.button(_("Stopped. Work it out again"), key="again-worth"):
        background.forget(_SLOT)
        poll.redraw()
    return None


def _render_table(compared: Comparison) -> None:
    """Waits, policy by policy, with intervals."""
    scenario = compared.scenario
    columns = {
        Policy.FIFO: _("As they came"),
        Policy.URGENCY: _("By urgency, no maximum wait"),
        Policy.CAPPED: _("This order: by urgency, with a maximum wait"),
    }
    rows = []
    for label, group, figure in _figures():
        cells = {
            name: texts.with_interval(getattr(compared.waits[policy][group], figure))
            for policy, name in columns.items()
        }
        rows.append({_("Wait until a doctor opens the study"): label, **cells})
    st.table(rows, hide_index=True, alt=_("Waits under three orders of reading"))
    words = _(
        "Simulated: {hours} hours of arrivals onto the list as it stands, played {count} "
        "times with the same images under each order, then read empty. In brackets: 95 % "
        "interval of the figure; a single day differs more."
    )
    st.caption(words.format(hours=f"{scenario.hours:g}", count=scenario.repetitions))
    if scenario.load >= 1:
        st.warning(sentence(texts.OVERLOADED))


def _figures() -> tuple[tuple[str, Group, str], ...]:
    return (
        (_("With the finding, mean"), Group.POSITIVE, "mean"),
        (_("With the finding, but missed by the AI, mean"), Group.MISSED, "mean"),
        (_("Missed by the AI, 95 % no longer than"), Group.MISSED, "percentile95"),
        (_("Without the finding, mean"), Group.NEGATIVE, "mean"),
        (_("Worst of all studies, mean of the repetitions"), Group.ALL, "worst"),
    )


def _render_change(compared: Comparison) -> None:
    """Say in a sentence who waits less and who pays for it, and whether the cap was needed."""
    waits = compared.waits[Policy.CAPPED]
    flagged = _("Against the order they came in, studies with the finding wait {change}.")
    missed = _("Those of them the AI misses wait {change}.")
    sentences = [
        words.format(change=_describe_change(waits[group].longer))
        for words, group in ((flagged, Group.POSITIVE), (missed, Group.MISSED))
        if not math.isnan(waits[group].longer.value)
    ]
    late = compared.waits[Policy.URGENCY][Group.ALL].late.value
    cap = f"{compared.scenario.cap_hours:g}"
    if late == 0:
        sentences.append(
            _("No study waited {cap} h, so the maximum wait changed nothing.").format(cap=cap)
        )
    elif late > 0:
        share = _("Without a maximum wait {percent} % of the studies wait {cap} h or longer.")
        sentences.append(share.format(percent=f"{100 * late:.1f}", cap=cap))
    st.markdown(" ".join(sentences))


def _describe_change(longer: Estimate) -> str:
    """So much less, or longer; about as long where the interval holds no difference."""
    if longer.low <= 0 <= longer.high:
        return _("about as long")
    size, error = abs(longer.value), longer.error
    words = _("{size} longer") if longer.value > 0 else _("{size} less")
    return words.format(size=texts.with_interval(Estimate(size, error)))
