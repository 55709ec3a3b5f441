"""Stored figures of where maps point, beside radiologists' marks, baselines and the literature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.model_card.figure import Figure

SETS = {
    "rsna_adult": "Adults, radiologists' boxes around opacities (RSNA 2018 on NIH images).",
    "covid_masks": "Adults, pixel masks of opacities (General Blockchain COVID-19 images).",
}
BASELINES = {
    "mean_map": "Baseline: the mean of the other images' maps.",
    "lungs": "Baseline: the lungs, evenly.",
    "lot": "Baseline: a random point in the lungs.",
}
PUBLISHED = (("CheXlocalize: its model.", 0.599), ("CheXlocalize: radiologists.", 0.801))
PUBLISHED_NOTE = (
    "Hit rates on CheXlocalize (Saporta et al. 2022, as quoted in arXiv 2509.18015) are "
    "means over ten findings on other images of adults: for orientation, not a contest."
)


@dataclass(frozen=True, slots=True)
class MethodPointing:
    """Figures of one method, or baseline, on one set; None where nothing was measured.

    Attributes
    ----------
    method : str
        Key of `models.explain.methods.registry.METHODS`, or of `BASELINES`.
    hit : Figure
        Share of films whose strongest evidence lies on the marked disease.
    density : Figure
        Evidence per area on the disease, over that of the whole film.
    left, right : Figure or None
        Share of films with disease on that side of the picture alone whose evidence lies mostly
        there; of `left_films` and `right_films`.
    mirror : Figure or None
        Median correlation with the mirrored film's map, mirrored back.
    """

    method: str
    hit: Figure
    density: Figure
    left: Figure | None
    left_films: int
    right: Figure | None
    right_films: int
    mirror: Figure | None


@dataclass(frozen=True, slots=True)
class SetPointing:
    """Figures of one set of films; `change` is that of the probability under mirroring."""

    name: str
    films: int
    called: int
    change: Figure
    methods: tuple[MethodPointing, ...]

    @property
    def title(self) -> str:
        """The set in words."""
        return SETS.get(self.name, self.name)


@dataclass(frozen=True, slots=True)
class LocalisationFigures:
    """What was measured, by set of films; `default` is the method shown first."""

    default: str
    sets: tuple[SetPointing, ...]


def localisation_figures(values: Mapping[str, Any]) -> LocalisationFigures:
    """From what `models.evaluation.evaluate_localisation` stored."""
    return LocalisationFigures(values["default"], tuple(_set(row) for row in values["sets"]))


def _set(row: Mapping[str, Any]) -> SetPointing:
    return SetPointing(
        name=row["set"],
        films=int(row["films"]),
        called=int(row["called"]),
        change=Figure.of(row["change"]),
        methods=tuple(_method(method) for method in row["methods"]),
    )


def _method(row: Mapping[str, Any]) -> MethodPointing:
    left, right, mirror = (
        None if row[name] is None else Figure.of(row[name]) for name in ("left", "right", "mirror")
    )
    return MethodPointing(
        method=row["method"],
        hit=Figure.of(row["hit"]),
        density=Figure.of(row["density"]),
        left=left,
        left_films=int(row["left_films"]),
        right=right,
        right_films=int(row["right_films"]),
        mirror=mirror,
    )
