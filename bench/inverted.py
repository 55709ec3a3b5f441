"""How often is a chest film taken for its negative? Every open film, and every one inverted.

    LIGHTBOX_DATA=... python -m bench.inverted

Prints, per set, the films that `imaging.fidelity.looks_inverted` would warn about as they are
(false alarms) and as negatives (found). The weights were fitted on 900 training films of
``kermany_cxr`` and the first half of ``nih_adult_weak``, then rounded; ``test`` and the second
half were not looked at. The last line is JSON: set -> figures.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.dicom import read_image
from imaging.errors import SettingsError
from imaging.fidelity import looks_inverted
from imaging.settings import Settings

HALF = 240  # films of nih_adult_weak that took part in the fit


def main() -> None:
    """Print one line a set and the JSON line."""
    data = Settings.from_environment().data
    if data is None:
        raise SettingsError("LIGHTBOX_DATA is not set.")
    figures = {}
    for name, films in sets(data).items():
        warned = np.array([_warn_of_both(film) for film in films])
        alarms, negatives = warned[:, 0].sum(), warned[:, 1].sum()
        figures[name] = {"films": len(films), "false_alarms": int(alarms), "found": int(negatives)}
        print(
            f"{name}: {len(films)} films, {alarms} false alarms, {negatives} of the negatives found"
        )
    print(json.dumps(figures))


def sets(data: Path) -> dict[str, list[Path]]:
    """The films by the part they played in the fit."""
    kermany, nih = data / "kermany_cxr", data / "nih_adult_weak"
    splits: dict[str, list[Path]] = {}
    for row in _rows(kermany / "manifest.csv"):
        splits.setdefault(f"kermany {row['split']}", []).append(kermany / "images" / row["file"])
    adults = [nih / "images" / row["file"] for row in _rows(nih / "labels.csv")]
    return splits | {"nih fitted": adults[:HALF], "nih unseen": adults[HALF:]}


def _rows(table: Path) -> Iterator[dict[str, str]]:
    with table.open(newline="") as stream:
        yield from csv.DictReader(stream)


def read_grey(film: Path) -> NDArray[np.float32]:
    """A film's grey levels: (rows, columns), 0 to 255."""
    return read_image(film).luminance_values(0)


def _warn_of_both(film: Path) -> tuple[bool, bool]:
    """Say whether a film and its negative are warned about."""
    grey = read_grey(film)
    return looks_inverted(grey), looks_inverted(255 - grey)


if __name__ == "__main__":
    main()
