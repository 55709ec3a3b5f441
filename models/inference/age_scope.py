"""Whether a patient is of an age that a network was tested on."""

from __future__ import annotations

from imaging.entities import Patient
from models.checkpoint.card import Scope
from models.inference.next_steps import CORRECT_OR_READ, READ_WITHOUT

OTHER_AGE = "The patient's age is outside the studied population."
_GROWN_UP = 18.0  # years
_EXACT = 1e-6  # a month is a twelfth, which a float is not
# Whole sentences: a translator gets no loose words. {0} and {1} are the studied ages, {2} is whose.
_OUTSIDE = {
    (
        "children",
        "years",
    ): "This AI was tested on children of {0} to {1}; this patient is {2}.",
    ("children", "months"): (
        "This AI was tested on children of {0} to {1}; this patient is {2} months."
    ),
    ("children", "days"): (
        "This AI was tested on children of {0} to {1}; this patient is {2} days."
    ),
    ("adults", "years"): "This AI was tested on adults of {0} to {1}; this patient is {2}.",
    ("adults", "months"): (
        "This AI was tested on adults of {0} to {1}; this patient is {2} months."
    ),
    ("adults", "days"): ("This AI was tested on adults of {0} to {1}; this patient is {2} days."),
    (
        "patients",
        "years",
    ): "This AI was tested on patients of {0} to {1}; this patient is {2}.",
    ("patients", "months"): (
        "This AI was tested on patients of {0} to {1}; this patient is {2} months."
    ),
    ("patients", "days"): (
        "This AI was tested on patients of {0} to {1}; this patient is {2} days."
    ),
}
_TESTED = {
    "children": "This AI was tested on children of {0} to {1}.",
    "adults": "This AI was tested on adults of {0} to {1}.",
    "patients": "This AI was tested on patients of {0} to {1}.",
}
_NO_UNIT = "The header gives the age as {0} without a unit."
_TWO_AGES = {  # the younger first
    ("days", "days"): "The header gives two ages, {0} days and {1} days.",
    ("days", "months"): "The header gives two ages, {0} days and {1} months.",
    ("days", "years"): "The header gives two ages, {0} days and {1} years.",
    ("months", "months"): "The header gives two ages, {0} months and {1} months.",
    ("months", "years"): "The header gives two ages, {0} months and {1} years.",
    ("years", "years"): "The header gives two ages, {0} and {1}.",
}


def check_age(patient: Patient, scope: Scope) -> tuple[str, str]:
    """Refuse an age that is known and outside; warn of one near the studied ones.

    Where a header can be read in two ways, each has to be inside: a film of somebody who may be an
    adult is not for a network of children.

    Returns
    -------
    tuple of str
        Refusal and warning; at most one is not empty. Both are where the age is unknown.
    """
    ages, (low, high), margin = stated_ages(patient), scope.age_years, scope.age_margin_years
    if not ages:
        return "", ""
    if not all(low - margin <= age <= high + margin for age in ages):
        return _refuse(patient, scope), ""
    if not all(low <= age <= high for age in ages):
        return "", OTHER_AGE
    doubtful = patient.age_years is None or len(ages) > 1
    return "", _doubt(patient) if doubtful else ""


def stated_ages(patient: Patient) -> tuple[float, ...]:
    """Every reading of the age, years; none where it is unknown."""
    return tuple(a for a in (patient.age_years, patient.age_otherwise) if a is not None)


def studied_ages(scope: Scope) -> str:
    """The ages a network was tested on, such as "1 to 5"."""
    return " to ".join(studied_ends(scope))


def is_for_children(scope: Scope) -> bool:
    """Whether all whom a network was tested on are children."""
    return scope.age_years[1] < _GROWN_UP


def studied_ends(scope: Scope) -> tuple[str, ...]:
    """The youngest and the oldest age a network was tested on, years."""
    return tuple(
        f"{int(end)}" if end >= 2 or float(end).is_integer() else f"{end:.2g}"
        for end in scope.age_years
    )


def age_words(years: float) -> str:
    """An age in completed years, below two in months, below two months in days."""
    unit, count = _count(years)
    return f"{count}" if unit == "years" else f"{count} {unit}"


def _refuse(patient: Patient, scope: Scope) -> str:
    """Why an age is outside, with the age in the sentence."""
    ages, low = stated_ages(patient), scope.age_years[0]
    who = "children" if is_for_children(scope) else "adults" if low >= _GROWN_UP else "patients"
    studied = studied_ends(scope)
    if patient.age_years is not None and len(ages) == 1:
        unit, count = _count(ages[0])
        return f"{_OUTSIDE[who, unit].format(*studied, count)} {READ_WITHOUT}"
    return f"{_TESTED[who].format(*studied)} {_doubt(patient)} {CORRECT_OR_READ}"


def _doubt(patient: Patient) -> str:
    """What of the age the header leaves open; the younger of two ages first."""
    ages = sorted(stated_ages(patient))
    if patient.age_years is None:
        return _NO_UNIT.format(f"{ages[0]:g}")
    (unit, count), (other, most) = _count(ages[0]), _count(ages[-1])
    return _TWO_AGES[unit, other].format(count, most)


def _count(years: float) -> tuple[str, int]:
    """An age as a unit and how many of it are completed."""
    if years >= 2:
        return "years", int(years + _EXACT)
    months = int(years * 12 + _EXACT)
    return ("months", months) if months >= 2 else ("days", int(years * 365.25 + _EXACT))
