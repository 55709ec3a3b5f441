"""What happened while a study was read, in order: what was seen when, stated when, signed when.

Records, and the pure function that puts them in order. A reader's own versions stand in
`imaging.review.records.Review`; these are the moments between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from imaging.review.records import FirstRead, Review


class Moment(StrEnum):
    """Kinds of event. All but the switches are kept once per study and account."""

    ANSWER = "answer"  # a network's answer was first handed to the account's screen
    MAP = "map"  # a map of its evidence was first drawn over the film
    SECOND_LOOK = "second look"  # a sure answer against what was to be signed was shown
    AFTER_SECOND_LOOK = "after second look"  # signed: the finding was kept, or changed
    AI_OFF = "ai off"  # somebody switched AI off for the study
    AI_ON = "ai on"


class AiScope(StrEnum):
    """For whom, or for what, AI is switched off."""

    STUDY = "study"
    ACCOUNT = "account"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class ReadingEvent:
    """An event of the reading of a study.

    ``at`` is in UTC. ``detail`` holds words and numbers for later counting: where an answer was
    seen, of which network; never patient data.
    """

    study_instance_uid: str
    account: str
    kind: Moment
    at: datetime
    detail: Mapping[str, str | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Happening:
    """A line of a study's history: an event, a first read, or a version; one of the three."""

    at: datetime
    account: str
    event: ReadingEvent | None = None
    first_read: FirstRead | None = None
    review: Review | None = None


def in_order(
    reviews: Iterable[Review], events: Iterable[ReadingEvent], first_reads: Iterable[FirstRead]
) -> tuple[Happening, ...]:
    """All that happened to a study, earliest first; of one moment, what was seen goes first."""
    seen = [Happening(e.at, e.account, event=e) for e in events]
    read = [Happening(f.committed_at, f.account, first_read=f) for f in first_reads]
    said = [Happening(r.created_at, r.account, review=r) for r in reviews]
    return tuple(sorted([*seen, *read, *said], key=lambda one: one.at))
