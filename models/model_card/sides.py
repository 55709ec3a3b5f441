"""Stored figures of maps beside the side that readers named, and beside other hospitals' masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.model_card.figure import Figure


@dataclass(frozen=True, slots=True)
class NamedSides:
    """Films whose reading names one side: shares of them whose evidence lies mostly there.

    Attributes
    ----------
    films, called : int
        Films, and those of them that are called.
    named, called_named : Figure or None
        Of all, and of the called ones.
    left, right : Figure or None
        Of those with that side of the patient named; of `left_films` and `right_films`.
    tells : Figure or None
        AUC of the evidence's share on the left, left named against right named.
    mirrored : Figure or None
        Of the mirrored films, where the disease is on the other side of the picture.
    chance : float
        When the readings are dealt out among the films.
    mean_map : Figure or None
        Of the mean of the other films' maps, the same for every film.
    """

    films: int
    called: int
    named: Figure | None
    called_named: Figure | None
    left_films: int
    left: Figure | None
    right_films: int
    right: Figure | None
    tells: Figure | None
    mirrored: Figure | None
    chance: float
    mean_map: Figure | None

    @property
    def rows(self) -> tuple[tuple[str, int, Figure | None], ...]:
        """Name of a row (a key of the pages' words), films, and the share of them."""
        return (
            ("named", self.films, self.named),
            ("called_named", self.called, self.called_named),
            ("left", self.left_films, self.left),
            ("right", self.right_films, self.right),
            *([("mirrored", self.films, self.mirrored)] if self.mirrored else []),
            ("mean_map", self.films, self.mean_map),
            ("chance", self.films, Figure(self.chance)),
            ("tells", self.films, self.tells),
        )


@dataclass(frozen=True, slots=True)
class LungShare:
    """Films of another hospital with masks: evidence within them, and what an even map has there.

    ``pointing`` is the share of films whose strongest evidence lies within.
    """

    hospital: str
    films: int
    share: Figure | None
    uniform: Figure | None
    pointing: Figure | None


@dataclass(frozen=True, slots=True)
class SideFigures:
    """What `models.evaluation.evaluate_sides` measured; None where no reading names a side."""

    sides: NamedSides | None
    lungs: tuple[LungShare, ...]


def side_figures(values: Mapping[str, Any]) -> SideFigures:
    """From the stored file."""
    sides = values["sides"]
    return SideFigures(
        sides=_sides(sides) if sides else None,
        lungs=tuple(
            LungShare(
                hospital=str(row["hospital"]),
                films=int(row["films"]),
                share=_figure(row["share"]),
                uniform=_figure(row["uniform"]),
                pointing=_figure(row["pointing"]),
            )
            for row in values["lungs"]
        ),
    )


def _sides(row: Mapping[str, Any]) -> NamedSides:
    return NamedSides(
        films=int(row["films"]),
        called=int(row["called"]),
        named=_figure(row["named"]),
        called_named=_figure(row["called_named"]),
        left_films=int(row["left_films"]),
        left=_figure(row["left"]),
        right_films=int(row["right_films"]),
        right=_figure(row["right"]),
        tells=_figure(row["tells"]),
        mirrored=_figure(row["mirrored"]),
        chance=float(row["chance"]),
        mean_map=_figure(row["mean_map"]),
    )


def _figure(stored: Any) -> Figure | None:
    return None if stored is None else Figure.of(stored)
