"""Which studies of a patient are folded below the current one: priors, which wait for nobody.

The current study of a patient is the one that was taken last. An earlier one of the same person
(`imaging.person`) is a prior of it when nobody has to read it any more, or never had to here: it
was signed, or it was old when it came, as films for comparison are. A film that came fresh is work
of its own and stays in the list until somebody signed it, whatever is taken after it; so does one
that somebody has begun to read. Nothing of this depends on what a network says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from imaging.entities import Patient
from imaging.person import Outcome, compare

FRESH = timedelta(days=3)  # from the day a film was taken: a weekend, and the day behind it


@dataclass(frozen=True, slots=True)
class Listed:
    """What of a study decides whether it is folded.

    ``date`` and ``time`` are StudyDate (0008,0020) as YYYYMMDD and StudyTime (0008,0030) as
    HHMMSS, each empty where unknown; ``films`` is False where it holds documents alone;
    ``begun`` is True while somebody reads it, ``signed`` once somebody has.
    """

    study_instance_uid: str
    patient: Patient
    date: str
    time: str
    received_at: datetime
    films: bool = True
    held: bool = False
    begun: bool = False
    signed: bool = False


def fold(studies: Iterable[Listed]) -> dict[str, str]:
    """The current study that each study is folded below; empty for one that is listed itself.

    Parameters
    ----------
    studies : iterable of Listed
        Studies that may be of one person, each once.
    """
    newest_first = sorted(studies, key=lambda study: (study.date, study.time), reverse=True)
    listed: list[Listed] = []
    below: dict[str, str] = {}
    for study in newest_first:
        current = next((one for one in listed if _is_prior(study, one)), None)
        below[study.study_instance_uid] = current.study_instance_uid if current else ""
        if current is None and study.films and not study.held:
            listed.append(study)
    return below


def _is_prior(study: Listed, current: Listed) -> bool:
    if not study.films or study.held or not _waits_for_nobody(study):
        return False
    if not _is_before(study, current):
        return False
    return compare(study.patient, current.patient).outcome is Outcome.SAME


def _waits_for_nobody(study: Listed) -> bool:
    if study.signed:
        return True
    try:
        taken = datetime.strptime(study.date, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    return not study.begun and study.received_at - taken > FRESH + timedelta(days=1)


def _is_before(study: Listed, current: Listed) -> bool:
    if not (study.date and current.date):
        return False
    if study.date != current.date:
        return study.date < current.date
    return bool(study.time and current.time) and study.time < current.time
