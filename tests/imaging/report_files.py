"""Files of public bug reports that were tried on Lightbox, by the number of their folder."""

from __future__ import annotations

from pathlib import Path

import pytest


def report_files(data: Path, number: str) -> list[Path]:
    """The DICOM files of one report below `LIGHTBOX_DATA`; skips where the folder is not there."""
    if not (data / "reports").is_dir():
        pytest.skip("LIGHTBOX_DATA/reports is not there")
    found = sorted((data / "reports").glob(f"{number}-*/*.dcm"))
    assert found, f"no files of report {number}"
    return found
