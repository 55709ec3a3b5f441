"""What `models.graphs.admission` found, as a section of docs/performance.md.

python -m bench.precision_page
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.performance_page import write_section

STORED = Path(__file__).parent / "results" / "precision.json"
_HEAD = (
    "| {kind} | largest difference | changed | films answered | times as fast | |",
    "|---|---|---|---|---|---|",
)


def section(found: list[dict[str, Any]]) -> str:
    """One paragraph and table for each kind that was tried."""
    return "\n\n".join(_kind(one) for one in found)


def _kind(one: dict[str, Any]) -> str:
    name = f"`{one['model']}` {one['version']} (weights `{one['weights']}`, graph `{one['graph']}`)"
    if one["refused"]:
        return f"{name}, {one['kind']}, {one['date']}: refused. {one['refused']}"
    passed = any(attempt["passed"] for attempt in one["attempts"])
    verdict = "may serve" if passed else "does not serve"
    rows = [_row(attempt) for attempt in one["attempts"]]
    head = [line.format(kind=one["kind"]) for line in _HEAD]
    return "\n".join([f"{name}, {one['kind']}, {one['date']}: {verdict}.", "", *head, *rows])


def _row(attempt: dict[str, Any]) -> str:
    said, word = attempt["parity"], "passed" if attempt["passed"] else "failed"
    return (
        f"| {attempt['recipe']} | {said['largest']:.4f} | {said['changed']} | {said['answered']} "
        f"of {said['films']} | {attempt['faster']:.2f} | {word} |"
    )


if __name__ == "__main__":
    write_section("precision", section(json.loads(STORED.read_text(encoding="utf-8"))))
