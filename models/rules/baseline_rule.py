"""When a network counts as exploratory: a rule on figures, not an opinion.

Films of one hospital can give an answer away by how they were taken and processed: brightness,
sharpness, framing. What a linear model reaches on numbers that hold no anatomy is therefore the
least that a network must beat, and in another hospital at that (Zech et al., PLoS Medicine 2018,
doi 10.1371/journal.pmed.1002683; DeGrave et al. 2021, doi 10.1038/s42256-021-00338-7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

UNMEASURED = "unmeasured"  # films of another hospital are named, and nothing was measured on them
OWN = "own films"  # not above the whole-image numbers on its own hospital's films
OTHER = "other hospitals"  # nor on another hospital's
WANTED = "wanted"  # below what the task file asks for


@dataclass(frozen=True, slots=True)
class HospitalResult:
    """What the rule looks at, of one hospital's films and one finding.

    Attributes
    ----------
    own : bool
        The task's own test films.
    chooses : bool
        Its films chose between epochs or networks: its figure flatters.
    auc, low : float
        Of the network, and the lower end of its 95 % interval; NaN where one class is missing.
    baseline : float
        The best AUC of linear models on whole-image numbers; NaN likewise.
    wanted : tuple of float
        Least AUC and least lower end that the task file asks for.
    """

    own: bool
    chooses: bool
    auc: float
    low: float
    baseline: float
    wanted: tuple[float, float] = (0.0, 0.0)

    @property
    def beats(self) -> bool:
        """True where the whole interval lies above the baseline; NaN is never above."""
        return self.low > self.baseline

    @property
    def reaches(self) -> bool:
        """True where it has the AUC that is asked for."""
        return self.auc >= self.wanted[0] and self.low >= self.wanted[1]


def exploratory_because(results: Sequence[HospitalResult], *, named: int) -> tuple[str, ...]:
    """Why a finding of a network is exploratory; empty when it is not.

    Parameters
    ----------
    results : sequence of HospitalResult
        Own films and those of other hospitals.
    named : int
        Other hospitals that the task file names. With none the rule asks for the own films only.

    Notes
    -----
    Hospitals that chose among networks are asked only where no other was measured. Where any other
    hospital was, the own films are not asked: what gives the answer away there, such as films that
    were processed otherwise, is no measure of a network that must not use it, and it may well be
    better than a network that reads lungs.
    """
    reasons = []
    others = [result for result in results if not result.own]
    judges = [result for result in others if not result.chooses] or others
    if named and not judges:
        reasons.append(UNMEASURED)
    if not judges and not all(result.beats for result in results if result.own):
        reasons.append(OWN)
    if not all(result.beats for result in judges):
        reasons.append(OTHER)
    if not all(result.reaches for result in judges):
        reasons.append(WANTED)
    return tuple(reasons)
