"""Benchmark files of 28 x 28 pixels become films whose pixels the network sees unchanged."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imaging.errors import SettingsError
from models.data import small_pictures
from models.data.dataset import read_luminance, read_manifest
from models.network.preprocess import squash
from models.rules.pixel_checks import MIN_SIDE


def write(folder: Path, *, labels: int = 1, shape: tuple[int, ...] = (28, 28)) -> Path:
    """A file of four pictures a split."""
    rng, path = np.random.default_rng(0), folder / "set.npz"
    arrays = dict[str, Any]()
    for split in small_pictures.SPLITS:
        arrays[f"{split}_images"] = rng.integers(0, 256, (4, *shape), np.uint8)
        values = np.array([[0], [1], [0], [1]]) if labels == 1 else np.tile([1, 0, 1], (4, 1))
        arrays[f"{split}_labels"] = values.astype(np.uint8)
    np.savez(path, **arrays)
    return path


def test_the_network_sees_exactly_the_pixels_of_the_file(tmp_path: Path) -> None:
    path = write(tmp_path)
    small_pictures.main(path, tmp_path / "out", labels="normal, pneumonia")
    films = read_manifest(tmp_path / "out" / "manifest.csv", tmp_path / "out" / "images")
    assert [f.label for f in films[:2]] == ["normal", "pneumonia"] and len(films) == 12
    assert {f.split for f in films} == {"train", "val", "test"}
    with np.load(path) as arrays:
        for film, picture in zip(films[:4], arrays["train_images"], strict=True):
            luminance = read_luminance(film.path)
            assert min(luminance.shape) >= MIN_SIDE
            np.testing.assert_array_equal(luminance[::2, ::2], picture)
            assert squash(luminance, 28).shape == (28, 28)


def test_several_labels_are_joined(tmp_path: Path) -> None:
    small_pictures.main(write(tmp_path, labels=3), tmp_path / "out", labels="a,b,c")
    with (tmp_path / "out" / "manifest.csv").open(newline="") as stream:
        assert {row["label"] for row in csv.DictReader(stream)} == {"a;c"}


@pytest.mark.parametrize(
    ("names", "shape", "says"),
    [("normal", (28, 28), "2 classes; name"), ("a,b", (28, 28, 3), "not grey pictures")],
)
def test_other_files_are_refused(
    tmp_path: Path, names: str, shape: tuple[int, ...], says: str
) -> None:
    with pytest.raises(SettingsError, match=says):
        small_pictures.main(write(tmp_path, shape=shape), tmp_path / "out", labels=names)
    (tmp_path / "broken.npz").write_bytes(b"nothing")
    with pytest.raises(SettingsError, match="MedMNIST"):
        small_pictures.main(tmp_path / "broken.npz", tmp_path / "out", labels="a")
