"""From class probabilities to findings: sums over member classes, each with its operating point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.metrics import threshold_by_youden, threshold_for_sensitivity
from models.rules.conformal import ConformalRule

Array = NDArray[np.float64]
SEVERAL = ";"  # between the classes that one film of a multi-label task shows
# What films show: (films,), class indices; of a multi-label task (films, classes), bool.
Labels = NDArray[np.int64] | NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FindingSpec:
    """One answer a network gives.

    Attributes
    ----------
    code, label : str
        Name in tables and on screen.
    members : tuple of str
        Classes whose probabilities add up to this finding.
    exploratory : bool
        Shown with a caution, never used for priority.
    rule : str
        How the operating point is chosen on validation: "sensitivity" (highest threshold whose
        sensitivity reaches `target`) or "youden" (largest sensitivity + specificity).
    target : float
        For the rule "sensitivity", in (0, 1].
    operating_point : float
        The chosen threshold on the calibrated probability.
    conformal : tuple of ConformalRule
        Thresholds of "unsure" of a finding of a multi-label task. Elsewhere the card has those of
        the leading finding, and there are none here.
    advice : str
        What an answer does not say, and what to do next: a sentence that stands beside it.
    """

    code: str
    label: str
    members: tuple[str, ...]
    exploratory: bool = False
    rule: str = "youden"
    target: float = 0.0
    operating_point: float = 0.5
    conformal: tuple[ConformalRule, ...] = ()
    advice: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the card."""
        return asdict(self)

    def shown_by(self, label: str) -> bool:
        """True for a film with that label: its class, or one of several, is a member."""
        return not set(self.members).isdisjoint(split_label(label))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FindingSpec:
        """Inverse of `as_dict`; also reads a task file's table."""
        rules = tuple(ConformalRule(**rule) for rule in values.get("conformal", ()))
        return cls(**{**values, "members": tuple(values["members"]), "conformal": rules})


def split_label(label: str) -> tuple[str, ...]:
    """The classes a film shows: one or, in a multi-label task, several or none."""
    return tuple(part.strip() for part in label.split(SEVERAL) if part.strip())


def finding_probabilities(
    probabilities: Array, classes: Sequence[str], finding: FindingSpec
) -> Array:
    """Sum the member classes: (..., classes) -> (...), in [0, 1]."""
    index = [list(classes).index(m) for m in finding.members]
    return np.asarray(probabilities)[..., index].sum(axis=-1)


def finding_truth(truth: Labels, classes: Sequence[str], finding: FindingSpec) -> NDArray[np.bool_]:
    """Whether each film shows the finding: its class (index) belongs to it, or one of several."""
    members = [list(classes).index(m) for m in finding.members]
    if truth.ndim == 2:
        return np.asarray(truth[:, members].any(1))
    return np.isin(truth, members)


def fit_operating_points(
    probabilities: Array,
    truth: Labels,
    classes: Sequence[str],
    findings: Sequence[FindingSpec],
) -> tuple[FindingSpec, ...]:
    """Choose every finding's operating point on validation cases.

    Parameters
    ----------
    probabilities : numpy.ndarray
        (n, classes), calibrated.
    truth : numpy.ndarray
        As `Labels`.
    """
    return tuple(
        replace(
            finding,
            operating_point=_operating_point(
                finding_truth(truth, classes, finding),
                finding_probabilities(probabilities, classes, finding),
                finding,
            ),
        )
        for finding in findings
    )


def _operating_point(truth: NDArray[np.bool_], scores: Array, finding: FindingSpec) -> float:
    if finding.rule == "sensitivity":
        return threshold_for_sensitivity(truth, scores, target=finding.target)
    return threshold_by_youden(truth, scores)
