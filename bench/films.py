"""Films for benches: a real shape under grain, at the size and depth a detector gives."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import DigitalXRayImageStorageForPresentation, generate_uid

from bench.decode import encode_film
from imaging.dicom import read_image
from imaging.settings import ROOT

SIDE = 2048


CHILD = "synthetic_01_normal.dcm"


def base_values(side: int = SIDE, example: str = CHILD) -> NDArray[np.float64]:
    """A synthetic example film, enlarged to (side, side), 0 to 4095."""
    film = ROOT / "examples" / example
    values = read_image(film).luminance_values(0).astype(np.float64)
    rows, columns = (np.linspace(0, n - 1, side) for n in values.shape)
    across = np.stack([np.interp(columns, np.arange(values.shape[1]), row) for row in values])
    whole = np.stack([np.interp(rows, np.arange(values.shape[0]), c) for c in across.T], axis=1)
    whole -= whole.min()
    return whole * (3900 / whole.max())


def film_bytes(name: str, values: NDArray[np.uint16], number: int, age: str = "003Y") -> bytes:
    """A chest film of a child as a DICOM file in one of the encodings of `bench.decode`.

    Parameters
    ----------
    name : str
        "raw", "jpegll", "htj2k", "j2k", ...
    values : numpy.ndarray
        (rows, columns), uint16 below 4096.
    number : int
        Makes UIDs and names.
    age : str
        PatientAge (AS).
    """
    ds = encode_film(name, values)
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = DigitalXRayImageStorageForPresentation
    uid = generate_uid(entropy_srcs=["bench.films", name, str(number)])
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = uid
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{uid}.1"[:64], f"{uid}.2"[:64]
    ds.PatientName, ds.PatientID, ds.PatientAge = f"BENCH^{number}", f"B{number}", age
    ds.Modality, ds.BodyPartExamined, ds.ViewPosition = "DX", "CHEST", "AP"
    ds.ImageType, ds.PresentationIntentType = ["ORIGINAL", "PRIMARY"], "FOR PRESENTATION"
    ds.StudyDate, ds.WindowCenter, ds.WindowWidth = "20260101", 2048, 4096
    out = BytesIO()
    ds.save_as(out, enforce_file_format=True)
    return out.getvalue()


def write_films(
    folder: Path,
    name: str,
    count: int,
    *,
    side: int = SIDE,
    example: str = CHILD,
    age: str = "003Y",
) -> list[Path]:
    """Write films that differ by grain and tone; returns where."""
    folder.mkdir(parents=True, exist_ok=True)
    shape, draw = base_values(side, example), np.random.default_rng(7)
    grain = draw.normal(0, 12, (side, side))
    paths = []
    for number in range(count):
        shifted_grain = np.roll(grain, (int(draw.integers(side)), int(draw.integers(side))), (0, 1))
        tone = 1 - 0.15 * draw.random()
        values = np.clip(shape * tone + shifted_grain, 0, 4095).astype(np.uint16)
        path = folder / f"{name}-{number:05}.dcm"
        path.write_bytes(film_bytes(name, values, number, age))
        paths.append(path)
    return paths
