"""Effect of the order of reading, in words: shared by the worklist's panel and the terminal.

python cli.py worth --arrivals 12 --minutes 4 --cap 2
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

import typer

from imaging.entities import RESEARCH_USE
from imaging.settings import Settings
from imaging.worklist.simulation import (
    ARRIVALS_PER_HOUR,
    CAP_HOURS,
    READING_MINUTES,
    REPETITIONS,
    Policy,
    Scenario,
)
from imaging.worklist.waiting_times import Comparison, Estimate, Group, compare

if TYPE_CHECKING:
    from models.model_card.operating_point import OperatingPoint

# Nature Medicine 2026. Here and not in a page, so that page and terminal say the same.
ABOUT_WAITING = (
    "This is about waiting, not outcome: in the LungIMPACT trial (2026; 93,326 chest films, 5 NHS "
    "trusts) the same kind of ordering did not shorten the time to CT or to diagnosis."
)
OVERLOADED = "More images arrive than can be read: waits grow for as long as this goes on."

_POLICIES = {
    Policy.FIFO: "as they came",
    Policy.URGENCY: "urgency, no maximum wait",
    Policy.CAPPED: "urgency, maximum wait",
}


def describe_operating_point(point: OperatingPoint) -> str:
    """One line: which network, at which operating point, how good on which films."""
    unsure = f"unsure {point.unsure_present.whole} / {point.unsure_absent.whole}"
    return (
        f"{point.model.name} {point.model.version} ({point.model.short_hash}), threshold "
        f"{point.threshold:.3f}: sensitivity {point.sensitivity.whole}, specificity "
        f"{point.specificity.whole}, {unsure} of images with / without the finding; "
        f"{point.films} images of the {point.split} split, 95 % intervals"
    )


def duration(hours: float) -> str:
    """A wait in minutes below two hours, else in hours; a dash where there is none."""
    if math.isnan(hours):
        return "\u2013"
    if abs(hours) < 2:
        return f"{60 * hours:.0f} min"
    return f"{hours:.1f} h"


def with_interval(estimate: Estimate) -> str:
    """A wait and its 95 % interval."""
    if math.isnan(estimate.value) or math.isnan(estimate.error):
        return duration(estimate.value)
    bounds = f"{duration(max(estimate.low, 0.0))} \u2013 {duration(estimate.high)}"
    return f"{duration(estimate.value)} ({bounds})"


def worth(
    arrivals: Annotated[
        float, typer.Option(min=0, max=1000, help="Studies that arrive per hour.")
    ] = ARRIVALS_PER_HOUR,
    minutes: Annotated[
        float, typer.Option(min=0.1, max=240, help="Mean minutes of one reading.")
    ] = READING_MINUTES,
    spread: Annotated[
        float | None, typer.Option(min=0, max=240, help="Their standard deviation; the mean.")
    ] = None,
    readers: Annotated[int, typer.Option(min=1, max=100, help="Who read at the same time.")] = 1,
    hours: Annotated[float, typer.Option(min=0.1, max=1000, help="Hours of arrivals.")] = 24.0,
    prevalence: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share that shows the finding; that of the test images."),
    ] = None,
    cap: Annotated[
        float, typer.Option(min=0.01, help="Hours after which a study goes first.")
    ] = CAP_HOURS,
    repetitions: Annotated[int, typer.Option(min=2, max=2000)] = REPETITIONS,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    model: Annotated[str, typer.Option(help="Installed model; the default if empty.")] = "",
) -> None:
    """Work out how long images would wait as they came, by urgency, and with a maximum wait."""
    # torch takes a second to import: `--help` goes without it.
    from models.model_card.operating_point import read_operating_point

    point = read_operating_point(Settings.from_environment(), model)
    scenario = Scenario(
        arrivals_per_hour=arrivals,
        minutes=minutes,
        minutes_spread=minutes if spread is None else spread,
        readers=readers,
        hours=hours,
        prevalence=point.prevalence if prevalence is None else prevalence,
        cap_hours=cap,
        repetitions=repetitions,
        seed=seed,
    )
    for line in report(compare(point.apply(scenario)), point):
        typer.echo(line)


def report(comparison: Comparison, point: OperatingPoint) -> list[str]:
    """A comparison as lines of a terminal."""
    scenario = comparison.scenario
    lines = [
        describe_operating_point(point),
        f"{scenario.arrivals_per_hour:g} studies per hour for {scenario.hours:g} h, "
        f"{scenario.minutes:g} min each, {scenario.readers} doctor(s), "
        f"{100 * scenario.prevalence:.0f} % with the finding, "
        f"maximum wait {scenario.cap_hours:g} h; "
        f"load {scenario.load:.2f}; {scenario.repetitions} repetitions",
    ]
    if scenario.load >= 1:
        lines.append(OVERLOADED)
    heads = ("", *(_POLICIES[policy] for policy in Policy))
    rows = [heads, *_rows(comparison), _late(comparison)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    lines += [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [*lines, ABOUT_WAITING, f"{RESEARCH_USE}."]


def _rows(comparison: Comparison) -> list[tuple[str, ...]]:
    figures = (
        ("mean wait, with the finding", Group.POSITIVE, "mean"),
        ("mean wait, finding missed", Group.MISSED, "mean"),
        ("mean wait, without the finding", Group.NEGATIVE, "mean"),
        ("95 % wait no longer, with it", Group.POSITIVE, "percentile95"),
        ("95 % wait no longer, missed", Group.MISSED, "percentile95"),
        ("worst wait of one repetition", Group.ALL, "worst"),
    )
    return [
        (label, *(with_interval(getattr(comparison.waits[p][group], name)) for p in Policy))
        for label, group, name in figures
    ]


def _late(comparison: Comparison) -> tuple[str, ...]:
    shares = (comparison.waits[policy][Group.ALL].late.value for policy in Policy)
    label = f"share that waits {comparison.scenario.cap_hours:g} h or longer"
    return label, *("\u2013" if math.isnan(s) else f"{100 * s:.1f} %" for s in shares)
