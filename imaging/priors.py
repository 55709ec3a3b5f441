"""Priors: which of a patient's studies were taken before the one on the screen."""

from __future__ import annotations

import re
from collections.abc import Iterable

from imaging.study import StudyRecord


def find_priors(current: StudyRecord, others: Iterable[StudyRecord]) -> tuple[StudyRecord, ...]:
    """Those of a patient's other studies that were taken before this one, newest first.

    Left out: studies with another birth date, and those that cannot be told to be earlier, for
    want of a study date (0008,0020) or, on the same day, of a study time (0008,0030).
    """
    born, moment = _birth_date(current), _study_moment(current)
    earlier = []
    for other in others:
        other_born, other_moment = _birth_date(other), _study_moment(other)
        if not (born and other_born and born != other_born) and _is_before(other_moment, moment):
            earlier.append((other_moment, other))
    return tuple(o for _, o in sorted(earlier, key=lambda pair: pair[0], reverse=True))


def _birth_date(record: StudyRecord) -> str:
    return next((i.patient.birth_date for i in record.instances if i.patient.birth_date), "")


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
