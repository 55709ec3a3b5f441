"""A pydicom decoding plugin for grey frames through imagecodecs: fast, and other threads go on.

libjpeg-turbo (JPEG of any depth, lossless too), CharLS (JPEG-LS) and OpenJPEG (JPEG 2000) decode
without holding Python's lock, so that one reader's film does not stop another reader's page.
pydicom loads this module by name and calls it per frame ("decoding plugin"). Colour stays with
pydicom's own plugins, which know about YBR; so does HTJ2K, because imagecodecs 2026.3.6 hands out
a picture, in part whatever stood in memory, for a frame that was cut short.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom._uid_dict import UID_dictionary
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import Decoder, DecodeRunner

from imaging.dicom.codestream import read_codestream
from imaging.dicom.kinds import name_syntax

LABEL = "imagecodecs"
_THREADS = min(4, os.cpu_count() or 1)  # one film must not take a whole server


def _jpeg(data: bytes) -> NDArray[Any]:
    """Refuse values beyond the precision: the libjpegs go on after damage, and lossless drifts."""
    array = np.asarray(imagecodecs.jpeg8_decode(data))
    found = read_codestream(data)
    if found is None or int(array.max()) >> found.precision:
        raise ValueError("the frame decodes to values that its precision cannot hold")
    return array


def _jpeg2k(data: bytes) -> NDArray[Any]:
    return np.asarray(imagecodecs.jpeg2k_decode(data, numthreads=_THREADS))


# Retired from DICOM, and so without a decoder of pydicom's own; libjpeg-turbo reads both.
_SPECTRAL, _PROGRESSIVE = uid.UID("1.2.840.10008.1.2.4.53"), uid.UID("1.2.840.10008.1.2.4.55")
# Newer than pydicom's decoders (Supplement 232).
_JPEG_XL = tuple(uid.UID(f"1.2.840.10008.1.2.4.{last}") for last in (110, 111, 112))
for _one in _JPEG_XL:  # unknown to pydicom, it would count as no transfer syntax at all
    UID_dictionary.setdefault(str(_one), (name_syntax(_one), "Transfer Syntax", "", "", ""))
_OURS: dict[str, Decoder] = {one: Decoder(one) for one in (_SPECTRAL, _PROGRESSIVE, *_JPEG_XL)}
_DECODERS: dict[uid.UID, Callable[[bytes], NDArray[Any]]] = {
    uid.JPEGBaseline8Bit: _jpeg,
    uid.JPEGExtended12Bit: _jpeg,
    _SPECTRAL: _jpeg,
    _PROGRESSIVE: _jpeg,
    **dict.fromkeys(_JPEG_XL, imagecodecs.jpegxl_decode),
    uid.JPEGLossless: _jpeg,
    uid.JPEGLosslessSV1: _jpeg,
    uid.JPEGLSLossless: imagecodecs.jpegls_decode,
    uid.JPEGLSNearLossless: imagecodecs.jpegls_decode,
    uid.JPEG2000Lossless: _jpeg2k,
    uid.JPEG2000: _jpeg2k,
}
DECODER_DEPENDENCIES = dict.fromkeys(_DECODERS, ("imagecodecs>=2026.3",))


_COLOUR = (uid.JPEGLossless, uid.JPEGLosslessSV1, *_JPEG_XL)


def is_available(uid: str) -> bool:
    """True for the transfer syntaxes decoded here."""
    return uid in _DECODERS


def serves(syntax: uid.UID, samples: int) -> bool:
    """Whether frames are to be decoded here: grey ones, and colours nobody else decodes safely."""
    return syntax in _DECODERS and (samples == 1 or syntax in _COLOUR)


def decoder(syntax: uid.UID) -> Decoder:
    """The decoder of a transfer syntax: pydicom's, or one for what it does not know.

    Raises
    ------
    NotImplementedError
        If nobody decodes it.
    """
    return _OURS.get(syntax) or get_decoder(syntax)


def register() -> None:
    """Add the plugin to pydicom's decoders, once."""
    for syntax in _DECODERS:
        found = decoder(syntax)
        if LABEL not in (*found.available_plugins, *found.missing_dependencies):
            found.add_plugin(LABEL, (__name__, "_decode_frame"))


def _decode_frame(src: bytes, runner: DecodeRunner) -> memoryview:
    """Decode one frame to little-endian samples of 8 or 16 bits, colour by pixel."""
    array = _DECODERS[runner.transfer_syntax](src)
    colour = (runner.samples_per_pixel,) if runner.samples_per_pixel > 1 else ()
    if array.shape != (runner.rows, runner.columns, *colour):
        raise ValueError("the frame has another shape than its header says")
    if array.itemsize * 8 > runner.bits_allocated:
        raise ValueError("the frame is deeper than its header says")
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    runner.set_option("bits_allocated", array.itemsize * 8)
    if colour:
        runner.set_option("planar_configuration", 0)
    return little.data.cast("B")
