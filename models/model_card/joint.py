"""How much of a knee model's evidence lies at the joint line: stored figures, the card's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.model_card.figure import Figure

# Whose map it is. Literal, because the words are translated as they stand.
KINDS = {
    "evidence": "The evidence that is shown",
    "mean_map": "Baseline: the mean of the other images' maps.",
    "even": "Baseline: an even map (chance)",
}
NOTE = (
    "The joint line is the dark band between femur and tibia, found by a rule that knows neither "
    "grade nor AI (`models/data/joint_line.py`); its band reaches 6 % of the height to either "
    "side. Share: of the positive evidence. Strongest point: in how many images it lies in the "
    "band."
)


@dataclass(frozen=True, slots=True)
class JointRow:
    """Figures of one kind of map; `density` is evidence per area over that of the whole film."""

    kind: str
    share: Figure
    hit: Figure
    density: Figure


@dataclass(frozen=True, slots=True)
class JointFigures:
    """What was measured on `films` test films that show the finding."""

    films: int
    rows: tuple[JointRow, ...]


def joint_figures(values: Mapping[str, Any]) -> JointFigures:
    """Read `joint.json`."""
    rows = tuple(
        JointRow(str(row["kind"]), *(Figure.of(row[n]) for n in ("share", "hit", "density")))
        for row in values["rows"]
    )
    return JointFigures(int(values["films"]), rows)


def joint_section(figures: JointFigures) -> str:
    """The figures as Markdown."""
    header = ["map", "share of the evidence at the joint line", "strongest point there", "density"]
    rows = [
        [KINDS.get(row.kind, row.kind), row.share.whole, row.hit.whole, row.density.whole]
        for row in figures.rows
    ]
    table = _table(header, rows)
    return f"{NOTE}\n\n{figures.films} test films with the finding:\n\n{table}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
