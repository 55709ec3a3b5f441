"""The model card's section on the side that readers named, and on other hospitals' masks."""

from __future__ import annotations

from collections.abc import Sequence

from models.model_card.figure import Figure
from models.model_card.sides import SideFigures

EXPLAINED = (
    "Validation and test films with the finding whose reading, in words, names one side. A film "
    "counts where more than half of the positive evidence of the map shown first lies on that side "
    "of the patient. Chance is what these very maps reach when the readings are dealt out among "
    "the films; the mean of the other films' maps is the same on every film. A habit of the maps, "
    "such as more evidence where no heart is, counts for one side and against the other; the last "
    "row is free of it: 0.5 is chance."
)
_ROWS = {
    "named": "on the named side",
    "called_named": "on the named side, of films that are called",
    "left": "on the named side, the patient's left",
    "right": "on the named side, the patient's right",
    "mirrored": "on the side that has it in the mirrored film",
    "mean_map": "baseline: the mean of the other films' maps",
    "chance": "baseline: readings dealt out among the films",
    "tells": "its share on the left tells left named from right named (AUC)",
}
_MASKS = ("masks of", "films", "evidence within", "an even map", "strongest point within")


def sides_section(figures: SideFigures | None) -> str:
    """Markdown; "Not measured." without figures."""
    if figures is None:
        return "Not measured."
    parts = []
    if figures.sides is not None:
        rows = [[_ROWS[name], str(films), _whole(f)] for name, films, f in figures.sides.rows]
        parts += [EXPLAINED, _table(("evidence", "films", "share"), rows)]
    if figures.lungs:
        rows = [
            [one.hospital, str(one.films), *map(_whole, (one.share, one.uniform, one.pointing))]
            for one in figures.lungs
        ]
        line = (
            "Share of the evidence within lung masks of another hospital, films with the finding:"
        )
        parts += [line, _table(_MASKS, rows)]
    return "\n\n".join(parts) or "Not measured."


def _whole(figure: Figure | None) -> str:
    return figure.whole if figure is not None else ""


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
