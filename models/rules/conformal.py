"""When to say "unsure": split-conformal prediction sets for one finding, present or absent.

The sets are class-conditional ("Mondrian": Vovk, ACML 2012): of the films that show the finding at
most `error_rate` are expected to get a set without "present", and of those that do not, at most
`error_rate` one without "absent" - as long as the films are like those the thresholds came from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PRESENT, ABSENT = "present", "absent"
ERROR_RATES = (0.01, 0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True, slots=True)
class ConformalRule:
    """Thresholds on the calibrated probability of the finding, for one error rate.

    A set holds "present" from `present_from` on, and "absent" up to `absent_to`.
    """

    error_rate: float
    present_from: float
    absent_to: float

    def prediction_set(self, probability: float) -> tuple[str, ...]:
        """The labels that cannot be ruled out; both or none mean that the network is unsure."""
        members = {
            PRESENT: probability >= self.present_from,
            ABSENT: probability <= self.absent_to,
        }
        return tuple(label for label, inside in members.items() if inside)


def fit_conformal(
    present: NDArray[np.bool_],
    probability: NDArray[np.float64],
    *,
    error_rates: Sequence[float] = ERROR_RATES,
) -> tuple[ConformalRule, ...]:
    """Thresholds from calibration films that neither training nor testing has seen.

    Parameters
    ----------
    present : numpy.ndarray
        (n,), bool: the finding is there.
    probability : numpy.ndarray
        (n,), calibrated probability of the finding.
    error_rates : sequence of float
        In (0, 1).

    Notes
    -----
    The ``ceil((n + 1)(1 - error_rate))``-th smallest nonconformity of each class; a class with too
    few films for the rate is never ruled out.
    """
    return tuple(
        ConformalRule(
            error_rate=rate,
            present_from=1 - _quantile(1 - probability[present], rate),
            absent_to=_quantile(probability[~present], rate),
        )
        for rate in error_rates
    )


def _quantile(nonconformity: NDArray[np.float64], error_rate: float) -> float:
    rank = math.ceil((len(nonconformity) + 1) * (1 - error_rate))
    return float(np.sort(nonconformity)[rank - 1]) if rank <= len(nonconformity) else 1.0
