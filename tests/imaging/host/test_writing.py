"""What is written lasts: the file is safe before it has its name, and then its folder is."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imaging.host import writing


@pytest.fixture
def deeds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is made durable and renamed, in order."""
    seen: list[str] = []
    fsync, rename = os.fsync, Path.replace

    def spy_fsync(handle: int) -> None:
        name = Path(f"/proc/self/fd/{handle}").readlink().name
        seen.append("file" if name.startswith("tmp") else f"sync {name}")
        fsync(handle)

    def spy_rename(self: Path, target: Path) -> Path:
        seen.append(f"name {Path(target).name}")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(Path, "replace", spy_rename)
    return seen


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="asks /proc what is made durable")
def test_bytes_are_durable_before_their_name_and_the_name_after(
    tmp_path: Path, deeds: list[str]
) -> None:
    folder = tmp_path / "ab"
    writing.make_folder(folder)
    with writing.replacing(folder / "film") as stream:
        stream.write(b"film")
    assert deeds == [f"sync {tmp_path.name}", "file", "name film", "sync ab"]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="asks /proc what is made durable")
def test_what_is_moved_is_durable_too(tmp_path: Path, deeds: list[str]) -> None:
    (tmp_path / "part").write_bytes(b"film")
    (tmp_path / "kept").mkdir()
    writing.move(tmp_path / "part", tmp_path / "kept" / "film")
    assert deeds == ["sync part", f"sync {tmp_path.name}", "name film", "sync kept"]


def test_a_block_that_fails_leaves_what_was_there_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(b"before")
    with pytest.raises(OSError, match="full"), writing.replacing(tmp_path / "film") as stream:
        stream.write(b"ha")
        raise OSError("full")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("film", b"before")]


def test_of_many_first_files_one_stays_and_nobody_reads_a_part(tmp_path: Path) -> None:
    """Whoever comes second reads at once what the first one wrote: all of it."""
    target, contents = tmp_path / "key", [bytes([65 + n]) * 64 for n in range(8)]

    def claim(content: bytes) -> tuple[bool, bytes]:
        return writing.write_first(target, content), target.read_bytes()

    with ThreadPoolExecutor(len(contents)) as pool:
        claims = list(pool.map(claim, contents))
    assert [first for first, _ in claims].count(True) == 1
    assert {read for _, read in claims} == {target.read_bytes()} <= set(map(bytes, contents))
    assert [*tmp_path.iterdir()] == [target] and target.stat().st_mode & 0o777 == 0o600


def test_a_first_file_has_its_name_only_when_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    durable = os.fsync

    def fsync(handle: int) -> None:
        seen.append((tmp_path / "key").exists())
        durable(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    assert writing.write_first(tmp_path / "key", b"whole")
    assert seen == [False, True]  # the bytes, then the folder
