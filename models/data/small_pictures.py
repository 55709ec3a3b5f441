"""Write the pictures of a benchmark file (MedMNIST's .npz) as films with a manifest.

    python -m models.data.small_pictures $LIGHTBOX_DATA/medmnist/pneumoniamnist.npz \
        my-data/pneumoniamnist --labels normal,pneumonia

The file holds ``train_images``, ``train_labels`` and the same of ``val`` and ``test``: (pictures,
28, 28), uint8, and (pictures, 1), class numbers (Yang et al., Scientific Data 2023,
doi 10.1038/s41597-022-01721-8); of a multi-label set (pictures, classes), one where a class is
shown. Pictures are written twice as large, each pixel as four, because Lightbox takes nothing of
fewer than 32 pixels for a film; a network with ``size = 28`` sees exactly the pixels of the file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from imaging.errors import SettingsError
from imaging.rendering import png_bytes
from models.rules.findings import SEVERAL

SPLITS = ("train", "val", "test")
_SMALLEST = 32  # pixels: `models.rules.pixel_checks.MIN_SIDE`


def main(
    file: Annotated[Path, typer.Argument(help="MedMNIST .npz file.")],
    folder: Annotated[Path, typer.Argument(help="Where images and manifest go.")],
    labels: Annotated[str, typer.Option(help="Names of the classes, by number, with commas.")],
) -> None:
    """Write images (PNG) and ``manifest.csv``."""
    names = tuple(name.strip() for name in labels.split(","))
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    with (folder / "manifest.csv").open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("file", "label", "patient_id", "split"))
        for split, number, picture, label in tqdm(read_pictures(file, names)):
            name = f"{split}-{number:05d}.png"
            (images / name).write_bytes(png_bytes(enlarge(picture)))
            writer.writerow((name, label, "", split))
    typer.echo(f"images and manifest written to {folder.name}")


def read_pictures(
    file: Path, names: tuple[str, ...]
) -> Iterator[tuple[str, int, NDArray[np.uint8], str]]:
    """Split, number, picture (rows, columns) and label of every picture of a file.

    Raises
    ------
    SettingsError
        If the file is not of that form, is in colour, or has a class without a name.
    """
    try:
        with np.load(file) as arrays:
            parts = {s: (arrays[f"{s}_images"], arrays[f"{s}_labels"]) for s in SPLITS}
    except (OSError, ValueError, KeyError) as exc:
        raise SettingsError(
            f"The file {file.name} holds no pictures and labels of train, val and test; "
            "give a MedMNIST file."
        ) from exc
    for split, (pictures, labels) in parts.items():
        if pictures.ndim != 3 or pictures.dtype != np.uint8 or labels.ndim != 2:
            raise SettingsError(
                f"The pictures of {file.name} are not grey pictures of 8 bits; give another file."
            )
        highest = labels.shape[1] - 1 if labels.shape[1] > 1 else int(labels.max())
        if highest >= len(names):
            raise SettingsError(
                f"The file {file.name} has {highest + 1} classes; name each of them in --labels."
            )
        for number, (picture, row) in enumerate(zip(pictures, labels, strict=True)):
            yield split, number, picture, _label(row, names)


def _label(row: NDArray[np.integer], names: tuple[str, ...]) -> str:
    if len(row) == 1:
        return names[int(row[0])]
    return SEVERAL.join(name for name, shown in zip(names, row, strict=False) if shown)


def enlarge(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture with every pixel repeated, as often as it takes to be no fewer than 32."""
    times = -(-_SMALLEST // min(picture.shape))
    return np.repeat(np.repeat(picture, times, 0), times, 1)


if __name__ == "__main__":
    typer.run(main)
