"""Pixels, in order: stored values -> modality values -> display values, one frame at a time.

Pure functions over a dataset; `imaging.dicom.image.Image` calls them and turns what they raise
into our errors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.decoders.base import Decoder
from pydicom.uid import (
    UID,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSTransferSyntaxes,
    RLELossless,
)

from imaging.dicom.header.elements import first_item, frame_item, integer, numbers, value
from imaging.dicom.pixels import codecs, colour, voi_lut
from imaging.dicom.pixels.codestream import check_codestream, read_codestream
from imaging.dicom.pixels.description import MONOCHROME, pixel_keyword
from imaging.entities import Geometry, VoiPreset

codecs.register()
_Array = TypeVar("_Array", bound=NDArray[Any])
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as YBR_FULL's Y
# pydicom's plugin for colour, and for grey that `codecs` declines.
_PYDICOM_PLUGINS = {
    **dict.fromkeys((JPEGBaseline8Bit, JPEGExtended12Bit), "pillow"),
    **dict.fromkeys(JPEGLSTransferSyntaxes, "pyjpegls"),
    RLELossless: "pylibjpeg",
    **dict.fromkeys(JPEG2000TransferSyntaxes, "pylibjpeg"),
}


def decode_frame(ds: Dataset, geometry: Geometry, frame: int) -> NDArray[Any]:
    """Decode one frame as stored (PS3.5 8, Annex A).

    Returns
    -------
    numpy.ndarray
        (rows, columns) or (rows, columns, 3), the file's own integer or float type; YBR colour
        is converted to RGB, palette colour stays an index. Read-only.
    """
    return decode(ds, geometry, frame)[0]


def decode(ds: Dataset, geometry: Geometry, frame: int) -> tuple[NDArray[Any], str]:
    """`decode_frame`, and the name of the decoder that served; "" where nothing is compressed."""
    syntax = UID(ds.file_meta.TransferSyntaxUID)
    if syntax.is_encapsulated:
        data = check_codestream(ds, geometry, frame)
        if geometry.samples_per_pixel == 1 and codecs.serves(syntax, 1):
            grey = _decode_grey(ds, geometry, data)
            if grey is not None:
                return _freeze(grey), codecs.LABEL
    options: dict[str, Any] = {
        "number_of_frames": geometry.frames,
        "photometric_interpretation": geometry.photometric_interpretation,
        "planar_configuration": integer(ds, "PlanarConfiguration") or 0,
    }
    if syntax.is_encapsulated and (tile := read_codestream(data)) is not None:
        options |= {"rows": tile.rows, "columns": tile.columns}
    array, name = _decode_by_plugin(
        ds, codecs.decoder(syntax), _choose_plugins(syntax, geometry), frame, options
    )
    if array.shape[:2] != (geometry.rows, geometry.columns):  # a slide's last tile
        short = [(0, geometry.rows - len(array)), (0, geometry.columns - array.shape[1])]
        array = np.pad(array, short + [(0, 0)] * (array.ndim - 2))
    return _freeze(array), name


def modality_values(ds: Dataset, geometry: Geometry, frame: int) -> NDArray[np.float32]:
    """Stored values in the units of the modality.

    Returns
    -------
    numpy.ndarray
        (rows, columns), float32, e.g. HU for CT; (rows, columns, 3) for colour and palette
        pictures, which have no modality LUT. Never NaN. Read-only.

    Notes
    -----
    PS3.3 C.11.1: ModalityLUTSequence, else the frame's or the instance's rescale.
    """
    stored = decode_frame(ds, geometry, frame)
    if geometry.photometric_interpretation not in MONOCHROME:
        return _freeze(colour.to_rgb(ds, geometry, stored).astype(np.float32))
    return _freeze(apply_modality(ds, stored, frame))


def display_values(
    ds: Dataset, geometry: Geometry, frame: int, preset: VoiPreset | None
) -> NDArray[np.uint8]:
    """Grey levels or colours for a screen.

    Returns
    -------
    numpy.ndarray
        (rows, columns) uint8, 0 is black; (rows, columns, 3) RGB for colour. Read-only.

    Notes
    -----
    PS3.3 C.11.2 (VOI LUT), then C.7.6.3.1.2: MONOCHROME1 is inverted as the very last step.
    """
    stored = decode_frame(ds, geometry, frame)
    if geometry.photometric_interpretation not in MONOCHROME:
        return _freeze(colour.to_8_bit(ds, geometry, colour.to_rgb(ds, geometry, stored)))
    values = apply_modality(ds, stored, frame)
    usable = presets(ds, geometry, frame)
    chosen = preset or (usable[0] if usable else None)
    if chosen is None:
        chosen = voi_lut.automatic_window(values, padding_mask(ds, stored))
    shown = _apply_preset(ds, values, frame, chosen)
    return _freeze(255 - shown if geometry.photometric_interpretation == "MONOCHROME1" else shown)


def _decode_by_plugin(
    ds: Dataset, decoder: Decoder, plugins: tuple[str, ...], frame: int, options: dict[str, Any]
) -> tuple[NDArray[Any], str]:
    """The frame by the first plugin that can, and its name."""
    available = decoder.available_plugins
    usable = [name for name in plugins if name in available] or [_first_safe(available)]
    for name in usable:
        try:
            array, _ = decoder.as_array(ds, index=frame, decoding_plugin=name, **options)
            return array, name or next(iter(available), "")
        except RuntimeError:  # pydicom's answer when a plugin fails
            if name == usable[-1]:
                raise
    raise AssertionError("no plugin was tried")


def _decode_grey(ds: Dataset, geometry: Geometry, data: bytes) -> NDArray[Any] | None:
    """A grey frame by the fast way; None where it declines and there is another."""
    syntax = UID(ds.file_meta.TransferSyntaxUID)
    sample = codecs.Sample(
        allocated=integer(ds, "BitsAllocated") or 0,
        stored=geometry.bits_stored,
        signed=integer(ds, "PixelRepresentation") == 1,
        monochrome=geometry.photometric_interpretation in MONOCHROME,
    )
    try:
        grey = codecs.decode_grey(data, syntax, sample)
    except Exception:  # whatever its library raises
        if syntax not in _PYDICOM_PLUGINS:
            raise
        return None
    if grey.shape != (geometry.rows, geometry.columns):
        raise ValueError("the frame has another shape than its header says")
    return grey


def _choose_plugins(syntax: UID, geometry: Geometry) -> tuple[str, ...]:
    """The decoders to use, in order, and no other.

    None here accepts damage that the one after it refuses.
    """
    other = _PYDICOM_PLUGINS.get(syntax)
    if other and geometry.samples_per_pixel == 1:
        return (other,)  # the fast way has declined, if there is one
    ours = codecs.serves(syntax, geometry.samples_per_pixel)
    return ((codecs.LABEL,) if ours else ()) + ((other,) if other else ())


def _first_safe(names: Iterable[str]) -> str:
    """Of pydicom's plugins the first but GDCM, which some damaged bytes make kill the process.

    No second is asked: it could show damage that the first refused.
    """
    return next((name for name in names if name != "gdcm"), "")


def automatic_preset(ds: Dataset, geometry: Geometry, frame: int) -> VoiPreset:
    """The percentile window of a frame, padding left out."""
    if geometry.photometric_interpretation not in MONOCHROME:
        return voi_lut.automatic_window(modality_values(ds, geometry, frame))
    stored = decode_frame(ds, geometry, frame)
    return voi_lut.automatic_window(apply_modality(ds, stored, frame), padding_mask(ds, stored))


def luminance_values(ds: Dataset, geometry: Geometry, frame: int) -> NDArray[np.float32]:
    """Modality values in which larger is always brighter; colour reduced to its luma.

    Returns
    -------
    numpy.ndarray
        (rows, columns), float32. MONOCHROME1 is mirrored within the range its stored bits can
        take, so a picture and its exact negative relabelled give identical arrays. Read-only.
    """
    values = modality_values(ds, geometry, frame)
    if values.ndim == 3:
        return _freeze(values @ _LUMA)
    if geometry.photometric_interpretation == "MONOCHROME1":
        low, high = _modality_ends(ds, geometry, values, frame)
        return _freeze(np.float32(low + high) - values)
    return values


def presets(ds: Dataset, geometry: Geometry, frame: int = 0) -> tuple[VoiPreset, ...]:
    """The presets that can be used: none for colour, none where the rescale is void."""
    if geometry.photometric_interpretation not in MONOCHROME or has_void_rescale(ds, frame):
        return ()
    return voi_lut.read_presets(ds, frame)


def padding_mask(ds: Dataset, stored: NDArray[Any]) -> NDArray[np.bool_] | None:
    """True where a stored value is padding (PS3.3 C.7.5.1.1.2), or None without padding."""
    padding = integer(ds, "PixelPaddingValue")
    if padding is None:
        return None
    limit = integer(ds, "PixelPaddingRangeLimit")
    low, high = sorted((padding, padding if limit is None else limit))
    mask: NDArray[np.bool_] = (stored >= low) & (stored <= high)
    return mask


def has_void_rescale(ds: Dataset, frame: int = 0) -> bool:
    """True when the rescale slope is 0 or no number, which would erase the picture."""
    if _modality_lut(ds) is not None:
        return False
    slope, intercept = stated_rescale(ds, frame)
    return slope == 0 or not (math.isfinite(slope) and math.isfinite(intercept))


def apply_modality(ds: Dataset, stored: NDArray[Any], frame: int) -> NDArray[np.float32]:
    """Modality LUT, else rescale, else the values as they are."""
    item = _modality_lut(ds)
    if item is not None:
        return voi_lut.apply_lut(stored, read_table(ds, item)).astype(np.float32)
    slope, intercept = (1.0, 0.0) if has_void_rescale(ds, frame) else stated_rescale(ds, frame)
    if (slope, intercept) == (1.0, 0.0):
        return np.nan_to_num(stored.astype(np.float32))
    return np.nan_to_num((stored.astype(np.float64) * slope + intercept).astype(np.float32))


def has_modality_lut(ds: Dataset) -> bool:
    """True when grey levels come from a table."""
    return _modality_lut(ds) is not None


def _modality_lut(ds: Dataset) -> Dataset | None:
    """The Modality LUT item, unless it is an empty shell."""
    item = first_item(ds, "ModalityLUTSequence")
    return item if item is not None and value(item, "LUTData") is not None else None


def stated_rescale(ds: Dataset, frame: int) -> tuple[float, float]:
    """Slope and intercept as written; 1 and 0 where absent."""
    holder = frame_item(ds, frame, "PixelValueTransformationSequence") or ds
    slope, intercept = numbers(holder, "RescaleSlope"), numbers(holder, "RescaleIntercept")
    return (slope[0] if slope else 1.0), (intercept[0] if intercept else 0.0)


def _modality_ends(
    ds: Dataset, geometry: Geometry, values: NDArray[np.float32], frame: int
) -> tuple[float, float]:
    """Modality values of the smallest and the largest storable value."""
    if pixel_keyword(ds) != "PixelData":
        return float(values.min()), float(values.max())
    span = 2**geometry.bits_stored
    low = -(span // 2) if integer(ds, "PixelRepresentation") == 1 else 0
    ends = apply_modality(ds, np.array([low, low + span - 1]), frame)
    return float(ends[0]), float(ends[1])


def _apply_preset(
    ds: Dataset, values: NDArray[np.float32], frame: int, preset: VoiPreset
) -> NDArray[np.uint8]:
    """A window, or the VOI LUT with the preset's index."""
    if preset.window_center is not None and preset.window_width is not None:
        return voi_lut.apply_window(
            values,
            window_center=preset.window_center,
            window_width=preset.window_width,
            function=preset.function,
        )
    item = voi_lut.voi_holder(ds, frame).VOILUTSequence[preset.index]
    lut = read_table(ds, item)
    levels = voi_lut.apply_lut(values, lut).astype(np.float64)
    return np.rint(levels * (255 / (2**lut.bits - 1))).astype(np.uint8)


def read_table(ds: Dataset, item: Dataset) -> voi_lut.Lut:
    """The table of a LUT item, in the byte order of its file; raises `PixelDataError`."""
    return voi_lut.read_lut(
        item, little_endian=UID(ds.file_meta.TransferSyntaxUID).is_little_endian
    )


def _freeze(array: _Array) -> _Array:
    """Make an array read-only; returns it."""
    array.setflags(write=False)
    return array
