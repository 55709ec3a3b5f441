"""Frames as stored: native, or by the codec of their transfer syntax; colours made RGB.

Pure functions over a dataset. What codestream and values say of the encoding outranks the header
(`colour_space`, `planar_configuration`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
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

from imaging.dicom.header.elements import integer
from imaging.dicom.pixels import codecs, colour_space, overlay_planes
from imaging.dicom.pixels.codestream import check_codestream, read_codestream
from imaging.dicom.pixels.colour_space import ColourSpace
from imaging.dicom.pixels.description import MONOCHROME, is_subsampled
from imaging.entities import Geometry

codecs.register()
_Array = TypeVar("_Array", bound=NDArray[Any])
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
    array = decode(ds, geometry, frame)[0]
    if overlay_planes.has_embedded(ds, geometry.bits_stored):
        return freeze(_without_spare_bits(ds, geometry, array))
    return array


def decode(ds: Dataset, geometry: Geometry, frame: int) -> tuple[NDArray[Any], str]:
    """`decode_frame`, and the name of the decoder that served; "" where nothing is compressed."""
    if geometry.samples_per_pixel == 3:
        picture = decode_colour(ds, geometry, frame)
        return picture.rgb, picture.decoder
    syntax = UID(ds.file_meta.TransferSyntaxUID)
    data = check_codestream(ds, geometry, frame) if syntax.is_encapsulated else None
    if data is not None and codecs.serves(syntax, 1):
        grey = _decode_grey(ds, geometry, data)
        if grey is not None:
            return freeze(grey), codecs.LABEL
    array, name = _decode_by_pydicom(ds, geometry, frame, data, geometry.photometric_interpretation)
    return freeze(array), name


def _without_spare_bits(ds: Dataset, geometry: Geometry, array: NDArray[Any]) -> NDArray[Any]:
    """Samples without what lies above their stored bits: there an overlay lies (PS3.5 8.1.2).

    Decoders clear it for some encodings and leave it in others.
    """
    spare = 8 * array.itemsize - geometry.bits_stored
    if array.dtype.kind not in "iu" or spare <= 0:
        return array
    kind = "i" if integer(ds, "PixelRepresentation") == 1 else "u"
    words = array.view(f"u{array.itemsize}") << spare  # the sign follows from the highest bit
    return (words.view(f"{kind}{array.itemsize}") >> spare).astype(array.dtype, copy=False)


@dataclass(frozen=True, slots=True, eq=False)
class ColourPicture:
    """A decoded colour frame.

    Attributes
    ----------
    rgb : numpy.ndarray
        (rows, columns, 3), read-only.
    bits : int
        Depth of a sample.
    space : ColourSpace
        What its samples were before, and how that was found.
    decoder : str
        The library that served; "" where nothing is compressed.
    """

    rgb: NDArray[Any]
    bits: int
    space: ColourSpace
    decoder: str


def decode_colour(ds: Dataset, geometry: Geometry, frame: int) -> ColourPicture:
    """Decode a frame of three samples and turn it to RGB if it is not (PS3.3 C.7.6.3.1.2)."""
    syntax = UID(ds.file_meta.TransferSyntaxUID)
    data = check_codestream(ds, geometry, frame) if syntax.is_encapsulated else None
    stated = geometry.photometric_interpretation
    claim = colour_space.claim_of(stated, syntax, data)
    expands = data is None and is_subsampled(ds, geometry)
    seen = "YBR_FULL_422" if expands else "YBR_FULL" if claim.is_ybr else "RGB"
    samples, name = _decode_by_pydicom(ds, geometry, frame, data, seen)
    bits = _depth(geometry, data, samples)
    space = ColourSpace(True) if expands else colour_space.settle(claim, samples, bits)
    rgb = colour_space.to_rgb(samples, bits) if space.is_ybr else samples
    return ColourPicture(freeze(_fill(rgb, geometry)), bits, space, name)


def _depth(geometry: Geometry, data: bytes | None, samples: NDArray[Any]) -> int:
    """Bits of a sample: the fewer of codestream's and header's, if the values have room in them."""
    codestream = read_codestream(data) if data is not None else None
    if codestream is None:
        return geometry.bits_stored
    fewer, more = sorted((codestream.precision, geometry.bits_stored))
    return fewer if int(samples.max()) < 2**fewer else more


def _decode_by_pydicom(
    ds: Dataset, geometry: Geometry, frame: int, data: bytes | None, photometric: str
) -> tuple[NDArray[Any], str]:
    """A frame by one of pydicom's plugins, colours left as they are; and the plugin's name."""
    syntax = UID(ds.file_meta.TransferSyntaxUID)
    options: dict[str, Any] = {
        "number_of_frames": geometry.frames,
        "photometric_interpretation": photometric,
        "planar_configuration": planar_configuration(ds, photometric),
        "as_rgb": False,
    }
    if data is not None and (tile := read_codestream(data)) is not None:
        options |= {"rows": tile.rows, "columns": tile.columns}
    array, name = _decode_by_plugin(
        ds, codecs.decoder(syntax), _choose_plugins(syntax, geometry), frame, options
    )
    return (_fill(array, geometry) if geometry.samples_per_pixel == 1 else array), name


def planar_configuration(ds: Dataset, photometric: str) -> int:
    """Colour by pixel (0) or by plane (1), which the header decides for native pixels alone.

    PS3.5 8.2.1, 8.2.3, 8.2.4: the value has no meaning for a codestream; RLE is by plane always
    (G.2), which its decoder knows. PS3.3 C.7.6.3.1.2: subsampled colour is by pixel.
    """
    compressed = UID(ds.file_meta.TransferSyntaxUID).is_encapsulated
    by_plane = integer(ds, "PlanarConfiguration") == 1
    return int(by_plane and not compressed and photometric != "YBR_FULL_422")


def _fill(array: NDArray[Any], geometry: Geometry) -> NDArray[Any]:
    """Fill what a slide's last tile lacks of a frame."""
    if array.shape[:2] == (geometry.rows, geometry.columns):
        return array
    short = [(0, geometry.rows - len(array)), (0, geometry.columns - array.shape[1])]
    return np.pad(array, short + [(0, 0)] * (array.ndim - 2))


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


def freeze(array: _Array) -> _Array:
    """Make an array read-only; returns it."""
    array.setflags(write=False)
    return array
