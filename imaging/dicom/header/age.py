"""The age of a patient, by all that a header has to say about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from imaging.moments import OLDEST, parse_age, years_between

_LOOSE = re.compile(r"([0-9]{1,3})\s*([DWMY])[A-Z.]*")  # "4 years", as some hands write it
_BARE = re.compile(r"[0-9]{1,3}")
_ROUNDING = 1.1  # years: an age in whole years beside dates
_YEAR = re.compile(r"(?<![0-9])((?:18|19|20)[0-9]{2})(?:(?:0[0-9]|1[0-2])?(?:00)?)?(?![0-9])")
_NO_BIRTHDAYS = (date(1, 1, 1), date(1800, 1, 1), date(1900, 1, 1))  # written for "unknown"
_NO_YEARS = tuple(born.year for born in _NO_BIRTHDAYS)


@dataclass(frozen=True, slots=True)
class Age:
    """What a header says of a patient's age.

    Attributes
    ----------
    years : float or None
        By PatientAge (0010,1010), else study date less birth date; None where neither tells.
    otherwise : float or None
        Where the header can be read in two ways: the other, years. By the dates where they
        contradict PatientAge; in years where that is a number without its unit.
    doubt : str
        What is odd; a sentence without patient data, empty where nothing is.
    """

    years: float | None = None
    otherwise: float | None = None
    doubt: str = ""


def read_age(
    stated: str, *, born: date | None, taken: date | None, birth_year: int | None = None
) -> Age:
    """Read an age from PatientAge and from the dates, and say where they are odd.

    Parameters
    ----------
    stated : str
        PatientAge as written; empty where absent.
    born, taken : datetime.date or None
        Dates of birth and of the study.
    birth_year : int, optional
        Where no more than the year of birth can be read: the age is that of its middle.
    """
    stated = _LOOSE.sub(r"\1\2", stated.strip().upper())
    by_tag, by_dates, rounding = parse_age(stated), _between(born, taken), _ROUNDING
    by_year = born is None and birth_year is not None and birth_year not in _NO_YEARS
    if by_year and birth_year is not None:
        by_dates, rounding = _between(date(birth_year, 7, 2), taken), _ROUNDING + 0.5
    if by_tag is None:
        without_unit = _BARE.fullmatch(stated) is not None
        if by_dates is None and without_unit:
            words = "The age in the header lacks its unit: years, months or days."
            return Age(None, float(stated), words)
        doubt = "" if not stated else "The age in the header is none, or cannot be true."
        if by_year and by_dates is not None:
            doubt = "Of the date of birth only the year can be read: the age is not exact."
        return Age(by_dates, doubt=doubt)
    if by_dates is not None and abs(by_dates - by_tag) > rounding:
        words = "The age tag does not fit the date of birth and the study date."
        return Age(by_tag, by_dates, words)
    return Age(by_tag)


def find_birth_year(written: str) -> int | None:
    """The one year in a date of birth that is no date: 1948, 194803, 19480000, 05.03.1948."""
    found = set(_YEAR.findall(written))
    return int(found.pop()) if len(found) == 1 else None


def _between(born: date | None, taken: date | None) -> float | None:
    """Years between two dates; None where they tell nothing, or nothing that can be true."""
    if born is None or taken is None or born in _NO_BIRTHDAYS:
        return None
    years = years_between(born, taken)
    return years if 0 <= years <= OLDEST else None
