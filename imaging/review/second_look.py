"""The second look: before a signature, once, where a sure answer contradicts what is signed.

It asks and never blocks, and it asks rarely: whoever is asked often stops reading questions (alert
override; van der Sijs et al., JAMIA 13, 2006). How sure an answer must be is chosen on validation
films by `python -m models.evaluation.second_look`, which simulates readings of them, and is no
setting: where that was not done, nothing is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from imaging.entities import Answer, Assessment, ModelIdentity, Status
from imaging.review.answers import speaking
from imaging.review.records import Call, Review, Side


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A finding that is about to be signed, and the answer that says the opposite.

    ``probability`` is the network's, in [0, 1], that the finding is there. ``side`` is set where a
    statement about one side is contradicted by an answer about that side.
    """

    code: str
    stated: bool
    probability: float
    side: Side | None = None


def find_contradiction(
    review: Review,
    assessments: Sequence[Assessment | None],
    sure_from: Callable[[ModelIdentity | None], float | None],
    sides: Mapping[str, Side] | None = None,
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
    sides : Mapping, optional
        SOP Instance UID -> side (`sides.sides_of`). Where a finding is stated of a side, every
        answer about one side is held against what is stated of that side: right and left mixed up
        would else look like agreement.
    """
    sides = sides or {}
    placed = {stated.code for stated in review.findings if stated.side is not None}
    of_sides = (
        one.about(finding)
        for one in assessments
        if one is not None and one.sop_instance_uid in sides
        for finding in one.findings
        if finding.code in placed
    )
    for alone in (*speaking(assessments), *of_sides):
        limit, side = sure_from(alone.model), sides.get(alone.sop_instance_uid)
        found = None if limit is None else _contradiction(review, alone, limit, side)
        if found is not None:
            return found
    return None


def _contradiction(
    review: Review, lead: Assessment, sure_from: float, side: Side | None
) -> Contradiction | None:
    """As `find_contradiction`, of an answer about one finding, of one side where that is known."""
    if not _holds(lead) or lead.primary is None:
        return None
    finding, says = lead.primary, lead.answer is Answer.PRESENT  # the answer is about this one
    stated = review.finding(finding.code)
    if finding.exploratory or stated is None or stated.call is Call.EDITED:
        return None
    sureness = finding.probability if says else 1 - finding.probability
    side = side if stated.present and stated.side is not None else None
    there = stated.present if side is None else stated.side in (side, Side.BOTH)
    if there == says or sureness < sure_from:
        return None
    return Contradiction(finding.code, there, finding.probability, side)


def _holds(lead: Assessment) -> bool:
    return (
        lead.status is Status.OK
        and lead.answer in (Answer.PRESENT, Answer.ABSENT)
        and lead.error_rate is not None
    )
