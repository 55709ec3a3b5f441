"""Films on which radiologists have marked where the disease is: for measuring maps, never to train.

Two open sets of adults: boxes around opacities (RSNA Pneumonia Detection Challenge 2018, on films
of NIH ChestX-ray14) and pixel masks of opacities (General Blockchain's COVID-19 films).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.errors import SettingsError
from models.data.dataset import read_region

BOXES, MASKS = "rsna_adult", "covid_masks"
_BOX_SOURCE, _BOX_SIDE = "RSNA", 1024  # the table's other sources are other findings
_OPACITIES = ("ground_glass_opacities", "consolidation")


@dataclass(frozen=True, slots=True)
class MarkedFilm:
    """A film and its marks: boxes, in fractions of the film's sides, or masks of opacities.

    Attributes
    ----------
    source : str
        `BOXES` or `MASKS`.
    label : str
        What the readers said of the whole film.
    boxes : tuple of (left, top, right, bottom)
        In [0, 1].
    masks : tuple of Path
        PNG of one bit, as large as the film.
    """

    path: Path
    source: str
    label: str
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    masks: tuple[Path, ...] = ()

    @property
    def marked(self) -> bool:
        """True where some place is marked."""
        return bool(self.boxes or self.masks)

    def marks(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """The marked disease on a grid over the whole film: (rows, columns), bool.

        A cell is marked where its centre is.
        """
        down = (np.arange(shape[0]) + 0.5) / shape[0]
        across = (np.arange(shape[1]) + 0.5) / shape[1]
        inside = np.zeros(shape, np.bool_)
        for left, top, right, bottom in self.boxes:
            rows, columns = (down >= top) & (down < bottom), (across >= left) & (across < right)
            inside |= rows[:, None] & columns[None]
        for path in self.masks:
            mask = read_region(path) > 0
            rows = (down * mask.shape[0]).astype(int)
            columns = (across * mask.shape[1]).astype(int)
            inside |= mask[rows[:, None], columns[None]]
        return inside


def read_marked_films(data: Path) -> tuple[MarkedFilm, ...]:
    """All films of both sets below the folder of the open data, those without marks included.

    Raises
    ------
    SettingsError
        If a table is missing.
    """
    try:
        return (*_boxed(data / BOXES), *_masked(data / MASKS))
    except OSError as exc:
        raise SettingsError(
            f"The images with marked disease are not below LIGHTBOX_DATA: {BOXES} and "
            f"{MASKS} are needed."
        ) from exc


def _boxed(folder: Path) -> Iterator[MarkedFilm]:
    boxes: dict[str, list[tuple[float, float, float, float]]] = {}
    with (folder / "boxes.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["source"] == _BOX_SOURCE:
                left, top, width, height = (
                    float(row[name]) / _BOX_SIDE for name in ("x", "y", "width", "height")
                )
                boxes.setdefault(row["file"], []).append((left, top, left + width, top + height))
    with (folder / "labels.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            name = row["file"]
            yield MarkedFilm(
                folder / "dicom" / name, BOXES, row["rsna_class"], tuple(boxes.get(name, ()))
            )


def _masked(folder: Path) -> Iterator[MarkedFilm]:
    with (folder / "labels.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            stem = Path(row["image"]).stem
            paths = (folder / "masks" / f"{stem}_{name}.png" for name in _OPACITIES)
            masks = tuple(path for path in paths if path.exists())
            yield MarkedFilm(folder / "images" / row["image"], MASKS, row["finding"], masks=masks)
