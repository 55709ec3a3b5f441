"""Whose a study is, as the tables tell: what its files name, and what a reader said about it."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from imaging.entities import Instance, Patient
from imaging.patients import IdentityDecision, group_patients
from imaging.person import Outcome, compare, person_of
from imaging.store.base import load_typed
from imaging.store.schema import json_codec
from imaging.store.schema.tables import (
    AnnouncementTable,
    DecisionTable,
    DocumentTable,
    InstanceTable,
    SeparationTable,
    TypedFactsTable,
)
from imaging.typed_facts import with_typed

_HOLDERS: tuple[Any, ...] = (InstanceTable, DocumentTable, AnnouncementTable)


def stand_in_uid(*parts: str) -> str:
    """A UID that is always the same for the same parts (PS3.5 B.2, root 2.25)."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, '/'.join(('lightbox store', *parts))).int}"


def load_patients(session: Session, uids: Sequence[str]) -> dict[str, tuple[Patient, ...]]:
    """The patients that the files of studies name, films first, as a reader corrected them.

    The database tells equal ones apart from others, so that a long series costs one row.
    """
    found: defaultdict[str, dict[Patient, None]] = defaultdict(dict)
    decisions = load_decisions(session, uids)
    for table in _HOLDERS:
        study, stated = table.study_instance_uid, table.header["patient"].as_string()
        query = (
            select(study, stated)
            .where(study.in_(uids))
            .group_by(study, stated)
            .order_by(study, func.min(table.position))
        )
        for uid, text in session.execute(query):
            patient = json_codec.patient_from_json(json.loads(text))
            decision = decisions.get(uid)
            found[uid][decision.correct(patient) if decision else patient] = None
    for uid, patient in load_typed_patients(session, uids):
        decision = decisions.get(uid)
        found[uid][decision.correct(patient) if decision else patient] = None
    return {uid: tuple(patients) for uid, patients in found.items()}


def load_typed_patients(session: Session, uids: Sequence[str]) -> list[tuple[str, Patient]]:
    """Whom readers typed of films without a header, by study; those films' files name nobody."""
    of_studies = TypedFactsTable.study_instance_uid.in_(uids)
    sops = list(session.scalars(select(TypedFactsTable.sop_instance_uid).where(of_studies)))
    typed = load_typed(session, list(dict.fromkeys(sops))) if sops else {}
    query = select(InstanceTable).where(InstanceTable.sop_instance_uid.in_(typed))
    return [
        (
            film.study_instance_uid,
            with_typed(
                json_codec.instance_from_json(film.header), typed[film.sop_instance_uid]
            ).patient,
        )
        for film in (session.scalars(query) if typed else ())
    ]


def is_held(session: Session, uid: str) -> bool:
    """True while the files of a study name two patients."""
    return len(group_patients(load_patients(session, [uid]).get(uid, ()))) > 1


def load_decisions(session: Session, uids: Sequence[str]) -> dict[str, IdentityDecision]:
    """Readers' decisions on some studies."""
    query = select(DecisionTable).where(DecisionTable.study_instance_uid.in_(uids))
    return {
        row.study_instance_uid: IdentityDecision(
            json_codec.patient_from_json(row.patient),
            tuple(map(json_codec.patient_from_json, row.accepted)),
            row.reader,
            row.decided_at,
        )
        for row in session.scalars(query)
    }


class Routes:
    """Where files of studies go from which a patient was separated.

    Parameters
    ----------
    session : Session
    uids : sequence of str
        Study Instance UIDs, as files state them.
    """

    def __init__(self, session: Session, uids: Sequence[str]) -> None:
        query = select(SeparationTable).where(SeparationTable.study_instance_uid.in_(uids))
        self._separated: defaultdict[str, dict[str, tuple[Patient, ...]]] = defaultdict(dict)
        for row in session.scalars(query):
            patients = tuple(map(json_codec.patient_from_json, row.patients))
            self._separated[row.study_instance_uid][row.separated_uid] = patients
        separated = list(self._separated)
        self._kept = load_patients(session, separated) if separated else {}
        self._decisions = load_decisions(session, separated) if separated else {}

    @property
    def separated_uids(self) -> list[str]:
        """The studies that were separated from these."""
        return [uid for studies in self._separated.values() for uid in studies]

    def study_of(self, uid: str, patient: Patient) -> str:
        """The study a file belongs to: the one it states, or one that was separated from it.

        Before all others the one whose files say exactly the same of the patient, then the one of
        the same person; a stranger to the stated study goes where nothing contradicts it.
        """
        separated = self._separated.get(uid)
        if not separated:
            return uid
        decision = self._decisions.get(uid)
        patient = decision.correct(patient) if decision else patient
        person = person_of(patient)
        if person.silent:
            return uid
        compared = {
            to: [compare(patient, one) for one in patients] for to, patients in separated.items()
        }
        alike = [to for to, named in separated.items() if person in map(person_of, named)]
        alike += [to for to, c in compared.items() if any(x.outcome is Outcome.SAME for x in c)]
        if not alike and any(compare(patient, p).contradicts for p in self._kept.get(uid, ())):
            alike = [to for to, c in compared.items() if not any(x.contradicts for x in c)]
        return alike[0] if alike else uid


def route_film(routes: Routes, film: Instance) -> Instance:
    """A film in the study it belongs to."""
    identity = film.identity
    uid = routes.study_of(identity.study_instance_uid, film.patient)
    return replace(film, identity=replace(identity, study_instance_uid=uid))
