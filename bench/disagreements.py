"""Why two readers give other pixels for a file: rules that are checked, not assumed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
_ROUNDING = 1e-6  # of the largest value: float32 here, float64 there
_YBR = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]])  # JFIF, inverse
_LEVELS = 2.0  # by which two roundings of one conversion of colours may differ


def explain(name: str, ours: NDArray[Any], theirs: NDArray[Any]) -> str:
    """Describe what the other does: "" when the pixels agree, "unexplained" when no rule fits.

    Parameters
    ----------
    name : str
        Key of `bench.peers.PEERS`.
    ours, theirs : numpy.ndarray
        (frames, rows, columns) or (frames, rows, columns, 3).
    """
    if ours.shape != theirs.shape:
        return "another number of frames or samples"
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    if np.abs(a - b).max() <= _ROUNDING * max(1.0, np.abs(a).max()):
        return ""
    return next((words for words, fits in _RULES.items() if fits(a, b)), "unexplained")


def _inverted(a: Values, b: Values) -> bool:
    """One is the negative of the other."""
    total = a + b
    return bool(np.ptp(total) <= _ROUNDING * max(1.0, np.abs(total).max()))


def _only_high_bytes(a: Values, b: Values) -> bool:
    return bool(np.array_equal(np.floor(a / 256), b))


def _bits_as_255(a: Values, b: Values) -> bool:
    return bool(np.array_equal(255 * a, b))


def _words_exchanged(a: Values, b: Values) -> bool:
    """Halves of 32-bit samples in the other order."""
    if a.min() < 0 or a.max() >= 2**32:
        return False
    whole = a.astype(np.uint32)
    return bool(np.array_equal((whole >> 16 | whole << 16).astype(np.float64), b))


def _left_as_ybr(a: Values, b: Values) -> bool:
    """The other left luminance and colour differences as they were stored."""
    if a.ndim != 4 or a.max() > 255:
        return False
    rgb = np.clip((b - [0, 128, 128]) @ _YBR.T, 0, 255)
    return bool(np.abs(rgb - a).max() <= _LEVELS)


def _begins_again(a: Values, b: Values) -> bool:
    """The other cuts what lossy compression left beyond BitsStored: white beside the black."""
    reach = 2 ** int(b.max()).bit_length()
    beyond = a.min() >= 0 and a.max() >= reach
    return bool(beyond and any(np.array_equal(a % reach, c) for c in (b, reach - 1 - b)))


def _no_rescale(a: Values, b: Values) -> bool:
    """The other multiplied by a slope of 0."""
    return bool(np.ptp(b) == 0 and np.ptp(a) > 0)


def _packed_tiles(a: Values, b: Values) -> bool:
    """The other wrote tiles smaller than a frame at its front, in rows of the frame's width."""
    for frame, other_frame in zip(a, b, strict=True):
        filled = np.argwhere(frame.reshape(*frame.shape[:2], -1).any(axis=2))
        rows, columns = filled.max(axis=0) + 1 if len(filled) else (0, 0)
        tile = frame[:rows, :columns].ravel()
        same = np.array_equal(frame, other_frame)
        if not same and not np.array_equal(tile, other_frame.ravel()[: tile.size]):
            return False
    return True


_RULES: dict[str, Callable[[Values, Values], bool]] = {
    "stores the negative of MONOCHROME1": _inverted,
    "keeps the upper 8 of the palette's 16 bits": _only_high_bytes,
    "writes 255 for a bit that is set": _bits_as_255,
    "exchanges the halves of big endian 32-bit samples": _words_exchanged,
    "leaves YBR as it is": _left_as_ybr,
    "begins again at 0 beyond BitsStored": _begins_again,
    "multiplies by a rescale slope of 0": _no_rescale,
    "scrambles tiles that are smaller than a frame": _packed_tiles,
}
