"""The chain from stored values to grey levels, step by step as `pixels` applies it."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import UID

from imaging.dicom import viewer_pixels
from imaging.dicom.header.elements import integer, numbers, sequence_items, text
from imaging.dicom.pixels import decoding, grey_levels, voi_lut
from imaging.dicom.pixels.colour_space import YBR
from imaging.dicom.pixels.description import MONOCHROME, aspect_of
from imaging.dicom.pixels.overlay_planes import read_planes
from imaging.dicom.pixels.padding import read_padding
from imaging.entities import Geometry, VoiPreset
from imaging.fidelity import Step


def first_preset(ds: Dataset, geometry: Geometry, frame: int) -> tuple[VoiPreset | None, str]:
    """The preset of the first display and where it came from: "lut", "file", "automatic", "none".

    None and "none" for colour, which is shown as it is.
    """
    if geometry.photometric_interpretation not in MONOCHROME:
        return None, "none"
    usable = grey_levels.presets(ds, geometry, frame)
    if not usable:
        return grey_levels.automatic_preset(ds, geometry, frame), "automatic"
    return usable[0], "lut" if usable[0].kind == "lut" else "file"


def read_chain(
    ds: Dataset, geometry: Geometry, frame: int, preset: VoiPreset | None
) -> tuple[Step, ...]:
    """Every step of `pixels.display_values` for one frame, in order.

    Parameters
    ----------
    ds : pydicom.dataset.Dataset
        A readable instance.
    geometry : Geometry
        Of the same instance.
    frame : int
        Counts from 0.
    preset : VoiPreset or None
        As `first_preset` found it.

    Notes
    -----
    PS3.3 C.7.6.3 (colour), C.11.1 (Modality LUT), C.7.5.1.1.2 (padding), C.11.2 (VOI LUT),
    C.7.6.3.1.2 (MONOCHROME1), C.11.6 (Presentation LUT), C.9.2 (overlay planes), C.7.6.3.1.7
    (aspect).
    """
    if geometry.photometric_interpretation not in MONOCHROME:
        steps = [_describe_colour(ds, geometry, frame)]
    else:
        steps = [
            _describe_modality(ds, geometry, frame),
            *_describe_padding(ds),
            _describe_voi(ds, geometry, frame, preset),
        ]
        steps.append(_describe_polarity(ds, geometry))
    return (*steps, *_describe_overlays(ds, geometry), *_describe_aspect(ds, geometry))


def _describe_colour(ds: Dataset, geometry: Geometry, frame: int) -> Step:
    """How colours were made."""
    stated = geometry.photometric_interpretation
    if stated == "PALETTE COLOR":
        parts = "segments" if "SegmentedRedPaletteColorLookupTableData" in ds else "entries"
        return Step("colour", f"Palette: each value is looked up in the file's colour {parts}.")
    if decoding.decode_colour(ds, geometry, frame).space.is_ybr:
        kind = stated if stated in YBR else "YCbCr"
        return Step("colour", f"Colours are converted from {kind} to RGB.")
    if UID(ds.file_meta.TransferSyntaxUID).is_encapsulated and stated != "RGB":
        return Step("colour", f"Colours are RGB as decoded; the header calls them {stated}.")
    return Step("colour", "Colours are shown as stored (RGB).")


def _describe_modality(ds: Dataset, geometry: Geometry, frame: int) -> Step:
    """Modality LUT, else rescale, else nothing."""
    lut = grey_levels.read_modality_lut(ds)
    if lut is not None:
        words = f"Modality LUT: a table of {lut.table.size} entries, first for {lut.first_mapped}."
        return Step("modality-lut", words)
    if grey_levels.has_void_rescale(ds, frame):
        return Step("modality", "Modality: the rescale of the header is void and was left out.")
    slope, intercept = grey_levels.stated_rescale(ds, frame)
    if (slope, intercept) == (1.0, 0.0):
        return Step("modality", "Modality: values are used as stored.")
    unit = viewer_pixels.unit_of(ds, geometry)
    words = f"Rescale: stored value \u00d7 {slope:g} {intercept:+g}"
    return Step("rescale", f"{words}, in {unit}." if unit else f"{words}.")


def _describe_padding(ds: Dataset) -> list[Step]:
    """Pixels that are no picture."""
    padding = read_padding(ds)
    if padding is None:
        return []
    low, high = padding
    span = f"{low}" if low == high else f"{low} to {high}"
    return [Step("padding", f"Padding: stored values of {span} do not count for the window.")]


def _describe_voi(ds: Dataset, geometry: Geometry, frame: int, preset: VoiPreset | None) -> Step:
    """The VOI LUT or the window, and where it came from."""
    if preset is None:
        return Step("voi", "No window is applied.")
    offered = grey_levels.presets(ds, geometry, frame)
    if preset.kind == "lut":
        lut = grey_levels.read_voi_lut(ds, frame, preset.index)
        words = f"VOI LUT: a table of {lut.table.size} entries with {lut.bits} bits, of the file."
        return Step("voi-lut", words)
    window = f"centre {preset.window_center:g}, width {preset.window_width:g}, {preset.function}"
    if preset not in offered:
        holder = voi_lut.voi_holder(ds, frame)
        stated = numbers(holder, "WindowCenter") or sequence_items(holder, "VOILUTSequence")
        why = "none of the file can be used" if stated else "the file gives none"
        words = f"Window: {window}; from the 0.5th to 99.5th percentile, as {why}."
        return Step("window", words)
    if len(offered) == 1:
        return Step("window", f"Window: {window}; the only one of the file.")
    return Step("window", f"Window: {window}; the first of {len(offered)} presets of the file.")


def _describe_polarity(ds: Dataset, geometry: Geometry) -> Step:
    """How the lowest value looks."""
    shape = text(ds, "PresentationLUTShape").upper()
    shape_note = f" (PresentationLUTShape {shape})" if shape else ""
    if geometry.photometric_interpretation == "MONOCHROME1":
        return Step(
            "polarity", f"MONOCHROME1{shape_note}: grey levels are inverted as the last step."
        )
    return Step("polarity", f"MONOCHROME2{shape_note}: the lowest value is shown black.")


def _describe_overlays(ds: Dataset, geometry: Geometry) -> list[Step]:
    """What the file draws over its picture."""
    count = len(read_planes(ds, geometry).drawn)
    if not count:
        return []
    words = f"Overlay: {count} plane(s) of the file are drawn over the picture, in a colour."
    return [Step("overlay", words)]


def _describe_aspect(ds: Dataset, geometry: Geometry) -> list[Step]:
    """The shape of a pixel, where it is not square."""
    ratio = aspect_of(ds, geometry)
    if ratio == 1.0:
        return []
    words = f"Aspect: pixels are {ratio:.4g} times as high as wide; the screen stretches them."
    return [Step("aspect", words)]


def is_signed(ds: Dataset) -> bool:
    """True when PixelRepresentation (0028,0103) says two's complement."""
    return integer(ds, "PixelRepresentation") == 1
