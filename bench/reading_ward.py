"""The studies of a scripted reading: normal, suspected, refused, with a prior, without a name.

They are made of the synthetic examples, each with grain of its own; where `LIGHTBOX_DATA` names
the open films, the nameless JPEGs are some of those, and a knee is among the refused. A folder
holds them, with what they are in `ward.json`.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image as PilImage
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from imaging.settings import ROOT

FORTY: dict[str, int] = {"normal": 12, "suspected": 10, "refused": 8, "prior": 5, "unnamed": 5}
"""How many studies of each kind a whole reading has."""

_TODAY, _BEFORE = "20261120", "20260310"
_FOREIGN: tuple[dict[str, str], ...] = (  # what the networks were not built for
    {"BodyPartExamined": "HAND", "StudyDescription": "Hand"},
    {"Modality": "MR", "BodyPartExamined": "BRAIN", "StudyDescription": "Brain"},
    {"ViewPosition": "LL", "StudyDescription": "Chest, lateral"},
    {"Modality": "CT", "StudyDescription": "Chest, CT"},
)


def write_ward(folder: Path, counts: Mapping[str, int] = FORTY) -> None:
    """Write the films of so many studies of each kind, and `ward.json` beside them.

    Parameters
    ----------
    folder : Path
        To be made. Earlier studies of the same patients go into its folder "earlier".
    counts : mapping of str to int
        By kind: "normal", "suspected", "refused", "prior", "unnamed".
    """
    (folder / "earlier").mkdir(parents=True)
    (folder / "films").mkdir()
    kinds: dict[str, dict[str, object]] = {}
    for kind, count in counts.items():
        for number in range(count):
            name, present = _write(folder, kind, number)
            kinds[name] = {"kind": kind, "present": present}
    (folder / "ward.json").write_text(json.dumps(kinds, indent=1), encoding="utf-8")


def _write(folder: Path, kind: str, number: int) -> tuple[str, bool | None]:
    """Write one study; its file's name, and whether it shows pneumonia (None: no chest film)."""
    shows = kind == "suspected" or (kind in ("prior", "unnamed") and number % 2 == 1)
    name, seed = f"{kind}-{number:02d}", f"{kind} {number}"
    if kind == "unnamed":
        name += ".jpg"
        _picture(seed, number, shows).save(folder / "films" / name, quality=95)
        return name, shows
    knees = _open_films("knee_kl", "kl", "0") if kind == "refused" and number % 5 == 4 else []
    if knees:
        name += ".jpg"
        PilImage.open(knees[number % len(knees)]).convert("L").save(folder / "films" / name)
        return name, None
    film = _film(seed, number, shows)
    film.PatientID, film.PatientName = f"WARD-{name}", f"SYNTHETIC^{kind.upper()} {number:02d}"
    if kind == "refused":
        _turn_foreign(film, number)
    film.save_as(folder / "films" / f"{name}.dcm")
    if kind == "prior":
        earlier = _film(f"{seed} before", number + 1, shows=False)
        earlier.PatientID, earlier.PatientName = film.PatientID, film.PatientName
        for date in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
            setattr(earlier, date, _BEFORE)
        earlier.save_as(folder / "earlier" / f"before-{name}.dcm")
    return f"{name}.dcm", None if kind == "refused" else shows


def _film(seed: str, number: int, shows: bool) -> Dataset:
    """A synthetic example as another study, with grain of its own."""
    found = "bacterial" if shows else "normal"
    examples = sorted((ROOT / "examples").glob(f"*_{found}.dcm"))
    film = dcmread(examples[number % len(examples)])
    pixels = film.pixel_array
    grain = np.random.default_rng(sum(seed.encode())).integers(0, 6, pixels.shape, np.uint16)
    pixels = np.minimum(pixels + grain, 2**film.BitsStored - 1)
    film.PixelData = pixels.astype("<u2").tobytes()
    for at, uid in enumerate(("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")):
        setattr(film, uid, generate_uid(entropy_srcs=["bench.reading", seed, str(at)]))
    film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID
    for date in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
        setattr(film, date, _TODAY)
    return film


def _turn_foreign(film: Dataset, number: int) -> None:
    """Let the header say what the networks refuse."""
    for keyword, value in _FOREIGN[number % len(_FOREIGN)].items():
        setattr(film, keyword, value)
    if film.BodyPartExamined != "CHEST":
        film.pop("AnatomicRegionSequence", None)


def _picture(seed: str, number: int, shows: bool) -> PilImage.Image:
    """A film without a header: one of the open films, else an example as eight bits a pixel."""
    films = _open_films("kermany_cxr", "binary", "pneumonia" if shows else "normal")
    if films:
        return PilImage.open(films[number % len(films)]).convert("L")
    film = _film(seed, number, shows)
    return PilImage.fromarray((film.pixel_array >> (film.BitsStored - 8)).astype(np.uint8))


def _open_films(name: str, column: str, value: str) -> list[Path]:
    """The test films of one of the data sets, where they are installed."""
    folder = Path(os.environ.get("LIGHTBOX_DATA", ""), name)
    if not (folder / "manifest.csv").is_file():
        return []
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as rows:
        chosen = [row["file"] for row in csv.DictReader(rows) if row[column] == value]
    places = (folder / file for file in chosen)
    found = (place if place.exists() else folder / "images" / place.name for place in places)
    return list(islice((path for path in found if path.exists()), 20))
