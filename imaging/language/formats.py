"""Ages as a language writes them. Dates are ISO 8601 and clocks count to 24 in every language."""

from __future__ import annotations

from imaging.language.catalogue import _, ngettext

_MONTHS_BELOW, _YEARS_ALONE = 2, 18  # years: only months below, no months from there on
_DAYS_OFF = 0.1  # months: an age worked out of two dates is off by up to three days


def age_words(years: float) -> str:
    """An age: "7 months", "3 years 2 months", "45 years".

    Parameters
    ----------
    years : float
        At the study; whole where the file states years alone (0010,1010).
    """
    if years < _MONTHS_BELOW:
        months = int(years * 12 + 1e-6)
        return ngettext("{months} month", "{months} months", months).format(months=months)
    whole = int(years + 1e-6)
    months = int((years - whole) * 12 + _DAYS_OFF)
    if years >= _YEARS_ALONE or not 0 < months < 12:
        return _("{years} years").format(years=whole)
    said = ngettext("{years} years {months} month", "{years} years {months} months", months)
    return said.format(years=whole, months=months)
