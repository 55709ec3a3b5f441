"""Forty studies read and signed by keyboard alone, in a real Chromium on the real server.

    python -m bench.reading [--before REV] [--cases 6] [--quick]

The studies are those of `bench.reading_ward`: normal, suspected, refused, with a prior, and
without a name. Every one ends with a final report, which is counted in the store. Printed are the
keys pressed and the seconds waited for by kind; then the same of the tree at REV, in a worktree of
its own with its own server, on `--cases` of the same films, by the ways that tree had
(`bench.reading_ways`). The last line is JSON: ``cases``, ``signed``, ``keys`` and ``seconds``
(median, p95, most), ``keys_normal`` (most for a normal film), ``before`` with the same of REV, and
``keys_ratio`` and ``seconds_ratio``: the former's median over today's. `--quick` reads one study of
each kind.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench.performance_page import write_section
from bench.reading_ward import FORTY, write_ward
from imaging.settings import ROOT

BEFORE = "f7e2591"  # main as it was before Review was rebuilt for issue 23
CASES = 6  # of the tree before: it takes long
RESULT = ROOT / "bench" / "results" / "reading.json"
_WAYS = ROOT / "bench" / "reading_ways.py"


def main() -> int:
    """Print the tables and the JSON line; keep the figures of a whole run."""
    parser = argparse.ArgumentParser(description="See the module.")
    parser.add_argument("--before", default=BEFORE, metavar="REV", help="empty: not compared")
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    counts = dict.fromkeys(FORTY, 1) if options.quick else FORTY
    with tempfile.TemporaryDirectory() as folder:
        ward = Path(folder) / "ward"
        write_ward(ward, counts)
        figures = _report("today", run_ways(ROOT, str(ward)))
        if options.before:
            few = Path(folder) / "few"
            write_ward(few, _share(options.cases))
            with checked_out(options.before) as tree:
                former = _report(options.before, run_ways(tree, str(few)))
            figures["before"] = {"revision": options.before, **former}
            for name in ("keys", "seconds"):
                ratio = former[name]["median"] / figures[name]["median"]
                figures[f"{name}_ratio"] = round(ratio, 2)
    if options.before and not options.quick:
        RESULT.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        write_section("reading", table(figures))
    print(json.dumps(figures))
    return 0 if figures["signed"] == figures["cases"] else 1


def _share(cases: int) -> dict[str, int]:
    """So many cases, as evenly of all kinds as may be."""
    kinds = list(FORTY)
    return {kind: cases // len(kinds) + (at < cases % len(kinds)) for at, kind in enumerate(kinds)}


@contextmanager
def checked_out(revision: str) -> Iterator[Path]:
    """A worktree of this repository at a revision, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), revision], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def run_ways(tree: Path, *arguments: str) -> Any:
    """What `bench.reading_ways` prints on a tree, with that tree's server."""
    environ = {**os.environ, "PYTHONPATH": str(tree)}
    command = [sys.executable, "-P", str(_WAYS), *arguments]
    done = subprocess.run(command, cwd=tree, env=environ, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _report(name: str, told: dict[str, Any]) -> dict[str, Any]:
    """Print what a tree took, by kind; returns the figures."""
    cases = told["cases"]
    print(f"{name}: median / most keys, median / most seconds")
    for kind in FORTY:
        own = [case for case in cases if case["kind"] == kind]
        if own:
            keys, seconds = ([case[what] for case in own] for what in ("keys", "seconds"))
            line = f"{np.median(keys):4.0f} / {max(keys):3d} {np.median(seconds):8.1f}"
            print(f"  {kind:10s} {len(own):3d} {line} / {max(seconds):.1f}")
    normal = [case["keys"] for case in cases if case["kind"] == "normal"]
    return {
        "cases": len(cases),
        "signed": told["signed"],
        "keys": _spread([case["keys"] for case in cases]),
        "seconds": _spread([case["seconds"] for case in cases]),
        "opened_seconds": _spread([case["opened"] for case in cases]),
        "keys_normal": max(normal, default=0),
        "characters": sum(case["characters"] for case in cases),
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and the most."""
    middle, high = np.percentile(values, (50, 95))
    figures = {"median": middle, "p95": high, "most": max(values)}
    return {name: round(float(value), 2) for name, value in figures.items()}


def table(figures: dict[str, Any]) -> str:
    """The figures as docs/performance.md shows them."""
    before = figures["before"]
    lines = [
        "| | studies | keys a study (median, most) | seconds a study (median, 95th percentile) |",
        "|---|---|---|---|",
    ]
    for words, told in (("today", figures), (f"before ({before['revision']})", before)):
        keys, seconds = told["keys"], told["seconds"]
        lines.append(
            f"| {words} | {told['signed']} signed of {told['cases']} | {keys['median']:g}, "
            f"{keys['most']:g} | {seconds['median']:.1f}, {seconds['p95']:.1f} |"
        )
    lines += [
        "",
        f"A normal film took at most {figures['keys_normal']} keys. Before, it took "
        f"{figures['keys_ratio']:g} times the keys and {figures['seconds_ratio']:g} times the "
        "seconds of today (medians).",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
