"""Whoever owns the database can change it, and is found out: in rows, in the chain, at its end.

Each forgery here is one that a doctor would otherwise read as the truth.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path

import pytest
from sqlalchemy import select

from imaging.entities import Assessment, Identity, Instance, Patient, SourceKind, Status, TypedFacts
from imaging.errors import StoreError
from imaging.review.records import (
    Account,
    AuditEvent,
    Call,
    FirstRead,
    ReadFinding,
    Stage,
    Truth,
)
from imaging.store import Repository, seal_file
from imaging.store.database import open_database
from imaging.store.migrations.migrate import migrate
from imaging.store.schema.tables import AuditTable
from imaging.store.seals.line import BEGINNING, digest
from imaging.store.seals.seal_key import Anchor, load_key
from imaging.worklist.order import ReadingOrder
from tests.imaging.store.test_audit import NOW, REFUSAL, film, tamper, version
from tests.stored import outcome_of, store

OLD = Path(__file__).with_name("lightbox_0_3.sql")
SIGNED = replace(
    version(stage=Stage.FINAL), findings=(ReadFinding("pneumonia", True, Call.ACCEPTED),)
)


@pytest.fixture
def repository(tmp_path: Path, database: str) -> Iterator[Repository]:
    """A store with an answered film, read blind, signed, of known outcome; on each database."""
    opened = Repository.open(tmp_path / "home", database)
    store(opened, outcome_of(film(), REFUSAL), account="anna")
    opened.reviews.add_first_read(FirstRead("1.2.3", "anna", "pneumonia", True, 8.0, NOW))
    opened.reviews.add(SIGNED)
    opened.reviews.set_truth(Truth("1.2.3", "pneumonia", True, "CT"), account="anna")
    opened.site.set_reading_order(ReadingOrder(), account="anna")
    yield opened
    opened.close()


def faults(repository: Repository, *anchors: Anchor) -> str:
    verdict = repository.audit.verify(anchors=anchors)
    assert verdict.intact == (not verdict.faults)
    return "\n".join(verdict.faults)


def test_what_nobody_touched_is_whole(repository: Repository) -> None:
    verdict = repository.audit.verify()
    assert verdict.intact and verdict.notes == () and verdict.entries == 6


FORGED_ROWS = {
    "finding flipped": (
        'SWAP reviews content "present": true -> "present": false',
        "Version 1 of the report of study 1.2.3 was altered after it was signed by anna",
    ),
    "note replaced": (
        "SWAP reviews content looks ill -> is well",
        "Version 1 of the report of study 1.2.3 was altered",
    ),
    "stage": ("UPDATE reviews SET stage = 'draft'", "Version 1 of the report of study 1.2.3"),
    "time of signature": (
        "UPDATE reviews SET created_at = '2020-01-01 00:00:00.000000'",
        "Version 1 of the report of study 1.2.3 was altered",
    ),
    "no review any more": (
        "UPDATE reviews SET content = '{}', created_at = '1970-01-01 00:00:00.000000'",
        "Version 1 of the report of study 1.2.3 was altered",
    ),
    "signature deleted": (
        "DELETE FROM reviews",
        "Version 1 of the report of study 1.2.3 is gone, though line 4",
    ),
    "signature slipped in": (
        "INSERT INTO reviews (study_instance_uid, version, stage, content, created_at)"
        " SELECT study_instance_uid, 2, stage, content, created_at FROM reviews",
        "Version 2 of the report of study 1.2.3 stands in the records, and no line",
    ),
    "answer": (
        "UPDATE assessments SET status = 'ok'",
        "An AI answer about image 1.2.5 was altered after it was given by network",
    ),
    "answer deleted": (
        "DELETE FROM assessments",
        "An AI answer about image 1.2.5 is gone",
    ),
    "answer slipped in": (
        "INSERT INTO assessments (id, sop_instance_uid, status, content, created_at) SELECT 99,"
        " sop_instance_uid, 'ok', content, created_at FROM assessments",
        "An AI answer about image 1.2.5 stands in the records, and no line",
    ),
    "film of somebody else": (
        "SWAP instances header DOE^JANE -> ROE^MARY",
        "The record of image 1.2.5 was altered after it was recorded by anna",
    ),
    "other bytes": (
        "UPDATE instances SET sha256 = 'cd'",
        "The record of image 1.2.5 was altered",
    ),
    "first read": (
        "SWAP first_reads content 8.0 -> 1.0",
        "The first read of study 1.2.3 by anna was altered",
    ),
    "outcome": (
        "UPDATE truths SET present = NOT present",
        "The outcome (pneumonia) of study 1.2.3 was altered",
    ),
    "reading order": (
        'SWAP site value {} -> {"pneumonia": 0}',
        "The site's setting reading",
    ),
}


@pytest.mark.parametrize("name", FORGED_ROWS)
def test_a_forged_record_is_found_and_named(repository: Repository, name: str) -> None:
    statement, sentence = FORGED_ROWS[name]
    tamper(repository, _as_sql(statement, repository))
    found = faults(repository)
    assert sentence in found and found.count("\n") == 0
    assert "DOE" not in found and "ill" not in found


def _as_sql(statement: str, repository: Repository) -> str:
    """Another word in a column of JSON, as each database has it."""
    if not statement.startswith("SWAP"):
        return statement
    _, table, column, change = statement.split(" ", 3)
    old, new = change.split(" -> ")
    text_, json_ = ("::text", "::json") if repository.shared else ("", "")
    # a colon would begin a parameter
    return (
        f"UPDATE {table} SET {column} = replace({column}{text_}, '{old}', '{new}'){json_}".replace(
            ":", "\\:"
        )
    )


@pytest.mark.parametrize("column", ["content", "created_at"])
def test_what_is_no_record_at_all_is_found_too(tmp_path: Path, column: str) -> None:
    """SQLite takes anything into any column."""
    with closing(Repository.open(tmp_path / "home")) as opened:
        store(opened, outcome_of(film()), account="anna")
        opened.reviews.add(SIGNED)
        tamper(opened, f"UPDATE reviews SET {column} = 'nonsense'")
        assert "Version 1 of the report of study 1.2.3 was altered" in faults(opened)


def test_what_readers_rightly_do_is_no_forgery(repository: Repository) -> None:
    store(repository, outcome_of(film(), Assessment("1.2.5", Status.OK)), networks="newer")
    repository.reviews.set_truth(Truth("1.2.3", "pneumonia", False, "CT"), account="anna")
    other = replace(
        film("1.2.6", sha256="cd" * 32), patient=Patient("ROE^MARY", "9", "19700101", "F")
    )
    store(repository, outcome_of(other), account="anna")
    repository.studies.identify("1.2.3", film().patient, account="anna", reader="Dr A")
    repository.studies.take_back_identity("1.2.3", account="anna")
    repository.studies.identify("1.2.3", film().patient, account="anna", reader="Dr A")
    assert faults(repository) == ""


def test_separated_and_deleted_studies_are_no_forgery(repository: Repository) -> None:
    other = replace(
        film("1.2.6", sha256="cd" * 32), patient=Patient("ROE^MARY", "9", "19700101", "F")
    )
    store(repository, outcome_of(other), account="anna")
    (separated,) = repository.studies.separate("1.2.3", film().patient, account="anna")
    assert faults(repository) == ""
    tamper(repository, "UPDATE assessments SET status = 'ok' WHERE sop_instance_uid = '1.2.6'")
    repository.studies.delete(separated, account="anna", reason="by mistake")
    assert faults(repository) == ""  # what was deleted by a reader is told of, and gone
    repository.studies.delete("1.2.3", account="anna", reason="by mistake")
    store(repository, outcome_of(film(), REFUSAL), account="anna", networks="newer")
    assert faults(repository) == ""


def rewrite(repository: Repository, change: str) -> None:
    """Alter the trail and compute every digest anew, as the owner of the database can."""
    tamper(repository, change)
    with repository._database._writers.begin() as session:
        previous = BEGINNING
        for row in session.scalars(select(AuditTable).order_by(AuditTable.number)):
            row.previous = previous
            row.digest = previous = digest(row)


@pytest.mark.parametrize("seals", ["kept", "stripped", "made up"])
def test_a_chain_that_was_computed_anew_is_found(repository: Repository, seals: str) -> None:
    noted = repository._database.seal_key
    assert noted is not None
    noted.path.with_name("anchor.json").unlink()  # by the seals alone
    rewrite(repository, "UPDATE audit SET account = 'berta' WHERE deed = 'sign'")
    if seals == "stripped":
        tamper(repository, "UPDATE audit SET seal = ''")
    elif seals == "made up":
        own = base64.b64encode(bytes(64)).decode()
        tamper(repository, f"UPDATE audit SET seal = '{'ab' * 8}:{own}'")
    found = faults(repository)
    assert {
        "kept": "written anew: the seal of line 4 is not that of this site's key",
        "stripped": "No line after 0 is sealed",
        "made up": "No line after 0 is sealed"
        if repository.shared
        else "is not a key of this site",
    }[seals] in found or (seals == "made up" and repository.shared)


def test_a_new_key_does_not_hide_a_chain_computed_anew(
    repository: Repository, tmp_path: Path, database: str
) -> None:
    """Neither where the forger has a key of his own, made on another computer."""
    forger = tmp_path / "forger" / "key.json"
    rewrite(repository, "UPDATE audit SET account = 'berta' WHERE deed = 'sign'")
    with closing(Repository.open(tmp_path / "home", database, seal_key=forger)) as other:
        key = other._database.seal_key
        assert key is not None
        with other._database._writers.begin() as session:
            for row in session.scalars(select(AuditTable)):
                row.seal = key.seal(row.digest)
    assert "written anew: its line" in faults(repository)  # the head noted here is another one


def test_a_cut_end_is_found_by_what_this_computer_noted(repository: Repository) -> None:
    tamper(repository, "DELETE FROM audit WHERE number > 4")
    found = faults(repository)
    assert "The end of the audit trail is cut off: it has 4 lines and lacks line 6" in found


def test_a_cut_end_stays_found_when_the_trail_has_grown_again(repository: Repository) -> None:
    """Deeds of readers who know nothing of it must not cover it up."""
    tamper(
        repository,
        "DELETE FROM audit WHERE number > 4",
        "DELETE FROM truths",
        "DELETE FROM site",
    )
    for _ in range(4):
        repository.audit.record(AuditEvent.VIEW, account="berta")
    assert "written anew: its line 6" in faults(repository)
    with pytest.raises(StoreError, match="Say why"):
        repository.audit.acknowledge_loss(account="terminal", reason=" ")
    assert repository.audit.acknowledge_loss(account="terminal", reason="backup of Monday") == 1
    assert faults(repository) == ""
    line = repository.audit.entries()[-1]
    assert line.detail.startswith("lines missing that were noted: 6:")
    with pytest.raises(StoreError, match="No line that was noted here is missing"):
        repository.audit.acknowledge_loss(account="terminal", reason="again")


def test_a_clock_that_was_set_back_is_told(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Yesterday(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Yesterday:
            return cls.fromtimestamp(time.time() - 86400, tz)

    monkeypatch.setattr("imaging.store.audit.datetime", Yesterday)
    repository.audit.record(AuditEvent.VIEW, account="anna")
    verdict = repository.audit.verify()
    assert verdict.intact and verdict.notes == ("The clock was set back before these lines: 7.",)


def test_a_cut_end_is_found_by_its_anchor_alone(repository: Repository) -> None:
    key = repository._database.seal_key
    assert key is not None
    anchor = repository.audit.head()
    assert anchor is not None
    printed = Anchor.parse(f"{anchor.number}:{anchor.digest[:16]}")
    assert faults(repository, printed) == ""
    key.path.with_name("anchor.json").unlink()
    tamper(
        repository,
        "DELETE FROM audit WHERE number > 4",
        "DELETE FROM truths",
        "DELETE FROM site",
    )
    assert faults(repository) == ""  # by itself a shorter trail is as good as any
    assert "cut off: it has 4 lines and lacks line 6" in faults(repository, printed)
    repository.audit.record(AuditEvent.VIEW, account="anna")
    repository.audit.record(AuditEvent.VIEW, account="anna")
    assert "written anew: its line 6" in faults(repository, printed)  # grown again meanwhile


def test_an_end_without_a_seal_is_found(repository: Repository) -> None:
    tamper(repository, "UPDATE audit SET seal = '' WHERE number = 6")
    assert "Lines 6 to 6 carry no seal" in faults(repository)


def test_a_store_on_another_computer_says_that_its_key_is_not_there(
    repository: Repository, tmp_path: Path, database: str
) -> None:
    key = repository._database.seal_key
    assert key is not None and key.path.stat().st_mode & 0o777 == 0o600
    elsewhere = tmp_path / "elsewhere" / "key.json"
    with closing(Repository.open(tmp_path / "home", database, seal_key=elsewhere)) as other:
        line = other.audit.entries()[-1]
        assert line.deed is AuditEvent.SEAL and "that of the lines before is gone" in line.detail
        verdict = other.audit.verify()
        assert verdict.intact and "who sealed them was not checked" in verdict.notes[0]
        assert key.fingerprint in verdict.notes[0]


def test_a_key_that_cannot_be_read_is_told_and_not_replaced(
    repository: Repository, tmp_path: Path, database: str
) -> None:
    key = repository._database.seal_key
    assert key is not None
    key.path.write_text("{}")
    words = "key that seals the audit trail cannot be read"
    if database:
        with pytest.raises(StoreError, match=words):
            Repository.open(tmp_path / "home", database)
        return
    with closing(Repository.open(tmp_path / "home")) as opened:  # what is there can be read
        assert words in opened.read_only


def test_a_key_that_others_may_read_is_told(repository: Repository) -> None:
    key = repository._database.seal_key
    assert key is not None
    key.path.chmod(0o644)
    assert "Other users of this computer may read the key" in repository.audit.verify().notes[0]


def test_without_a_place_for_a_key_the_trail_says_so(tmp_path: Path, database: str) -> None:
    (tmp_path / "file").write_text("no folder")
    with closing(
        Repository.open(tmp_path / "home", database, seal_key=tmp_path / "file" / "key.json")
    ) as opened:
        opened.audit.record(AuditEvent.VIEW, account="anna")
        verdict = opened.audit.verify()
    assert verdict.intact and "No key seals this trail" in verdict.notes[0]


def test_a_rotated_key_takes_over_and_the_old_seals_stay_true(
    repository: Repository, tmp_path: Path, database: str
) -> None:
    old = repository._database.seal_key
    assert old is not None
    fingerprint = repository.audit.rotate_key(account="terminal")
    repository.reviews.add(version(1, Stage.FINAL))
    assert repository.audit.verify().intact and fingerprint != old.fingerprint
    with closing(Repository.open(tmp_path / "home", database)) as other:
        assert other.audit.verify() == repository.audit.verify()
    with repository._database.reading() as session:
        seals = session.scalars(select(AuditTable.seal).order_by(AuditTable.number)).all()
    assert [seal.partition(":")[0] for seal in seals[-2:]] == [old.fingerprint, fingerprint]
    rewrite(repository, "UPDATE audit SET account = 'berta' WHERE number = 1")
    assert "written anew" in faults(repository)


def test_a_deed_that_was_rolled_back_notes_no_head(repository: Repository) -> None:
    key = repository._database.seal_key
    assert key is not None
    before = key.noted()
    with pytest.raises(StoreError):
        repository.studies.delete("1.2.3", account="anna", reason="for DOE")
    assert key.noted() == before


def test_an_older_store_is_not_sealed_rather_than_broken(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "lightbox.db")) as connection:
        connection.executescript(OLD.read_text())
    with closing(open_database(tmp_path)) as found:
        migrate(found, "0016")
    with closing(sqlite3.connect(tmp_path / "lightbox.db")) as connection:
        # altered before the upgrade: nobody can know, and nobody shall claim to
        connection.execute("UPDATE reviews SET content = replace(content, 'true', 'false')")
        connection.commit()
    with closing(Repository.open(tmp_path)) as opened:
        verdict = opened.audit.verify()
        assert verdict.intact
        assert "not sealed by who made them" in " ".join(verdict.notes)
        tamper(opened, "UPDATE reviews SET content = replace(content, 'Dr A', 'Dr B')")
        assert "was altered after it was found at the upgrade" in faults(opened)


def test_typed_facts_and_the_draft_that_follows_are_sealed(repository: Repository) -> None:
    photograph = Instance(
        identity=Identity("5.1", "5.2", "5.3", "", "", "ef" * 32),
        patient=Patient("", "", "", ""),
        acquisition=film().acquisition,
        geometry=film().geometry,
        source=SourceKind.FILM,
    )
    store(repository, outcome_of(photograph), account="anna")
    repository.reviews.add(replace(version(stage=Stage.PRELIMINARY), study_instance_uid="5.1"))
    repository.typed_facts.save({"5.3": TypedFacts(name="ROE^MARY")}, Account("anna", "Dr A"))
    assert faults(repository) == ""
    tamper(repository, "UPDATE typed_facts SET typed_at = '2020-01-01 00:00:00.000000'")
    assert "Version 1 of what was typed for image 5.3 was altered" in faults(repository)


def test_an_anchor_is_a_number_and_a_digest() -> None:
    assert Anchor.parse(" 57:4F3A9C01 ") == Anchor(57, "4f3a9c01")
    for wrong in ("57", "57:4f3a", "x:4f3a9c01", "57:4f3a9c0z", f"1:{'a' * 65}"):
        with pytest.raises(ValueError, match="an anchor"):
            Anchor.parse(wrong)


def test_the_key_lies_apart_from_the_database(repository: Repository, tmp_path: Path) -> None:
    key = load_key(tmp_path / "home-seal" / "key.json")
    own = repository._database.seal_key
    assert key is not None and own is not None and key.fingerprint == own.fingerprint
    private = json.loads(key.path.read_text())["private"]
    for file in (tmp_path / "home").rglob("*"):
        assert not file.is_file() or private.encode() not in file.read_bytes()


def test_a_file_that_left_is_known_again(repository: Repository) -> None:
    seals = seal_file("pdf-1.pdf", b"as signed")
    repository.audit.record(AuditEvent.EXPORT, account="anna", detail="pdf", seals=seals)
    assert faults(repository) == ""
    assert repository.audit.check_export("pdf-1.pdf", b"as signed").true
    assert repository.audit.check_export("renamed.pdf", b"as signed").true
    altered = repository.audit.check_export("pdf-1.pdf", b"as forged")
    assert not altered.true and "not the file of that name that left here" in altered.sentence
    unknown = repository.audit.check_export("pdf-2.pdf", b"as forged")
    assert not unknown.true and "No line of the trail" in unknown.sentence
