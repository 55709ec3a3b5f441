"""Reference cases from the terminal, run as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imaging.review.records import Call, ReadFinding, Review, Stage
from imaging.settings import ROOT
from imaging.store import Repository
from tests.factories import make_dicom_bytes
from tests.served import TakeIn


@pytest.fixture
def home(tmp_path: Path, repository: Repository, take_in: TakeIn) -> Path:
    content = make_dicom_bytes(StudyInstanceUID="1.2.3")
    take_in(repository, content)
    return tmp_path / "home"


def run(home: Path, weights: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), "reference", *arguments],
        env={**os.environ, "LIGHTBOX_HOME": str(home), "LIGHTBOX_WEIGHTS": str(weights)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_signed_study_is_added_listed_and_removed(
    home: Path, repository: Repository, checkpoint_folder: Path
) -> None:
    weights = checkpoint_folder.parent
    refused = run(home, weights, "add", "1.2.3")
    assert refused.returncode != 0 and "cannot be a reference case yet" in refused.stderr
    stated = ReadFinding("pneumonia", True, Call.ACCEPTED)
    now = datetime.now(UTC)
    repository.reviews.add(Review("1.2.3", 0, Stage.FINAL, "anna", "Dr Anna", now, (stated,)))
    assert "1 image is a reference case now." in run(home, weights, "add", "1.2.3").stdout
    (line,) = run(home, weights, "list").stdout.splitlines()
    assert line.startswith("1.2.3\t")
    assert run(home, weights, "remove", "1.2.3").returncode == 0
    assert run(home, weights, "list").stdout == "" and repository.cases.all() == ()
