"""Compose a small set of made-up films with two findings, to try training on: no patient, no data.

    python -m models.synthesis.compose my-data
    export LIGHTBOX_DATA=$PWD/my-data
    python cli.py train my-data/task.toml

Each film has two dark fields on a grey ground. A *nodule* is a small bright disc within a field,
*fluid* a bright level at the foot of one; a film may show both, or neither. A second hospital's
films, in ``elsewhere/``, are darker and blurred. Written are films (DICOM, marked as synthetic),
masks of the fields (PNG), two manifests and a task file (docs/train-your-own.md).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from imaging.dicom.synthetic import write_synthetic_film
from imaging.rendering import png_bytes
from models.rules.findings import SEVERAL

NODULE, FLUID = "nodule", "fluid"
SIDE = 72  # rows of a film; it has a few columns less
TASK = """\
name = "composed"
version = "0.1.0"
title = "Composed films: nodule and fluid"
classes = ["nodule", "fluid"]
multi_label = true                  # a film may show both, or neither
limits = ["Composed films alone were ever seen: no patient's film may be read with it."]

[[findings]]                        # the first one leads
code = "nodule"
label = "Nodule"
members = ["nodule"]
rule = "sensitivity"
target = 0.9

[[findings]]
code = "fluid"
label = "Fluid"
members = ["fluid"]
rule = "youden"

[scope]
population = "Composed films, no patients"
modalities = ["DX"]
body_parts = ["CHEST"]
views = ["AP"]
age_years = [18.0, 99.0]

[data]
title = "Composed by models.synthesis.compose"
licence = "Apache-2.0"
citation = "none"
manifest = "manifest.csv"
images = "films"
regions = "masks"

[[elsewhere]]                       # another hospital: nothing is learned from it
name = "second hospital"
manifest = "elsewhere.csv"
images = "elsewhere"

[network]
stem = 8
channels = [16, 32, 32]
depths = [1, 1, 1]
scales = 2
dropout = 0.0

[train]
size = 48
cache = 96                          # films in memory: twice the input, for changes of pose
early_share = 0.0
epochs = 16
batch = 8
average = 0.9
learning_rate = 2e-2

[augment]
degrees = 4.0
probability = 0.2
erase = 0.0
markers = 0

[localiser]
epochs = 4

[gate]
epochs = 4
painted = 200
"""


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a manifest."""

    file: str
    label: str
    patient_id: str
    split: str


def main(
    folder: Annotated[Path, typer.Argument(help="Where to put the set; made if it is not there.")],
    films: Annotated[int, typer.Option(min=24, max=75, help="Films of the first hospital.")] = 72,
    seed: Annotated[int, typer.Option(help="Of all chance in it.")] = 0,
) -> None:
    """Write films, masks, manifests and the task file."""
    rng = np.random.default_rng(seed)
    for name in ("films", "masks", "elsewhere"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    rows = [_write_film(folder, number, films, rng) for number in range(1, films + 1)]
    _write_manifest(folder / "manifest.csv", rows)
    others = [_write_film(folder, number, films, rng) for number in range(films + 1, films + 25)]
    _write_manifest(folder / "elsewhere.csv", others)
    (folder / "task.toml").write_text(TASK)
    typer.echo(f"{len(rows)} films and {len(others)} of a second hospital written to {folder}")


def _write_film(folder: Path, number: int, films: int, rng: np.random.Generator) -> _Row:
    """Write one film of the first `films`, with its mask, or one of the second hospital."""
    nodule, fluid = bool(number % 2), bool(number // 2 % 2)
    pixels, mask = compose_film(rng, nodule=nodule, fluid=fluid)
    name, here = f"film-{number:02d}", number <= films
    if here:
        (folder / "masks" / f"{name}.png").write_bytes(png_bytes(mask.astype(np.uint8) * 255))
    else:
        down, across = (np.roll(pixels, 1, axis).astype(np.float64) for axis in (0, 1))
        pixels = (0.7 * (pixels + down + across) / 3).astype(np.uint16)
    write_synthetic_film(
        pixels,
        path=folder / ("films" if here else "elsewhere") / f"{name}.dcm",
        description="Composed film",
        number=number,
        patient_age="040Y",
    )
    shown = [label for label, there in ((NODULE, nodule), (FLUID, fluid)) if there]
    share = number / films
    split = "train" if share <= 0.6 else "val" if share <= 0.8 else "test"
    return _Row(f"{name}.dcm", SEVERAL.join(shown), str(number), split if here else "test")


def compose_film(
    rng: np.random.Generator, *, nodule: bool, fluid: bool
) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """A film and the mask of its two fields, (rows, columns) each; values from 0 to 4095."""
    rows, columns = SIDE, SIDE - int(rng.integers(2, 8))
    down, across = np.indices((rows, columns)) + 0.5
    tall = rows * rng.uniform(0.33, 0.38)
    fields = [
        ((down / rows - 0.5) * rows / tall) ** 2 + ((across / columns - place) / 0.17) ** 2 <= 1
        for place in (0.28, 0.72)
    ]
    mask = fields[0] | fields[1]
    film = np.where(mask, 900.0, 2000.0) + rng.normal(0, 150, (rows, columns))
    side = fields[int(rng.integers(2))]
    if fluid:
        level = rows / 2 + tall * rng.uniform(0.35, 0.55)
        film = np.where(side & (down > level), 2300, film)
    if nodule:
        inside = np.argwhere(fields[int(rng.integers(2))] & (abs(down - rows / 2) < 0.35 * tall))
        row, column = inside[rng.integers(len(inside))] + 0.5
        film = np.where((down - row) ** 2 + (across - column) ** 2 <= 90, 3800, film)
    return np.clip(film, 0, 4095).astype(np.uint16), mask


def _write_manifest(path: Path, rows: list[_Row]) -> None:
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_Row.__slots__)
        writer.writerows([row.file, row.label, row.patient_id, row.split] for row in rows)


if __name__ == "__main__":
    typer.run(main)
