"""Public bug reports about codestreams, tables and padding: the files in `LIGHTBOX_DATA`.

Their siblings are made in `test_colour_space`, `test_lookup_table` and `test_wrapping`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imaging.dicom import Image, read_image


@pytest.fixture
def reports(data: Path) -> Path:
    """The folder of the reports; skips without it."""
    folder = data / "reports"
    if not folder.is_dir():
        pytest.skip("LIGHTBOX_DATA/reports is not there")
    return folder


def read(folder: Path, pattern: str) -> list[Image]:
    found = [read_image(path) for path in sorted(folder.glob(pattern))]
    assert found
    return found


def test_colours_of_every_report_are_those_of_one_picture(reports: Path) -> None:
    """01, 06, 25: one picture under JPEG, JPEG 2000 and none, with every odd header."""
    films = [
        *read(reports, "01-*/*.dcm"),
        *read(reports, "06-*/*.dcm"),
        *read(reports, "25-*/b5c.dcm"),
    ]
    (truth,) = read(reports, "25-*/b8.dcm")  # uncompressed
    for film in films:
        off = np.abs(film.display_values().astype(int) - truth.display_values())
        assert off.mean() < 4, film.remarks
        assert not film.refusals
    assert all(film.remarks for film in films[:-1])


@pytest.mark.parametrize("pattern", ["02-*/*.dcm", "24-*/*.dcm", "25-*/c17.dcm"])
def test_grey_films_show_their_whole_ramp(pattern: str, reports: Path) -> None:
    """02: the LUT's start has the sign of its input; 24, 25: raw pixels, however they lie."""
    for film in read(reports, pattern):
        shown = film.display_values().astype(int)
        assert (shown.min(), shown.max()) == (0, 255)
        assert np.all(np.diff(shown, axis=1) >= 0) and len(np.unique(shown)) > 90


def test_padding_of_another_sign_does_not_move_the_window(reports: Path) -> None:
    """03: 236 and 320, as in the same file with padding as it should be; not -805 and 2389."""
    (film,) = read(reports, "03-*/*.dcm")
    window = film.automatic_preset()
    assert window.window_center == pytest.approx(236.5)
    assert window.window_width == pytest.approx(320, abs=0.5)


def test_a_shallow_voi_lut_reaches_white(reports: Path) -> None:
    """04: entries of 12 bits under a descriptor of 16."""
    (film,) = read(reports, "04-*/*.dcm")
    assert film.display_values().max() == 255
    assert "12" in film.remarks[0]


def test_palettes_of_other_depths_show_one_picture(reports: Path) -> None:
    """05: words of v, v * 256 and v * 257 under descriptors of 16 and 8 bits."""
    first, *others = (film.display_values() for film in read(reports, "05-*/*.dcm"))
    assert np.ptp(first) == 255 and len(np.unique(first[..., 0])) > 90
    assert all(np.array_equal(first, other) for other in others)
