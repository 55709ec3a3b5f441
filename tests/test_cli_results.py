"""`cli.py results`, run as a person runs it: what lies in the folder, and what the trail says."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from pyarrow import parquet
from pydicom import dcmread

from imaging.review.records import AuditEvent, Review, Stage
from imaging.settings import ROOT
from imaging.store import Repository
from tests.imaging.export_cases import SIGNED
from tests.imaging.result_cases import film, queue


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def job(home: Path) -> str:
    """A finished job: two films, one of which a reader signed, and a text."""
    store = Repository.open(home)
    found = queue(store, ("a.dcm", film(1)), ("=1+1.txt", b"text"), ("b.dcm", film(2)))
    review = Review("1.2.3.2", 0, Stage.FINAL, "ada", "Dr Ada", SIGNED)
    store.reviews.add(review)
    store.close()
    return found


def run(home: Path, weights: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "cli.py"), "results", *map(str, arguments)]
    environment = {"LIGHTBOX_HOME": str(home), "LIGHTBOX_WEIGHTS": str(weights.parent)}
    return subprocess.run(
        command,
        env={**os.environ, **environment, "LIGHTBOX_DATABASE": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def files(out: Path, job: str) -> dict[str, Path]:
    """What was written, by kind."""
    assert all(path.stem.endswith(job[:8]) for path in out.iterdir())
    return {path.suffix[1:]: path for path in out.iterdir()}


@pytest.mark.slow
def test_everything_at_once(home: Path, job: str, tmp_path: Path, checkpoint_folder: Path) -> None:
    out = tmp_path / "out"
    done = run(home, checkpoint_folder, job, "--out", out)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert "3 files of 2 studies" in done.stdout
    assert "Research use - not for diagnosis" in done.stdout
    found = files(out, job)
    assert set(found) == {"csv", "parquet", "xlsx", "zip", "pdf", "html"}
    summary = found["html"].read_text()
    assert summary.count("<img ") == 2  # of each study: random weights have no reliable map
    assert summary.count("The answer stands without a map") == 2
    assert found["pdf"].read_bytes().startswith(b"%PDF")
    table = parquet.read_table(found["parquet"]).to_pylist()
    assert [row["reading"] for row in table] == ["not read", "final", ""]
    with found["csv"].open(newline="", encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["path"] for row in rows] == ["a.dcm", "b.dcm", "'=1+1.txt"]
    assert {row["patient_name"] for row in rows} == {""}
    assert rows[0]["selection"].startswith("Image accepted: CR") and rows[2]["message"]


@pytest.mark.slow
def test_each_study_has_one_report_and_only_a_signed_one_is_final(
    home: Path, job: str, tmp_path: Path, checkpoint_folder: Path
) -> None:
    done = run(home, checkpoint_folder, job, "--as", "sr", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(files(tmp_path / "out", job)["zip"]) as archive:
        reports = [
            dcmread(BytesIO(archive.read(name)))
            for name in archive.namelist()
            if name.endswith(".dcm")
        ]
        contents = archive.read("contents.csv").decode()
    flags = {
        str(ds.StudyInstanceUID): (ds.CompletionFlag, ds.PreliminaryFlag, ds.VerificationFlag)
        for ds in reports
    }
    assert len(reports) == 2 and "1.2.3.1" in contents
    assert flags["1.2.3.1"] == ("PARTIAL", "PRELIMINARY", "UNVERIFIED")
    assert flags["1.2.3.2"] == ("COMPLETE", "FINAL", "VERIFIED")


@pytest.mark.slow
def test_the_trail_tells_how_many_and_names_nobody(
    home: Path, job: str, tmp_path: Path, checkpoint_folder: Path
) -> None:
    done = run(
        home, checkpoint_folder, "all", "--as", "csv,xlsx", "--names", "--out", tmp_path / "out"
    )
    assert done.returncode == 0 and "2 files of 2 studies" in done.stdout, done.stderr
    store = Repository.open(home)
    lines = [line for line in store.audit.entries() if line.deed == AuditEvent.EXPORT]
    assert [line.detail for line in lines] == [
        "results of 2 files, 2 studies: csv,xlsx, with names"
    ]
    assert store.audit.verify().intact
    store.close()
    with (tmp_path / "out" / "lightbox-results-all.csv").open(encoding="utf-8-sig") as stream:
        assert {row["patient_name"] for row in csv.DictReader(stream)} == {"SYNTHETIC^TEST"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no-such-job",), "This batch is not known here. Add the files again."),
        (("all", "--as", "docx"), "--as takes some of csv,parquet,xlsx,sr,pdf,html."),
        (
            ("all", "--as", "sr"),
            ("None of these studies has a report yet. Write and sign one first."),
        ),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    home: Path, tmp_path: Path, checkpoint_folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = run(home, checkpoint_folder, *arguments, "--out", tmp_path / "out")
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_one_sentence(
    home: Path, job: str, tmp_path: Path, checkpoint_folder: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run(home, checkpoint_folder, job, "--as", "csv", "--out", tmp_path / "file")
    assert done.returncode == 2 and "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr and str(tmp_path) not in done.stderr
