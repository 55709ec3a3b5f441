"""A known date found again in text, in the forms in which people and programs write one."""

# ruff: noqa: RUF001 - Russian and Greek letters are meant
from __future__ import annotations

import re
from datetime import date
from itertools import permutations

_PARTS = re.compile(r"[0-9]+|[^\W\d_]+")
_BETWEEN = frozenset(
    (
        *("st", "nd", "rd", "th", "of", "the", "de", "del", "der"),
        *("\u5e74", "\u6708", "\u65e5", "\ub144", "\uc6d4", "\uc77c"),  # year, month, day
    )
)
_NAMES = (  # of spellings (no accents): English, German, French, Spanish, Italian, Dutch, ...
    "jan januar january janvier enero gennaio januari janeiro styczen stycznia",
    "feb februar february fevrier fev febrero febbraio februari fevereiro luty lutego",
    "mar mrt mrz maerz marz march mars marzo maart marco marzec marca",
    "apr april avril avr abril aprile kwiecien kwietnia",
    "may mai mayo maggio mei maio maj maja",
    "jun juni june juin junio giugno junho czerwiec czerwca",
    "jul juli july juillet juil julio luglio julho lipiec lipca",
    "aug august aout agosto augustus sierpien sierpnia",
    "sep sept september septembre septiembre settembre setembro wrzesien wrzesnia",
    "oct okt october oktober octobre octubre ottobre outubro pazdziernik pazdziernika",
    "nov november novembre noviembre novembro listopad listopada",
    "dec dez december dezember decembre diciembre dicembre dezembro grudzien grudnia",
)
_ELSEWHERE = (  # Roman and Turkish, then Russian and Greek with their genitives
    "i ocak январь января ιανουαριοσ ιανουαριου",
    "ii subat февраль февраля φεβρουαριοσ φεβρουαριου",
    "iii mart март марта μαρτιοσ μαρτιου",
    "iv nisan апрель апреля απριλιοσ απριλιου",
    "v mayis маи мая μαιοσ μαιου",
    "vi haziran июнь июня ιουνιοσ ιουνιου",
    "vii temmuz июль июля ιουλιοσ ιουλιου",
    "viii agustos август августа αυγουστοσ αυγουστου",
    "ix eylul сентябрь сентября σεπτεμβριοσ σεπτεμβριου",
    "x ekim октябрь октября οκτωβριοσ οκτωβριου",
    "xi kasim ноябрь ноября νοεμβριοσ νοεμβριου",
    "xii aralik декабрь декабря δεκεμβριοσ δεκεμβριου",
)
_MONTHS = tuple(
    frozenset(f"{names} {others}".split()) for names, others in zip(_NAMES, _ELSEWHERE, strict=True)
)
_BUDDHIST, _MINGUO = 543, -1911  # years of Thailand and Taiwan, counted from ours
_ERAS = ((1868, "m"), (1912, "t"), (1926, "s"), (1989, "h"), (2019, "r"))  # of Japan


def written_in(day: date, spelling: str) -> bool:
    """True when a date stands in a text.

    Parameters
    ----------
    day : datetime.date
    spelling : str
        The text as by `spelling.spellings`.

    Notes
    -----
    Found are year, month and day in any order, in digits with or without anything between them,
    the year whole or by its last two digits, or in the years of Thailand, Taiwan and Japan's
    reigns; and with the month by its name. A year or a month alone is not.
    """
    years = _years(day)
    tokens = _PARTS.findall(spelling)
    if not _runs(day).isdisjoint(tokens):
        return True
    parts = [token for token in tokens if token not in _BETWEEN]
    return any(_is_date(day, years, parts[at : at + 3]) for at in range(len(parts) - 2))


def _years(day: date) -> frozenset[int]:
    """The year as it may be written."""
    reigns = {day.year - first + 1 for first, _letter in _ERAS if 1 <= day.year - first + 1 <= 99}
    years = {day.year, day.year + _BUDDHIST, day.year + _MINGUO} | reigns
    return frozenset(years | {day.year % 100, (day.year + _BUDDHIST) % 100})


def _runs(day: date) -> set[str]:
    """The date as one run of digits."""
    found = set()
    month, number = f"{day.month:02}", f"{day.day:02}"
    for year in (f"{day.year:04}", f"{day.year % 100:02}", f"{day.year + _BUDDHIST:04}"):
        for parts in permutations((year, month, number)):
            found.add("".join(parts))
    return found


def _is_date(day: date, years: frozenset[int], parts: list[str]) -> bool:
    """Whether three parts that follow one another are the date, in any order."""
    numbers = [int(part) for part in parts if part.isdecimal() and len(part) <= 4]
    named = any(part in _MONTHS[day.month - 1] for part in parts)
    wanted = (day.day,) if named else (day.month, day.day)
    return any(sorted(numbers) == sorted((year, *wanted)) for year in years)
