"""Indexing a folder on one core: Lightbox's strict walker beside pydicom's stop_before_pixels.

    python -m bench.index_folder                  # 1,000 generated CR files, 7 rounds
    python -m bench.index_folder --files 200 --rounds 3

Both sides learn the same values of every file, and the lines are compared. The files are of the
size and shape hospital systems write: some 90 elements, private groups and sequences among them,
pixels of 2 MB. Rounds alternate; medians compared. ``collection`` is the same over the odd files
of LIGHTBOX_DATA/dicom, many of which the walker leaves to pydicom. Ends with one line of JSON.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Annotated

import numpy as np
import typer
from pydicom import dcmread
from pydicom.dataset import Dataset

from imaging.dicom.index import listing_of, read_listing
from imaging.errors import InputError
from imaging.listing import Listing
from imaging.settings import ROOT, Settings

_STORED = ROOT / "bench" / "results" / "index_folder.json"
_FULL = 1000
_Read = Callable[[Path], Listing]


def main(
    files: Annotated[int, typer.Option(help="Generated files.")] = _FULL,
    rounds: Annotated[int, typer.Option(help="Rounds, both sides in each.")] = 7,
) -> None:
    """Index, compare, print."""
    with tempfile.TemporaryDirectory() as folder:
        found = {"index_folder": _race(_generate(Path(folder), files), rounds)}
    data = Settings.from_environment().data
    if data is not None:
        found["collection"] = _race(_readable(data / "dicom"), rounds)
    if files == _FULL:
        _STORED.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found))


def _by_pydicom(path: Path) -> Listing:
    return listing_of(dcmread(path, force=True, stop_before_pixels=True))


def _race(paths: Sequence[Path], rounds: int) -> float:
    """How many times as fast the walker is; the lines of both are the same."""
    if [read_listing(path) for path in paths] != [_by_pydicom(path) for path in paths]:
        raise AssertionError("the walker and pydicom disagree")
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(_timed(read_listing, paths))
        theirs.append(_timed(_by_pydicom, paths))
    return round(median(theirs) / median(ours), 1)


def _timed(read: _Read, paths: Sequence[Path]) -> float:
    started = time.process_time()
    for path in paths:
        read(path)
    return time.process_time() - started


def _readable(folder: Path) -> list[Path]:
    """Files of which an index says anything."""
    found = []
    for path in sorted(folder.rglob("*.dcm")):
        try:
            read_listing(path)
            found.append(path)
        except InputError:
            continue
    return found


def _generate(folder: Path, count: int) -> list[Path]:
    """Copies of a synthetic example, with what hospital systems add, under UIDs of their own."""
    example = next(iter(sorted((ROOT / "examples").glob("*.dcm"))))
    ds = dcmread(example)
    ds.remove_private_tags()
    _furnish(ds)
    ds.PixelData = bytes(2 * np.prod([ds.Rows, ds.Columns], dtype=int))
    ds.BitsAllocated = 16
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    content = buffer.getvalue()
    paths = []
    old = str(ds.SOPInstanceUID).encode()
    for at in range(count):
        paths.append(folder / f"{at:05}.dcm")
        ending = f"{at:06}".encode()
        paths[-1].write_bytes(content.replace(old, old[:-6] + ending))
    return paths


def _furnish(ds: Dataset) -> None:
    """Descriptions, codes and a private group, as a detector's console writes them."""
    ds.InstitutionName, ds.Manufacturer, ds.StationName = "General", "Maker", "DX1"
    ds.ReferringPhysicianName, ds.OperatorsName = "Doe^Jane", "Roe^Rich"
    ds.ProtocolName, ds.SeriesDescription = "Chest AP", "Chest"
    ds.InstanceNumber, ds.SeriesNumber, ds.AcquisitionNumber = 1, 1, 1
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-D3000", "SRT", "Chest"
    ds.AnatomicRegionSequence = [code]
    request = Dataset()
    request.RequestedProcedureID = request.ScheduledProcedureStepID = "R1"
    request.RequestedProcedureDescription = "Chest"
    request.ScheduledProtocolCodeSequence = [code]
    ds.RequestAttributesSequence = [request]
    block = ds.private_block(0x0019, "MAKER 1.0", create=True)
    for element in range(20):
        block.add_new(element, "LO", f"VALUE {element}")
    other = ds.private_block(0x0029, "MAKER CSA", create=True)
    other.add_new(0x10, "OB", bytes(4096))


if __name__ == "__main__":
    typer.run(main)
