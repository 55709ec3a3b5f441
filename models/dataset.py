"""Manifests and the films they name: a CSV of (file, label, patient, split) becomes arrays."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from imaging.errors import SettingsError


@dataclass(frozen=True, slots=True)
class ManifestColumns:
    """Names of the manifest's columns."""

    file: str = "file"
    label: str = "label"
    patient: str = "patient_id"
    split: str = "split"


@dataclass(frozen=True, slots=True)
class Film:
    """One manifest row: a file, its class and the patient it belongs to."""

    path: Path
    label: str
    patient: str
    split: str


def read_manifest(
    path: Path, images: Path, *, columns: ManifestColumns | None = None
) -> tuple[Film, ...]:
    """Read a manifest.

    Parameters
    ----------
    path : Path
        CSV file with a header row.
    images : Path
        Folder the file column is relative to.
    columns : ManifestColumns, optional

    Raises
    ------
    SettingsError
        If the manifest is missing, lacks a column, or a patient stands in two splits.
    """
    names = columns or ManifestColumns()
    try:
        with path.open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        films = tuple(
            Film(images / r[names.file], r[names.label], r[names.patient], r[names.split])
            for r in rows
        )
    except OSError as exc:
        raise SettingsError(f"The manifest {path.name} cannot be read.") from exc
    except KeyError as exc:
        raise SettingsError(f"The manifest {path.name} has no column {exc}.") from exc
    _refuse_leaks(films)
    return films


def _refuse_leaks(films: Sequence[Film]) -> None:
    """A patient in two splits would make every later figure a lie."""
    home: dict[str, str] = {}
    for film in films:
        if home.setdefault(film.patient, film.split) != film.split:
            raise SettingsError("The manifest puts one patient into two splits; regroup it.")


def select(films: Sequence[Film], split: str) -> tuple[Film, ...]:
    """The films of one split, in manifest order."""
    return tuple(f for f in films if f.split == split)


def content_hash(films: Sequence[Film]) -> str:
    """SHA-256 (hex) over every film's bytes, label, patient and split, in manifest order."""
    digest = hashlib.sha256()
    for film in films:
        digest.update(f"{film.path.name},{film.label},{film.patient},{film.split}\n".encode())
        digest.update(hashlib.sha256(film.path.read_bytes()).digest())
    return digest.hexdigest()


def read_luminance(path: Path) -> NDArray[np.float32]:
    """First frame of a DICOM, PNG or JPEG film: (rows, columns), float32, larger is brighter."""
    from imaging.dicom import read_image

    return read_image(path).luminance_values(0)


def load_luminance(
    films: Sequence[Film],
    *,
    size: int,
    read: Callable[[Path], NDArray[np.float32]] = read_luminance,
    on_progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.uint8]:
    """Read films into one array for training.

    Every film is squashed to a square with the filter of `preprocess` and stretched to eight
    bits, because a training set has to fit into memory; evaluation and serving start from the
    file itself.

    Returns
    -------
    numpy.ndarray
        (films, size, size), uint8.
    """
    out = np.empty((len(films), size, size), np.uint8)
    for i, film in enumerate(films):
        values = _squash(np.asarray(read(film.path), np.float32), size)
        low, high = values.min(), values.max()
        out[i] = np.rint((values - low) * (255 / max(high - low, 1e-6)))
        if on_progress:
            on_progress(i + 1, len(films))
    return out


def _squash(values: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """(rows, columns) -> (size, size) with the filter of `preprocess`."""
    if values.shape == (size, size):
        return values
    batch = torch.tensor(values)[None, None]
    return F.interpolate(batch, (size, size), mode="bilinear", antialias=True)[0, 0].numpy()
