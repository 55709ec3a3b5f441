"""Films cut to what their classifier looks at, in memory for training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.data.dataset import Film, as_bytes, read_luminance, read_region
from models.data.framing import Framing
from models.network.preprocess import squash
from models.rules.crop_box import WHOLE


@dataclass(frozen=True, slots=True, eq=False)
class FramedFilms:
    """Films of a split in memory, cut to their views and a margin of context around these.

    Attributes
    ----------
    pixels : numpy.ndarray
        (films, side, side), uint8.
    regions : numpy.ndarray
        Same shape, float16 in [0, 1], NaN throughout where a film has no mask.
    views : numpy.ndarray
        (films, 4), float32: top, left, bottom and right of the view within the cut picture.
    """

    pixels: NDArray[np.uint8]
    regions: NDArray[np.float16]
    views: NDArray[np.float32]

    @classmethod
    def load(
        cls,
        films: Sequence[Film],
        framing: Framing,
        *,
        side: int,
        context: float = 0.0,
        fill_regions: bool = False,
        on_progress: Callable[[int], None] | None = None,
    ) -> FramedFilms:
        """Read films.

        Parameters
        ----------
        context : float
            Added to every view at every edge, of the view's sides.
        fill_regions : bool
            Take what the localiser sees where a film has no mask.
        """
        pixels = np.empty((len(films), side, side), np.uint8)
        regions = np.full((len(films), side, side), np.nan, np.float16)
        views = np.empty((len(films), 4), np.float32)
        for i, film in enumerate(films):
            luminance = np.asarray(read_luminance(film.path), np.float32)
            found = framing.region(luminance)
            view = framing.around(found) or WHOLE
            cut = view.grow(context)
            views[i] = view.within(cut).edges
            pixels[i] = as_bytes(squash(luminance[cut.pixels(luminance.shape)], side))
            if film.region is not None:
                mask = read_region(film.region)
                regions[i] = squash(mask[cut.pixels(mask.shape)], side)
            elif fill_regions and found is not None:
                whole = squash(np.asarray(found, np.float32), side)  # as fine as the picture
                regions[i] = squash(np.ascontiguousarray(whole[cut.pixels(whole.shape)]), side)
            if on_progress:
                on_progress(i + 1)
        return cls(pixels, regions, views)

    def __len__(self) -> int:
        return len(self.pixels)
