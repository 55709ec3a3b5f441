"""How far a colour picture is from grey: a tint and a codec's noise are no colours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Largest tint that counts as grey, as a share of the picture's range. What tinted scans, noise and
# coloured marks come to stands in docs/dicom.md, "Nearly grey".
NEAR_GREY = 0.05
READ_AS_GREY = f"A colour picture that is nowhere further than {NEAR_GREY:.0%} from grey: read so."
_BLOCK = 8  # pixels a side, as JPEG's: its noise in colour averages out, a mark in colour does not


def tint_of(rgb: NDArray[Any]) -> float:
    """How far a picture is from grey: by any area of 8 x 8 pixels, and by all pixels on average.

    Parameters
    ----------
    rgb : numpy.ndarray
        (rows, columns, 3), any real type and scale.

    Returns
    -------
    float
        The larger of the two differences between channels, in [0, 1]: a share of the range between
        the lowest and the highest value. 0 for exact grey and for a picture of one value.
    """
    span = float(rgb.max()) - float(rgb.min())
    if not span > 0:
        return 0.0
    sums = rgb
    for axis in (0, 1):
        starts = np.arange(0, sums.shape[axis], _BLOCK)
        sums = np.add.reduceat(sums, starts, axis=axis, dtype=np.float64)
    sizes = [np.diff(np.arange(0, n + _BLOCK, _BLOCK).clip(max=n)) for n in rgb.shape[:2]]
    sizes = [size[size > 0] for size in sizes]
    means = sums / np.outer(*sizes)[..., None]
    areas = float((means.max(axis=2) - means.min(axis=2)).max())
    pixels = float(np.mean(rgb.max(axis=2).astype(np.float64) - rgb.min(axis=2)))
    return max(areas, pixels) / span
