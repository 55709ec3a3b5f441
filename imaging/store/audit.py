"""The audit trail: who did what to which study, when; each line chained to the one before.

A line's digest is the SHA-256 over its content and the digest of the line before, so a line
that was altered, taken out, put in or moved breaks the chain (the scheme of Schneier and Kelsey,
"Secure audit logs to support computer forensics", 1999). It holds the SHA-256 of the records it
tells of, and the last line of every transaction is signed with a key that is not in the database
(`imaging.store.seals`, docs/adr/0016-seals.md): whoever owns the database alone can neither alter
a record nor write the chain anew. A cut tail shows against a head that was noted elsewhere.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from imaging.errors import StoreError
from imaging.review.records import AuditEntry, AuditEvent
from imaging.review.rights import Right
from imaging.store.database import Database
from imaging.store.schema.tables import AuditTable, RelayTable, WorklistTable
from imaging.store.seals.line import BEGINNING, digest
from imaging.store.seals.row_seals import Seals, encode_seals, read_rows, seal_file
from imaging.store.seals.seal_key import HEAD, SEAL_KEY, Anchor, SealKey, load_key, make_key
from imaging.store.seals.verify import FOUND, AuditVerdict, verify

log = logging.getLogger(__name__)
NETWORK = "network"  # the account behind every score
_CLOCKS_DIFFER = timedelta(minutes=1)
_NOTHING: Seals = {}
_LEAVING = (Right.EXPORT, Right.DEIDENTIFY, Right.RELEASE)  # what a file may leave by
_FOUND_AT_ONCE = 500  # records of one line


@dataclass(frozen=True, slots=True)
class Line:
    """A line to be added, as the parameters of `append`."""

    event: AuditEvent
    account: str
    study_instance_uid: str = ""
    detail: str = ""
    seals: Seals = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Relayed:
    """How far a trail was sent: the last line, why not further ("" where all is well), and when."""

    number: int = 0
    trouble: str = ""
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ExportCheck:
    """Whether a file is as it left, and the sentence that says so."""

    true: bool
    sentence: str


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
        self,
        event: AuditEvent,
        *,
        account: str,
        study_instance_uid: str = "",
        detail: str = "",
        seals: Seals = _NOTHING,
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
        seals : mapping
            The files that left, from `imaging.store.seals.row_seals.seal_file`.
        """
        rights = _LEAVING if event is AuditEvent.EXPORT else ()
        with self._database.writing(*rights) as session:
            append(
                session,
                event,
                account=account,
                study_instance_uid=study_instance_uid,
                detail=detail,
                seals=seals,
            )

    def record_all(self, lines: Sequence[Line]) -> None:
        """Add several lines for what changes no record, in one transaction."""
        if lines:
            with self._database.writing() as session:
                append_many(session, lines)

    def entries(self, study_instance_uid: str = "") -> tuple[AuditEntry, ...]:
        """All lines in order, or those of one study, lists that showed it among them."""
        query = select(AuditTable).order_by(AuditTable.number)
        if study_instance_uid:
            words = " " + AuditTable.detail + " "
            listed = words.contains(f" {study_instance_uid} ", autoescape=True)
            is_list = AuditTable.deed == AuditEvent.LIST.value
            of_study = AuditTable.study_instance_uid == study_instance_uid
            query = query.where(or_(of_study, and_(is_list, listed)))
        with self._database.reading(Right.TRAIL) as session:
            return tuple(_to_entry(row) for row in session.scalars(query))

    def lines_after(self, number: int, limit: int) -> tuple[AuditEntry, ...]:
        """The next lines behind one, in order, at most so many."""
        query = select(AuditTable).where(AuditTable.number > number)
        with self._database.reading() as session:
            rows = session.scalars(query.order_by(AuditTable.number).limit(limit))
            return tuple(_to_entry(row) for row in rows)

    def patient_ids(self, study_instance_uids: Sequence[str]) -> dict[str, str]:
        """Patient IDs of some studies, of those that are stored."""
        uid = WorklistTable.study_instance_uid
        query = select(uid, WorklistTable.patient_id).where(uid.in_(study_instance_uids))
        with self._database.reading() as session:
            return dict(session.execute(query).all())

    def relayed(self, collector: str) -> Relayed:
        """How far the trail was sent to a collector."""
        with self._database.reading() as session:
            row = session.get(RelayTable, collector)
            return Relayed(row.number, row.trouble, row.told_at) if row else Relayed()

    def note_relayed(self, collector: str, number: int) -> None:
        """Write down that a collector has every line up to one; nothing where that is known."""
        if self.relayed(collector).number != number or self.relayed(collector).trouble:
            self._note_relay(collector, number, "")

    def note_trouble(self, collector: str, trouble: str) -> None:
        """Write down why a collector gets no more lines, and since when."""
        self._note_relay(collector, self.relayed(collector).number, trouble)

    def _note_relay(self, collector: str, number: int, trouble: str) -> None:
        row = RelayTable(
            collector=collector, number=number, trouble=trouble, told_at=datetime.now(UTC)
        )
        with self._database.writing(background=True) as session:
            session.merge(row)

    def verify(self, expected_head: str = "", anchors: Sequence[Anchor] = ()) -> AuditVerdict:
        """Check the chain, its seals, and every record that its lines tell of.

        Parameters
        ----------
        expected_head : str
            The head of an earlier check, kept elsewhere.
        anchors : sequence of Anchor
            Further heads noted elsewhere: from under a PDF, from a syslog collector. What this
            computer noted itself is always among them.
        """
        key = self._database.seal_key
        noted = [head for head in (key.noted(), *key.lost()) if head] if key else []
        with self._database.reading_one_moment() as session:
            known = [*anchors, *dict.fromkeys(noted)]
            if key is not None and key.since.number:
                known.append(key.since)
            verdict = verify(session, key, known, shared=self._database.shared)
            if expected_head in ("", BEGINNING) or _has_digest(session, expected_head):
                return verdict
        sentence = "The end of the audit trail is cut off: the head noted earlier is not in it."
        return replace(verdict, intact=False, faults=(*verdict.faults, sentence))

    def check_export(self, name: str, content: bytes) -> ExportCheck:
        """Whether a file is one that left here, byte for byte.

        Parameters
        ----------
        name : str
            Its name, as it was exported; found without it where only the name was changed.
        content : bytes
        """
        seal = seal_file(name, content)
        ((key, sha256),) = seal.items()
        exports = select(AuditTable).where(AuditTable.deed == AuditEvent.EXPORT.value)
        query = exports.order_by(AuditTable.number.desc())
        with self._database.reading() as session:
            by_name = session.scalars(query.where(AuditTable.seals.contains(f'"{key}"'))).all()
            same = session.scalars(query.where(AuditTable.seals.contains(sha256)).limit(1)).first()
        if same is not None:
            return ExportCheck(True, f"{name} is as it left here{_told(same)}.")
        if by_name:
            return ExportCheck(
                False, f"{name} is not the file of that name that left here{_told(by_name[0])}."
            )
        return ExportCheck(False, f"No line of the trail tells of a file like {name} that left.")

    def rotate_key(self, *, account: str) -> str:
        """Seal with a new key from here on; the old one's seals stay checked by its public half.

        Other servers of this computer take the new key when they start again; until then they seal
        with the old one, which stays known.

        Returns
        -------
        str
            The new key's fingerprint.

        Raises
        ------
        StoreError
            If there is no key, or the new one cannot be written.
        """
        with self._database.writing(Right.ACCOUNTS) as session:
            old, head = self._database.seal_key, _load_head(session)
            if old is None:
                raise StoreError(
                    "No key seals this trail, so nothing was changed. Check "
                    "that this is the right data folder."
                )
            since = head or Anchor(0, BEGINNING)
            new = make_key(old.path, since, after=old)
            detail = f"key {new.fingerprint} seals from the next line on, after {old.fingerprint}"
            append(session, AuditEvent.SEAL, account=account, detail=detail)
        self._database.seal_key = new
        return new.fingerprint

    def acknowledge_loss(self, *, account: str, reason: str) -> int:
        """Stand for it that lines noted here are gone, as after a backup was put back.

        A line says so for good; from then on `verify` does not miss them any more.

        Returns
        -------
        int
            How many noted heads are missed no more.

        Raises
        ------
        StoreError
            If no reason is given, or nothing is missing.
        """
        key = self._database.seal_key
        if not reason.strip():
            raise StoreError("Say why lines are missing; the reason stays in the audit trail.")
        with self._database.writing(Right.ACCOUNTS) as session:
            if key is not None:
                _remember_lost(session, key)
            lost = key.lost() if key is not None else ()
            if not lost:
                raise StoreError(
                    "No line that was noted here is missing, so nothing was "
                    "changed. Check that this is the right data folder."
                )
            gone = ", ".join(one.short for one in lost)
            detail = f"lines missing that were noted: {gone}; {reason.strip()}"
            append(session, AuditEvent.SEAL, account=account, detail=detail)
            head = session.info[HEAD]
        if key is not None:
            key.acknowledge(head)
        return len(lost)

    def head(self) -> Anchor | None:
        """The last line, to be noted elsewhere; None while there is none."""
        with self._database.reading() as session:
            return _load_head(session)


def append(
    session: Session,
    event: AuditEvent,
    *,
    account: str,
    study_instance_uid: str = "",
    detail: str = "",
    seals: Seals = _NOTHING,
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
    seals : mapping
        The records it tells of, from `imaging.store.seals.row_seals`.
    """
    append_many(session, [Line(event, account, study_instance_uid, detail, seals)])


def append_many(session: Session, lines: Sequence[Line]) -> None:
    """As `append`, of several lines at once; the last of them seals all."""
    last = _load_head(session)
    number, previous = (last.number, last.digest) if last else (0, BEGINNING)
    at, remarks = _moment(last)
    rows = []
    for line in [*remarks, *lines]:
        number += 1
        row = AuditTable(
            number=number,
            at=at.isoformat(timespec="microseconds"),
            account=line.account,
            deed=line.event.value,
            study_instance_uid=line.study_instance_uid,
            detail=line.detail,
            previous=previous,
            seals=encode_seals(line.seals),
            seal="",
        )
        row.digest = previous = digest(row)
        rows.append(row)
    if rows:
        key: SealKey | None = session.info.get(SEAL_KEY)
        if key is not None:
            _remember_lost(session, key)
        rows[-1].seal = key.seal(previous) if key else ""
        session.info[HEAD] = Anchor(number, previous, rows[-1].at)
    session.add_all(rows)
    session.flush()


def _moment(last: Anchor | None) -> tuple[datetime, list[Line]]:
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
    return now, [Line(AuditEvent.CLOCK, "", "", f"set back by {behind:.0f} s")]


def begin_sealing(database: Database, path: Path) -> None:
    """Seal every transaction of a database from now on, with the key of that file.

    It is made when missing. Where the trail was sealed by another key before, a line says so.

    Raises
    ------
    StoreError
        If there is a key and it cannot be read: to make another in silence would hide that.
    """
    database.seal_key = load_key(path)
    if database.seal_key is not None:
        return
    with database.writing() as session:
        since = _load_head(session) or Anchor(0, BEGINNING)
        try:
            key = make_key(path, since)
        except StoreError as exc:
            log.warning("%s", exc)
            return
        others = select(AuditTable.number).where(AuditTable.seal != "").limit(1)
        if session.scalar(others) is not None:
            session.info[SEAL_KEY] = key
            detail = f"key {key.fingerprint} seals from here on; that of the lines before is gone"
            append(session, AuditEvent.SEAL, account="", detail=detail)
    database.seal_key = key


def record_found(session: Session) -> None:
    """Tell, in lines of their own, of all records that no line has told of: those of older stores.

    They are known from now on as they stand; nobody who made them sealed them, and `verify` says
    so.
    """
    rows = read_rows(session)
    while part := dict(islice(rows, _FOUND_AT_ONCE)):
        detail = f"{FOUND} at the upgrade, not sealed by who made them: {len(part)} records"
        append(session, AuditEvent.SEAL, account="", detail=detail, seals=part)


def _remember_lost(session: Session, key: SealKey) -> None:
    """Keep a noted head that the trail lacks: the next one to be noted would take its place."""
    noted = key.noted()
    if noted is None:
        return
    here = session.scalar(select(AuditTable.digest).where(AuditTable.number == noted.number))
    if here != noted.digest:
        key.lose(noted)


def _told(row: AuditTable) -> str:
    return f" on {row.at[:10]} by {row.account} (line {row.number})"


def _load_head(session: Session) -> Anchor | None:
    columns = (AuditTable.number, AuditTable.digest, AuditTable.at)
    row = session.execute(select(*columns).order_by(AuditTable.number.desc()).limit(1)).first()
    return Anchor(*row) if row else None


def _has_digest(session: Session, digest_: str) -> bool:
    query = select(AuditTable.number).where(AuditTable.digest == digest_).limit(1)
    return session.scalar(query) is not None


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
