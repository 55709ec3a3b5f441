"""Archives are opened in another process: the same comes out, and what harms it harms it alone."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imaging.errors import InputError
from imaging.intake import unpack_process
from imaging.intake.archives import MAX_FILE_BYTES, members
from imaging.intake.unpack_process import CRASHED, MEMORY, TIMED_OUT, _Unpackers, members_apart
from tests.hostile_unpacker import HARMS

Found = list[tuple[str, bytes | str]]


@pytest.fixture
def hostile() -> Iterator[_Unpackers]:
    made = _Unpackers("tests.hostile_unpacker", memory=MEMORY, seconds=60)
    yield made
    made.close()


def zipped(*files: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(*files: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files:
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return buffer.getvalue()


def take_all(found: Iterator[tuple[str, Any]]) -> Found:
    taken: Found = []
    for name, read in found:
        try:
            content = read()
            taken.append((name, content if isinstance(content, bytes) else b"".join(content)))
        except InputError as exc:
            taken.append((name, str(exc)))
    return taken


FILES = (("a/one", b"1" * 10), ("empty", b""), ("large", bytes(range(256)) * 40_000))
ARCHIVES = {
    "zip": zipped(*FILES),
    "tgz": tarred(*FILES),
    "zip in zip": zipped(("inner.zip", zipped(*FILES)), ("beside", b"x")),
    "cut": zipped(*FILES)[:-40],
    "damaged": b"PK\x03\x04" + b"\0" * 500,
    "bomb": zipped(("bomb", b"\0" * 2**25), ("after", b"y")),
}


@pytest.mark.parametrize("kind", ARCHIVES)
@pytest.mark.parametrize("way", ["bytes", "path", "stream"])
def test_the_same_comes_out_as_without_the_process(kind: str, way: str, tmp_path: Path) -> None:
    content = ARCHIVES[kind]
    path = tmp_path / "archive"
    path.write_bytes(content)
    expected = take_all(members(content, "archive"))
    with path.open("rb") as stream:
        source = {"bytes": content, "path": path, "stream": stream}[way]
        assert take_all(members_apart(source, "archive")) == expected  # type: ignore[arg-type]
    assert expected


@pytest.mark.parametrize("when", ["named", "read"])
@pytest.mark.parametrize("harm", HARMS)
def test_an_archive_that_takes_over_its_unpacker_harms_no_other(
    hostile: _Unpackers, harm: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack_process, "MAX_FILE_BYTES", 2**24)
    sound = zipped(("one", b"1"), ("two", b"2"))
    assert take_all(members_apart(sound, "a", unpackers=hostile))  # it has started
    hostile.seconds = 3
    content = zipped(("first", b"1"), (f"{harm}.{when}", b"2"), ("last", b"3"))
    found = take_all(members_apart(content, "archive", unpackers=hostile))
    assert found[0] == ("archive/first", b"1")
    words = {said for _, said in found[1:]}
    assert words <= {CRASHED, TIMED_OUT} and words
    assert found[-1][0] == "archive"
    hostile.seconds = 60
    assert take_all(members_apart(sound, "b", unpackers=hostile)) == [
        ("b/one", b"1"),
        ("b/two", b"2"),
    ]


def test_who_leaves_an_archive_early_leaves_no_process_in_the_middle(hostile: _Unpackers) -> None:
    found = members_apart(zipped(*FILES), "a", unpackers=hostile)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert hostile._idle == []
    for name, _read in members_apart(zipped(*FILES), "a", unpackers=hostile):
        assert name  # none is read
    assert len(hostile._idle) == 1


def test_the_process_has_little_memory_and_low_priority(hostile: _Unpackers) -> None:
    resource = pytest.importorskip("resource")
    take_all(members_apart(zipped(*FILES), "a", unpackers=hostile))
    (child,) = hostile._idle
    assert child._process is not None
    assert resource.prlimit(child._process.pid, resource.RLIMIT_AS) == (MEMORY, MEMORY)
    assert MEMORY < 2 * MAX_FILE_BYTES + 1


@pytest.mark.slow
def test_the_largest_member_fits_the_process() -> None:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive,
        archive.open("large", "w", force_zip64=True) as member,
    ):
        for _ in range(MAX_FILE_BYTES // 2**22):
            member.write(b"\1" * 2**22)
    for name, read in members_apart(buffer.getvalue(), "a"):
        assert name == "a/large" and sum(len(part) for part in read()) == MAX_FILE_BYTES
