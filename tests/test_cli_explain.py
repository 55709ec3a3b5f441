"""`cli.py explain`: maps on the film's own pixels, receipts, and one line about what went wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import cli
from imaging.entities import RESEARCH_USE
from imaging.errors import SettingsError
from models.explain.methods.registry import methods_for
from tests.conftest import tiny_card
from tests.factories import make_dicom_bytes
from tests.planted import BRIGHT, disc, planted_checkpoint, planted_film

POOLED = methods_for(evidence=False)  # methods for a network that pools before it decides

ROWS, COLUMNS = 200, 300


@pytest.fixture
def ward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a marked film, a film of nothing and a broken file; the planted network."""
    planted_checkpoint(tmp_path / "weights" / "planted", tiny_card())
    monkeypatch.setenv("LIGHTBOX_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("LIGHTBOX_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("LIGHTBOX_MODEL", raising=False)
    folder = tmp_path / "ward"
    folder.mkdir()
    pixels = (planted_film(side=COLUMNS)[:, :] * 4000).astype(np.uint16)
    marked = pixels[np.linspace(0, COLUMNS - 1, ROWS).astype(int)]  # squashed, as the input is
    (folder / "marked.dcm").write_bytes(
        make_dicom_bytes(marked, PatientName="SECRET^NAME", PatientID="SECRET-ID")
    )
    (folder / "broken.dcm").write_bytes(b"no film")
    (folder / "ct.dcm").write_bytes(make_dicom_bytes(Modality="CT", SOPInstanceUID="1.2.77"))
    return folder


def explain(*arguments: str) -> tuple[int, str]:
    """Exit status and everything said."""
    done = CliRunner().invoke(cli.app, ["explain", *arguments])
    if isinstance(done.exception, SettingsError):
        raise done.exception
    return done.exit_code, done.output


def test_a_map_lies_on_the_films_own_pixels(ward: Path, tmp_path: Path) -> None:
    status, said = explain(str(ward), "--out", str(tmp_path / "out"))
    assert status == 0 and "1 explained" in said and RESEARCH_USE in said
    assert "1 error" in said and "1 refused" in said and "broken.dcm: " in said
    (facts,) = (json.loads(p.read_text()) for p in (tmp_path / "out").glob("*.json"))
    stem = f"{facts['sop_instance_uid']}_fused"
    found = np.load(tmp_path / "out" / f"{stem}.npy")
    spread = np.load(tmp_path / "out" / f"{stem}_spread.npy")
    assert found.shape == spread.shape == (ROWS, COLUMNS) and found.dtype == np.float32
    row, column = np.unravel_index(found.argmax(), found.shape)
    mark = disc(COLUMNS, BRIGHT, 0.15)[np.linspace(0, COLUMNS - 1, ROWS).astype(int)]
    assert mark[row, column]
    assert (tmp_path / "out" / f"{stem}.png").read_bytes().startswith(b"\x89PNG")


def test_the_facts_name_the_model_and_nobody(ward: Path, tmp_path: Path) -> None:
    explain(str(ward / "marked.dcm"), "--out", str(tmp_path / "out"), "--method", "grad_cam")
    (path,) = (tmp_path / "out").glob("*.json")
    text = path.read_text()
    facts = json.loads(text)
    assert "SECRET" not in text and facts["research_use"] == RESEARCH_USE
    assert (facts["method"], facts["target"], facts["rows"]) == ("grad_cam", "pneumonia", ROWS)
    assert facts["weights_sha256"] and facts["version"] and facts["file_sha256"]
    assert facts["probability"] > facts["operating_point"]
    assert facts["receipt"]["verdict"] and facts["receipt"]["faithfulness"]["random_gain"] == 0


def test_what_gets_no_answer_gets_no_map(ward: Path, tmp_path: Path) -> None:
    """The rules are those of the file worker: a doubtful header silences the networks."""
    film = tmp_path / "doubtful.dcm"
    film.write_bytes(make_dicom_bytes(PhotometricInterpretation="BANANA"))
    status, said = explain(str(film), "--out", str(tmp_path / "out"))
    assert status == 0 and "1 refused" in said and "black and white may be exchanged" in said
    assert not list((tmp_path / "out").iterdir())


def test_outside_the_population_what_was_refused_is_explained(ward: Path, tmp_path: Path) -> None:
    arguments = (str(ward / "ct.dcm"), "--out", str(tmp_path / "out"))
    assert "1 refused" in explain(*arguments)[1]
    assert "1 explained" in explain(*arguments, "--outside-population")[1]
    (facts,) = (json.loads(p.read_text()) for p in (tmp_path / "out").glob("*.json"))
    assert facts["status"] == "warned"


def test_every_method_and_two_classes(ward: Path, tmp_path: Path) -> None:
    film = str(ward / "marked.dcm")
    explain(film, "--out", str(tmp_path), "--method", "all", "--target", "bacterial|viral")
    made = {json.loads(p.read_text())["method"] for p in tmp_path.glob("*.json")}
    assert made == set(POOLED)


@pytest.mark.parametrize(
    ("option", "value", "listed"),
    [("--method", "guided_backprop", "occlusion"), ("--target", "gout", "pneumonia")],
)
def test_unknown_names_are_told_what_is_known(
    ward: Path, tmp_path: Path, option: str, value: str, listed: str
) -> None:
    with pytest.raises(SettingsError, match=listed):
        explain(str(ward), "--out", str(tmp_path / "out"), option, value)
