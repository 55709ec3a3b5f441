"""The audit trail: who did what to which study, when; each line sealed to the one before.

A line's digest is the SHA-256 over its content and the digest of the line before, so a line
that was altered, taken out, put in or moved breaks the chain (the scheme of Schneier and Kelsey,
"Secure audit logs to support computer forensics", 1999, without its key). Whoever owns the
database can still rewrite the whole chain or cut its tail; that shows when the head was written
down elsewhere and is handed to `verify`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from imaging.review.records import AuditEntry, AuditEvent
from imaging.store.database import Database
from imaging.store.schema.tables import AuditTable

NETWORK = "network"  # the account behind every score
_CLOCKS_DIFFER = timedelta(minutes=1)
BEGINNING = "0" * 64  # what the first line is sealed to


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """Whether the trail is whole.

    Attributes
    ----------
    entries : int
        Number of lines.
    intact : bool
        Every line fits the one before, and the head noted earlier is among them.
    first_broken : int | None
        Number of the first line that does not fit. None when all do; with `intact` False that
        means lines noted earlier are gone from the end.
    head : str
        Digest of the last line; write it down elsewhere and give it to the next check.
    """

    entries: int
    intact: bool
    first_broken: int | None
    head: str


class AuditTrail:
    """The lines of the audit trail, for those who change no record with them.

    Whoever does change one adds its line in the same transaction, by `append`.

    Parameters
    ----------
    database : Database
        Where the tables live.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self, event: AuditEvent, *, account: str, study_instance_uid: str = "", detail: str = ""
    ) -> None:
        """Add a line for what changes no record: a view, an export.

        Parameters
        ----------
        event : AuditEvent
            What was done.
        account : str
            Who did it.
        study_instance_uid : str
            To which study.
        detail : str
            Formats, versions; never patient data, nor anything a reader typed.
        """
        with self._database.writing() as session:
            append(
                session,
                event,
                account=account,
                study_instance_uid=study_instance_uid,
                detail=detail,
            )

    def entries(self, study_instance_uid: str = "") -> tuple[AuditEntry, ...]:
        """All lines in order, or those of one study."""
        query = select(AuditTable).order_by(AuditTable.number)
        if study_instance_uid:
            query = query.where(AuditTable.study_instance_uid == study_instance_uid)
        with self._database.reading() as session:
            return tuple(_to_entry(row) for row in session.scalars(query))

    def verify(self, expected_head: str = "") -> AuditVerdict:
        """Check every line against the one before, and that the head noted earlier is among them.

        Parameters
        ----------
        expected_head : str
            The head of an earlier check, kept elsewhere; without it a trail whose end was cut
            off passes.
        """
        number, head, noted = 0, BEGINNING, expected_head in ("", BEGINNING)
        lines = select(AuditTable).order_by(AuditTable.number).execution_options(yield_per=1000)
        with self._database.reading() as session, closing(session.scalars(lines)) as rows:
            for row in rows:
                number += 1
                if row.number != number or row.previous != head or not _is_sealed(row):
                    total = session.scalar(select(func.count()).select_from(AuditTable)) or 0
                    return AuditVerdict(total, intact=False, first_broken=number, head=head)
                head = row.digest
                noted = noted or head == expected_head
        return AuditVerdict(number, intact=noted, first_broken=None, head=head)


def digest(row: AuditTable) -> str:
    """SHA-256 (hex) over a line's canonical JSON, the digest of the line before included."""
    line = {
        "number": row.number,
        "at": row.at,
        "account": row.account,
        "deed": row.deed,
        "study_instance_uid": row.study_instance_uid,
        "detail": row.detail,
        "previous": row.previous,
    }
    canonical = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def append(
    session: Session,
    event: AuditEvent,
    *,
    account: str,
    study_instance_uid: str = "",
    detail: str = "",
) -> None:
    """Add a line within a writing transaction, which holds the lock that keeps the chain one.

    Parameters
    ----------
    session : Session
        The transaction of the change that the line records.
    event : AuditEvent
        What was done.
    account : str
        Who did it; empty when nobody was signed in.
    study_instance_uid : str
        To which study; empty when to none.
    detail : str
        Versions, formats, model names; never patient data.
    """
    append_many(session, [(event, account, study_instance_uid, detail)])


def append_many(session: Session, lines: Sequence[tuple[AuditEvent, str, str, str]]) -> None:
    """As `append`, of several lines at once: event, account, study and detail of each."""
    last = session.scalar(select(AuditTable).order_by(AuditTable.number.desc()).limit(1))
    number, previous = (last.number, last.digest) if last else (0, BEGINNING)
    at, remarks = _moment(last)
    rows = []
    for event, account, study_instance_uid, detail in [*remarks, *lines]:
        number += 1
        row = AuditTable(
            number=number,
            at=at.isoformat(timespec="microseconds"),
            account=account,
            deed=event.value,
            study_instance_uid=study_instance_uid,
            detail=detail,
            previous=previous,
        )
        row.digest = previous = digest(row)
        rows.append(row)
    session.add_all(rows)
    session.flush()


def _moment(last: AuditTable | None) -> tuple[datetime, list[tuple[AuditEvent, str, str, str]]]:
    """The moment of the next lines, and a line that says so where it is before the last one's.

    Clocks of several servers differ by seconds: the later one's moment stands for both.
    """
    now = datetime.now(UTC)
    try:
        latest = datetime.fromisoformat(last.at) if last else now
    except (ValueError, TypeError):  # somebody altered it, which `verify` finds
        latest = now
    if latest - now <= _CLOCKS_DIFFER:
        return max(now, latest), []
    behind = (latest - now).total_seconds()
    return now, [(AuditEvent.CLOCK, "", "", f"set back by {behind:.0f} s")]


def _is_sealed(row: AuditTable) -> bool:
    try:
        return row.digest == digest(row)
    except TypeError:  # somebody put bytes where text was
        return False


def _to_entry(row: AuditTable) -> AuditEntry:
    return AuditEntry(
        number=row.number,
        at=datetime.fromisoformat(row.at),
        account=row.account,
        deed=AuditEvent(row.deed),
        study_instance_uid=row.study_instance_uid,
        detail=row.detail,
        previous=row.previous,
        digest=row.digest,
    )
