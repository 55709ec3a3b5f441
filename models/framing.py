"""What part of a film a classifier looks at: the lungs, or all of it without a localiser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.dataset import Film, as_bytes, read_luminance, read_region, squash
from models.localiser import Localiser, load_localiser
from models.view import WHOLE, Box, FramingSettings, box_of


@dataclass(frozen=True, slots=True, eq=False)
class Framing:
    """How films of one task are cut before its classifier sees them.

    Attributes
    ----------
    localiser : Localiser or None
        None leaves every film whole.
    settings : FramingSettings
    """

    localiser: Localiser | None = None
    settings: FramingSettings = field(default_factory=FramingSettings)

    @classmethod
    def load(cls, folder: Path | None, settings: FramingSettings) -> Framing:
        """With the localiser of a checkpoint folder; whole films without a folder.

        Raises
        ------
        CheckpointError
            If the folder's localiser cannot be used.
        """
        return cls(load_localiser(folder)[0] if folder else None, settings)

    def find(self, luminance: NDArray[Any]) -> Box | None:
        """The view of one picture (rows, columns); None if the region was looked for in vain."""
        return self.around(self.region(luminance))

    def region(self, luminance: NDArray[Any]) -> NDArray[np.float32] | None:
        """Probability of the region over one picture (rows', columns'); None without localiser."""
        return None if self.localiser is None else self.localiser.maps(luminance)[0]

    def around(self, region: NDArray[np.float32] | None) -> Box | None:
        """The view a `region` gives; None if it is empty."""
        if region is None:
            return WHOLE
        found = box_of(region)
        return found.grown(self.settings.margin) if found else None

    def view(self, luminance: NDArray[Any]) -> Box:
        """`find`, or the whole picture."""
        return self.find(luminance) or WHOLE


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
        on_progress: Callable[[int], None] | None = None,
    ) -> FramedFilms:
        """Read films; `context` is added to every view at every edge, of the view's sides."""
        pixels = np.empty((len(films), side, side), np.uint8)
        regions = np.full((len(films), side, side), np.nan, np.float16)
        views = np.empty((len(films), 4), np.float32)
        for i, film in enumerate(films):
            luminance = np.asarray(read_luminance(film.path), np.float32)
            view = framing.view(luminance)
            cut = view.grown(context)
            views[i] = view.within(cut).edges
            pixels[i] = as_bytes(squash(luminance[cut.pixels(luminance.shape)], side))
            if film.region is not None:
                mask = read_region(film.region)
                regions[i] = squash(mask[cut.pixels(mask.shape)], side)
            if on_progress:
                on_progress(i + 1)
        return cls(pixels, regions, views)

    def __len__(self) -> int:
        return len(self.pixels)
