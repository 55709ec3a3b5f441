"""Figures of other hospitals beside whole-image numbers, and grades, as the pages show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.model_card.figure import Figure, Figures
from models.rules.baseline_rule import OTHER, OWN, UNMEASURED, WANTED

# Why a finding is exploratory. Literal, because the words are translated as they stand.
WHY = {
    UNMEASURED: (
        "It was not yet measured on images of another hospital, so nobody knows what it is worth "
        "there."
    ),
    OWN: (
        "On its own hospital's images it is not surely better than numbers of the whole picture "
        "that hold no anatomy."
    ),
    OTHER: (
        "On another hospital's images it is not surely better than numbers of the whole picture "
        "that hold no anatomy."
    ),
    WANTED: "On another hospital's images it does not reach what was asked of it.",
}
BASELINES = {
    "numbers": "Twelve numbers of the whole picture",
    "thumbnail": "Picture of 16 x 16 pixels",
}


@dataclass(frozen=True, slots=True)
class EpochChoice:
    """AUC of a hospital whose films chose between epochs, while the network was trained.

    Attributes
    ----------
    views : int
        Views whose mean AUC chose, the hospital's films among them.
    chosen : float
        In the epoch that was taken.
    own : float
        In the epoch that the task's own validation films alone would have taken.
    last : int
        Epochs at the end of the training, in which it was from `lowest` to `highest`.
    """

    views: int
    chosen: float
    own: float
    last: int
    lowest: float
    highest: float

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> EpochChoice:
        """From what `models.evaluation.evaluate_elsewhere` stored."""
        last = stored["last"]
        return cls(
            views=int(stored["views"]),
            chosen=float(stored["chosen"]["auc"]),
            own=float(stored["own"]["auc"]),
            last=int(last["epochs"]),
            lowest=float(last["lowest"]),
            highest=float(last["highest"]),
        )


@dataclass(frozen=True, slots=True)
class HospitalFigures:
    """One finding in one hospital.

    Attributes
    ----------
    hospital : str
        Its name; empty for the test films of the task's own.
    finding : str
        Code.
    chooses : bool
        Its films chose between epochs or networks.
    films, answered, with_finding : int
        Films, those not refused, and those of them that show the finding.
    figures : mapping of str to Figure
        Of the network.
    baselines : mapping of str to Figure
        AUC of linear models on what `BASELINES` names.
    choice : EpochChoice or None
        What its films' choice did, where that is known.
    """

    hospital: str
    finding: str
    chooses: bool
    films: int
    answered: int
    with_finding: int
    figures: Figures
    baselines: Figures
    choice: EpochChoice | None = None


@dataclass(frozen=True, slots=True)
class GradeFigures:
    """Figures of a task whose classes are grades; rows of `confusion` are the true ones."""

    classes: tuple[str, ...]
    figures: Figures
    confusion: tuple[tuple[int, ...], ...]


def hospital_figures(values: Mapping[str, Any]) -> tuple[HospitalFigures, ...]:
    """Read `elsewhere.json`."""
    return tuple(
        HospitalFigures(
            hospital="" if row["own"] else str(row["hospital"]),
            finding=str(row["finding"]),
            chooses=bool(row["chooses"]),
            films=int(row["films"]),
            answered=int(row["answered"]),
            with_finding=int(row["with_finding"]),
            figures={name: Figure.of(value) for name, value in row["figures"].items()},
            baselines={name: Figure.of(value) for name, value in row["baselines"].items()},
            choice=EpochChoice.of(row["choice"]) if row.get("choice") else None,
        )
        for row in values["rows"]
    )


def grade_figures(values: Mapping[str, Any] | None) -> GradeFigures | None:
    """Read the grades of `test.json`; None for a task without."""
    if values is None:
        return None
    return GradeFigures(
        classes=tuple(values["classes"]),
        figures={name: Figure.of(value) for name, value in values["figures"].items()},
        confusion=tuple(tuple(map(int, row)) for row in values["confusion"]),
    )
