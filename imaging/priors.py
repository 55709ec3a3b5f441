"""Priors: which studies of a patient were taken before the one on the screen, and how sure that is.

Whose a study is, is said by `imaging.person`; a study that is held is nobody's prior and has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from imaging.person import Comparison, Outcome, compare
from imaging.study import StudyRecord


@dataclass(frozen=True, slots=True)
class DoubtfulPrior:
    """An earlier study that may be the patient's or not, and what the comparison found."""

    record: StudyRecord
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Priors:
    """Earlier studies, newest first.

    ``same`` are the patient's own. ``doubtful`` may be: they are shown on request alone, with the
    difference beside them. Another person's are in neither.
    """

    same: tuple[StudyRecord, ...] = ()
    doubtful: tuple[DoubtfulPrior, ...] = ()


def find_priors(current: StudyRecord, others: Iterable[StudyRecord]) -> Priors:
    """Those of some studies that were taken before this one, by how sure their patient is.

    Left out: studies of another person, those of which nothing but silence speaks for the same
    one, those that are held, and those that cannot be told to be earlier, for want of a study date
    (0008,0020) or, on the same day, of a study time (0008,0030).
    """
    if current.held:
        return Priors()
    patient, moment = current.patient, _study_moment(current)
    candidates = ((other, _study_moment(other)) for other in others)
    earlier = [(o, when) for o, when in candidates if _is_before(when, moment) and not o.held]
    earlier.sort(key=lambda pair: pair[1], reverse=True)
    compared = [(other, compare(patient, other.patient)) for other, _ in earlier]
    return Priors(
        tuple(other for other, c in compared if c.outcome is Outcome.SAME),
        tuple(
            DoubtfulPrior(other, c)
            for other, c in compared
            if c.outcome is Outcome.CANNOT_TELL and c.may_be_same
        ),
    )


def _study_moment(record: StudyRecord) -> tuple[str, str]:
    """Study date (YYYYMMDD) and time (HHMMSS.FFFFFF, shorter when less is known), or empty."""
    for acquisition in (i.acquisition for i in record.instances):
        date = re.sub(r"[.\-]", "", acquisition.study_date)  # as ACR-NEMA and some still write it
        if re.fullmatch(r"\d{8}", date):
            return date, acquisition.study_time.replace(":", "").strip()
    return "", ""


def _is_before(when: tuple[str, str], reference: tuple[str, str]) -> bool:
    if not (when[0] and reference[0]):
        return False
    if when[0] != reference[0]:
        return when[0] < reference[0]
    return bool(when[1] and reference[1]) and when[1] < reference[1]
