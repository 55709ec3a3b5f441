"""The second look: before a signature, once, where a sure answer contradicts what is signed.

It asks and never blocks, and it asks rarely: whoever is asked often stops reading questions (alert
override; van der Sijs et al., JAMIA 13, 2006). How sure an answer must be is chosen on validation
films by `python -m models.evaluation.second_look`, which simulates readings of them, and is no
setting: where that was not done, nothing is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from imaging.entities import Answer, Assessment, ModelIdentity, Status
from imaging.review.answers import speaking
from imaging.review.records import Call, Review


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A finding that is about to be signed, and the answer that says the opposite.

    ``probability`` is the network's, in [0, 1], that the finding is there.
    """

    code: str
    stated: bool
    probability: float


def find_contradiction(
    review: Review,
    assessments: Sequence[Assessment | None],
    sure_from: Callable[[ModelIdentity | None], float | None],
) -> Contradiction | None:
    """The finding of a review that a sure answer contradicts; None for none.

    Parameters
    ----------
    review : Review
        About to be signed.
    assessments : sequence of Assessment or None
        Of the study's films; of each finding the answer that speaks for the study is looked at. It
        counts if its figures hold for the film and nothing speaks against that (status OK: in
        scope, no reason to be careful), and if its conformal set holds one class. Exploratory
        findings never count, nor what the reader restated in other terms.
    sure_from : callable
        Least probability of what a network's answer says, in [0.5, 1]; None: nothing is asked.
    """
    for alone in speaking(assessments):
        limit = sure_from(alone.model)
        found = None if limit is None else _contradiction(review, alone, limit)
        if found is not None:
            return found
    return None


def _contradiction(review: Review, lead: Assessment, sure_from: float) -> Contradiction | None:
    """As `find_contradiction`, of an answer about one finding."""
    if not _holds(lead) or lead.primary is None:
        return None
    finding, says = lead.primary, lead.answer is Answer.PRESENT  # the answer is about this one
    stated = review.finding(finding.code)
    if finding.exploratory or stated is None or stated.call is Call.EDITED:
        return None
    sureness = finding.probability if says else 1 - finding.probability
    if stated.present == says or sureness < sure_from:
        return None
    return Contradiction(finding.code, stated.present, finding.probability)


def _holds(lead: Assessment) -> bool:
    return (
        lead.status is Status.OK
        and lead.answer in (Answer.PRESENT, Answer.ABSENT)
        and lead.error_rate is not None
    )
