"""What became of the network's answers here: how many flagged were signed, how many wrong followed.

Pure counting over studies that were signed off, as `imaging.store.reading.outcomes` loads them. No
study counts twice: of its films the most probable answer speaks, of its signatures one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from imaging.entities import Answer, Assessment, Finding, ModelIdentity
from imaging.review.agreement import MINIMUM_CASES, Share
from imaging.review.drafting import network_says
from imaging.review.events import Moment, ReadingEvent
from imaging.review.records import Call, Review, Stage, Truth


@dataclass(frozen=True, slots=True)
class SignedStudy:
    """A study with a final signature.

    ``patient`` is a key that is the same for one patient's studies. ``answers`` are those about its
    films, oldest first; ``reviews`` all versions, oldest first.
    """

    study_instance_uid: str
    patient: str
    reviews: tuple[Review, ...]
    answers: tuple[Assessment, ...]
    events: tuple[ReadingEvent, ...] = ()
    truths: tuple[Truth, ...] = ()


@dataclass(frozen=True, slots=True)
class Called:
    """Of what was flagged by one network at one threshold, how much was signed positive.

    ``signed`` counts patients, each by the first study of theirs; ``again`` are further studies of
    the same patients, and ``restated`` studies signed in other terms: neither is counted.
    """

    model: ModelIdentity
    code: str
    operating_point: float
    signed: Share
    again: int
    restated: int

    @property
    def enough(self) -> bool:
        """True once the share may be shown."""
        return self.signed.total >= MINIMUM_CASES


@dataclass(frozen=True, slots=True)
class Following:
    """Of wrong answers that a reader saw before deciding, how many were signed all the same.

    By whether a map of the answer had been on the reader's screen before the decision.
    """

    with_map: Share
    without_map: Share


def count_signed(studies: Iterable[SignedStudy], since: datetime) -> tuple[Called, ...]:
    """How much of what was flagged since a moment was signed positive, per network and threshold.

    Parameters
    ----------
    studies : iterable of SignedStudy
    since : datetime
        A study counts by the answers given from then on; the newest final signature counts,
        amendments among them, so that what came to light later is in it.

    Returns
    -------
    tuple of Called
        The most cases first.
    """
    cases: dict[tuple[ModelIdentity, str, float], list[tuple[datetime, SignedStudy]]] = {}
    for study in studies:
        recent = [a for a in study.answers if a.created_at and a.created_at >= since]
        for lead, finding in _flags(recent):
            if lead.model is not None and lead.created_at is not None:
                key = (lead.model, finding.code, finding.operating_point)
                cases.setdefault(key, []).append((lead.created_at, study))
    counted = (_count(*key, found) for key, found in cases.items())
    return tuple(sorted(counted, key=lambda called: -called.signed.total))


def _flags(answers: Sequence[Assessment]) -> Iterable[tuple[Assessment, Finding]]:
    """Of each network and threshold that flagged the study, its most probable answer."""
    best: dict[tuple[object, str, float], tuple[Assessment, Finding]] = {}
    for answer in _newest(answers):
        finding = answer.primary
        if finding is None or finding.exploratory or not network_says(finding, answer.answer):
            continue
        key = (answer.model, finding.code, finding.operating_point)
        if key not in best or best[key][1].probability < finding.probability:
            best[key] = answer, finding
    return best.values()


def _newest(answers: Sequence[Assessment]) -> list[Assessment]:
    """The newest answer of each network about each film."""
    kept = {(a.sop_instance_uid, a.model): a for a in answers}
    return list(kept.values())


def _count(
    model: ModelIdentity,
    code: str,
    operating_point: float,
    found: Sequence[tuple[datetime, SignedStudy]],
) -> Called:
    seen: set[str] = set()
    positive: list[bool] = []
    again = restated = 0
    for _at, study in sorted(found, key=lambda pair: pair[0]):
        final = next((r for r in reversed(study.reviews) if r.stage is Stage.FINAL), None)
        stated = final.finding(code) if final else None
        if stated is None:
            continue
        if study.patient in seen:
            again += 1
        elif stated.call is Call.EDITED:
            restated += 1
        else:
            seen.add(study.patient)
            positive.append(stated.present)
    share = Share(sum(positive), len(positive))
    return Called(model, code, operating_point, share, again, restated)


def count_following(studies: Iterable[SignedStudy]) -> Following:
    """How often a wrong answer that was seen before the decision was signed.

    A case is a reader's first final signature of a study whose outcome is known from elsewhere
    (`Truth`), where the answer that led when it was decided was firm and wrong, and had been on
    this reader's screen by then. A decision is made when what is signed was stated for the last
    time. Decisions made before the answer was seen, and findings restated in other terms, are none.
    """
    cases = [case for study in studies for case in _cases(study)]
    return Following(
        with_map=_share([followed for followed, map_seen in cases if map_seen]),
        without_map=_share([followed for followed, map_seen in cases if not map_seen]),
    )


def _cases(study: SignedStudy) -> Iterable[tuple[bool, bool]]:
    """Whether a wrong answer was followed, and whether its map had been seen, reader by reader."""
    signed: set[str] = set()
    for final in study.reviews:
        if final.stage is not Stage.FINAL or final.account in signed:
            continue
        signed.add(final.account)
        for truth in study.truths:
            stated = final.finding(truth.code)
            if stated is None or stated.call is Call.EDITED:
                continue
            decided = decided_at(study.reviews, final, truth.code)
            says = _said(study.answers, truth.code, decided)
            seen = {e.kind: e.at for e in study.events if e.account == final.account}
            if says is None or says == truth.present or not _by(seen.get(Moment.ANSWER), decided):
                continue
            yield stated.present == says, _by(seen.get(Moment.MAP), decided)


def _by(at: datetime | None, moment: datetime) -> bool:
    return at is not None and at <= moment


def decided_at(reviews: Sequence[Review], final: Review, code: str) -> datetime:
    """When what is signed about a finding was stated, not to be changed any more before it."""
    at = final.created_at
    wanted = final.finding(code)
    for review in reversed([r for r in reviews if r.version < final.version]):
        stated = review.finding(code)
        if stated is None or wanted is None or stated.present != wanted.present:
            break
        at = review.created_at
    return at


def _said(answers: Sequence[Assessment], code: str, by: datetime) -> bool | None:
    """What the leading answer said about a finding at a moment; None where nothing firm."""
    known = _newest([a for a in answers if a.created_at is not None and a.created_at <= by])
    led = [a for a in known if a.primary is not None and a.primary.code == code]
    if not led:
        return None
    lead = max(led, key=lambda a: a.primary.probability if a.primary else 0.0)
    finding = lead.primary
    if finding is None or finding.exploratory or lead.answer is Answer.UNSURE:
        return None
    return network_says(finding, lead.answer)


def _share(hits: Sequence[bool]) -> Share:
    return Share(sum(hits), len(hits))
