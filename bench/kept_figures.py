"""Figures of a run, stored as JSON and quoted on the page about DICOM between two marks."""

from __future__ import annotations

import json
from typing import Any

from imaging.settings import ROOT

_FOLDER = ROOT / "bench" / "results"
_PAGE = ROOT / "docs" / "dicom.md"
_WORDS = {
    "mutations": (
        "`python -m bench.mutations`: {mutations:,} damaged copies, {shown:,} shown, {refused:,} "
        "refused, {crashes} crashes, {over_2_s} slower than 2 s, memory at the end "
        "{memory_growth} times that after a tenth."
    ),
    "fuzz": (
        "`make fuzz`, {minutes:g} minutes: {executions:,} readings, places reached "
        "{coverage_at_start:,} at the start and {coverage:,} at the end, {crashes} crashes."
    ),
}


def store(name: str, figures: dict[str, Any]) -> None:
    """Keep the figures of "mutations" or "fuzz", and quote them on the page."""
    (_FOLDER / f"{name}.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, _, rest = _PAGE.read_text(encoding="utf-8").partition(begin)
    after = rest.partition(end)[2]
    words = _WORDS[name].format(**figures)
    _PAGE.write_text(f"{before}{begin}{words}\n{end}{after}", encoding="utf-8")
