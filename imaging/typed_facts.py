"""What readers type of films without a header: checked, and joined to what is known of the film.

A header is never overwritten: only a film (`SourceKind.FILM`) takes typed facts, and only where it
says nothing itself. The facts lie beside the header in the store, version by version.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from imaging.entities import Instance, SourceKind, TypedFacts
from imaging.moments import OLDEST, years_between
from imaging.text import clean

VIEWS = ("PA", "AP", "LL", "RL")  # ViewPosition (0018,5101) of a chest film, PS3.3 C.8.1.1.1.1
SEXES = ("F", "M", "O")  # PatientSex (0010,0040)
LONGEST = 64  # characters of a name or a number (PN and LO, PS3.5 6.2)
_YEAR, _MONTH = 1.0, 1 / 12  # how far an age in whole years, or in whole months, may be off
_IN_MONTHS = 2.0  # years; below that ages are told in months
_STRUCTURE = str.maketrans("^=\\", "   ")  # signs that part a PN or a value (PS3.5 6.2, 6.4)
_WORDS = {
    "name": "name",
    "patient_id": "number",
    "birth_date": "birth date",
    "age_years": "age",
    "sex": "sex",
    "study_date": "study date",
    "view_position": "view",
}


def person_name(text: str) -> str:
    """A name as typed, as a PN: "Diallo, Amina" is family and given name, all else one part."""
    family, _sep, given = text.partition(",")
    parts = [" ".join(clean(part, 1024).translate(_STRUCTURE).split()) for part in (family, given)]
    return "^".join(part for part in parts if part)


def patient_number(text: str) -> str:
    """A patient's number as typed, as a value of PatientID (LO)."""
    return " ".join(clean(text, 1024).translate(_STRUCTURE).split())


def stated(facts: TypedFacts) -> tuple[str, ...]:
    """Which facts were typed, in words that name no patient: "name", "age"."""
    return tuple(word for field, word in _WORDS.items() if getattr(facts, field) not in ("", None))


def age_at_study(facts: TypedFacts) -> float | None:
    """Age in years at the study: as typed, else from birth and study date; None when unknown."""
    if facts.age_years is not None:
        return facts.age_years
    born, taken = read_day(facts.birth_date), read_day(facts.study_date)
    return years_between(born, taken) if born and taken and taken >= born else None


def objections(facts: TypedFacts, *, today: date) -> tuple[str, ...]:
    """What cannot be true of typed facts, as sentences that quote none of them.

    Parameters
    ----------
    facts : TypedFacts
    today : datetime.date
        Nothing is taken later than that.

    Returns
    -------
    tuple of str
        Empty when all of it may be so.
    """
    born, taken = read_day(facts.birth_date), read_day(facts.study_date)
    found = []
    if not stated(facts):
        found.append("Nothing is filled in yet; type at least one of the fields.")
    if max(len(facts.name), len(facts.patient_id)) > LONGEST:
        found.append(f"Name and number may have {LONGEST} characters each; shorten the longer one.")
    if born and born > today:
        found.append("The birth date lies in the future; please check it.")
    if taken and taken > today:
        found.append("The study date lies in the future; please check it.")
    if born and taken and taken < born:
        found.append("The study date lies before the birth date; please check both.")
    if facts.age_years is not None and not 0 <= facts.age_years <= OLDEST:
        found.append(f"The age must lie between 0 and {OLDEST:.0f} years; please check it.")
    elif not found and born and facts.age_years is not None:
        found += _contradictions(facts.age_years, born, taken, today)
    return tuple(found)


def _contradictions(age: float, born: date, taken: date | None, today: date) -> list[str]:
    """Age and birth date must fit at the study date; without one, at some day up to today."""
    off = _YEAR if age >= _IN_MONTHS else _MONTH
    oldest = years_between(born, taken or today)
    if taken and not age - 0.01 <= oldest <= age + off + 0.01:
        return ["Age and birth date contradict each other on the study date; please check them."]
    if age > oldest + 0.01:
        return ["Born on that date, nobody is so old yet; please check birth date and age."]
    return []


def with_typed(instance: Instance, facts: TypedFacts | None) -> Instance:
    """An instance with what was typed, where its file is a film and is silent itself."""
    if facts is None or instance.source is not SourceKind.FILM or not stated(facts):
        return instance
    patient, acquisition = instance.patient, instance.acquisition
    age = patient.age_years if patient.age_years is not None else age_at_study(facts)
    return replace(
        instance,
        patient=replace(
            patient,
            name=patient.name or facts.name,
            patient_id=patient.patient_id or facts.patient_id,
            birth_date=patient.birth_date or facts.birth_date,
            sex=patient.sex or facts.sex,
            age_years=age,
        ),
        acquisition=replace(
            acquisition,
            study_date=acquisition.study_date or facts.study_date,
            view_position=acquisition.view_position or facts.view_position,
        ),
        typed=facts,
    )


def read_day(digits: str) -> date | None:
    """YYYYMMDD as a date; None for anything else."""
    try:
        return date.fromisoformat(digits) if len(digits) == 8 else None
    except ValueError:
        return None
