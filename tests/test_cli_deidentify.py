"""`cli.py deidentify`: a folder in, a folder without patients out."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom import dcmread
from typer.testing import CliRunner

import imaging.commands.deidentify
import imaging.delivery.deidentified
from cli import app
from imaging.dicom.deidentify.burned_in_text import Search, search_file
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
    details = [line.detail for line in store.audit.entries()]
    store.close()
    assert details == ["de-identified 1 files", "de-identified 2 files"]


def test_the_report_says_what_was_done_and_nothing_of_whom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIGHTBOX_HOME", str(tmp_path / "home"))
    (tmp_path / "in.dcm").write_bytes(make_dicom_bytes(**WHO, AcquisitionComments="Doe, tall"))
    result = CliRunner().invoke(
        app,
        ["deidentify", str(tmp_path / "in.dcm"), str(tmp_path / "out"), "--project",
         str(tmp_path / "key"), "--report", str(tmp_path / "report.csv")],
    )  # fmt: skip
    assert result.exit_code == 0 and "1 files written" in result.output
    told = (tmp_path / "report.csv").read_text()
    assert "AcquisitionComments,removed," in told and "Modality,kept,CR" in told
    assert not [one for one in ("Doe", "Jane", "4711", "tall") if one in told]


def test_a_report_is_written_only_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIGHTBOX_HOME", str(tmp_path / "home"))
    (tmp_path / "sr.dcm").write_bytes(
        make_dicom_bytes(**WHO, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", PixelData=None)
    )
    arguments = ["deidentify", str(tmp_path / "sr.dcm"), str(tmp_path / "out"), "--project",
                 str(tmp_path / "key")]  # fmt: skip
    refused = CliRunner().invoke(app, arguments)
    assert "1 left out" in refused.output and "structured report" in refused.output
    assert "Say --documents" in refused.output
    written = CliRunner().invoke(app, [*arguments, "--documents"])
    assert "1 files written" in written.output


@pytest.mark.parametrize("mask", ["1,2,3", "a,b,c,d", "5,5,5,9", "-1,0,3,3"])
def test_a_mask_that_is_none_is_one_sentence(tmp_path: Path, mask: str) -> None:
    result = CliRunner().invoke(
        app, ["deidentify", str(tmp_path), str(tmp_path / "o"), "--project", str(tmp_path / "k"),
              "--mask", mask],
    )  # fmt: skip
    assert result.exit_code != 0 and "TOP,LEFT" in f"{result.output}{result.exception}"


def _film(*lines: tuple[str, int, int], **attributes: Any) -> bytes:
    """A film with lines of text burned in at columns and rows."""
    picture = Image.fromarray(np.full((300, 400), 60, np.uint8))
    for text, left, top in lines:
        ImageDraw.Draw(picture).text((left, top), text, 230, ImageFont.load_default(24))
    return make_dicom_bytes(np.asarray(picture), **WHO, **attributes)


@pytest.mark.slow
def test_burned_in_text_is_found_blackened_and_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIGHTBOX_HOME", str(tmp_path / "home"))
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    burned = _film(("DOE^JANE", 20, 15), ("12.03.1987", 240, 250), BurnedInAnnotation="YES")
    (source / "burned.dcm").write_bytes(burned)
    (source / "plain.dcm").write_bytes(_film(SOPInstanceUID="1.2.8"))
    (source / "missed.dcm").write_bytes(_film(SOPInstanceUID="1.2.9", BurnedInAnnotation="YES"))
    arguments = ["deidentify", str(source), str(target), "--project", str(tmp_path / "key")]
    result = CliRunner().invoke(app, [*arguments, "--find-text"])
    assert result.exit_code == 0 and "2 files written, 1 left out" in result.output
    assert "found in 2 areas" in result.output and "found in 0 areas" in result.output
    assert "No text was found, but" in result.output and "JANE" not in result.output
    made = {len(search_file(one.read_bytes()).boxes) for one in target.iterdir()}
    assert made == {0} and (source / "burned.dcm").read_bytes() == burned


def test_a_file_in_which_text_is_left_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIGHTBOX_HOME", str(tmp_path / "home"))
    (tmp_path / "burned.dcm").write_bytes(_film(("DOE^JANE", 20, 15)))
    half = Search(((0, 0, 60, 60),), 1, 1)  # a finder that sees the first letters alone
    monkeypatch.setattr(imaging.commands.deidentify, "search_file", Mock(return_value=half))
    monkeypatch.setattr(imaging.delivery.deidentified, "search_file", Mock(return_value=half))
    result = CliRunner().invoke(
        app,
        ["deidentify", str(tmp_path / "burned.dcm"), str(tmp_path / "out"), "--find-text",
         "--project", str(tmp_path / "key")],
    )  # fmt: skip
    assert "0 files written, 1 left out" in result.output
    assert "Text is still found after blackening" in result.output
    assert list((tmp_path / "out").iterdir()) == []
