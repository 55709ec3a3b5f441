"""What killed processes left is swept; what a running one uses is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from imaging.host import temporary
from imaging.host.temporary import (
    FILMS,
    IN_MEMORY,
    OLD,
    RESULTS,
    memory_folder,
    results_folder,
    sweep,
    sweep_rows,
    temporary_folder,
)
from imaging.settings import ROOT

_USES = """
import sys, time
from pathlib import Path
from imaging.host.temporary import RESULTS, temporary_folder
from imaging.host.writing import replacing
home = Path(sys.argv[1])
with temporary_folder(RESULTS, home) as folder, replacing(home / "objects" / "ab" / "film") as s:
    (folder / "rows.csv").write_text("DOE")
    s.write(b"half a film")
    s.flush()
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder, and a system's temporary folder of its own."""
    (tmp_path / "home" / "objects" / "ab").mkdir(parents=True)
    (tmp_path / "system").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "system"))
    return tmp_path / "home"


def age(*paths: Path) -> None:
    """Make files look older than anything that is young enough to be spared."""
    long_ago = time.time() - 2 * OLD
    for path in paths:
        os.utime(path, (long_ago, long_ago))


def leftovers(home: Path) -> list[Path]:
    """What may be left below a data folder: half a film, and a folder of results."""
    return [*home.glob("objects/ab/tmp*"), *home.glob(f"{RESULTS}*")]


def test_what_a_killed_process_left_goes_and_what_a_running_one_uses_stays(home: Path) -> None:
    command = [sys.executable, "-c", _USES, str(home)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            left = leftovers(home)
            assert len(left) == 2
            age(*left)
            assert sweep(home) == 0, "it is in use, however old"
        finally:
            process.send_signal(signal.SIGKILL)
    assert leftovers(home) == left
    age(*left)
    assert sweep(home) == 2
    assert leftovers(home) == []


def test_films_in_the_systems_folder_go_too_and_what_is_young_or_not_ours_stays(
    home: Path, tmp_path: Path
) -> None:
    old, young = tmp_path / "system" / f"{FILMS}1", tmp_path / "system" / f"{FILMS}2"
    others = tmp_path / "system" / "lightbox-reference-1"
    film, link = home / "objects" / "ab" / "ab12", home / f"{RESULTS}link"
    for folder in (old, young, others):
        folder.mkdir()
    film.write_bytes(b"film")
    link.symlink_to(others)
    age(old, others, film)
    assert sweep(home) == 1
    assert young.exists() and others.exists() and film.exists() and link.is_symlink()
    assert not old.exists()


def test_a_folder_for_a_while_is_its_owners_and_gone_afterwards(home: Path) -> None:
    with temporary_folder(RESULTS, home) as folder:
        assert folder.stat().st_mode & 0o077 == 0
        age(folder)
        assert sweep(home) == 0
    assert not folder.exists()


def test_rows_beside_a_table_go_and_nothing_else_of_the_readers_folder(tmp_path: Path) -> None:
    rows, own = tmp_path / "lightbox-rows-1", tmp_path / "tmp-notes"
    rows.mkdir()
    own.mkdir()
    age(rows, own)
    assert sweep_rows(tmp_path) == 1
    assert own.exists()


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of the one whose files are in memory."""
    folder = tmp_path / "shm"
    folder.mkdir()
    monkeypatch.setattr(temporary, "memory_folder", lambda: folder)
    return folder


@pytest.mark.parametrize(("room", "private"), [(0, False), (2**80, True)])
def test_results_on_their_way_lie_in_memory(
    home: Path, memory: Path, room: int, private: bool
) -> None:
    with results_folder(home, room=room, private=private) as folder:
        assert folder.parent == memory
        assert leftovers(home) == [], "nothing of it is on the disk"
    assert not folder.exists()


def test_results_lie_in_the_data_folder_where_memory_is_short_and_they_may(
    home: Path, memory: Path
) -> None:
    with results_folder(home, room=2**80, private=False) as folder:
        assert folder.parent == home and not list(memory.iterdir())


def test_results_that_a_killed_process_left_in_memory_go(home: Path, memory: Path) -> None:
    (memory / f"{IN_MEMORY}1").mkdir()
    (memory / "results-of-another-program").mkdir()
    age(*memory.iterdir())
    assert sweep(home) == 1
    assert [path.name for path in memory.iterdir()] == ["results-of-another-program"]


def test_files_are_in_memory_where_the_system_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    monkeypatch.setattr(temporary, "_MOUNTS", mounts)
    assert memory_folder() is None
    mounts.write_text("/dev/sda1 /dev/shm ext4 rw 0 0\n")
    assert memory_folder() is None, "a disk in its place"
    mounts.write_text("proc /proc proc rw 0 0\ntmpfs /dev/shm tmpfs rw,nosuid 0 0\n")
    assert memory_folder() == (Path("/dev/shm") if Path("/dev/shm").is_dir() else None)
