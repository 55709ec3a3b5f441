"""Which of several answers speaks for a study: of the whole of it, and of each finding.

A study may hold films of several parts of the body, answered by several networks, and each of them
may have been asked about more than one finding. A reader decides on every finding once.
"""

from __future__ import annotations

from collections.abc import Sequence

from imaging.entities import Assessment


def leading(assessments: Sequence[Assessment | None]) -> Assessment | None:
    """The answer with the highest leading probability, else the first with a reason, else None.

    One with a positive finding goes before those without, whichever of its findings that is.
    """
    answered = _answered(assessments)
    if answered:
        return max(answered, key=weight)
    return next((a for a in assessments if a is not None), None)


def speaking(assessments: Sequence[Assessment | None]) -> tuple[Assessment, ...]:
    """For each finding that is not exploratory the answer about it that speaks for the study.

    Returns
    -------
    tuple of Assessment
        Each about one finding alone (`Assessment.about`): of several films the one on which it is
        most probable. The leading answer's findings come first, in its order.
    """
    best: dict[str, Assessment] = {}
    for one in sorted(_answered(assessments), key=weight, reverse=True):
        for finding in one.findings:
            alone = one.about(finding)
            known = best.get(finding.code)
            if not finding.exploratory and (known is None or weight(known) < weight(alone)):
                best[finding.code] = alone
    return tuple(best.values())


def answer_about(assessments: Sequence[Assessment | None], code: str) -> Assessment | None:
    """The answer that speaks about one finding of a study; None where no network was asked."""
    return next((one for one in speaking(assessments) if one.findings[0].code == code), None)


def weight(assessment: Assessment) -> tuple[bool, float]:
    """What puts one answer before another: a finding that is seen, then its probability."""
    lead = assessment.primary
    return lead is not None and lead.positive, lead.probability if lead else 0.0


def _answered(assessments: Sequence[Assessment | None]) -> list[Assessment]:
    return [a for a in assessments if a is not None and a.primary is not None]
