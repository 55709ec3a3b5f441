"""Changes of a film between two hospitals: each as one pure function, with its levels.

Used to measure the network (`models.evaluation.evaluate_robustness`), never to train it:
`models.data.augment` has transforms of its own. After Hendrycks and Dietterich, ICLR 2019 (arXiv
1903.12261).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F
from torchvision.io import decode_jpeg, encode_jpeg

Luminance = NDArray[np.float32]
Change = Callable[[Luminance, float, np.random.Generator], Luminance]


@dataclass(frozen=True, slots=True)
class Corruption:
    """A kind of change.

    Attributes
    ----------
    label, unit : str
        What it is and what a level counts, for a table or an axis.
    levels : tuple of float
        In the order of an axis, not of severity.
    change : callable
        (unit luminance, level, rng) -> unit luminance; unit luminance is in [0, 1].
    """

    label: str
    unit: str
    levels: tuple[float, ...]
    change: Change

    def apply(self, luminance: Luminance, *, level: float, rng: np.random.Generator) -> Luminance:
        """Change one film.

        Parameters
        ----------
        luminance : numpy.ndarray
            (rows, columns), float32, any linear scale, larger is brighter.
        level : float
            In `unit`.
        rng : numpy.random.Generator
            Source of all randomness; most changes use none.

        Returns
        -------
        numpy.ndarray
            (rows, columns), fewer where resolution is what changes; float32, within the range of
            the film given.
        """
        low = luminance.min()
        span = luminance.max() - low
        unit = (luminance - low) / span if span > 0 else np.zeros_like(luminance)
        changed = np.clip(self.change(unit.astype(np.float32), level, rng), 0, 1)
        return (changed * span + low).astype(np.float32)


def _noise(film: Luminance, deviation: float, rng: np.random.Generator) -> Luminance:
    """White Gaussian noise."""
    percent = np.float32(deviation / 100)
    return film + percent * rng.standard_normal(film.shape, dtype=np.float32)


def _blur(film: Luminance, deviation: float, rng: np.random.Generator) -> Luminance:
    """Gaussian, its standard deviation a percentage of the film's shorter side."""
    sigma = deviation / 100 * min(film.shape)
    reach = min(math.ceil(3 * sigma), min(film.shape) - 1)
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-(offsets**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).reshape(1, 1, 1, -1)
    padded = F.pad(_batch(film), (reach, reach, reach, reach), mode="reflect")
    return _film(F.conv2d(F.conv2d(padded, kernel), kernel.mT))


def _gamma(film: Luminance, exponent: float, rng: np.random.Generator) -> Luminance:
    """Power law, as between two displays or two vendors' look-up tables."""
    return film ** np.float32(exponent)


def _jpeg(film: Luminance, quality: float, rng: np.random.Generator) -> Luminance:
    """Lossy JPEG of eight bits, there and back (ISO/IEC 10918-1)."""
    stored = (_batch(film)[0] * 255).round().to(torch.uint8)
    with warnings.catch_warnings():
        # torchvision means to hand its codecs over to torchcodec; the version here is pinned
        warnings.simplefilter("ignore", DeprecationWarning)
        return _film(decode_jpeg(encode_jpeg(stored, quality=int(quality))) / 255)


def _rotate(film: Luminance, degrees: float, rng: np.random.Generator) -> Luminance:
    return _warp(film, degrees=degrees)


def _shift_right(film: Luminance, percent: float, rng: np.random.Generator) -> Luminance:
    return _warp(film, right=percent / 100)


def _shift_down(film: Luminance, percent: float, rng: np.random.Generator) -> Luminance:
    return _warp(film, down=percent / 100)


def _magnify(film: Luminance, factor: float, rng: np.random.Generator) -> Luminance:
    return _warp(film, scale=factor)


def _warp(
    film: Luminance,
    *,
    degrees: float = 0.0,
    right: float = 0.0,
    down: float = 0.0,
    scale: float = 1.0,
) -> Luminance:
    """Turn clockwise, move by shares of the sides, magnify; what comes from outside is black."""
    rows, columns = film.shape
    cosine = math.cos(math.radians(degrees)) / scale
    sine = math.sin(math.radians(degrees)) / scale
    # From output to input, in coordinates that run from -1 to 1 along either side.
    matrix = torch.tensor(
        [
            [cosine, sine * rows / columns, -2 * right],
            [-sine * columns / rows, cosine, -2 * down],
        ]
    )
    grid = F.affine_grid(matrix[None], [1, 1, rows, columns], align_corners=False)
    return _film(F.grid_sample(_batch(film), grid, padding_mode="zeros", align_corners=False))


def _reduce(film: Luminance, side: float, rng: np.random.Generator) -> Luminance:
    """Fewer pixels: the longer side becomes `side`; smaller films stay as they are."""
    factor = min(1.0, side / max(film.shape))
    shape = [max(1, round(length * factor)) for length in film.shape]
    return _film(F.interpolate(_batch(film), shape, mode="bilinear", antialias=True))


def _rewindow(film: Luminance, percent: float, rng: np.random.Generator) -> Luminance:
    """A narrower window: as many per cent of the pixels saturate at either end."""
    low, high = np.percentile(film, [percent, 100 - percent])
    return ((film - low) / max(high - low, 1e-6)).astype(np.float32)


def _quantise(film: Luminance, bits: float, rng: np.random.Generator) -> Luminance:
    """Fewer grey levels, spread over the film's whole range."""
    top = np.float32(2**bits - 1)
    return np.rint(film * top) / top


def _monochrome1(film: Luminance, bits: float, rng: np.random.Generator) -> Luminance:
    """Stored as a negative of so many bits and read back by the rule of `luminance_values`.

    The arithmetic only; whole files are compared in ``tests/test_format_invariance.py``.
    """
    top = 2 ** int(bits) - 1
    stored = top - np.rint(film.astype(np.float64) * top).astype(np.uint16)
    return ((top - stored.astype(np.float32)) / top).astype(np.float32)


def _collimate(film: Luminance, percent: float, rng: np.random.Generator) -> Luminance:
    """A black border on all four sides."""
    down, across = (round(length * percent / 100) for length in film.shape)
    dark = np.zeros_like(film)
    inside = (slice(down, film.shape[0] - down), slice(across, film.shape[1] - across))
    dark[inside] = film[inside]
    return dark


def _batch(film: Luminance) -> torch.Tensor:
    """(rows, columns) -> (1, 1, rows, columns)."""
    return torch.from_numpy(np.array(film, np.float32))[None, None]


def _film(batch: torch.Tensor) -> Luminance:
    """Drop every leading axis of length one."""
    return batch.reshape(batch.shape[-2:]).to(torch.float32).numpy()


_POSE = (-10.0, -5.0, 5.0, 10.0)

CORRUPTIONS: dict[str, Corruption] = {
    "noise": Corruption("Noise", "% of the image's range", (2, 5, 10, 15), _noise),
    "blur": Corruption("Blur", "% of side (standard deviation)", (0.5, 1, 1.5, 2), _blur),
    "gamma": Corruption("Gamma", "exponent", (0.5, 0.7, 1.5, 2), _gamma),
    "window": Corruption("Narrower window", "% clipped at either end", (1, 2, 5, 10), _rewindow),
    "depth": Corruption("Grey levels", "bits", (4, 5, 6, 8, 16), _quantise),
    "monochrome1": Corruption("MONOCHROME1 encoding", "bits stored", (8, 12, 16), _monochrome1),
    "jpeg": Corruption("JPEG compression", "quality", (10, 25, 50, 75, 90), _jpeg),
    "resolution": Corruption("Resolution", "pixels on the longer side", (48, 64, 96, 128), _reduce),
    "rotation": Corruption("Rotation", "degrees clockwise", _POSE, _rotate),
    "shift_right": Corruption("Shift to the right", "% of the width", _POSE, _shift_right),
    "shift_down": Corruption("Shift down", "% of the height", _POSE, _shift_down),
    "scale": Corruption("Magnification", "factor", (0.8, 0.9, 1.1, 1.2), _magnify),
    "border": Corruption("Black border", "% of side", (2, 5, 10, 15), _collimate),
}
