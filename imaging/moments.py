"""Dates, times and ages as files write them, in the one form that DICOM has for each (PS3.5 6.2).

What can be read in one way only is read; anything else is "": a day and a month are not guessed.
"""

from __future__ import annotations

import re
from datetime import date

_DATE = re.compile(
    r"([0-9]{4})(?:([0-9]{2})([0-9]{2})|[-./ ]([0-9]{1,2})[-./ ]([0-9]{1,2}))"
    r"(?:[T ]?[0-9]{2}.*|)"  # a time of day, as DT has it
)
_TIME = re.compile(
    r"(?:[0-9]{8}[T ]?(?=[0-9]{4})|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ])?"  # the date of a DT
    r"(?:([0-9]{2})(?:([0-9]{2})([0-9]{2})?)?|([0-9]{1,2})[:.]([0-9]{2})(?:[:.]([0-9]{2}))?)"
    r"(?:[.,]([0-9]+))?\s*([AaPp])?(?:\.?[Mm]\.?)?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)
_AGE = re.compile(r"([0-9]{1,3})\s*([DWMYdwmy])")
DAYS_OF_YEAR = 365.25
OLDEST = 130.0  # years; a greater age is a mistake
_PER_YEAR = {"D": DAYS_OF_YEAR, "W": DAYS_OF_YEAR / 7, "M": 12.0, "Y": 1.0}


def read_date(stated: str) -> str:
    """A date as YYYYMMDD (DA); "" when it is none.

    Parameters
    ----------
    stated : str
        Year, month and day in this order, together or parted by dots (ACR-NEMA), dashes, slashes
        or blanks; a time of day after them is left out.
    """
    match = _DATE.fullmatch(stated.strip())
    if not match:
        return ""
    year, month, day = (int(part) for part in match.groups() if part)
    try:
        date(year, month, day)
    except ValueError:
        return ""
    return f"{year:04}{month:02}{day:02}"


def read_time(stated: str) -> str:
    """A time of day as HH, HHMM or HHMMSS with up to six decimals (TM); "" when it is none.

    Parameters
    ----------
    stated : str
        With or without colons, dots (ACR-NEMA), a date before it or a zone after it, both of
        which are left out; am and pm are heeded.
    """
    match = _TIME.fullmatch(stated.strip())
    if not match:
        return ""
    hour = int(match[1] or match[4])
    minute, second = match[2] or match[5], match[3] or match[6]
    fraction, half = match[7], (match[8] or "").upper()
    if half:
        if not 1 <= hour <= 12:
            return ""
        hour = hour % 12 + (12 if half == "P" else 0)
    if hour > 23 or int(minute or 0) > 59 or int(second or 0) > 60 or (fraction and not second):
        return ""
    whole = f"{hour:02}{minute or ''}{second or ''}"
    return f"{whole}.{fraction[:6]}" if fraction else whole


def parse_age(age: str) -> float | None:
    """Years from an age (AS) such as 004Y, 018M, 003W or 010D; zeros in front may be missing.

    Returns
    -------
    float or None
        None for anything else: without its unit a number could be days or years.
    """
    match = _AGE.fullmatch(age.strip())
    if not match:
        return None
    years = int(match[1]) / _PER_YEAR[match[2].upper()]
    return years if years <= OLDEST else None


def years_between(born: date, taken: date) -> float:
    """Age in years, whole on every birthday, with the share of the year that is under way.

    Days over 365.25 would make a child of three years on its fourth birthday. Negative where
    `taken` lies before `born`.
    """
    years = taken.year - born.year - ((taken.month, taken.day) < (born.month, born.day))
    last, following = _birthday(born, born.year + years), _birthday(born, born.year + years + 1)
    return years + (taken - last).days / (following - last).days


def _birthday(born: date, year: int) -> date:
    """Born on 29 February, one has it on 1 March of most years."""
    try:
        return born.replace(year=min(year, date.max.year))
    except ValueError:
        return date(year, 3, 1)


def write_age(years: float) -> str:
    """Years as an age (AS): in the largest unit that holds them exactly, else in whole years.

    Below two years, in whole months; below one month, in whole days. As on screen, what is not
    full yet does not count.
    """
    for unit in "YMWD":
        count = years * _PER_YEAR[unit]
        if 1 <= round(count) <= 999 and abs(count - round(count)) < 1e-6:
            return f"{round(count):03}{unit}"
    unit = "Y" if years >= 2 else "M" if years * _PER_YEAR["M"] >= 1 else "D"
    return f"{int(years * _PER_YEAR[unit] + 1e-6):03}{unit}"
