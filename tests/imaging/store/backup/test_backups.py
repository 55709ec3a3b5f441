"""Backups: one moment, whole; restored elsewhere with every hash; refused before they do harm."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from imaging.errors import ConflictError, StoreError, StoreLockedError
from imaging.review.records import AuditEvent, Call, ReadFinding, Review, Stage
from imaging.settings import ROOT
from imaging.store import Repository
from imaging.store.backup import backups
from imaging.store.backup.backups import check_backup, keep_daily, make_backup, restore_backup
from imaging.store.backup.sealing import BackupKey
from imaging.store.encryption.finding import Ways, _known, default_key_file, find_keys
from imaging.store.encryption.protection import load_protection, save_protection
from imaging.store.encryption.protectors import Kind, passphrase_secret, read_key_file
from imaging.store.encryption.sqlite_file import connect
from imaging.store.opening.opening import encrypt_new
from tests.conftest import open_empty
from tests.factories import make_dicom_bytes
from tests.postgresql import fresh_database
from tests.served import TakeIn

KEY = BackupKey(b"k" * 64, from_file=True)


@pytest.fixture(params=["plain", "encrypted"])
def repository(
    request: pytest.FixtureRequest, tmp_path: Path, empty_home: Path
) -> Iterator[Repository]:
    """An empty store, of each kind in turn: an encrypted one has a key file beside it."""
    if request.param == "encrypted":
        encrypt_new(tmp_path / "home")
        store = Repository.open(tmp_path / "home")
    else:
        store = open_empty(tmp_path / "home", empty_home)
    yield store
    store.close()


def records_of(home: Path, store: Repository) -> sqlite3.Connection:
    """The database of a data folder with the keys of a store."""
    return connect(home / "lightbox.db", store.keys.database if store.keys else None)


def back_up(repository: Repository, tmp_path: Path) -> Path:
    return make_backup(
        repository, tmp_path / "home", tmp_path / "backups", KEY, account="a", environ={}
    )[0]


def files_of(home: Path) -> dict[str, str]:
    """SHA-256 of every file below a data folder but the database's."""
    return {
        path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.rglob("*")
        if path.is_file() and not path.name.startswith("lightbox.db")
    }


def signed(study: str) -> Review:
    stated = ReadFinding("pneumonia", True, Call.ACCEPTED)
    now = datetime.now(UTC)
    return Review(study, 0, Stage.FINAL, "a", "Dr A", now, findings=(stated,), note="as read")


@pytest.fixture
def study(repository: Repository, take_in: TakeIn) -> str:
    """A signed study with its film; signed as it was read."""
    outcome = take_in(repository, make_dicom_bytes())
    assert outcome.instance is not None
    uid = outcome.instance.identity.study_instance_uid
    repository.reviews.add(signed(uid))
    return uid


def test_what_is_restored_elsewhere_is_what_was_there(
    repository: Repository, study: str, tmp_path: Path
) -> None:
    (tmp_path / "home" / "seal.key").write_bytes(b"the seal's key")
    before = files_of(tmp_path / "home")
    path = back_up(repository, tmp_path)
    assert path.stat().st_mode & 0o077 == 0
    manifest, verdict = restore_backup(path, KEY, tmp_path / "other" / "home")
    restored = files_of(tmp_path / "other" / "home")
    assert restored.pop(backups.SETTINGS)
    assert restored == before
    assert "seal.key" in manifest.others and manifest.originals == 1
    assert verdict is not None and verdict.intact
    again = Repository.open(tmp_path / "other" / "home")
    record = again.studies.get(study)
    assert record.final is not None and record.final.note == "as read"
    assert again.originals.content(record.instances[0].identity.sha256)
    assert again.audit.verify().intact
    assert again.audit.entries()[-1].deed is AuditEvent.RESTORE
    again.close()
    assert repository.audit.entries()[-1].deed is AuditEvent.BACKUP
    assert b"T-1" not in path.read_bytes()


def test_a_backup_in_the_middle_of_a_job_is_one_moment(
    repository: Repository, take_in: TakeIn, tmp_path: Path
) -> None:
    made = threading.Event()

    def work() -> None:
        number = 0
        while not made.is_set() and number < 400:
            number += 1
            take_in(repository, make_dicom_bytes(PatientID=f"P-{number}"))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        until = time.monotonic() + 60
        while repository.worklist.page().stored < 5 and time.monotonic() < until:
            time.sleep(0.02)
        taken = [back_up(repository, tmp_path) for _ in range(3)]
    finally:
        made.set()
        worker.join()
    for number, path in enumerate(taken):
        manifest, verdict = restore_backup(path, KEY, tmp_path / f"restored{number}")
        assert verdict is not None and verdict.intact and not (manifest.damaged or manifest.missing)
        with closing(records_of(tmp_path / f"restored{number}", repository)) as records:
            named = [row[0] for row in records.execute("SELECT sha256 FROM instances")]
        assert len(named) >= 5
        again = Repository.open(tmp_path / f"restored{number}")
        assert all(again.originals.content(sha256) for sha256 in named)
        again.close()


def test_a_study_deleted_while_films_are_copied_is_still_whole_in_it(
    repository: Repository, study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gather = backups.gather

    def then_delete(*args: object, **options: object) -> object:
        contents = gather(*args, **options)  # type: ignore[arg-type]
        repository.studies.delete(study, account="a", reason="asked for")
        return contents

    monkeypatch.setattr(backups, "gather", then_delete)
    path = back_up(repository, tmp_path)
    manifest, _ = restore_backup(path, KEY, tmp_path / "restored")
    assert manifest.originals == 1 and not manifest.missing
    again = Repository.open(tmp_path / "restored")
    assert again.originals.content(again.studies.get(study).instances[0].identity.sha256)
    again.close()


def test_what_was_damaged_or_gone_before_is_told(
    repository: Repository, study: str, tmp_path: Path
) -> None:
    sha256 = repository.studies.get(study).instances[0].identity.sha256
    repository.originals.path_of(sha256).write_bytes(b"altered")
    assert check_backup(back_up(repository, tmp_path), KEY).damaged == (sha256,)
    repository.originals.path_of(sha256).unlink()
    assert check_backup(back_up(repository, tmp_path), KEY).missing == (sha256,)


@pytest.mark.parametrize("harm", ["cut", "altered", "key", "other file"])
def test_one_that_cannot_be_relied_on_is_refused_before_anything_is_touched(
    repository: Repository, study: str, tmp_path: Path, harm: str
) -> None:
    path, key = back_up(repository, tmp_path), KEY
    content = bytearray(path.read_bytes())
    if harm == "cut":
        del content[-100:]
    elif harm == "altered":
        content[len(content) // 2] ^= 1
    elif harm == "other file":
        content[:] = b"not a backup"
    else:
        key = BackupKey(b"l" * 64, from_file=True)
    path.write_bytes(content)
    (tmp_path / "home.txt").write_text("what is there")
    before = sorted(tmp_path.rglob("*"))
    hashes = files_of(tmp_path / "home")
    for replace in (False, True):
        with pytest.raises(StoreError):
            restore_backup(path, key, tmp_path / "home", replace=replace)
    with pytest.raises(StoreError):
        restore_backup(path, key, tmp_path / "new")
    assert sorted(tmp_path.rglob("*")) == before
    assert files_of(tmp_path / "home") == hashes


def test_a_folder_with_something_in_it_is_replaced_when_told_and_kept_beside(
    repository: Repository, study: str, tmp_path: Path
) -> None:
    path = back_up(repository, tmp_path)
    repository.close()
    (tmp_path / "home" / "later").write_text("after the backup")
    with pytest.raises(ConflictError, match="not empty"):
        restore_backup(path, KEY, tmp_path / "home")
    restore_backup(path, KEY, tmp_path / "home", replace=True)
    (beside,) = tmp_path.glob("home.before-*")
    assert (beside / "later").read_text() == "after the backup"
    assert not (tmp_path / "home" / "later").exists()


def test_the_key_that_seals_the_trail_goes_along_and_an_older_ones_head_does_not(
    repository: Repository, study: str, tmp_path: Path
) -> None:
    beside = tmp_path / "home-seal"
    beside.mkdir(exist_ok=True)
    if not (beside / "key.json").exists():
        (beside / "key.json").write_text("{}")
    key = (beside / "key.json").read_bytes()
    path = back_up(repository, tmp_path)
    repository.close()
    (beside / "anchor.json").write_text("of a later moment")
    manifest, _ = restore_backup(path, KEY, tmp_path / "other")
    assert "beside/seal/key.json" in manifest.others
    assert (tmp_path / "other-seal" / "key.json").read_bytes() == key
    restore_backup(path, KEY, tmp_path / "home", replace=True)
    assert (beside / "key.json").read_bytes() == key
    (before,) = tmp_path.glob("home-seal.before-*")
    assert (before / "anchor.json").read_text() == "of a later moment"
    assert "later moment" not in "".join(p.read_text() for p in beside.glob("anchor.json"))


_SLOW = """
import sys, time
from pathlib import Path
from imaging.store import Repository
from imaging.store.backup import backups
from imaging.store.backup.sealing import BackupKey
add = backups._add
def slow(*args):
    done = add(*args)
    print(args[1], flush=True)
    time.sleep(600)
backups._add = slow
home = Path(sys.argv[1])
key = BackupKey(b"k" * 64, from_file=True)
backups.make_backup(Repository.open(home), home, home.parent / "backups", key, account="a")
"""


def test_a_kill_in_the_middle_leaves_no_half_backup_under_its_name(
    repository: Repository, study: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", _SLOW, str(tmp_path / "home")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "lightbox.db\n"
        finally:
            process.send_signal(signal.SIGKILL)
    left = list((tmp_path / "backups").iterdir())
    assert len(left) == 1 and left[0].suffix != backups.SUFFIX
    old = time.time() - 2 * 3600
    held = list((tmp_path / "home").glob("backing-up-*"))
    for path in (*left, *held):
        os.utime(path, (old, old))
    path = back_up(repository, tmp_path)
    assert list((tmp_path / "backups").iterdir()) == [path]
    assert held and repository.originals.sweep() == len(held)


def test_every_day_one_and_the_newest_stay(
    repository: Repository, study: str, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for days in range(2, 6):
        moment = datetime.now(UTC) - timedelta(days=days)
        (folder / f"lightbox-{moment:%Y%m%d-%H%M%S}.backup").write_bytes(b"older")
    (folder / "mine.backup").write_bytes(b"the site's own")
    assert keep_daily(repository, tmp_path / "home", folder, KEY, 3)
    assert not keep_daily(repository, tmp_path / "home", folder, KEY, 3)
    kept = sorted(path.name for path in folder.iterdir())
    assert len(kept) == 4 and "mine.backup" in kept
    assert check_backup(folder / kept[2], KEY).originals == 1


def test_a_damaged_database_replaces_no_backup(
    repository: Repository, study: str, tmp_path: Path
) -> None:
    repository.close()
    database = tmp_path / "home" / "lightbox.db"
    with closing(records_of(tmp_path / "home", repository)) as records:
        records.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        page = int(records.execute("PRAGMA page_size").fetchone()[0])
    content = bytearray(database.read_bytes())
    for at in range(4, len(content) // page, 3):
        content[at * page : at * page + 64] = b"\xff" * 64
    database.write_bytes(content)
    with pytest.raises(StoreError, match="database is damaged"):
        back_up(repository, tmp_path)
    assert list((tmp_path / "backups").iterdir()) == []


def test_films_left_where_they_lie_come_along(
    repository: Repository, tmp_path: Path, take_in: TakeIn
) -> None:
    outcome = take_in(repository, make_dicom_bytes())
    assert outcome.instance is not None
    sha256 = outcome.instance.identity.sha256
    kept = repository.originals.path_of(sha256)
    (tmp_path / "ward.dcm").write_bytes(repository.originals.content(sha256))
    kept.unlink()
    with closing(records_of(tmp_path / "home", repository)) as records:
        records.execute("UPDATE instances SET location = ?", (str(tmp_path / "ward.dcm"),))
    manifest, _ = restore_backup(back_up(repository, tmp_path), KEY, tmp_path / "other")
    assert manifest.originals == 1 and manifest.elsewhere == 0
    (tmp_path / "ward.dcm").unlink()
    again = Repository.open(tmp_path / "other")
    assert again.originals.content(sha256)
    again.close()
    assert check_backup(back_up(repository, tmp_path), KEY).elsewhere == 1


def test_records_in_postgresql_are_refused_in_words(postgresql: Path, tmp_path: Path) -> None:
    with fresh_database(postgresql) as address:
        store = Repository.open(tmp_path / "home", address)
        with pytest.raises(StoreError, match="pg_dump"):
            back_up(store, tmp_path)
        store.close()
    assert not (tmp_path / "backups").exists()


def without_key_file(home: Path) -> None:
    """Have an encrypted data folder opened by a passphrase alone."""
    encrypt_new(home)
    protection = load_protection(home)
    assert protection is not None
    data_key = protection.open_with(Kind.FILE, read_key_file(default_key_file(home)) or b"")
    assert data_key is not None
    protection = protection.adding(data_key, Kind.PASSPHRASE, passphrase_secret("open it, please"))
    save_protection(home, protection.removing("file-1"))
    default_key_file(home).unlink()


def test_a_folder_that_a_passphrase_opens_is_restored_and_opens_by_it(tmp_path: Path) -> None:
    """The backup holds no key of it: who has its key has the backup, not yet what is in it."""
    home = tmp_path / "home"
    without_key_file(home)
    ways = Ways(ask=lambda: "open it, please")
    store = Repository.open(home, keys=find_keys(home, ways))
    sha256 = store.originals.keep(b"film")
    path = back_up(store, tmp_path)
    store.close()
    _known.clear()  # as on another computer
    manifest, verdict = restore_backup(path, KEY, tmp_path / "locked")
    assert verdict is None and manifest.others == ("encryption.json", "beside/seal/key.json")
    with pytest.raises(StoreLockedError):
        Repository.open(tmp_path / "locked")
    _, verdict = restore_backup(path, KEY, tmp_path / "opened", ways=ways)
    assert verdict is not None and verdict.intact
    again = Repository.open(tmp_path / "locked", keys=find_keys(tmp_path / "locked", ways))
    assert again.originals.content(sha256) == b"film"
    again.close()


def test_a_key_file_that_lies_elsewhere_comes_along(tmp_path: Path) -> None:
    home, key_file = tmp_path / "home", tmp_path / "vault.key"
    encrypt_new(home, key_file)
    store = Repository.open(home, keys=find_keys(home, Ways(key_file=key_file)))
    sha256 = store.originals.keep(b"film")
    backup, _ = make_backup(store, home, tmp_path / "to", KEY, account="a", key_file=key_file)
    store.close()
    key_file.unlink()  # the computer is lost
    _, verdict = restore_backup(backup, KEY, tmp_path / "other")
    assert verdict is not None and verdict.intact
    again = Repository.open(tmp_path / "other")
    assert again.originals.content(sha256) == b"film"
    again.close()


def test_nothing_plain_touches_the_disk_on_its_way(
    repository: Repository, study: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies in the work folder at the moment of writing, and in the backup itself."""
    write = backups._write
    seen: list[bytes] = []

    def look(*args: object) -> object:
        manifest = write(*args)  # type: ignore[arg-type]
        held = (tmp_path / "home").rglob("backing-up-*/**/*")
        seen.extend(path.read_bytes() for path in held if path.is_file())
        return manifest

    monkeypatch.setattr(backups, "_write", look)
    seen.append(back_up(repository, tmp_path).read_bytes())
    # long enough that no encrypted megabyte holds it by chance, as it did three letters
    plain = [study.encode() in content or b"DICM" in content for content in seen]
    assert len(plain) == 3 and any(plain) is (repository.keys is None) and not plain[-1]
