"""A disc's files are found whatever copying made of their names (PS3.10 8.2)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.intake.disc import Disc
from imaging.intake.expand import walk

FILE_ID = ("PT000000", "ST000001", "IM000002")
case = st.sampled_from([str, str.lower, str.title])
suffix = st.sampled_from(["", ".dcm", ".DCM", ";1", ".;1", ".", ".dcm;1", ".IMA"])


@given(case, case, case, suffix)
def test_case_version_and_suffix_are_forgiven(patient, study, image, added) -> None:  # type: ignore[no-untyped-def]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        names = patient(FILE_ID[0]), study(FILE_ID[1]), image(FILE_ID[2]) + added
        film = root.joinpath(*names)
        film.parent.mkdir(parents=True)
        film.write_bytes(b"film")
        (film.parent / "IM000003").write_bytes(b"another")
        assert Disc(root).find(FILE_ID) == film


def test_the_name_as_written_goes_before_others(tmp_path: Path) -> None:
    for name in ("im1", "IM1", "IM1.dcm", "IM1;1"):
        (tmp_path / name).write_bytes(name.encode())
    disc = Disc(tmp_path)
    assert disc.find(["IM1"]).name == "IM1" and disc.find(["IM1.DCM"]).name == "IM1.dcm"
    (tmp_path / "IM1").unlink()
    assert Disc(tmp_path).find(["IM1"]).name == "im1"


def test_a_file_without_its_suffix_is_found_too(tmp_path: Path) -> None:
    (tmp_path / "IM1").write_bytes(b"film")
    assert Disc(tmp_path).find(["im1.dcm"]).name == "IM1"
    assert Disc(tmp_path).find(["IM2"]) == tmp_path / "IM2"  # nowhere: where it should be
    assert Disc(tmp_path).find(["GONE", "IM1"]) == tmp_path / "GONE" / "IM1"


@pytest.mark.parametrize("kind", ["ext", "lowerfile", "ver"])
def test_report_21_is_found(data: Path, kind: str) -> None:
    disc = data / "reports" / "21-dicomdir-names" / kind / "DICOMDIR"
    (found,) = walk([disc])
    assert found.read()[128:132] == b"DICM"
