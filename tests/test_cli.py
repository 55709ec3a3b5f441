"""The terminal twin, run as a person runs it."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from imaging.settings import ROOT
from tests.factories import make_dicom_bytes

COLUMNS = [
    *("path", "sop_instance_uid", "status", "answer", "scope_reason", "finding"),
    *("p_pneumonia", "p_bacterial", "p_viral", "p_normal"),
    *("conformal_set", "error_rate", "disagreement"),
]


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    (folder / "a.dcm").write_bytes(make_dicom_bytes())
    (folder / "b.txt").write_text("hello")
    (folder / "c.dcm").write_bytes(b"")
    with zipfile.ZipFile(folder / "d.zip", "w") as archive:
        archive.writestr("adult.dcm", make_dicom_bytes(PatientAge="062Y"))
    return folder


def test_classify_writes_one_row_per_file(
    scans: Path, tmp_path: Path, checkpoint_folder: Path
) -> None:
    table, overlays = tmp_path / "out.csv", tmp_path / "overlays"
    result = run(
        *("classify", scans, "--csv", table, "--overlays", overlays, "--model", "tiny"),
        LIGHTBOX_WEIGHTS=str(checkpoint_folder.parent),
    )
    assert result.returncode == 0, result.stderr
    assert "Research use - not for diagnosis" in result.stdout
    with table.open() as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == [*COLUMNS, "model", "weights_sha256", "message"]
    assert [r["status"] for r in rows] == ["ok", "error", "error", "warned"]
    assert rows[0]["answer"] in ("present", "absent", "unsure") and rows[0]["error_rate"] == "0.05"
    assert 0 <= float(rows[0]["disagreement"]) <= 1 and rows[1]["answer"] == ""
    classes = [float(rows[0][f"p_{name}"]) for name in ("normal", "bacterial", "viral")]
    assert sum(classes) == pytest.approx(1, abs=1e-5)
    assert 0 < float(rows[0]["p_pneumonia"]) < 1 and rows[1]["p_pneumonia"] == ""
    assert len(list(overlays.glob("*.png"))) == 1  # both films bear the same SOP Instance UID
    assert rows[0]["sop_instance_uid"] and len(rows[0]["weights_sha256"]) == 64


def test_examples_are_copied(tmp_path: Path) -> None:
    result = run("examples", tmp_path / "films")
    assert result.returncode == 0, result.stderr
    assert len(list((tmp_path / "films").glob("*.dcm"))) >= 4


def test_a_corrupt_checkpoint_is_one_sentence(
    scans: Path, tmp_path: Path, checkpoint_folder: Path
) -> None:
    broken = tmp_path / "weights" / "broken"
    broken.mkdir(parents=True)
    for file in checkpoint_folder.iterdir():
        (broken / file.name).write_bytes(file.read_bytes().replace(b"\x3f", b"\x3e"))
    result = run(
        *("classify", scans, "--csv", tmp_path / "out.csv"), LIGHTBOX_WEIGHTS=str(broken.parent)
    )
    assert result.returncode == 2 and "damaged or were altered" in result.stderr
    assert "Traceback" not in result.stderr and len(result.stderr.splitlines()) == 1


def test_an_unknown_model_lists_the_installed(scans: Path, tmp_path: Path) -> None:
    result = run("classify", scans, "--csv", tmp_path / "out.csv", "--model", "none")
    assert result.returncode == 2 and "paediatric-cxr" in result.stderr


def test_a_table_that_cannot_be_written_is_one_sentence(
    scans: Path, tmp_path: Path, checkpoint_folder: Path
) -> None:
    result = run(
        *("classify", scans, "--csv", tmp_path / "gone" / "out.csv"),
        LIGHTBOX_WEIGHTS=str(checkpoint_folder.parent),
    )
    assert result.returncode == 2 and "cannot be written" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_store_that_cannot_be_prepared_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = subprocess.run(
        [sys.executable, "-m", "imaging.prepare"],
        cwd=ROOT,
        env={**os.environ, "LIGHTBOX_HOME": str(tmp_path / "file" / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2 and len(result.stderr.splitlines()) == 1
