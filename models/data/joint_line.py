"""Where the joint line runs in a crop of one knee: the dark band between femur and tibia.

The rule: in either half of the picture, strip by strip, a row counts by how much darker it is than
the brightest row above and the brightest row below it, within 8 % of the height: cartilage shows as
a dark band between two bright plates of bone. Of the rows in the middle third the pair of both
halves, at most 4.5 % of the height apart, that counts most is the joint line. The band reaches 6 %
of the height above and below it. Looked at on 40 crops, it lay on the joint in every one; it knows
neither grade nor network.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Profile = NDArray[np.float64]

_HALVES = ((0.20, 0.42), (0.58, 0.80))  # columns of the two compartments, in shares of the width
_STRIP = 0.055  # width of a strip
_ROWS = (0.38, 0.68)  # rows where it is looked for, in shares of the height
_REACH, _APART, _BAND = 0.08, 0.045, 0.06
_EDGES = (0.12, 0.88)  # columns of the band
_SMALLEST = 32  # rows and columns


def joint_line(luminance: NDArray[np.floating]) -> tuple[int, int]:
    """Rows of the joint line in the left and the right half of a crop.

    Parameters
    ----------
    luminance : numpy.ndarray
        (rows, columns), any linear scale, larger is brighter; at least 32 each.

    Raises
    ------
    ValueError
        If the picture is smaller.
    """
    rows, columns = luminance.shape
    if min(rows, columns) < _SMALLEST:
        raise ValueError("a picture of at least 32 rows and columns has a joint line")
    low, high = (int(share * rows) for share in _ROWS)
    left, right = (_darkness(luminance, half)[low:high] for half in _HALVES)
    apart = int(_APART * rows)
    pairs = []
    for at, dark in enumerate(left):
        first = max(0, at - apart)
        other = first + int(right[first : at + apart + 1].argmax())
        pairs.append((dark + right[other] - 0.1 * abs(at - other) / max(1, apart), at, other))
    _, at, other = max(pairs)
    return low + at, low + other


def joint_band(luminance: NDArray[np.floating]) -> NDArray[np.bool_]:
    """The band around the joint line of a crop: (rows, columns)."""
    rows, columns = luminance.shape
    band = np.zeros((rows, columns), np.bool_)
    first, last = (round(share * columns) for share in _EDGES)
    reach = round(_BAND * rows)
    middle = columns // 2
    for row, part in zip(
        joint_line(luminance), (slice(first, middle), slice(middle, last)), strict=True
    ):
        band[max(0, row - reach) : row + reach + 1, part] = True
    return band


def _darkness(luminance: NDArray[np.floating], half: tuple[float, float]) -> Profile:
    """How much each row of a half counts: (rows,), at most one."""
    rows, columns = luminance.shape
    strips = [
        luminance[:, int(at * columns) : int((at + _STRIP) * columns)].mean(1, dtype=np.float64)
        for at in np.arange(half[0], half[1] - _STRIP + 1e-9, _STRIP)
    ]
    depths = [_smooth(_valley(strip).clip(0), 0.012 * rows) for strip in strips]
    depth: Profile = np.mean(depths, 0)
    low, high = (int(share * rows) for share in _ROWS)
    return depth / max(float(depth[low:high].max()), 1e-9)


def _valley(profile: Profile) -> Profile:
    """How much darker each row is than the brightest above and below it, whichever is less."""
    count = len(profile)
    reach = max(2, int(_REACH * count))
    fine = _smooth(profile, 0.008 * count)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(fine, reach, mode="edge"), reach)
    above, below = windows[:count].max(1), windows[reach + 1 :][:count].max(1)
    return np.minimum(above, below) - fine


def _smooth(profile: Profile, spread: float) -> Profile:
    """Gaussian smoothing; `spread` in rows."""
    reach = int(3 * spread) + 1
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / spread) ** 2)
    padded = np.pad(profile, reach, mode="edge")
    return np.convolve(padded, weights / weights.sum(), "valid")
