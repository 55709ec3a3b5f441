"""Films for benches: a real shape under grain, at the size and depth a detector gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import DigitalXRayImageStorageForPresentation, generate_uid

from bench.decode import encode_film
from imaging.dicom import read_image
from imaging.settings import ROOT

SIDE = 2048


@dataclass(frozen=True)
class Kind:
    """What a pile is made of: a synthetic example, the part of it that is taken, and a header."""

    example: str
    header: Mapping[str, str]  # keyword of DICOM -> value
    rows: tuple[float, float] = (0, 1)  # from, to; shares of the example's
    columns: tuple[float, float] = (0, 1)


CHILD = Kind("synthetic_01_normal.dcm", {"PatientAge": "003Y"})


def base_values(side: int = SIDE, kind: Kind = CHILD) -> NDArray[np.float64]:
    """A synthetic example film, enlarged to (side, side), 0 to 4095."""
    film = ROOT / "examples" / kind.example
    values = read_image(film).luminance_values(0).astype(np.float64)
    down, across = (
        slice(*(round(part * n) for part in parts))
        for parts, n in zip((kind.rows, kind.columns), values.shape, strict=True)
    )
    values = values[down, across]
    rows, columns = (np.linspace(0, n - 1, side) for n in values.shape)
    wide = np.stack([np.interp(columns, np.arange(values.shape[1]), row) for row in values])
    whole = np.stack([np.interp(rows, np.arange(values.shape[0]), c) for c in wide.T], axis=1)
    whole -= whole.min()
    return whole * (3900 / whole.max())


def film_bytes(
    name: str, values: NDArray[np.uint16], number: int, header: Mapping[str, str] = CHILD.header
) -> bytes:
    """A film as a DICOM file in one of the encodings of `bench.decode`; of a chest by itself.

    Parameters
    ----------
    name : str
        "raw", "jpegll", "htj2k", "j2k", ...
    values : numpy.ndarray
        (rows, columns), uint16 below 4096.
    number : int
        Makes UIDs and names.
    header : Mapping
        Further attributes, by keyword.
    """
    ds = encode_film(name, values)
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = DigitalXRayImageStorageForPresentation
    uid = generate_uid(entropy_srcs=["bench.films", name, str(number)])
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = uid
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{uid}.1"[:64], f"{uid}.2"[:64]
    ds.PatientName, ds.PatientID = f"BENCH^{number}", f"B{number}"
    ds.Modality, ds.BodyPartExamined, ds.ViewPosition = "DX", "CHEST", "AP"
    ds.ImageType, ds.PresentationIntentType = ["ORIGINAL", "PRIMARY"], "FOR PRESENTATION"
    ds.StudyDate, ds.WindowCenter, ds.WindowWidth = "20260101", 2048, 4096
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    out = BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def write_films(
    folder: Path,
    name: str,
    count: int,
    *,
    side: int = SIDE,
    kind: Kind = CHILD,
) -> list[Path]:
    """Write films that differ by grain and tone; returns where."""
    folder.mkdir(parents=True, exist_ok=True)
    shape, draw = base_values(side, kind), np.random.default_rng(7)
    grain = draw.normal(0, 12, (side, side))
    paths = []
    for number in range(count):
        shifted_grain = np.roll(grain, (int(draw.integers(side)), int(draw.integers(side))), (0, 1))
        tone = 1 - 0.15 * draw.random()
        values = np.clip(shape * tone + shifted_grain, 0, 4095).astype(np.uint16)
        path = folder / f"{name}-{number:05}.dcm"
        path.write_bytes(film_bytes(name, values, number, kind.header))
        paths.append(path)
    return paths
