"""Manifests: read by name, refused when they leak or lack a column."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from imaging.errors import SettingsError
from imaging.settings import ROOT
from models.data.dataset import (
    ManifestColumns,
    acquisition_strata,
    balancing_weights,
    content_hash,
    load_luminance,
    read_manifest,
    select,
)
from models.training.config import read_config


def manifest(folder: Path, *rows: str, header: str = "file,label,patient_id,split") -> Path:
    path = folder / "manifest.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_splits_keep_manifest_order(tmp_path: Path) -> None:
    path = manifest(tmp_path, "b.png,x,1,train", "a.png,y,2,val", "c.png,x,3,train")
    films = read_manifest(path, tmp_path / "images")
    assert [f.path.name for f in select(films, "train")] == ["b.png", "c.png"]
    assert films[1].path == tmp_path / "images" / "a.png" and films[1].label == "y"


def test_a_patient_in_two_splits_is_refused(tmp_path: Path) -> None:
    path = manifest(tmp_path, "a.png,x,1,train", "b.png,x,1,test")
    with pytest.raises(SettingsError, match="two splits"):
        read_manifest(path, tmp_path)


def test_a_missing_column_or_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="label"):
        read_manifest(manifest(tmp_path, "a.png,1,train", header="file,patient_id,split"), tmp_path)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_manifest(tmp_path / "gone.csv", tmp_path)


def test_the_content_hash_sees_pixels_and_labels(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"film")
    before = content_hash(read_manifest(manifest(tmp_path, "a.png,x,1,train"), tmp_path))
    relabelled = content_hash(read_manifest(manifest(tmp_path, "a.png,y,1,train"), tmp_path))
    (tmp_path / "a.png").write_bytes(b"fiLm")
    repainted = content_hash(read_manifest(manifest(tmp_path, "a.png,x,1,train"), tmp_path))
    assert len({before, relabelled, repainted}) == 3


def test_films_become_squares_of_eight_bits(tmp_path: Path) -> None:
    films = read_manifest(manifest(tmp_path, "a,x,1,train"), tmp_path)
    ramp = np.linspace(-5, 900, 60 * 90, dtype=np.float32).reshape(60, 90)
    loaded = load_luminance(films, size=30, read=lambda _: ramp)
    assert loaded.shape == (1, 30, 30) and loaded.dtype == np.uint8
    assert loaded.min() == 0 and loaded.max() == 255


def test_the_open_films_do_not_leak(data: Path) -> None:
    folder = data / "kermany_cxr"
    films = read_manifest(folder / "manifest.csv", folder / "images")
    counts = {s: len(select(films, s)) for s in ("train", "val", "test")}
    assert counts == {"train": 4701, "val": 531, "test": 624}


def test_without_a_split_column_groups_are_dealt_whole_and_always_alike(tmp_path: Path) -> None:
    rows = [f"{i}.png,x,{i // 3 if i < 270 else ''}" for i in range(300)]
    path = manifest(tmp_path, *rows, header="file,label,group")
    columns = ManifestColumns(patient="group", split="", shares=(0.2, 0.3))
    films = read_manifest(path, tmp_path, columns=columns)
    for group in {f.patient for f in films}:
        assert len({f.split for f in films if f.patient == group}) == 1
    share = {s: len(select(films, s)) / 300 for s in ("train", "val", "test")}
    assert share["val"] == pytest.approx(0.2, abs=0.1) and share["test"] > share["val"]
    assert films == read_manifest(path, tmp_path, columns=columns)
    assert len({f.patient for f in films}) == 90 + 30  # a blank group stands alone


def test_masks_acquisition_and_subset_come_from_the_manifest(tmp_path: Path) -> None:
    header = "file,label,patient_id,split,w,h,where"
    path = manifest(tmp_path, "a.png,x,1,train,4,5,here", "b.png,x,2,train,,5,", header=header)
    (tmp_path / "a.png").touch()
    columns = ManifestColumns(acquisition=("w", "h"), subset="where")
    first, second = read_manifest(path, tmp_path, columns=columns, regions=tmp_path)
    assert (first.region, first.acquisition, first.subset) == (tmp_path / "a.png", 20.0, "here")
    assert (second.region, second.acquisition, second.subset) == (None, None, "")
    assert acquisition_strata([first, second]).tolist()[1] == -1


def test_balancing_makes_class_and_stratum_nearly_independent() -> None:
    rng = np.random.default_rng(0)
    strata = rng.integers(0, 3, 3000)
    classes = (rng.random(3000) < np.array([0.3, 0.5, 0.7])[strata]).astype(np.int64)
    weights = balancing_weights(strata, classes)
    shares = [np.average(classes[strata == s], weights=weights[strata == s]) for s in range(3)]
    assert np.ptp(shares) < 0.01 and weights.mean() == pytest.approx(1)
    assert set(balancing_weights(np.full(4, -1), np.array([0, 1, 1, 1]))) == {1.0}


def test_the_second_task_reads_its_own_manifest(data: Path) -> None:
    """Brain MRI: other columns, no published split, and not a line of code for it."""
    films = read_config(ROOT / "models/configs/brain_mri.toml").films(data)
    assert len(films) == 1462 and {f.label for f in films} == {
        *("glioma", "meningioma", "none", "pituitary")
    }
    assert all(len(select(films, split)) > 100 for split in ("train", "val", "test"))


@pytest.mark.slow
def test_what_answers_and_explains_loads_no_training_films() -> None:
    """The loader of training data is for training and evaluation alone."""
    serving = (
        "models.batch.file_worker",
        "models.explain.methods.explainer",
        "models.explain.cases.site_cases",
    )
    code = f"import sys, {', '.join(serving)}; print('models.data.dataset' in sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "False"
