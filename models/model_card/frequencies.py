"""Natural frequencies: of 100 patients with an answer like this, how many had the finding.

Gigerenzer & Hoffrage (Psychological Review 1995): doctors reason rightly from frequencies where
they fail with conditional probabilities. Counted from the network's own stored evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imaging.entities import Answer, Assessment
from models.model_card.figures import FilmAnswer, ModelFacts

FEWEST = 30  # films; with fewer nothing is said
_SIMILAR = 100  # films at most; with more, an answer that is barely given would pass for a sure one
_STAMPED = "test."


@dataclass(frozen=True, slots=True)
class Frequency:
    """How many of some test films had the finding.

    Attributes
    ----------
    films, found : int
        Films that were counted, and those of them with the finding.
    common : float
        Share of all test films with the finding, in [0, 1]: what the frequency depends on.
    """

    films: int
    found: int
    common: float

    @property
    def enough(self) -> bool:
        """Whether there are films enough to say anything."""
        return self.films >= FEWEST

    @property
    def of_hundred(self) -> float:
        """`found` for 100 films, in [0, 100]."""
        return 100 * self.found / self.films if self.films else 0.0


@dataclass(frozen=True, slots=True)
class Operation:
    """What the network does with 100 healthy patients, and with 100 who have the finding."""

    flagged_healthy: Frequency
    flagged_ill: Frequency


def frequency_of(facts: ModelFacts, assessment: Assessment) -> Frequency | None:
    """How many films with an answer like this one had the finding when the network was tested.

    Parameters
    ----------
    facts : ModelFacts
        Of the installed model.
    assessment : Assessment
        With an answer; those of the test films count that have the same answer, at most
        `_SIMILAR` of them, the most similar in probability.

    Returns
    -------
    Frequency or None
        None where nothing is known: another model answered, it was not measured, its figures
        belong to other weights, or the answer was given at another error rate.
    """
    finding, spec = assessment.primary, facts.card.findings[0]
    if finding is None or assessment.model is None or not is_measured(facts):
        return None
    conformal = facts.split.conformal if facts.split else None
    if (
        finding.code != spec.code
        or assessment.model.short_hash != facts.card.identity.short_hash
        or conformal is None
        or assessment.error_rate is None
        or abs(conformal.error_rate - assessment.error_rate) > 1e-9
    ):
        return None
    same = [film for film in facts.films if film.answer == assessment.answer]
    same.sort(key=lambda film: abs(film.probability - finding.probability))
    return _count(same[:_SIMILAR], facts)


def operation_of(facts: ModelFacts) -> Operation | None:
    """How often healthy patients are flagged and ill ones found, at the leading threshold.

    Returns
    -------
    Operation or None
        None where that was not measured on the installed weights.
    """
    if not is_measured(facts):
        return None
    spec = facts.card.findings[0]
    flagged: dict[bool, list[bool]] = {True: [], False: []}
    for film in facts.films:
        flagged[spec.shown_by(film.label)].append(film.probability >= spec.operating_point)
    common = _common(facts)
    healthy, ill = (Frequency(len(f), sum(f), common) for f in (flagged[False], flagged[True]))
    return Operation(healthy, ill)


def flagged_in(facts: ModelFacts) -> Frequency | None:
    """Of the test films with the answer "present": how many had the finding."""
    if not is_measured(facts):
        return None
    return _count([film for film in facts.films if film.answer == Answer.PRESENT], facts)


def is_measured(facts: ModelFacts) -> bool:
    """Whether the test figures are there, and are those of the installed weights."""
    doubtful = (*facts.foreign, *facts.unstamped, *facts.unreadable)
    return bool(facts.films) and not any(name.startswith(_STAMPED) for name in doubtful)


def _count(films: Sequence[FilmAnswer], facts: ModelFacts) -> Frequency:
    members = facts.card.findings[0].members
    return Frequency(len(films), sum(film.label in members for film in films), _common(facts))


def _common(facts: ModelFacts) -> float:
    members = facts.card.findings[0].members
    return sum(film.label in members for film in facts.films) / len(facts.films)
