"""Stored figures of trials whose right answer is known: planted disease, and filled lungs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.model_card.figure import Figure

PLANTED_NOTE = (
    "Opacities from images with the finding, blended into each of the six lung zones of "
    "normal images. A method whose strongest point misses them, or whose evidence lies on "
    "the other side, is never well supported. A model that adds up areas has learned from "
    "opacities planted into other images by the same code: this tests the methods more than "
    "the model."
)
FILL_NOTE = (
    "Normal images with one zone of the lungs filled, and images with the finding with both "
    "lungs filled, all of the test split and answered correctly as they are. Where an image "
    "fails its own check, its page says 'not informative' instead of a number."
)
FILLS = {
    "lung": "Normal lung",
    "blur": "Blur",
    "inpaint": "Inpaint",
    "mean": "Mean grey",
}


@dataclass(frozen=True, slots=True)
class PlantedMethod:
    """How one method finds planted opacities; `left` and `right` are sides of the picture."""

    method: str
    hit: Figure
    left: Figure
    right: Figure
    passes: bool


@dataclass(frozen=True, slots=True)
class PlantedFigures:
    """What planted opacities do: to the answer (`called`, `moved`), and to each method's map."""

    films: int
    called: Figure
    moved: Figure
    methods: tuple[PlantedMethod, ...]


@dataclass(frozen=True, slots=True)
class FillFigures:
    """What the network sees in filled lungs.

    Attributes
    ----------
    fill : str
        Key of `FILLS`.
    normal : Figure
        Share of zones of normal films after whose filling the film stays normal.
    gone : Figure
        Share of films with the finding that lose it when both lungs are filled.
    """

    fill: str
    normal_films: int
    finding_films: int
    normal: Figure
    gone: Figure

    @property
    def label(self) -> str:
        """The fill in words."""
        return FILLS.get(self.fill, self.fill)


def planted_figures(values: Mapping[str, Any]) -> PlantedFigures | None:
    """From what `models.evaluation.evaluate_planted` stored; None where nothing was planted."""
    if not values["methods"]:
        return None
    return PlantedFigures(
        films=int(values["films_with_opacity"]),
        called=Figure.of(values["called"]),
        moved=Figure.of(values["moved"]),
        methods=tuple(
            PlantedMethod(
                method=m["method"],
                hit=Figure.of(m["hit"]),
                left=Figure.of(m["left"]),
                right=Figure.of(m["right"]),
                passes=bool(m["passes"]),
            )
            for m in values["methods"]
        ),
    )


def fill_figures(values: Mapping[str, Any]) -> tuple[FillFigures, ...]:
    """From what `models.evaluation.evaluate_fill` stored."""
    return tuple(
        FillFigures(
            fill=f["fill"],
            normal_films=int(f["normal_films"]),
            finding_films=int(f["finding_films"]),
            normal=Figure.of(f["normal"]),
            gone=Figure.of(f["gone"]),
        )
        for f in values["fills"]
    )
