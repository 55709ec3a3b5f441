"""Manifests: read by name, refused when they leak or lack a column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imaging.errors import SettingsError
from models.dataset import content_hash, load_luminance, read_manifest, select


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
