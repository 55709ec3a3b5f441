"""`Image`: one instance with its pixels behind it, decoded a frame at a time when asked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from imaging.dicom.header import placement
from imaging.dicom.header.error_boundary import border
from imaging.dicom.pixels import decoding, grey_levels, voi_lut
from imaging.dicom.pixels.description import MONOCHROME, aspect_of
from imaging.dicom.pixels.lookup_table import Lut
from imaging.dicom.pixels.overlay_mask import BEYOND, overlay_mask, reaches_beyond
from imaging.dicom.pixels.overlay_planes import Planes, read_planes
from imaging.dicom.pixels.reduced import Quick, quick_values
from imaging.dicom.pixels.tint import tint_of
from imaging.entities import Instance, VoiPreset
from imaging.errors import PixelDataError

_UNDECODABLE = (
    "The picture in this file cannot be decoded; the file is damaged or oddly encoded. Ask for it "
    "to be sent again, uncompressed if possible."
)
_UNREADABLE_OVERLAYS = "The overlays of this file cannot be read; ask for it to be sent again."


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A picture that was read: its header as entities, its pixels on request.

    Attributes
    ----------
    instance : Instance
        Everything the header says.
    remarks : tuple[str, ...]
        Sentences for the clinician about a file that is odd but usable; without patient data.
    refusals : tuple[str, ...]
        Those of them for which the picture may be seen, but no network may answer.
    hidden_overlays : tuple[int, ...]
        Groups of overlay planes that a presentation state does not show.

    Notes
    -----
    Nothing is cached: each call decodes its frame anew, so an image may be shared by threads.
    Every array is read-only. All methods raise `PixelDataError` when the frame cannot be decoded
    and `ValueError` when there is no such frame.
    """

    instance: Instance
    _dataset: Dataset = field(repr=False)
    remarks: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    hidden_overlays: tuple[int, ...] = ()

    def known_as(self, instance: Instance) -> Image:
        """The same picture under the UIDs and the patient by which the records know it.

        They may differ from what the file says: a study that named two patients was separated, or
        two contents came under one SOP Instance UID.
        """
        known = replace(self.instance, identity=instance.identity, patient=instance.patient)
        return self if known == self.instance else replace(self, instance=known)

    @property
    def pixel_aspect(self) -> float:
        """Height of a pixel over its width; 1 for square pixels."""
        return aspect_of(self._dataset, self.instance.geometry)

    @property
    def frame_order(self) -> tuple[int, ...]:
        """Frames in the order to show them, counted from 0 as they are stored."""
        return placement.frame_order(self._dataset, self.instance.geometry.frames)

    def overlay_planes(self) -> Planes:
        """What the file draws over its picture, and what of that cannot be drawn (PS3.3 C.9.2)."""
        geometry = self.instance.geometry
        with border(PixelDataError, _UNREADABLE_OVERLAYS):
            found = read_planes(self._dataset, geometry)
            drawn = tuple(p for p in found.drawn if p.group not in self.hidden_overlays)
            planes = replace(found, drawn=drawn)
            if reaches_beyond(geometry, planes):
                return replace(planes, undrawn=(*planes.undrawn, BEYOND))
            return planes

    def overlay_mask(self, frame: int = 0) -> NDArray[np.bool_] | None:
        """Where the file's overlay planes are set: (rows, columns) bool; None without any.

        They are no part of any other array of an image.
        """
        self._check(frame)
        planes = self.overlay_planes()
        with border(PixelDataError, _UNDECODABLE):
            return overlay_mask(self._dataset, self.instance.geometry, planes, frame)

    def stored_values(self, frame: int = 0) -> NDArray[Any]:
        """Pixels as stored: (rows, columns) or (rows, columns, 3), the file's type.

        YBR colour is converted to RGB; palette colour stays an index (PS3.3 C.7.6.3).
        """
        self._check(frame)
        with border(PixelDataError, _UNDECODABLE):
            return decoding.decode_frame(self._dataset, self.instance.geometry, frame)

    def decoder(self, frame: int = 0) -> str:
        """The library that decodes a frame here; "" where nothing is compressed.

        Found by decoding: several are tried in order, and the one that served is named.
        """
        self._check(frame)
        with border(PixelDataError, _UNDECODABLE):
            return decoding.decode(self._dataset, self.instance.geometry, frame)[1]

    def modality_values(self, frame: int = 0) -> NDArray[np.float32]:
        """Pixels in modality units (HU for CT): (rows, columns), float32 (PS3.3 C.11.1).

        Colour and palette pictures give (rows, columns, 3) in the depth of their samples.
        """
        self._check(frame)
        with border(PixelDataError, _UNDECODABLE):
            return grey_levels.modality_values(self._dataset, self.instance.geometry, frame)

    def display_values(
        self, frame: int = 0, *, preset: VoiPreset | None = None
    ) -> NDArray[np.uint8]:
        """Pixels for a screen: (rows, columns) uint8, 0 is black, or (rows, columns, 3) RGB.

        Parameters
        ----------
        frame : int
            Counts from 0.
        preset : VoiPreset, optional
            One of ``instance.voi_presets``, `automatic_preset`, `full_range_preset` or any
            window; without it the frame's first preset, else the automatic window. Colour
            pictures ignore it.

        Notes
        -----
        PS3.3 C.11.2; MONOCHROME1 is inverted last (C.7.6.3.1.2). A window whose width is too
        small for its function raises `ValueError`.
        """
        self._check(frame)
        if preset is not None:
            _check_preset(preset)
        with border(PixelDataError, _UNDECODABLE):
            return grey_levels.display_values(self._dataset, self.instance.geometry, frame, preset)

    def modality_lut(self) -> Lut | None:
        """The Modality LUT as it is applied (PS3.3 C.11.1); None for a rescale, and for colour."""
        if self.instance.geometry.photometric_interpretation not in MONOCHROME:
            return None
        with border(PixelDataError, _UNDECODABLE):
            return grey_levels.read_modality_lut(self._dataset)

    def voi_lut(self, preset: VoiPreset, frame: int = 0) -> Lut | None:
        """The VOI LUT of a frame's preset as it is applied (PS3.3 C.11.2); None for a window."""
        self._check(frame)
        if preset.kind != "lut":
            return None
        with border(PixelDataError, _UNDECODABLE):
            return grey_levels.read_voi_lut(self._dataset, frame, preset.index)

    def luminance_values(self, frame: int = 0) -> NDArray[np.float32]:
        """Pixels for the network: (rows, columns), float32, larger is always brighter.

        Modality values with MONOCHROME1 mirrored; colour is reduced to its luma (BT.601).
        """
        self._check(frame)
        with border(PixelDataError, _UNDECODABLE):
            return grey_levels.luminance_values(self._dataset, self.instance.geometry, frame)

    def tint(self, frame: int = 0) -> float | None:
        """How far a colour frame is from grey (`pixels.tint`), in [0, 1]; None for a grey one."""
        if self.instance.geometry.photometric_interpretation in MONOCHROME:
            return None
        return tint_of(self.modality_values(frame))

    def quick_values(self, frame: int = 0, *, enough: int) -> Quick:
        """Brightness on some linear scale, for a network that sees the film small.

        Parameters
        ----------
        enough : int
            Pixels that the shorter side must keep; 0 decodes everything.
        """
        self._check(frame)
        with border(PixelDataError, _UNDECODABLE):
            return quick_values(self._dataset, self.instance.geometry, frame, enough=enough)

    def automatic_preset(self, frame: int = 0) -> VoiPreset:
        """A window from the 0.5th to the 99.5th percentile of the frame, padding left out."""
        self._check(frame)
        with border(PixelDataError, _UNDECODABLE):
            return grey_levels.automatic_preset(self._dataset, self.instance.geometry, frame)

    def full_range_preset(self, frame: int = 0) -> VoiPreset:
        """A window from the smallest to the largest modality value of the frame."""
        values = self.modality_values(frame)
        with border(PixelDataError, _UNDECODABLE):
            return voi_lut.full_range_window(values)

    def _check(self, frame: int) -> None:
        """Refuse a frame the instance does not have."""
        if not 0 <= frame < self.instance.geometry.frames:
            raise ValueError("frame outside the instance")


def _check_preset(preset: VoiPreset) -> None:
    """Refuse a window that PS3.3 C.11.2.1 does not define."""
    if preset.kind == "lut":
        return
    center, width = preset.window_center, preset.window_width
    if (
        center is None
        or width is None
        or not voi_lut.is_usable_window(center, width, preset.function)
    ):
        raise ValueError("window width or VOI LUT function outside PS3.3 C.11.2.1")
