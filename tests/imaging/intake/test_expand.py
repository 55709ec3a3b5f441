"""Files, folders and archives become one candidate per file; a bad one says so when read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from imaging.errors import InputError
from imaging.intake.expand import walk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.dcm").write_bytes(b"two")
    (tmp_path / "a.dcm").write_bytes(b"one")
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.writestr("inner/three.dcm", b"three")
        archive.writestr("empty/", b"")
    return tmp_path


def test_every_file_once_in_order(folder: Path) -> None:
    found = {Path(c.path).name: c.read() for c in walk([folder])}
    assert list(found.items()) == [
        ("a.dcm", b"one"),
        ("two.dcm", b"two"),
        ("three.dcm", b"three"),
    ]


def test_a_missing_path_is_a_candidate_that_says_so(tmp_path: Path) -> None:
    (candidate,) = walk([tmp_path / "gone.dcm"])
    with pytest.raises(InputError, match="does not exist"):
        candidate.read()


def test_a_damaged_member_does_not_hide_the_next(folder: Path) -> None:
    archive = folder / "c.zip"
    with zipfile.ZipFile(archive, "a") as handle:
        handle.writestr("inner/four.dcm", b"four")
    archive.write_bytes(archive.read_bytes().replace(b"three", b"thrEE", 3))
    first, second = walk([archive])
    with pytest.raises(InputError, match="damaged"):
        first.read()
    assert second.read() == b"four"


def test_something_called_zip_is_just_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK no")
    (candidate,) = walk([tmp_path / "x.zip"])
    assert candidate.read() == b"PK no"
