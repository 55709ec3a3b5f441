"""Whether the trail is whole, sealed by this site, and true of what stands in the tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from imaging.review.records import AuditEvent
from imaging.store.schema.tables import AuditTable
from imaging.store.seals.line import BEGINNING, is_chained
from imaging.store.seals.row_seals import (
    EXPORT,
    decode_seals,
    read_rows,
    same_record,
    words_for,
)
from imaging.store.seals.seal_key import Anchor, SealKey, is_true

FOUND = "found"  # how the detail of a line begins that tells of records from before seals
_CLOCK = 5.0  # seconds by which the clocks of several servers may differ
_MOST_FAULTS = 50  # records that are named one by one


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """Whether the trail is whole, and what it tells of is as it was.

    Attributes
    ----------
    entries : int
        Number of lines.
    intact : bool
        No fault was found.
    first_broken : int | None
        Number of the first line that does not fit the one before. None when all do.
    head : str
        Digest of the last line that fits; write it down elsewhere and give it to the next check.
    faults : tuple of str
        What does not fit, a sentence each, without patient data.
    notes : tuple of str
        What could not be checked, and why, a sentence each.
    since : str
        When the first line was written (ISO 8601, UTC); "" for an empty trail.
    unsealed : int
        Lines from before seals were kept.
    """

    entries: int
    intact: bool
    first_broken: int | None
    head: str
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    since: str = ""
    unsealed: int = 0


def verify(
    session: Session, key: SealKey | None, anchors: Sequence[Anchor], *, shared: bool
) -> AuditVerdict:
    """Check trail and tables as they stand in one transaction.

    Parameters
    ----------
    session : Session
        A transaction in which nothing changes meanwhile (SQLite, or REPEATABLE READ).
    key : SealKey, optional
        The key of this computer.
    anchors : sequence of Anchor
        Heads that were noted outside of the trail.
    shared : bool
        Whether other computers, with keys of their own, may write into this trail.
    """
    walk = _Walk(key, {anchor.number: anchor for anchor in anchors})
    lines = select(AuditTable).order_by(AuditTable.number).execution_options(yield_per=1000)
    with closing(session.scalars(lines)) as rows:
        for row in rows:
            walk.take(row)
            session.expunge(row)
    faults = [*walk.chain_faults(), *walk.anchor_faults(anchors)]
    seal_faults, notes = walk.seal_findings(session, shared=shared)
    faults += [*seal_faults, *_record_faults(session, walk)]
    if walk.found:
        notes.append(
            f"{walk.found} records are from before seals were kept: they are as they were found "
            "at the upgrade, which is not sealed by who made them."
        )
    if walk.set_back:
        back = ", ".join(map(str, walk.set_back[:_MOST_FAULTS]))
        notes.append(f"The clock was set back before these lines: {back}.")
    if walk.unsealed:
        notes.append(f"{walk.unsealed} lines from before seals were kept are not sealed.")
    total = session.scalar(select(func.count()).select_from(AuditTable)) or 0
    return AuditVerdict(
        total,
        not faults,
        walk.first_broken,
        walk.head,
        tuple(faults),
        tuple(notes),
        walk.since,
        walk.unsealed,
    )


@dataclass
class _Walk:
    """The trail from its first line to its last: the chain, the seals, what it tells of."""

    key: SealKey | None
    wanted: dict[int, Anchor]
    number: int = 0
    last_at: str = ""
    set_back: list[int] = field(default_factory=list)  # lines dated before the one before
    head: str = BEGINNING
    since: str = ""
    first_broken: int | None = None
    unsealed: int = 0
    last_digest: str = BEGINNING
    last_sealed: tuple[int, str, str] | None = None  # by a known key: number, digest, seal
    foreign: dict[str, int] = field(default_factory=dict)  # fingerprint -> last line
    last_foreign: int = 0
    told: dict[str, tuple[str, int]] = field(default_factory=dict)  # record -> SHA-256, line
    found_lines: set[int] = field(default_factory=set)
    seen: dict[int, str] = field(default_factory=dict)  # digests at the anchors' numbers

    def take(self, row: AuditTable) -> None:
        """Go one line further."""
        self.number += 1
        self.since = self.since or row.at
        if str(row.at) < self.last_at and _seconds_back(self.last_at, str(row.at)) > _CLOCK:
            self.set_back.append(row.number)
        self.last_at = str(row.at)
        fits = row.number == self.number and row.previous == self.head and is_chained(row)
        if fits and self.first_broken is None:
            self.head = row.digest
        elif self.first_broken is None:
            self.first_broken = self.number
        if row.number in self.wanted:
            self.seen[row.number] = row.digest
        self.last_digest = row.digest
        self._take_seal(row)
        self._take_records(row)

    def _take_seal(self, row: AuditTable) -> None:
        fingerprint = str(row.seal).partition(":")[0]
        if not fingerprint:
            return
        if self.key is not None and fingerprint in self.key.public:
            self.last_sealed = (row.number, row.digest, row.seal)
        else:
            self.foreign[fingerprint] = row.number
            self.last_foreign = row.number

    def _take_records(self, row: AuditTable) -> None:
        seals = decode_seals(row.seals)
        if row.deed == AuditEvent.SEAL and row.detail.startswith(FOUND):
            self.found_lines.add(row.number)
            self.unsealed = self.unsealed or row.number - 1
        for name, sha256 in seals.items():
            if sha256 is None:
                self.told.pop(name, None)
            elif not name.startswith(f"{EXPORT} "):
                self.told[name] = (sha256, row.number)

    @property
    def found(self) -> int:
        """How many records are known as they were found at an upgrade."""
        return sum(number in self.found_lines for _, number in self.told.values())

    def chain_faults(self) -> list[str]:
        """Where the chain breaks."""
        if self.first_broken is None:
            return []
        return [f"The audit trail was altered from line {self.first_broken} on."]

    def anchor_faults(self, anchors: Sequence[Anchor]) -> list[str]:
        """Heads noted elsewhere that are not in the trail."""
        faults = []
        for anchor in anchors:
            noted = f"line {anchor.number}, which was noted outside of it"
            noted += f" at {anchor.at}" if anchor.at else ""
            here = self.seen.get(anchor.number)
            if here is None:
                faults.append(
                    f"The end of the audit trail is cut off: it has {self.number} lines and lacks "
                    f"{noted}. An older backup that was put back looks the same."
                )
            elif not here.startswith(anchor.digest):
                faults.append(f"The audit trail was written anew: its {noted}, has another digest.")
        return faults

    def seal_findings(self, session: Session, *, shared: bool) -> tuple[list[str], list[str]]:
        """What the seals say: faults, and notes on what could not be checked."""
        if self.key is None:
            return [], self._notes_without_key()
        faults, notes = [], []
        since = self.key.since
        by_others = {f: n for f, n in self.foreign.items() if shared or n <= since.number}
        for fingerprint, last in by_others.items():
            notes.append(
                f"Lines up to {last} are sealed by key {fingerprint}, which is not on this "
                "computer: they fit the chain, who sealed them was not checked."
            )
        for fingerprint, last in self.foreign.items() - by_others.items():
            faults.append(
                f"Line {last} is sealed by key {fingerprint}, which is not a key of this site."
            )
        if self.last_sealed is None:
            if self.number > max(since.number, self.last_foreign if shared else 0):
                faults.append(
                    f"No line after {since.number} is sealed: it was written without the key."
                )
            return faults, notes
        number, digest, seal = self.last_sealed
        if not is_true(seal, digest, self.key.public):
            first = _first_false(session, self.key)
            faults.append(
                f"The audit trail was written anew: the seal of line {first or number} is not that "
                "of this site's key."
            )
        elif self.number > max(number, self.last_foreign if shared else 0):
            faults.append(
                f"Lines {number + 1} to {self.number} carry no seal: the end was cut or written by "
                "somebody without the key."
            )
        if not self.key.private_to_owner():
            notes.append(
                "Other users of this computer may read the key that seals the trail; "
                "make its file private to its owner (0600)."
            )
        return faults, notes

    def _notes_without_key(self) -> list[str]:
        if self.foreign:
            keys = ", ".join(sorted(self.foreign))
            return [
                f"The trail is sealed by key {keys}, which is not on this computer: the chain "
                "fits, who sealed it was not checked."
            ]
        if self.number:
            return ["No key seals this trail: who owns the database could write all of it anew."]
        return []


def _seconds_back(before: str, after: str) -> float:
    """How far a line is dated before the one before it; infinite where that is no date."""
    try:
        return (datetime.fromisoformat(before) - datetime.fromisoformat(after)).total_seconds()
    except (ValueError, TypeError):
        return math.inf


def _first_false(session: Session, key: SealKey) -> int | None:
    """Number of the first line whose seal is not true."""
    query = (
        select(AuditTable.number, AuditTable.digest, AuditTable.seal)
        .where(AuditTable.seal != "")
        .order_by(AuditTable.number)
        .execution_options(yield_per=1000)
    )
    with closing(session.execute(query)) as rows:
        for number, digest, seal in rows:
            if is_true(seal, digest, key.public) is False:
                return int(number)
    return None


def _record_faults(session: Session, walk: _Walk) -> list[str]:
    """Records that are not what the trail tells of, gone from it, or not told of at all."""
    missing, extra, altered = dict(walk.told), [], []
    for name, sha256 in read_rows(session):
        told = missing.pop(name, None)
        if told is None:
            extra.append(name)
        elif told[0] != sha256:
            altered.append((name, told[1]))
    lost = sorted(missing.items(), key=lambda item: item[1][1])
    pairs: dict[str, list[tuple[str, int]]] = {}
    for name, (_, number) in lost:
        pairs.setdefault(same_record(name), []).append((name, number))
    strange = []
    for name in extra:  # an answer's name holds its digest: another one in its place is the same
        if name.startswith("answer ") and pairs.get(same_record(name)):
            altered.append(pairs[same_record(name)].pop(0))
        else:
            strange.append(name)
    altered.sort(key=lambda item: item[1])
    gone = [item for rest in pairs.values() for item in rest]
    sentences = [_altered(session, name, number, walk) for name, number in altered[:_MOST_FAULTS]]
    sentences += [_gone(session, name, number) for name, number in gone[:_MOST_FAULTS]]
    sentences += [
        f"{_capital(words_for([name]))} stands in the records, and no line of the trail tells of "
        "it: it was slipped in."
        for name in strange[:_MOST_FAULTS]
    ]
    more = sum(max(0, len(part) - _MOST_FAULTS) for part in (altered, gone, strange))
    return [*sentences, f"And {more} further records."] if more else sentences


def _altered(session: Session, name: str, number: int, walk: _Walk) -> str:
    whose = "found at the upgrade" if number in walk.found_lines else _by(session, number)
    return f"{_capital(words_for([name]))} was altered after it was {whose} (line {number})."


def _gone(session: Session, name: str, number: int) -> str:
    return f"{_capital(words_for([name]))} is gone, though line {number} tells of it."


def _by(session: Session, number: int) -> str:
    """Who did what a line tells: "signed by anna on 2026-11-29"."""
    row = session.get(AuditTable, number)
    if row is None:
        return "recorded"
    verbs = {AuditEvent.SIGN.value: "signed", AuditEvent.SCORE.value: "given"}
    verb = verbs.get(row.deed, "recorded")
    return f"{verb} by {row.account or 'nobody signed in'} on {row.at[:10]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
