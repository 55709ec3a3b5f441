"""Where training began, compared: stored figures of several starts, and the model card's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.model_card.figure import Figure, Figures, format_figure

# What a network began with. Literal, because the words are translated as they stand.
STARTS = {
    "imagenet": "ImageNet weights",
    "weights": "The first layers of another model",
    "scratch": "Random weights",
}
FIGURES = {
    "auc": "AUC",
    "accuracy": "Accuracy of the grade",
    "weighted_kappa": "Quadratic weighted kappa",
}
NOTE = (
    "Starts of one task, trained equally long on the same images; the installed model stands "
    "beside them and may have been trained longer. Cost is the CPU time of one answer over that "
    "of the installed model, measured in turns. The rule chooses the start with the fewest "
    "wrongly ordered pairs per cost, (1 - AUC) x cost, on the images that choose; the images that"
    " judge are only looked at."
)


@dataclass(frozen=True, slots=True)
class SetFigures:
    """Figures on one set of films, which chooses or only judges."""

    name: str
    chooses: bool
    films: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class StartFigures:
    """One start.

    Attributes
    ----------
    start : str
        Key of `STARTS`.
    begun_with : str
        Name or hash of the other model; else empty.
    trunk : str
        As `NetworkSettings.trunk`.
    size, epochs, parameters : int
        Side of the input in pixels; epochs at most; all weights.
    forward : float
        CPU time of one answer over the installed model's.
    gap_per_forward : float
        (1 - AUC) x cost on the films that choose; lower is better.
    installed, wins : bool
    sets : tuple of SetFigures
    """

    start: str
    begun_with: str
    trunk: str
    size: int
    epochs: int
    parameters: int
    forward: float
    gap_per_forward: float
    installed: bool
    wins: bool
    sets: tuple[SetFigures, ...]

    @property
    def millions(self) -> str:
        """Its weights in millions."""
        return f"{self.parameters / 1e6:.2f}"


def start_figures(values: Mapping[str, Any]) -> tuple[StartFigures, ...]:
    """Read `starts.json`."""
    return tuple(
        StartFigures(
            start=str(row["start"]),
            begun_with=str(row["from"]),
            trunk=str(row["trunk"]),
            size=int(row["size"]),
            epochs=int(row["epochs"]),
            parameters=int(row["parameters"]),
            forward=float(row["forward"]),
            gap_per_forward=float(row["gap_per_forward"]),
            installed=bool(row["installed"]),
            wins=bool(row["wins"]),
            sets=tuple(_set(one) for one in row["sets"]),
        )
        for row in values["rows"]
    )


def _set(row: Mapping[str, Any]) -> SetFigures:
    figures = {name: Figure.of(value) for name, value in row["figures"].items()}
    return SetFigures(str(row["name"]), row["role"] == "chooses", int(row["films"]), figures)


def starts_section(starts: Sequence[StartFigures]) -> str:
    """The comparison as Markdown: a line for each start, then its figures set by set."""
    header = ["start", "trunk", "input", "epochs", "million weights", "cost", "(1 - AUC) x cost"]
    rows = [
        [
            _label(one),
            one.trunk,
            f"{one.size} x {one.size}",
            str(one.epochs),
            one.millions,
            format_figure(one.forward),
            format_figure(one.gap_per_forward),
        ]
        for one in starts
    ]
    names = [n for n in FIGURES if any(n in s.figures for one in starts for s in one.sets)]
    figures = [
        [
            _label(one),
            f"{s.name} ({'chooses' if s.chooses else 'judges'})",
            str(s.films),
            *(s.figures[n].whole if n in s.figures else "" for n in names),
        ]
        for one in starts
        for s in one.sets
    ]
    header_of_figures = ["start", "films", "count", *(FIGURES[n] for n in names)]
    return "\n\n".join([NOTE, _table(header, rows), _table(header_of_figures, figures)])


def _label(one: StartFigures) -> str:
    begun = f" ({one.begun_with})" if one.begun_with else ""
    notes = [text for on, text in ((one.installed, "installed"), (one.wins, "chosen")) if on]
    note = f" - {', '.join(notes)}" if notes else ""
    return f"{STARTS.get(one.start, one.start)}{begun}, {one.trunk}, {one.epochs} epochs{note}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
