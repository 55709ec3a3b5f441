"""The figures of `bench.scaling` and a plan by arithmetic, written into docs/scaling.md."""

from __future__ import annotations

from typing import Any

from imaging.settings import ROOT

PAGE = ROOT / "docs" / "scaling.md"
BEGIN, END = "<!-- scaling:start -->\n", "<!-- scaling:end -->"
_PLAN = 100_000_000
_DAYS = 30


def write_page(figures: dict[str, Any]) -> None:
    """Put the figures between the marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    lines = "\n".join([*measured_table(figures), "", *plan_lines(figures)])
    PAGE.write_text(f"{before}{BEGIN}{lines}\n{END}{after}", encoding="utf-8")


def measured_table(figures: dict[str, Any]) -> list[str]:
    """Table of what was measured."""
    lines = [
        f"{figures['films']} generated films of 2048 x 2048, 12 bits, {figures['encoding']}, "
        f"{figures['bytes_per_film'] / 1e6:.1f} MB each, on one machine with "
        f"{figures['processors']} processors ({figures['machine']}); every row stored in SQLite, "
        "the same rows by every engine. A study is one film here. Hours are of vCPU: workers x "
        "time.",
        "",
        f"| engine | workers | films a second | vCPU-hours a million | $ a million at "
        f"{figures['price']:g} a vCPU-hour |",
        "|---|---|---|---|---|",
    ]
    for run in figures["runs"]:
        hours = _hours(run)
        lines.append(
            f"| {run['engine']} | {run['workers']} | {run['films_per_second']:.2f} | {hours:.0f} | "
            f"{hours * figures['price']:.2f} |"
        )
    return lines


def plan_lines(figures: dict[str, Any]) -> list[str]:
    """100 million films by arithmetic from the slowest of the largest runs; nothing measured."""
    most = max(run["workers"] for run in figures["runs"])
    run = min(
        (r for r in figures["runs"] if r["workers"] == most), key=lambda r: r["films_per_second"]
    )
    each = run["films_per_second"] / most
    hours = _PLAN / each / 3600
    workers = -(-hours // (24 * _DAYS))
    rate = _PLAN / (_DAYS * 86400)
    rows, films = run["database_bytes_per_film"], figures["bytes_per_film"]
    return [
        f"**{_PLAN:,} films in {_DAYS} days, by arithmetic** (assumed: workers on other machines "
        f"do as much as one of {most} here, {each:.2f} films a second with {run['engine']}; a "
        f"vCPU-hour costs ${figures['price']:g}; nothing fails):",
        "",
        f"- {hours:,.0f} vCPU-hours, ${hours * figures['price']:,.0f}; {workers:,.0f} workers.",
        f"- {rate:.1f} films a second reach the store; the coordinator writes twice a second, "
        f"{rate / 2:.0f} at a time.",
        f"- {rate * films / 1e6:,.0f} MB a second are read from storage, "
        f"{films * _PLAN / 1e12:,.0f} TB in all; films are not copied.",
        f"- {rows / 1e3:.1f} KB of database a film with its indexes (measured in SQLite), "
        f"{rows * _PLAN / 1e12:.2f} TB in all.",
    ]


def _hours(run: dict[str, Any]) -> float:
    """vCPU-hours for a million films."""
    hours: float = 1e6 / run["films_per_second"] * run["workers"] / 3600
    return hours
