"""`cli.py deidentify`: a folder in, a folder without patients out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from typer.testing import CliRunner

from cli import app
from imaging.store import Repository
from tests.factories import make_dicom_bytes

WHO: dict[str, Any] = {"PatientName": "Doe^Jane", "PatientID": "MRN-4711"}


def test_a_folder_goes_in_and_comes_out_nameless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIGHTBOX_HOME", str(tmp_path / "home"))
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "DOE.dcm").write_bytes(make_dicom_bytes(**WHO))
    (source / "burned.dcm").write_bytes(
        make_dicom_bytes(**WHO, BurnedInAnnotation="YES", SOPInstanceUID="1.2.8")
    )
    (source / "notes.txt").write_text("Jane Doe")
    arguments = ["deidentify", str(source), str(target), "--project", str(tmp_path / "key")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0 and "1 files written, 2 left out" in result.output
    assert "burned into this picture" in result.output
    (made,) = target.iterdir()
    assert b"Jane" not in made.read_bytes() and "DOE" not in made.name
    assert made.stem == dcmread(made).SOPInstanceUID
    masked = CliRunner().invoke(app, [*arguments, "--mask", "0,0,4,30"])
    assert "2 files written" in masked.output and len(list(target.iterdir())) == 2
    store = Repository.open(tmp_path / "home")
    details = [line.detail for line in store.audit()]
    store.close()
    assert details == ["de-identified 1 files", "de-identified 2 files"]


@pytest.mark.parametrize("mask", ["1,2,3", "a,b,c,d", "5,5,5,9", "-1,0,3,3"])
def test_a_mask_that_is_none_is_one_sentence(tmp_path: Path, mask: str) -> None:
    result = CliRunner().invoke(
        app, ["deidentify", str(tmp_path), str(tmp_path / "o"), "--project", str(tmp_path / "k"),
              "--mask", mask],
    )  # fmt: skip
    assert result.exit_code != 0 and "TOP,LEFT" in f"{result.output}{result.exception}"
