"""Presentation states: a film as somebody left it, read back (PS3.3 A.33.1), read-only.

What of a state our viewer cannot show is said in a sentence, never shown wrongly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from imaging.dicom.documents import graphics, overlays
from imaging.dicom.header.elements import (
    first_item,
    frame_item,
    integer,
    lines,
    numbers,
    sequence_items,
    text,
    with_values,
)
from imaging.dicom.header.error_boundary import border
from imaging.dicom.header.references import settle_references
from imaging.dicom.image import Image
from imaging.dicom.pixels import voi_lut
from imaging.dicom.pixels.description import MONOCHROME
from imaging.dicom.pixels.grey_levels import has_void_rescale, modality_range
from imaging.dicom.pixels.lookup_table import Lut, read_lut
from imaging.dicom.pixels.padding import stored_range
from imaging.dicom.reader import parse
from imaging.errors import NotDicomError, UnsupportedImageError
from imaging.review.records import Annotation, Presentation

MOST_MARKS, _MOST_TEXT = 200, 1024
_UNREADABLE = "The presentation is damaged and cannot be applied; ask for it to be sent again."
_OTHER_VALUES = (
    "This presentation counts grey values in other units than the image, so its window is "
    "not applied."
)
_OTHER_CURVE = "This presentation bends the grey scale in a way that cannot be shown here."
_SHUTTERED = (
    "This presentation hides or subtracts parts of the image; here the whole image is shown."
)
_HIDING = ("ShutterShape", "MaskSubtractionSequence")
_NOT_GREY = (
    "This presentation is for grey images, and this image is in colour; open the image by itself."
)


@dataclass(frozen=True, slots=True, eq=False)
class Staging:
    """A film as a presentation state shows it.

    Attributes
    ----------
    image : Image
        The film; with the state's VOI LUT as its first preset where the state has one. Its hash
        then names the pair.
    presentation : Presentation
        Frame, window, inversion, flip and rotation.
    annotations : tuple of Annotation
        The marks that can be drawn.
    texts : tuple of str
        Every word the state puts on the film; a stranger's text, not escaped.
    remarks : tuple of str
        Sentences for the reader about what of the state cannot be shown.
    """

    image: Image
    presentation: Presentation
    annotations: tuple[Annotation, ...] = ()
    texts: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PresentationState:
    """A Grayscale Softcopy Presentation State. ``films`` are the SOP Instance UIDs it is for."""

    films: tuple[str, ...]
    _dataset: Dataset = field(repr=False)
    _sha256: str = ""

    def on(self, image: Image) -> Staging:
        """Apply the state to a film.

        Raises
        ------
        UnsupportedImageError
            If the state is not for this film, or the film is in colour.
        NotDicomError
            If the state is damaged.
        """
        uid = image.instance.identity.sop_instance_uid
        if uid not in self.films:
            raise UnsupportedImageError(
                "This presentation is for another image; open it with its own."
            )
        if image.instance.geometry.photometric_interpretation not in MONOCHROME:
            raise UnsupportedImageError(_NOT_GREY)
        with border(NotDicomError, _UNREADABLE):
            return self._apply(image, uid)

    def _apply(self, image: Image, uid: str) -> Staging:
        ds, frame = self._dataset, _first_frame(self._dataset, image, uid)
        plain = _apply_turns(ds, Presentation(uid, frame, inverted=_is_inverted(ds, image)))
        shown, staged, remarks = self._apply_window(plain, image)
        marks, texts, undrawn = _read_marks(ds, shown, image)
        if undrawn:
            remarks.append(
                f"Annotations of this presentation that cannot be drawn here: {undrawn}."
            )
        if "PresentationLUTSequence" in ds:
            remarks.append(_OTHER_CURVE)
        if any(keyword in ds for keyword in _HIDING):
            remarks.append(_SHUTTERED)
        staged, words = overlays.stage(ds, staged)
        remarks += words
        if staged is not image:
            staged = _rename(staged, image, self._sha256)
        return Staging(staged, shown, marks, texts, tuple(remarks))

    def _apply_window(
        self, shown: Presentation, image: Image
    ) -> tuple[Presentation, Image, list[str]]:
        """The state's window or VOI LUT (PS3.3 C.11.8) on a film."""
        items = sequence_items(self._dataset, "SoftcopyVOILUTSequence")
        item = next((candidate for candidate in items if _is_about(candidate, shown)), None)
        if item is None:
            return shown, image, []
        if not _counts_alike(self._dataset, image, shown.frame):
            return shown, image, [_OTHER_VALUES]
        little = self._dataset.file_meta.TransferSyntaxUID.is_little_endian
        preset = next(iter(voi_lut.read_presets(item, little_endian=little)), None)
        if preset is None:
            return shown, image, []
        if preset.kind == "lut":
            if frame_item(image._dataset, shown.frame, "FrameVOILUTSequence") is not None:
                return shown, image, [_OTHER_CURVE]
            table = sequence_items(item, "VOILUTSequence")[preset.index]
            inputs = modality_range(image._dataset, shown.frame)
            lut = read_lut(table, inputs=inputs, little_endian=little)
            return shown, _with_lut(image, lut, preset.explanation), []
        window = replace(
            shown,
            window_center=preset.window_center,
            window_width=preset.window_width,
            function=preset.function,
        )
        return window, image, []


def read_presentation(content: bytes) -> PresentationState:
    """Read a Grayscale Softcopy Presentation State.

    Raises
    ------
    NotDicomError
        If it cannot be read.
    """
    with border(NotDicomError, _UNREADABLE):
        ds = parse(content)
        settle_references(ds)
        return PresentationState(
            films=tuple(dict.fromkeys(uid for uid, _frames in _references(ds))),
            _dataset=ds,
            _sha256=hashlib.sha256(content).hexdigest(),
        )


def _references(ds: Dataset) -> Iterator[tuple[str, tuple[float, ...]]]:
    """Films a state is for, with frame numbers where it names some (PS3.3 C.11.11)."""
    for series in sequence_items(ds, "ReferencedSeriesSequence"):
        for item in sequence_items(series, "ReferencedImageSequence"):
            yield text(item, "ReferencedSOPInstanceUID"), numbers(item, "ReferencedFrameNumber")


def _first_frame(ds: Dataset, image: Image, uid: str) -> int:
    """The first frame the state is for, counted from 0."""
    frame_numbers = next((frames for film, frames in _references(ds) if film == uid), ())
    frame = int(frame_numbers[0]) - 1 if frame_numbers else 0
    return frame if 0 <= frame < image.instance.geometry.frames else 0


def _is_about(item: Dataset, shown: Presentation) -> bool:
    """True when an item names no film, or this film and frame."""
    films = sequence_items(item, "ReferencedImageSequence")
    return not films or any(
        text(film, "ReferencedSOPInstanceUID") == shown.sop_instance_uid
        and shown.frame + 1 in (numbers(film, "ReferencedFrameNumber") or (shown.frame + 1,))
        for film in films
    )


def _is_inverted(ds: Dataset, image: Image) -> bool:
    """Whether the viewer has to invert: the state's shape replaces the film's (PS3.4 N.2.1.4)."""
    inverse = text(ds, "PresentationLUTShape").upper() == "INVERSE"
    return inverse != (image.instance.geometry.photometric_interpretation == "MONOCHROME1")


def _apply_turns(ds: Dataset, shown: Presentation) -> Presentation:
    """Flip and rotation; the standard rotates first, the viewer flips first (PS3.3 C.10.6)."""
    flipped = text(ds, "ImageHorizontalFlip").upper() == "Y"
    rotation = (integer(ds, "ImageRotation") or 0) % 360
    return replace(shown, flipped=flipped, rotation=(360 - rotation) % 360 if flipped else rotation)


def _counts_alike(state: Dataset, image: Image, frame: int) -> bool:
    """True where a state and its film give grey values the same units: rescale or table."""
    if _read_rescale(state, 0) != _read_rescale(image._dataset, frame):
        return False
    item, own = first_item(state, "ModalityLUTSequence"), image.modality_lut()
    if item is None or own is None:
        return item is own
    little = state.file_meta.TransferSyntaxUID.is_little_endian
    inputs = stored_range(image._dataset)
    theirs = read_lut(item, inputs=inputs, little_endian=little, are_levels=False)
    return theirs.first_mapped == own.first_mapped and np.array_equal(theirs.table, own.table)


def _read_rescale(ds: Dataset, frame: int) -> tuple[float, ...] | None:
    """Slope and intercept, 1 and 0 without; None for a Modality LUT."""
    if sequence_items(ds, "ModalityLUTSequence"):
        return None
    if has_void_rescale(ds, frame):
        return 1.0, 0.0
    holder = frame_item(ds, frame, "PixelValueTransformationSequence") or ds
    slope, intercept = numbers(holder, "RescaleSlope"), numbers(holder, "RescaleIntercept")
    return (slope or (1.0,)) + (intercept or (0.0,))


def _with_lut(image: Image, lut: Lut, explanation: str) -> Image:
    """The film with that table as its only VOI preset."""
    item = Dataset()
    item.LUTDescriptor = [lut.table.size % 2**16, lut.first_mapped, lut.bits]
    item["LUTDescriptor"].VR = "SS" if lut.first_mapped < 0 else "US"
    item.LUTExplanation = explanation[:64]
    item.add(DataElement(0x00283006, "US", lut.table.tolist()))
    ds = with_values(image._dataset, WindowCenter=None, WindowWidth=None, VOILUTSequence=[item])
    instance = replace(image.instance, voi_presets=voi_lut.read_presets(ds))
    return replace(image, instance=instance, _dataset=ds)


def _rename(staged: Image, film: Image, state_sha256: str) -> Image:
    """A film that a state changed, under a hash that names the pair."""
    identity = film.instance.identity
    pair = hashlib.sha256(f"{identity.sha256}/{state_sha256}".encode()).hexdigest()
    instance = replace(staged.instance, identity=replace(identity, sha256=pair))
    return replace(staged, instance=instance)


def _read_marks(
    ds: Dataset, shown: Presentation, image: Image
) -> tuple[tuple[Annotation, ...], tuple[str, ...], int]:
    """Read drawable marks, all words, and how many graphics are left out (PS3.3 C.10.5)."""
    size = image.instance.geometry.columns, image.instance.geometry.rows
    marks: list[Annotation] = []
    texts: list[str] = []
    undrawn = 0
    for item in sequence_items(ds, "GraphicAnnotationSequence"):
        if not _is_about(item, shown):
            continue
        words = [
            lines(text_object, "UnformattedTextValue", most=_MOST_TEXT)
            for text_object in sequence_items(item, "TextObjectSequence")
        ]
        texts += [word for word in words if word]
        parts = sequence_items(item, "GraphicObjectSequence")
        shapes = graphics.shapes(parts, size)
        undrawn += sum(shape is None for shape in shapes)
        for shape in shapes:
            if shape is not None and len(marks) < MOST_MARKS:
                label = text(parts[0], "TrackingID") or " ".join(words)
                marks.append(graphics.mark(shape, label, shown, len(marks)))
    return tuple(marks), tuple(texts), undrawn
