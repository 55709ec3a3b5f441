"""The low band of a wavelet as the means of its blocks, held against real codecs."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.dicom.pixels.codestream import is_reversible
from imaging.dicom.pixels.reduced import _decode_by_pillow
from imaging.dicom.pixels.wavelet import block_filter, block_means

DRAW = np.random.default_rng(3)


def film(side: int = 256) -> NDArray[np.uint16]:
    """Edges, slopes and grain, away from both ends of the range."""
    y, x = np.mgrid[0:side, 0:side]
    values = 20000 + 60 * x + 40 * y + 8000 * (np.hypot(x - 130, y - 120) < 70)
    return (values + DRAW.normal(0, 200, values.shape)).astype(np.uint16)


def codestream(values: NDArray[np.uint16], *, reversible: bool) -> bytes:
    found = imagecodecs.jpeg2k_encode(
        values,
        codecformat="j2k",
        reversible=reversible,
        resolutions=5,
        level=None if reversible else 60,
    )
    return bytes(found)


def means(values: NDArray[np.uint16], side: int) -> NDArray[np.float64]:
    rows, columns = values.shape
    return values.reshape(rows // side, side, columns // side, side).mean((1, 3))


@pytest.mark.parametrize("reversible", [True, False], ids=["5-3", "9-7"])
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_low_band_becomes_the_means_of_its_blocks(levels: int, reversible: bool) -> None:
    values = film()
    low = _decode_by_pillow(codestream(values, reversible=reversible), levels)
    wanted = means(values, 2**levels)
    found = block_means(low, levels, reversible=reversible)
    inside = np.s_[4:-4, 4:-4]

    def error(one: NDArray[np.floating]) -> float:
        return float(np.sqrt(np.mean((one[inside] - wanted[inside]) ** 2)))

    other = block_means(low, levels, reversible=not reversible)
    assert error(found) < 0.7 * error(low.astype(np.float64))
    assert error(found) < error(other)


@pytest.mark.parametrize("reversible", [True, False], ids=["5-3", "9-7"])
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_the_filter_keeps_brightness_and_moves_by_the_phase(levels: int, reversible: bool) -> None:
    """A low band's sample lies on the first pixel of its block, half a block before its middle."""
    first, taps = block_filter(levels, reversible)
    places = first + np.arange(len(taps))
    assert sum(taps) == pytest.approx(1)
    assert np.dot(taps, places) == pytest.approx((2**levels - 1) / 2 ** (levels + 1))


def test_beyond_its_edge_a_picture_goes_on() -> None:
    assert np.all(block_means(np.full((5, 7), 9, np.uint16), 2, reversible=False) == 9)


@pytest.mark.parametrize("reversible", [True, False], ids=["5-3", "9-7"])
def test_a_codestream_says_which_filter_it_has(reversible: bool) -> None:
    assert is_reversible(codestream(film(64), reversible=reversible)) is reversible


def test_what_lies_otherwise_than_usual_is_left_alone() -> None:
    plain = codestream(film(64), reversible=True)
    moved = bytearray(plain)
    moved[2 + 14 + 3] = 1  # XOsiz
    style = plain.index(b"\xff\x52")
    component = plain[:style] + b"\xff\x53\x00\x09\x00\x00\x04\x04\x04\x00\x00" + plain[style:]
    assert is_reversible(bytes(moved)) is None
    assert is_reversible(component) is None
    assert is_reversible(b"") is None
    assert is_reversible(plain[:40]) is None
