"""Manifests and the films they name: a CSV of (file, label, patient, split) becomes arrays."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import SettingsError
from models.immutable import lists_to_tuples
from models.network.preprocess import squash
from models.rules.findings import SEVERAL, Labels, split_label

DEAL = "deal"  # a split that is dealt out by the patient's name
CACHE_SIZE = 224  # side of the squashed films that training keeps in memory


@dataclass(frozen=True, slots=True)
class ManifestColumns:
    """Names of the manifest's columns, and what to do where it has none.

    ``split`` may be empty: groups of ``patient`` are then dealt out by a hash of their name,
    ``shares`` of them to validation and test. A blank patient is a group of its own. The product
    of the ``acquisition`` columns (say, width and height of the original film) stands for how a
    film was taken; the network never sees it. ``labels`` gives labels as they stand in the manifest
    the names of the task's classes, ``splits`` does so for splits (``deal`` deals a group out), and
    ``only`` keeps rows whose columns have these values. ``reading`` is a column with what a reader
    said of the film, in words: nothing is learned from it (`models.evaluation.evaluate_sides`).
    """

    file: str = "file"
    label: str = "label"
    patient: str = "patient_id"
    split: str = "split"
    acquisition: tuple[str, ...] = ()
    subset: str = ""  # a column whose values are reported separately
    shares: tuple[float, float] = (0.12, 0.18)
    labels: dict[str, str] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    only: dict[str, str] = field(default_factory=dict)
    reading: str = ""

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ManifestColumns:
        """Read a task file's or a card's table; lists become tuples."""
        return cls(**lists_to_tuples(values))

    def keeps(self, row: dict[str, str]) -> bool:
        """True for a row of the manifest that is wanted."""
        return all(row[name] == value for name, value in self.only.items())


@dataclass(frozen=True, slots=True)
class Film:
    """A manifest row: a file, its class and the patient it belongs to.

    ``region`` is a mask of the anatomy that matters (the lungs), where one exists;
    ``acquisition`` a number that goes with how the film was taken, where it is known; ``line`` the
    line of the manifest, from 1 for its header; ``reading`` what a reader said of the film.
    """

    path: Path
    label: str
    patient: str
    split: str
    region: Path | None = None
    acquisition: float | None = None
    subset: str = ""
    line: int = 0
    reading: str = ""


def read_manifest(
    path: Path,
    images: Path,
    *,
    columns: ManifestColumns | None = None,
    regions: Path | None = None,
) -> tuple[Film, ...]:
    """Read a manifest.

    Parameters
    ----------
    path : Path
        CSV file with a header row.
    images : Path
        Folder the file column is relative to.
    columns : ManifestColumns, optional
    regions : Path, optional
        Folder of masks, one PNG of the film's base name each; missing ones are allowed.

    Raises
    ------
    SettingsError
        If the manifest is missing, lacks a column, or a patient stands in two splits.
    """
    names = columns or ManifestColumns()
    try:
        with path.open(newline="") as stream:
            rows = csv.DictReader(stream)
            films = tuple(
                _film(row, names, images, regions, line=rows.line_num)
                for row in rows
                if names.keeps(row)
            )
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"The manifest {path.name} cannot be read.") from exc
    except KeyError as exc:
        raise SettingsError(f"The manifest {path.name} has no column {exc}.") from exc
    _refuse_leaks(films)
    return films


def _film(
    row: dict[str, str],
    names: ManifestColumns,
    images: Path,
    regions: Path | None,
    *,
    line: int,
) -> Film:
    file = row[names.file] or ""
    patient = row[names.patient] or file
    mask = regions / f"{Path(file).stem}.png" if regions else None
    sizes = [row[name] for name in names.acquisition]
    label = row[names.label] or ""
    split = names.splits.get(row[names.split], row[names.split]) if names.split else DEAL
    return Film(
        images / file,
        _rename(label, names.labels),
        patient,
        _deal_split(patient, names.shares) if split == DEAL else split,
        mask if mask and mask.exists() else None,
        math.prod(float(v) for v in sizes) if sizes and all(sizes) else None,
        row[names.subset] if names.subset else "",
        line,
        row[names.reading] if names.reading else "",
    )


def _rename(label: str, names: dict[str, str]) -> str:
    """The task's name of a label; of several, joined by `SEVERAL`, that of each."""
    if label in names or SEVERAL not in label:
        return names.get(label, label)
    return SEVERAL.join(names.get(part.strip(), part.strip()) for part in label.split(SEVERAL))


def class_truth(labels: Sequence[str], classes: Sequence[str], *, multi_label: bool) -> Labels:
    """What films show, as numbers.

    Returns
    -------
    numpy.ndarray
        (films,), int64, class indices; of a multi-label task (films, classes), bool.

    Raises
    ------
    SettingsError
        If a label is none of the classes.
    """
    parts = [split_label(label) if multi_label else (label,) for label in labels]
    unknown = sorted({part for row in parts for part in row} - set(classes))
    if unknown:
        raise SettingsError(
            f"The manifest has labels that are no class of the task: {', '.join(unknown)}. "
            "Name them under classes, or rename them by labels under [columns]."
        )
    if not multi_label:
        return np.array([classes.index(label) for (label,) in parts], np.int64)
    shown = np.zeros((len(labels), len(classes)), np.bool_)
    for row, names in zip(shown, parts, strict=True):
        row[[classes.index(name) for name in names]] = True
    return shown


def _deal_split(patient: str, shares: tuple[float, float]) -> str:
    """Split of a group, from a hash of its name: the same on every machine, in every order."""
    draw = int(hashlib.sha256(patient.encode()).hexdigest()[:8], 16) / 16**8
    validation, test = shares
    return "val" if draw < validation else "test" if draw < validation + test else "train"


def _refuse_leaks(films: Sequence[Film]) -> None:
    """A patient in two splits would make every later figure a lie."""
    first: dict[str, Film] = {}
    for film in films:
        other = first.setdefault(film.patient, film)
        if other.split != film.split:
            raise SettingsError(
                "The manifest puts one patient into two splits "
                f"(lines {other.line} and {film.line}); regroup it."
            )


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


def read_region(path: Path) -> NDArray[np.float32]:
    """A mask: (rows, columns), float32, one inside the region and zero outside."""
    return (read_luminance(path) > 0).astype(np.float32)


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
        out[i] = as_bytes(squash(np.asarray(read(film.path), np.float32), size))
        if on_progress:
            on_progress(i + 1, len(films))
    return out


def load_regions(films: Sequence[Film], *, size: int) -> NDArray[np.float16]:
    """Masks of the films, squashed like them: (films, size, size), in [0, 1], NaN where none."""
    out = np.full((len(films), size, size), np.nan, np.float16)
    for i, film in enumerate(films):
        if film.region is not None:
            out[i] = squash(read_region(film.region), size)
    return out


def acquisition_strata(films: Sequence[Film], *, count: int = 5) -> NDArray[np.int64]:
    """Equal-count stratum of the acquisition number that each film lies in; -1 if unknown."""
    values = np.array([np.nan if f.acquisition is None else f.acquisition for f in films], float)
    finite = np.isfinite(values)
    strata = np.full(len(films), -1, np.int64)
    if finite.any():
        edges = np.quantile(values[finite], np.linspace(0, 1, count + 1)[1:-1])
        strata[finite] = np.digitize(values[finite], edges)
    return strata


def balancing_weights(
    strata: NDArray[np.int64], classes: NDArray[np.int64], *, limit: float = 4.0
) -> NDArray[np.float64]:
    """Weights under which class and stratum are nearly independent, mean one.

    ``P(class) / P(class | stratum)``, clipped to [1/limit, limit]: a network that guesses the
    class from the acquisition gains nothing (Idrissi et al., CLeaR 2022, arXiv 2110.14503).
    Films of unknown stratum weigh one.
    """
    weights = np.ones(len(classes))
    for stratum in np.unique(strata[strata >= 0]):
        inside = strata == stratum
        for c in np.unique(classes):
            chosen = inside & (classes == c)
            if chosen.any():
                share = chosen.sum() / inside.sum()
                weights[chosen] = np.clip((classes == c).mean() / share, 1 / limit, limit)
    return weights / weights.mean()


def as_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A picture stretched to eight bits."""
    low, high = values.min(), values.max()
    return np.rint((values - low) * (255 / max(high - low, 1e-6))).astype(np.uint8)
