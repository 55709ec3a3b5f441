"""Proven cases that look alike to the networks: which, how near, and what they turned out to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models.explain.base.subject import Subject
from models.explain.cases.reference import FAR, Reference, ReferenceCase
from models.explain.methods.explainer import Explainer

SHOWN = 6  # nearest cases that are listed
COUNTED = 20  # nearest cases whose labels are counted
_ITSELF = 0.02  # of a typical distance to the nearest case: nearer is the very same film
_MORE = 8  # films looked at per case wanted, for a patient often has several


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A reference case beside the film in question.

    Attributes
    ----------
    case : ReferenceCase
    distance : float
        Euclidean, in the reference's space; not negative.
    rarity : float
        Per cent of the validation films whose nearest case is nearer than this one is.
    itself : bool
        True when it can only be the very same film.
    """

    case: ReferenceCase
    distance: float
    rarity: float
    itself: bool

    @property
    def close(self) -> bool:
        """False beyond what validation films show of their nearest case."""
        return self.rarity < FAR


def similar(
    explainer: Explainer, subject: Subject, reference: Reference, k: int = SHOWN
) -> tuple[Neighbour, ...]:
    """The nearest reference cases, the nearest first; the nearest film only of each patient.

    Parameters
    ----------
    explainer : Explainer
        Of the model the reference belongs to.
    subject : Subject
    reference : Reference
    k : int
        At least 1; fewer are found where there are fewer patients.

    Raises
    ------
    ValueError
        If the reference belongs to other weights.
    """
    if explainer.card.weights_sha256 != reference.weights_sha256:
        raise ValueError("the reference belongs to other weights")
    place = reference.place(explainer.classifier, subject.x)
    positions, distances = reference.index.nearest(place, _MORE * k)
    chosen = first_of_each(reference.patients[positions])[:k]
    same = _ITSELF * float(np.median(reference.nearest))
    return tuple(
        Neighbour(
            case=reference.case(int(positions[i])),
            distance=float(distances[i]),
            rarity=reference.rarity(float(distances[i])),
            itself=bool(distances[i] < same),
        )
        for i in chosen
    )


def first_of_each(patients: Iterable[int]) -> list[int]:
    """Positions at which a patient appears for the first time."""
    first: dict[int, int] = {}
    for position, patient in enumerate(patients):
        first.setdefault(int(patient), position)
    return list(first.values())


def label_counts(neighbours: Sequence[Neighbour]) -> dict[str, int]:
    """Count the cases of each label, the most frequent first."""
    return dict(Counter(n.case.label for n in neighbours).most_common())
