"""The rows of the worklist: made from what is stored, within the transaction that changes it.

Whoever changes a study calls `refresh_worklist` before the end of its transaction. A row holds
nothing of its own, so a revision that changes what rows hold may empty the table: opening the
store fills it again (`fill_worklist`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from imaging.entities import (
    Acquisition,
    Answer,
    Finding,
    ModelIdentity,
    Patient,
    SourceKind,
    Status,
)
from imaging.person import person_of
from imaging.review.records import Stage
from imaging.store.access.redaction import without_answer
from imaging.store.database import Database
from imaging.store.reading.switches import studies_without_ai
from imaging.store.schema import json_codec
from imaging.store.schema.tables import SiteTable, StudyTable, WorklistTable
from imaging.store.worklist_ranks import load_standings
from imaging.study import WorklistItem
from imaging.worklist.order import (
    READ,
    ReadingOrder,
    Signal,
    Standing,
    signals,
    urgency,
    without_signals,
    worklist_item,
)

READING_ORDER = "reading order"  # the site's setting of that name
_AT_ONCE = 400  # studies of one query: SQLite and PostgreSQL both limit the values of an IN
_ANSWER_WORDS = {  # what a reader may type for an answer
    Answer.PRESENT: "suspected present",
    Answer.ABSENT: "no seen absent",
    Answer.UNSURE: "unsure",
    Answer.UNSUITABLE: "not suitable",
}


def refresh_worklist(session: Session, study_instance_uids: Sequence[str]) -> None:
    """Make the rows of several studies true again, in a handful of queries for hundreds of them.

    Parameters
    ----------
    session : Session
        The writing transaction of the change; what it holds is flushed first.
    study_instance_uids : sequence of str
        Studies whose files, answers or reviews changed. One that is gone, or that has no file,
        loses its row.
    """
    session.flush()
    order = site_order(session)
    uids = list(dict.fromkeys(study_instance_uids))
    for start in range(0, len(uids), _AT_ONCE):
        part = uids[start : start + _AT_ONCE]
        off = studies_without_ai(session, part)
        rows = [
            _row_columns(study, order, ai_off=study.study_instance_uid in off)
            for study in load_standings(session, part)
        ]
        session.execute(delete(WorklistTable).where(WorklistTable.study_instance_uid.in_(part)))
        if rows:
            # nulls written out: else rows are inserted in groups of like ones
            session.execute(insert(WorklistTable).execution_options(render_nulls=True), rows)


def fill_worklist(database: Database) -> None:
    """Make the rows that are missing: of an older folder, or after a revision emptied the table.

    Block by block, so that other writers get their turn; one that is stopped goes on next time.
    """
    missing = (
        select(StudyTable.study_instance_uid)
        .outerjoin(WorklistTable, WorklistTable.study_instance_uid == StudyTable.study_instance_uid)
        .where(WorklistTable.study_instance_uid.is_(None))
    )
    with database.reading() as session:
        uids = list(session.scalars(missing))
    for start in range(0, len(uids), _AT_ONCE):
        with database.writing() as session:
            refresh_worklist(session, uids[start : start + _AT_ONCE])


def restand(session: Session, order: ReadingOrder) -> None:
    """Put every row where a new order of the site wants it: one UPDATE per set of signals."""
    for text in list(session.scalars(select(WorklistTable.signals).distinct())):
        session.execute(
            update(WorklistTable)
            .where(WorklistTable.signals == text)
            .values(standing=-urgency(_parse_signals(text), order))
        )


def site_order(session: Session) -> ReadingOrder:
    """The site's order of reading, or the usual one."""
    row = session.get(SiteTable, READING_ORDER)
    if row is None:
        return ReadingOrder()
    levels = tuple((code, int(level)) for code, level in row.value["levels"].items())
    return ReadingOrder(timedelta(minutes=row.value["max_wait_minutes"]), levels)


def item_of(row: WorklistTable, *, overdue: bool) -> WorklistItem:
    """The entity of a row."""
    model = ModelIdentity(row.model_name, row.model_version, row.weights_sha256)
    acquisition = Acquisition(
        modality=row.modality,
        study_date=row.study_date,
        study_description=row.study_description,
        accession_number=row.accession_number,
    )
    return WorklistItem(
        study_instance_uid=row.study_instance_uid,
        priority=READ if row.read else -row.standing,
        status=Status(row.status) if row.status else None,
        message=row.message,
        finding=_to_finding(row),
        answer=Answer(row.answer) if row.answer else None,
        model=model if row.model_name else None,
        patient=Patient(row.patient_name, row.patient_id, row.birth_date, row.sex, row.age_years),
        acquisition=acquisition,
        source=SourceKind(row.source),
        file_name=row.file_name,
        instances=row.instances,
        received_at=row.received_at,
        stage=Stage(row.stage) if row.stage else None,
        reader=row.reader,
        read=row.read,
        overdue=overdue and not row.read,
        typed=row.typed,
        held=row.held,
        ai_off=row.ai_off,
    )


def _to_finding(row: WorklistTable) -> Finding | None:
    if row.finding_code is None or row.probability is None or row.operating_point is None:
        return None
    return Finding(
        row.finding_code, row.finding_label, row.probability, row.operating_point, row.exploratory
    )


def _row_columns(study: Standing, order: ReadingOrder, *, ai_off: bool) -> dict[str, Any]:
    """The columns of a study's row; nothing of an answer in them where AI is off for it."""
    item = worklist_item(study, order)
    study_signals = signals([*study.latest, *study.earlier])
    if ai_off:
        item, study_signals = without_answer(item), frozenset()
    values = {
        "study_instance_uid": item.study_instance_uid,
        "received_at": item.received_at,
        "read": item.read,
        "standing": -urgency(study_signals, order),
        "signals": json.dumps(sorted(study_signals)),
        "stage": item.stage.value if item.stage else None,
        "reader": item.reader,
        **_answer_columns(item),
        **_file_columns(item),
        **_search_columns(item),
        **_person_columns(item),
    }
    return {k: json_codec.plain(v) if isinstance(v, str) else v for k, v in values.items()}


def _answer_columns(item: WorklistItem) -> dict[str, Any]:
    finding, model = item.finding, item.model
    return {
        "status": item.status.value if item.status else None,
        "message": item.message,
        "answer": item.answer.value if item.answer else None,
        "finding_code": finding.code if finding else None,
        "finding_label": finding.label if finding else "",
        "probability": finding.probability if finding else None,
        "operating_point": finding.operating_point if finding else None,
        "exploratory": finding.exploratory if finding else False,
        "model_name": model.name if model else "",
        "model_version": model.version if model else "",
        "weights_sha256": model.sha256 if model else "",  # of all files, see ModelIdentity,
    }


def _file_columns(item: WorklistItem) -> dict[str, Any]:
    patient, acquisition = item.patient, item.acquisition
    return {
        "patient_name": patient.name,
        "patient_id": patient.patient_id,
        "birth_date": patient.birth_date,
        "sex": patient.sex,
        "age_years": patient.age_years,
        "modality": acquisition.modality,
        "accession_number": acquisition.accession_number,
        "study_date": acquisition.study_date,
        "study_description": acquisition.study_description,
        "file_name": item.file_name,
        "source": item.source.value,
        "instances": item.instances,
        "typed": item.typed,
        "ai_off": item.ai_off,
    }


def _person_columns(item: WorklistItem) -> dict[str, Any]:
    """Columns that find the studies of who may be the same person."""
    person = person_of(item.patient)
    return {
        "held": item.held,
        "id_key": person.number_keys[0] if person.numbers else "",
        "name_key": person.name_key,
        "birth_key": person.birth_date,
    }


def _search_columns(item: WorklistItem) -> dict[str, Any]:
    date = "".join(c for c in item.acquisition.study_date if c.isdigit())
    visible = _search_text(item, date)
    return {
        "patient_key": _plain_name(item.patient.name).casefold(),
        "date_key": date if len(date) == 8 else "",
        "search": visible,
        "search_all": f"{visible} {_search_answer_text(item)}",
    }


def _search_text(item: WorklistItem, date: str) -> str:
    """Words a reader may look for, the network's aside."""
    patient, acquisition = item.patient, item.acquisition
    dashed = f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 else ""
    parts = (
        _plain_name(patient.name),
        patient.patient_id,
        acquisition.accession_number,
        acquisition.modality,
        acquisition.study_date,
        dashed,
        acquisition.study_description,
        item.file_name,
        item.reader,
        "" if item.finding else without_signals(item.message),
    )
    return " ".join(part for part in parts if part).casefold()


def _search_answer_text(item: WorklistItem) -> str:
    """The network's answer in words a reader may look for."""
    finding = item.finding
    if finding is None:
        return ""
    answer = item.answer or (Answer.PRESENT if finding.positive else Answer.ABSENT)
    return f"{finding.label} {finding.code} {_ANSWER_WORDS[answer]} {item.message}".casefold()


def _plain_name(name: str) -> str:
    """A DICOM person name (PS3.5 6.2.1) as words."""
    return " ".join(name.replace("^", " ").replace("=", " ").split())


def _parse_signals(text: str) -> list[Signal]:
    return [(code, Answer(answer)) for code, answer in json.loads(text)]
