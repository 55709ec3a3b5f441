"""`cli.py inspect`: the fidelity report in the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.factories import make_dicom_bytes
from tests.test_cli import run


@pytest.mark.slow
def test_inspect_prints_the_chain_and_the_cautions(tmp_path: Path) -> None:
    film = tmp_path / "film.dcm"
    film.write_bytes(make_dicom_bytes(PatientAge="010Y"))
    result = run("inspect", film)
    assert result.returncode == 0, result.stderr
    assert "The header gives an age of 10 years; the AI paediatric-cxr" in result.stdout
    assert "Research use - not for diagnosis" in result.stdout
    assert "T-1" not in result.stdout


@pytest.mark.slow
def test_inspect_prints_json(tmp_path: Path) -> None:
    film = tmp_path / "film.dcm"
    film.write_bytes(make_dicom_bytes())
    found = json.loads(run("inspect", film, "--json").stdout)
    assert found["transfer_syntax"] == "Explicit VR Little Endian"
    assert {one["code"] for one in found["cautions"]} == {"laterality", "spacing"}


@pytest.mark.slow
def test_an_unreadable_file_is_one_sentence(tmp_path: Path) -> None:
    film = tmp_path / "film.dcm"
    film.write_bytes(b"DICM?")
    result = run("inspect", film)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
