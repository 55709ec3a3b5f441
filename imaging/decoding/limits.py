"""What a picture costs to decode, told by its geometry before it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imaging.dicom import Image
from imaging.entities import Geometry
from imaging.errors import PixelDataError

LARGE = 2**25  # pixels of a frame: half as much again as the largest mammogram
_LARGE_FILE = 2**28  # bytes of all frames
_ENOUGH = 4096  # pixels of the shorter side that a network may want of a larger film


def is_large(geometry: Geometry) -> bool:
    """True for a frame that is shown at full resolution by the viewer alone."""
    return geometry.rows * geometry.columns > LARGE


def is_heavy(geometry: Geometry) -> bool:
    """True for a picture whose decoding must not keep others waiting."""
    samples = geometry.rows * geometry.columns * geometry.samples_per_pixel
    whole = samples * geometry.frames * -(-geometry.bits_stored // 8)
    return is_large(geometry) or whole > _LARGE_FILE


def luminance_values(image: Image, frame: int) -> NDArray[np.float32]:
    """`Image.luminance_values`; of a large frame block means, on some linear scale.

    Networks see a film at less than `_ENOUGH` pixels a side, and explanations of it are computed
    at their size.

    Returns
    -------
    numpy.ndarray
        (rows', columns'), float32, larger is brighter.

    Raises
    ------
    PixelDataError
        If the frame cannot be decoded.
    """
    geometry = image.instance.geometry
    if not is_large(geometry):
        return image.luminance_values(frame)
    quick = image.quick_values(frame, enough=_ENOUGH)
    small = block_means(quick.values)
    if not np.isfinite(small).all():
        raise PixelDataError(
            "The picture holds values that are no numbers; export the image again."
        )
    return -small if quick.reversed else small


def block_means(values: NDArray[np.number]) -> NDArray[np.float32]:
    """Means of square blocks, so large that at most `LARGE` / 4 are left.

    Parameters
    ----------
    values : numpy.ndarray
        (rows, columns), real; rows and columns beyond the last whole block are left out.

    Returns
    -------
    numpy.ndarray
        (rows', columns'), float32.
    """
    side = int(np.ceil(np.sqrt(4 * values.size / LARGE)))
    if side <= 1:
        return np.asarray(values, np.float32)
    rows, columns = max(1, values.shape[0] // side), max(1, values.shape[1] // side)
    out = np.empty((rows, columns), np.float32)
    for at in range(rows):  # by rows of blocks: nothing large is made beside the picture
        band = values[at * side : (at + 1) * side, : columns * side].astype(np.float32)
        out[at] = band.reshape(band.shape[0], -1, band.shape[1] // columns).mean(axis=(0, 2))
    return out
