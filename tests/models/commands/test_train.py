"""`cli.py train`: the guide word for word on a set nobody saw, after a stop, and on faulty data."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from imaging.errors import SettingsError
from imaging.settings import ROOT
from models.checkpoint.sealing import read_card
from models.commands import train
from models.synthesis import compose
from models.training.config import read_config

GUIDE = (ROOT / "docs" / "train-your-own.md").read_text()


def test_the_guide_shows_the_task_file_that_the_example_writes() -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.S)
    assert shown == compose.TASK


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which the guide's first part was followed literally, and what was said."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "cli.py").symlink_to(ROOT / "cli.py")
    (folder / "models" / "weights").mkdir(parents=True)
    (commands,) = re.findall(r"```sh\n(.*?)```", GUIDE, re.S)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    given = {"PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    given |= {"LIGHTBOX_WEIGHTS": str(folder / "models" / "weights")}
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LIGHTBOX")}
    done = subprocess.run(
        ["bash", "-e", "-c", commands],
        cwd=folder,
        env=kept | given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder, done.stdout


@pytest.mark.slow
def test_the_guide_ends_with_answers(followed: tuple[Path, str]) -> None:
    folder, _said = followed
    with (folder / "answers.csv").open(newline="") as stream:
        answers = {row["path"].rpartition("/")[2]: row for row in csv.DictReader(stream)}
    with (folder / "my-data" / "manifest.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "test"]
    assert len(answers) == 72
    for name in ("nodule", "fluid"):
        right = [
            (float(answers[row["file"]][f"p_{name}"]) > 0.5) == (name in row["label"])
            for row in rows
        ]
        assert sum(right) / len(right) > 0.8, name


@pytest.mark.slow
def test_every_step_is_announced_and_the_model_is_sealed(followed: tuple[Path, str]) -> None:
    folder, said = followed
    steps = re.findall(r"Step (\d+) of (\d+): ", said)
    assert [int(n) for n, _of in steps] == list(range(1, int(steps[0][1]) + 1))
    assert "min left" in said or "less than a minute left" in said
    card = read_card(folder / "models" / "weights" / "composed")
    assert card.multi_label and card.gate_sha256 and card.localiser_sha256
    page = (folder / "models" / "weights" / "composed" / "model-card.md").read_text()
    assert "second hospital" in page and "is exploratory" in page


@pytest.mark.slow
def test_composed_films_prove_nothing_and_the_model_says_so(followed: tuple[Path, str]) -> None:
    """Whole-image numbers tell them apart: by rule nothing is raised, whatever the network says."""
    folder, _said = followed
    model = folder / "models" / "weights" / "composed"
    facts = json.loads((model / "evaluation" / "elsewhere.json").read_text())
    assert set(read_card(model).exploratory_because) == {"nodule", "fluid"}
    assert {row["hospital"] for row in facts["rows"]} == {"own", "second hospital"}
    with (folder / "answers.csv").open(newline="") as stream:
        assert {row["answer"] for row in csv.DictReader(stream)} == {""}


@pytest.mark.slow
def test_the_same_command_goes_on_after_a_stop(
    followed: tuple[Path, str],
) -> None:
    folder, _said = followed
    task = folder / "my-data" / "task.toml"
    job = train.Job(
        task,
        task.parent,
        folder / "runs" / "composed",
        folder / "models" / "weights" / "composed",
        read_config(task),
        [],
        1,
    )
    with pytest.raises(SettingsError, match="another task file"):
        replace(job, members=2).begin(replace_model=False)
    job.begin(replace_model=False)
    asked: list[str] = []
    names = [name for name, _act in job.steps(tune=0, fill=False)]
    del job.done[names[-1]]  # stopped before the last step
    job.run([(name, partial(asked.append, name)) for name in names])
    assert asked == names[-1:]


def test_a_model_of_that_name_is_not_overwritten(tmp_path: Path) -> None:
    compose.main(tmp_path, films=24, seed=0)
    (tmp_path / "weights" / "composed").mkdir(parents=True)
    task = tmp_path / "task.toml"
    target = tmp_path / "weights" / "composed"
    job = train.Job(task, tmp_path, tmp_path / "run", target, read_config(task), [], 1)
    with pytest.raises(SettingsError, match="installed already"):
        job.begin(replace_model=False)
    assert not (tmp_path / "run").exists()


def spoil(folder: Path, kind: str) -> None:
    """Make the data of a composed set faulty."""
    manifest = folder / "manifest.csv"
    lines = manifest.read_text().splitlines()
    if kind == "missing":
        (folder / "films" / "film-03.dcm").unlink()
    elif kind == "label":
        lines[5] = lines[5].replace(",nodule", ",nodul")
    elif kind == "patient":
        lines[72] = lines[72].replace(",72,", ",1,")
    elif kind == "split":
        lines[1] = lines[1].replace(",train", ",training")
    elif kind == "few":
        lines = [line for line in lines if not line.endswith(",val")]
    elif kind == "column":
        lines[0] = lines[0].replace("label", "diagnosis")
    elif kind == "hospital":
        (folder / "elsewhere.csv").write_text("file,label,patient_id,split\na.dcm,mass,1,test\n")
    manifest.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("missing", r"1 files of the manifest are missing \(line 4\). Put them"),
        ("label", "no class of the task: nodul. Name them"),
        ("patient", r"one patient into two splits \(lines 2 and 73\); regroup"),
        ("split", r"split of another name \(line 2\). Name it train"),
        ("few", "The split val has 0 images with nodule, and at least 5 are needed. Add"),
        ("column", "has no column 'label'"),
        ("hospital", "No image of the hospital second hospital has a class of the task. Rename"),
    ],
)
def test_faulty_data_are_named_in_a_sentence(tmp_path: Path, kind: str, says: str) -> None:
    compose.main(tmp_path, films=72, seed=0)
    spoil(tmp_path, kind)
    with pytest.raises(SettingsError, match=says):
        train.check_data(read_config(tmp_path / "task.toml"), tmp_path)


def test_sound_data_are_counted(tmp_path: Path) -> None:
    compose.main(tmp_path, films=72, seed=0)
    said = train.check_data(read_config(tmp_path / "task.toml"), tmp_path)
    assert said == "72 images of 72 patients: 43 train, 14 val, 15 test."


def test_a_set_nobody_saw_is_composed_by_its_seed(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        compose.main(tmp_path / name, films=24, seed=seed)
    films = [(tmp_path / name / "films" / "film-01.dcm").read_bytes() for name in "abc"]
    assert films[0] == films[1] != films[2]
