"""Findings of `models.graphs.precision_gate`, as a section of docs/performance.md.

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


def section(records: list[dict[str, Any]]) -> str:
    """Paragraph and table for each kind that was tried."""
    return "\n\n".join(_kind(record) for record in records)


def _kind(record: dict[str, Any]) -> str:
    weights, graph = record["weights"], record["graph"]
    name = f"`{record['model']}` {record['version']} (weights `{weights}`, graph `{graph}`)"
    if record["refused"]:
        return f"{name}, {record['kind']}, {record['date']}: refused. {record['refused']}"
    passed = any(attempt["passed"] for attempt in record["attempts"])
    verdict = "may serve" if passed else "does not serve"
    rows = [_row(attempt) for attempt in record["attempts"]]
    head = [line.format(kind=record["kind"]) for line in _HEAD]
    return "\n".join([f"{name}, {record['kind']}, {record['date']}: {verdict}.", "", *head, *rows])


def _row(attempt: dict[str, Any]) -> str:
    parity, word = attempt["parity"], "passed" if attempt["passed"] else "failed"
    return (
        f"| {attempt['recipe']} | {parity['largest']:.4f} | {parity['changed']} | "
        f"{parity['answered']} of {parity['films']} | {attempt['faster']:.2f} | {word} |"
    )


if __name__ == "__main__":
    write_section("precision", section(json.loads(STORED.read_text(encoding="utf-8"))))
