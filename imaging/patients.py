"""The patients that the files of one study name: one (PS3.3 A.1.2), or a study that is held.

Study Instance UIDs are made by devices and worklists and meet in archives: two patients within
one study is a mistake that happens, and nobody but a reader can say which file is whose. Until
then nothing about such a study may be signed or leave. A file that is silent about a trait
contradicts nothing; where a difference leaves room for doubt, the study gets a caution only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from imaging.entities import OtherPatientId, Patient
from imaging.person import Comparison, Match, Outcome, Person, compare, person_of

HELD = (
    "The files of this study name more than one patient, so nothing of it is signed or exported. "
    "Open it in Review to separate them, or to say which patient is right."
)


@dataclass(frozen=True, slots=True)
class IdentityDecision:
    """A reader's word that the files of a study are one person's.

    ``patient`` is the identity that is right, ``accepted`` are those that were found in the files;
    a file that names somebody else still, or later, is not covered.
    """

    patient: Patient
    accepted: tuple[Patient, ...]
    reader: str = ""
    decided_at: datetime | None = None

    def correct(self, patient: Patient) -> Patient:
        """The right identity where a file has an accepted one; its age stays the file's own."""
        known = {person_of(p) for p in (self.patient, *self.accepted)}
        if person_of(patient) not in known:
            return patient
        return replace(self.patient, age_years=patient.age_years)


def group_patients(patients: Iterable[Patient]) -> tuple[tuple[Patient, ...], ...]:
    """Put patients together that may be one person: a group per person, in the order met.

    Parameters
    ----------
    patients : iterable of Patient
        As the files of a study name them; repeated ones count once.

    Returns
    -------
    tuple of tuple of Patient
        Within a group nobody contradicts anybody. Those who say nothing are in the first, which
        is left out only when there are no patients at all.

    Notes
    -----
    Those with a number are told apart first: a header with a name alone then goes to whom the name
    speaks for, not to whoever was met before and has none.
    """
    met: dict[Person, Patient] = {}
    for patient in patients:
        met.setdefault(person_of(patient), patient)
    place = {person: at for at, person in enumerate(met)}
    groups: list[list[Patient]] = []
    for person in sorted(met, key=lambda person: (not person.numbers, not person.names)):
        if not person.silent:
            if (group := _choose(groups, met[person])) is not None:
                group.append(met[person])
            else:
                groups.append([met[person]])
    for group in groups:
        group.sort(key=lambda patient: place[person_of(patient)])
    groups.sort(key=lambda group: place[person_of(group[0])])
    if silent := [patient for person, patient in met.items() if person.silent]:
        groups = [[*groups[0], *silent], *groups[1:]] if groups else [silent]
    return tuple(map(tuple, groups))


def _choose(groups: Sequence[list[Patient]], patient: Patient) -> list[Patient] | None:
    """The group somebody belongs to: the same person's, else one that something speaks for.

    Else the first without contradiction.
    """
    fitting: list[list[Patient]] = []
    likely: list[list[Patient]] = []
    for group in groups:
        compared = [compare(patient, member) for member in group]
        if any(c.contradicts for c in compared):
            continue
        if any(c.outcome is Outcome.SAME for c in compared):
            return group
        (likely if any(c.may_be_same for c in compared) else fitting).append(group)
    return next(iter([*likely, *fitting]), None)


def group_of(groups: Sequence[Sequence[Patient]], patient: Patient) -> int:
    """Where `group_patients` put a patient, counted from 0."""
    person = person_of(patient)
    return next(at for at, group in enumerate(groups) if any(person_of(p) == person for p in group))


def merge(patients: Sequence[Patient]) -> Patient:
    """All that one person's files say together: of each trait the first word, never a mixture.

    A number keeps its issuer and type; the others are kept beside it.
    """
    first = patients[0]
    numbered = next((p for p in patients if person_of(p).numbers), first)
    others = [*numbered.other_ids]
    for patient in patients:
        own = OtherPatientId(
            patient.patient_id, patient.issuer, patient.issuer_uid, patient.id_type
        )
        others += [own] if patient.patient_id and patient is not numbered else []
        others += patient.other_ids
    named = next((p.name for p in patients if person_of(p).names), first.name)
    born = (p.birth_date for p in patients if person_of(p).birth_date)
    sexes = (p.sex for p in patients if person_of(p).sex)
    return replace(
        numbered,
        name=named,
        birth_date=next(born, first.birth_date),
        sex=next(sexes, first.sex),
        other_ids=tuple(dict.fromkeys(others)),
    )


def doubts(patients: Iterable[Patient]) -> tuple[tuple[Patient, Patient, Comparison], ...]:
    """Pairs of a study that contradict nothing and still leave room for doubt.

    One number from two issuers, or sex "other" beside M or F.
    """
    distinct = list({person_of(p): p for p in patients}.values())
    pairs = ((a, b, compare(a, b)) for at, a in enumerate(distinct) for b in distinct[at + 1 :])
    return tuple(
        (a, b, c)
        for a, b, c in pairs
        if not c.contradicts and (c.number is Match.PARTLY or c.sex is Match.CLOSE)
    )
