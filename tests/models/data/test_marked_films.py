"""Films with marked disease: boxes and masks lie where the tables say, in fractions of the film."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imaging.errors import SettingsError
from models.data.marked_films import BOXES, MASKS, read_marked_films


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """One boxed film, one without boxes, one with two masks."""
    boxed, masked = tmp_path / BOXES, tmp_path / MASKS / "masks"
    boxed.mkdir()
    masked.mkdir(parents=True)
    tables = {
        boxed / "labels.csv": [
            ["file", "rsna_class"],
            ["A.dcm", "Lung Opacity"],
            ["B.dcm", "Normal"],
        ],
        boxed / "boxes.csv": [
            ["file", "source", "finding", "x", "y", "width", "height"],
            ["A.dcm", "RSNA", "Lung Opacity", "512", "256", "256", "512"],
            ["A.dcm", "NIH", "Nodule", "0", "0", "1024", "1024"],
        ],
        tmp_path / MASKS / "labels.csv": [["image", "finding"], ["C001.jpg", "COVID-19"]],
    }
    for path, rows in tables.items():
        with path.open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)
    for name, corner in (("ground_glass_opacities", (0, 0)), ("consolidation", (30, 40))):
        mask = np.zeros((40, 80), np.uint8)
        mask[corner[0] : corner[0] + 10, corner[1] : corner[1] + 40] = 255
        Image.fromarray(mask).save(masked / f"C001_{name}.png")
    Image.fromarray(np.full((40, 80), 255, np.uint8)).save(masked / "C001_left_lung.png")
    return tmp_path


def test_boxes_of_the_challenge_alone_are_marks(data: Path) -> None:
    boxed, plain = (film for film in read_marked_films(data) if film.source == BOXES)
    marks = boxed.marks((100, 200))
    expected = np.zeros((100, 200), np.bool_)
    expected[25:75, 100:150] = True
    assert np.array_equal(marks, expected) and boxed.label == "Lung Opacity"
    assert not plain.marked and plain.path.name == "B.dcm" and plain.path.parent.name == "dicom"


def test_masks_of_opacities_are_joined_and_anatomy_is_left_out(data: Path) -> None:
    (film,) = (film for film in read_marked_films(data) if film.source == MASKS)
    marks = film.marks((20, 40))
    expected = np.zeros((20, 40), np.bool_)
    expected[:5, :20] = True
    expected[15:, 20:] = True
    assert np.array_equal(marks, expected)


def test_a_missing_set_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="marked disease"):
        read_marked_films(tmp_path)
