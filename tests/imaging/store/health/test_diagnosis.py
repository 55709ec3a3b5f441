"""A database that is damaged, full, held or only readable: said truly, and read all the same."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from imaging.errors import AccessError, StoreBusyError, StoreError, StoreReadOnlyError
from imaging.review.records import AuditEvent
from imaging.settings import ROOT
from imaging.store import Repository
from imaging.store.database import waiting_at_most
from imaging.store.health import diagnosis
from imaging.store.health.diagnosis import find_damage
from tests.factories import make_dicom_bytes
from tests.served import TakeIn

NAME, PASSWORD = "dra", "correct horse battery"
HOLDS = """
import sqlite3, sys, time
records = sqlite3.connect(sys.argv[1], isolation_level=None)
records.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(600)
"""


@contextmanager
def held(home: Path) -> Iterator[None]:
    """The database, held by a transaction of another process."""
    command = [sys.executable, "-c", HOLDS, str(home / "lightbox.db")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "held\n"
            yield
        finally:
            process.kill()


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system of memory in a folder; skips where nothing may be mounted."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)], check=False)
    if done.returncode:
        pytest.skip("nothing may be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


def harm(home: Path, table: str) -> None:
    """Overwrite the page where a table begins."""
    database = home / "lightbox.db"
    with closing(sqlite3.connect(database)) as records:
        records.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = records.execute("PRAGMA page_size").fetchone()[0]
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        page = records.execute(query, (table,)).fetchone()[0]
    with database.open("rb+") as stream:
        stream.seek((page - 1) * size)
        stream.write(b"\xff" * size)


def filled(home: Path, take_in: TakeIn) -> str:
    """A data folder with a study and an account, closed; returns the study."""
    store = Repository.open(home)
    outcome = take_in(store, make_dicom_bytes())
    store.accounts.create(NAME, "Dr A", PASSWORD)
    store.close()
    assert outcome.instance is not None
    return outcome.instance.identity.study_instance_uid


def insist_on_reading(store: Repository, study: str) -> None:
    """Everything can be read, a reader can come in, and nothing can be written."""
    assert store.studies.get(study).assessments[0] is not None
    account, token = store.accounts.sign_in(NAME, PASSWORD)
    assert store.accounts.account_of(token) == account
    store.accounts.sign_out(token)
    assert store.accounts.account_of(token) is None
    with pytest.raises(AccessError):
        store.accounts.sign_in(NAME, "wrong")
    with pytest.raises(StoreReadOnlyError, match=store.read_only[:30]):
        store.audit.record(AuditEvent.VIEW, account="a")
    assert store.audit.verify().intact


def test_a_whole_database_has_no_damage(repository: Repository, tmp_path: Path) -> None:
    assert find_damage(tmp_path / "home" / "lightbox.db") == "" == repository.read_only
    assert find_damage(tmp_path / "nowhere.db") == ""


def test_a_damaged_one_opens_for_reading_and_says_so(tmp_path: Path, take_in: TakeIn) -> None:
    study = filled(tmp_path / "home", take_in)
    harm(tmp_path / "home", "views")
    with closing(Repository.open(tmp_path / "home")) as store:
        assert "database is damaged" in store.read_only
        insist_on_reading(store, study)


def test_what_is_damaged_itself_is_told_where_it_is_read(tmp_path: Path, take_in: TakeIn) -> None:
    study = filled(tmp_path / "home", take_in)
    harm(tmp_path / "home", "instances")
    with closing(Repository.open(tmp_path / "home")) as store:
        assert store.worklist.page().stored == 1
        with pytest.raises(StoreError, match="database is damaged"):
            store.studies.get(study)


def test_what_is_no_database_at_all_is_damaged(tmp_path: Path, take_in: TakeIn) -> None:
    filled(tmp_path / "home", take_in)
    (tmp_path / "home" / "lightbox.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError, match="it is damaged, or encrypted"):
        Repository.open(tmp_path / "home")


@pytest.mark.parametrize("unsaved", [False, True], ids=["closed", "log left behind"])
def test_a_disk_that_can_only_be_read(tmp_path: Path, take_in: TakeIn, unsaved: bool) -> None:
    with mounted(tmp_path / "disk"):
        home = tmp_path / "disk" / "home"
        study = filled(home, take_in)
        if unsaved:  # as a killed server leaves it
            store = Repository.open(home)
            store.audit.record(AuditEvent.VIEW, account="the last line")
            shutil.copytree(home, tmp_path / "disk" / "killed")
            store.close()
            home = tmp_path / "disk" / "killed"
            (home / "lightbox.db-shm").unlink()
        read_only(tmp_path / "disk")
        with closing(Repository.open(home)) as store:
            assert "can be read, but not written" in store.read_only
            insist_on_reading(store, study)
            if unsaved:
                assert store.audit.entries()[-1].account == "the last line"
            else:  # its key is there, and is asked
                assert store.audit.verify().intact and store.audit.verify().notes == ()


def test_a_full_disk_says_that_it_is_full(tmp_path: Path, take_in: TakeIn) -> None:
    with mounted(tmp_path / "disk", "-o", "size=4m"):
        home = tmp_path / "disk" / "home"
        study = filled(home, take_in)
        store = Repository.open(home)
        with pytest.raises(StoreError, match="disk of the data folder is full"):
            fill(tmp_path / "disk")
            for _ in range(2000):
                store.audit.record(AuditEvent.VIEW, account="a" * 60, detail="x" * 4000)
        assert store.studies.get(study)
        store.close()
        fill(tmp_path / "disk")
        with closing(Repository.open(home)) as again:
            assert again.studies.get(study).instances


def fill(disk: Path) -> None:
    """Leave no byte free."""
    try:
        with (disk / f"rest{time.monotonic_ns()}").open("wb", buffering=0) as stream:
            for size in (2**16, 2**12):
                while stream.write(b"x" * size):
                    pass
    except OSError:
        pass


def test_a_held_one_is_not_waited_for_longer_than_said(
    repository: Repository, tmp_path: Path
) -> None:
    with held(tmp_path / "home"), waiting_at_most(0.3):
        began = time.monotonic()
        with pytest.raises(StoreBusyError, match="Another program"):
            repository.audit.record(AuditEvent.VIEW, account="a")
        assert time.monotonic() - began < 3
        assert repository.audit.entries() == (), "reading waits for nobody"
    repository.audit.record(AuditEvent.VIEW, account="a")


def test_what_a_failure_is_nobody_knows_is_said_otherwise() -> None:
    told = diagnosis.diagnose(ValueError("?"), otherwise="Something else.")
    assert type(told) is StoreError and str(told) == "Something else."
