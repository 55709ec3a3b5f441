"""The part of a film a classifier looks at: the lungs, or all of it without a localiser."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.network.localiser import Localiser, load_localiser
from models.rules.crop_box import WHOLE, CropBox, FramingSettings, box_of


@dataclass(frozen=True, slots=True, eq=False)
class Framing:
    """Rule by which films of one task are cut before its classifier sees them.

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

    def find(self, luminance: NDArray[Any]) -> CropBox | None:
        """The view of one picture (rows, columns); None if the region was looked for in vain."""
        return self.around(self.region(luminance))

    def region(self, luminance: NDArray[Any]) -> NDArray[np.float32] | None:
        """Probability of the region over one picture (rows', columns'); None without localiser."""
        return None if self.localiser is None else self.localiser.maps(luminance)[0]

    def around(self, region: NDArray[np.float32] | None) -> CropBox | None:
        """The view a `region` gives; None if it is empty."""
        if region is None:
            return WHOLE
        box = box_of(region)
        return box.grow(self.settings.margin) if box else None

    def view(self, luminance: NDArray[Any]) -> CropBox:
        """`find`, or the whole picture."""
        return self.find(luminance) or WHOLE
