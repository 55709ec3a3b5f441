"""Numbers of a whole picture that hold no anatomy, and linear models on them: the least to beat."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from models.network.preprocess import squash

NUMBERS = (
    *("mean", "spread", "percentile_5", "percentile_25", "median", "percentile_75"),
    *("percentile_95", "gradient_across", "gradient_down", "edges", "saturated", "black"),
)
THUMBNAIL = 16  # rows and columns
_EDGE = 0.1  # of each side: the strips along the picture's edges
_END = 0.01  # of the range: as good as white, or black


def whole_image_numbers(luminance: NDArray[np.float32]) -> NDArray[np.float64]:
    """Twelve numbers of one picture.

    Parameters
    ----------
    luminance : numpy.ndarray
        (rows, columns), any linear scale; stretched to [0, 1] by its own extremes.

    Returns
    -------
    numpy.ndarray
        (12,), float64, in the order of `NUMBERS`.
    """
    low, high = float(luminance.min()), float(luminance.max())
    values = (np.asarray(luminance, np.float64) - low) / max(high - low, 1e-9)
    rows, columns = values.shape
    down, across = max(1, round(_EDGE * rows)), max(1, round(_EDGE * columns))
    strips = (values[:down], values[-down:], values[:, :across], values[:, -across:])
    return np.array(
        [
            values.mean(),
            values.std(),
            *np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95)),
            np.abs(np.diff(values, axis=1)).mean() if columns > 1 else 0.0,
            np.abs(np.diff(values, axis=0)).mean() if rows > 1 else 0.0,
            np.concatenate([strip.ravel() for strip in strips]).mean(),
            (values >= 1 - _END).mean(),
            (values <= _END).mean(),
        ]
    )


def picture_thumbnail(luminance: NDArray[np.float32]) -> NDArray[np.float64]:
    """One picture as 16 x 16 means, stretched to [0, 1]: (256,), float64."""
    small = squash(np.asarray(luminance, np.float32), THUMBNAIL).astype(np.float64)
    return ((small - small.min()) / max(float(np.ptp(small)), 1e-9)).ravel()


def statistics(pictures: Iterable[NDArray[np.float32]]) -> dict[str, NDArray[np.float64]]:
    """`whole_image_numbers` and `picture_thumbnail` of pictures: (pictures, numbers) each."""
    pairs = [(whole_image_numbers(p), picture_thumbnail(p)) for p in pictures]
    numbers, thumbnails = zip(*pairs, strict=True)
    return {"numbers": np.stack(numbers), "thumbnail": np.stack(thumbnails)}
