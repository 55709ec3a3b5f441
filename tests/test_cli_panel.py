"""The terminal with three networks: the film decides, unless --model names one of them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_dicom_bytes
from tests.panel import tiny_panel_weights
from tests.test_cli import run

HEADERS: dict[str, dict[str, Any]] = {
    "adult.dcm": {"PatientAge": "040Y"},
    "child.dcm": {},
    "hand.dcm": {"BodyPartExamined": "HAND"},
    "knee.dcm": {"BodyPartExamined": "KNEE", "PatientAge": "060Y", "ImageLaterality": "R"},
}


@pytest.fixture
def ward(tmp_path: Path) -> Path:
    folder = tmp_path / "ward"
    folder.mkdir()
    for at, (name, header) in enumerate(HEADERS.items(), start=1):
        uids: dict[str, Any] = {"SOPInstanceUID": f"1.2.3.{at}", "StudyInstanceUID": f"1.2.4.{at}"}
        (folder / name).write_bytes(make_dicom_bytes(**header, **uids))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("model", ["", "adult-tb"])
def test_classify_routes_unless_a_network_is_named(
    ward: Path, tmp_path: Path, checkpoint_folder: Path, model: str
) -> None:
    weights = tiny_panel_weights(tmp_path / "weights", checkpoint_folder)
    table = tmp_path / "out.csv"
    named = ("--model", model) if model else ()
    done = run("classify", ward, "--csv", table, *named, LIGHTBOX_WEIGHTS=str(weights))
    assert done.returncode == 0, done.stderr
    with table.open() as stream:
        rows = {Path(row["path"]).name: row for row in csv.DictReader(stream)}
    answered = {
        name: row["model"].partition(" ")[0]
        for name, row in rows.items()
        if row["status"] in ("ok", "warned")
    }
    everyone = {"adult.dcm": "adult-tb", "child.dcm": "paediatric-cxr", "knee.dcm": "knee-kl"}
    assert answered == ({"adult.dcm": "adult-tb"} if model else everyone)
    findings = {"adult.dcm": "p_tuberculosis", "knee.dcm": "p_osteoarthritis"}
    for name, column in findings.items():
        if name in answered:
            assert 0 < float(rows[name][column]) < 1
            assert all(not row.get(column) for other, row in rows.items() if other != name)
    assert len({row["model_sha256"] for row in rows.values() if row["status"] != "refused"}) == len(
        answered
    )
    said = rows["hand.dcm"]["message"]
    part = "The body part is HAND" if model else "None of the installed models reads this part"
    assert said.startswith(part)
