"""What is put beside films is told apart from them: by content first, then by name."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Picture

from imaging.entities import Status
from imaging.errors import NotDicomError
from imaging.intake.archives import members
from imaging.intake.helper_files import is_helper_file
from models.inference.outcomes import failed_file
from tests.factories import make_dicom_bytes

NAMES = (
    "__MACOSX/Study/._IM1.dcm",
    "Study/._IM2",
    ".DS_Store",
    "cd/Thumbs.db",
    "cd/desktop.ini",
    "AUTORUN.INF",
    "autorun.exe",
    "README",
    "README.TXT",
    "Read Me.pdf",
    "LIESMICH.txt",
    "viewer/Viewer.exe",
    "viewer/de-DE/strings.dll",
    "IHE_PDI/index.htm",
    "IHE_PDI/style.css",
    "IHE_PDI/main.js",
    "jre/lib/rt.class",
    "System Volume Information/IndexerVolumeGuid",
    "DICOMDIR",
    "Icon\r",
    "cd\\viewer\\setup.ini",
)
PLAIN = ("IM000001", "IM1.dcm", "cd/notes.txt", "letter.pdf", "film.jpg", "1.2.840.3", "x.bin")


def png() -> bytes:
    buffer = io.BytesIO()
    Picture.new("L", (8, 8)).save(buffer, "PNG")
    return buffer.getvalue()


FILMS = (
    make_dicom_bytes(),
    make_dicom_bytes()[132:],  # without preamble and prefix
    make_dicom_bytes()[:300],  # cut short
    png(),
    b"\xff\xd8\xff\xe0 cut",
    b"GIF89a",
    b"BM1234",
    bytes(344) + b"n+1\0",
    b"PK\x03\x04 an archive",
    b"7z\xbc\xaf\x27\x1c",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", [b"", b"some text", b"\0\1\2\3" * 30], ids=["0", "text", "x"])
def test_a_helper_file_is_known_by_its_name(name: str, content: bytes) -> None:
    assert is_helper_file(name, content)


@pytest.mark.parametrize("name", PLAIN)
def test_any_other_file_that_is_no_film_is_a_failure(name: str) -> None:
    assert not is_helper_file(name, b"some text") and not is_helper_file(name, b"\0\1\2" * 30)


@given(st.sampled_from(NAMES), st.sampled_from(FILMS), st.binary(max_size=40))
def test_what_may_be_a_film_never_vanishes(name: str, film: bytes, tail: bytes) -> None:
    assert not is_helper_file(name, film + tail)


@pytest.mark.parametrize("name", ["IM1", "film.dcm"])
def test_programs_and_attributes_of_a_mac_are_known_by_their_bytes(name: str) -> None:
    windows = bytearray(b"MZ" + bytes(126) + b"PE\0\0")
    windows[60] = 128
    for content in (bytes(windows), b"\x7fELF\2\1", b"\0\5\x16\7\0\2\0\0Mac OS X"):
        assert is_helper_file(name, content)
    assert not is_helper_file(name, b"MZ no program")


def test_a_film_of_any_name_is_never_asked_about() -> None:
    """Only what could not be read comes here, and a damaged film stays a failure."""
    error = NotDicomError("The file looks like DICOM but is damaged.")
    status = failed_file(FILMS[2], "AUTORUN.INF", error).assessment.status
    assert status is Status.ERROR
    assert failed_file(b"x", "AUTORUN.INF", error).assessment.status is Status.HELPER


def test_report_19_is_two_films_and_one_line(data: Path) -> None:
    archive = data / "reports" / "19-helper-files-of-zip-and-disc" / "i1_mac.zip"
    helpers = {name: is_helper_file(name, read()) for name, read in members(archive, "disc.zip")}
    assert [name for name, helper in helpers.items() if not helper] == [
        "disc.zip/Study/IM1.dcm",
        "disc.zip/Study/IM2.dcm",
    ]
    assert sum(helpers.values()) == 9
