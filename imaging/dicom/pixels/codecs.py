"""Grey frames through imagecodecs: fast, and other threads go on.

libjpeg-turbo (JPEG of any depth, lossless too), CharLS (JPEG-LS), OpenJPEG (JPEG 2000) and OpenJPH
(HTJ2K) decode without holding Python's lock, so that one reader's film does not stop another
reader's page. Colour of JPEG, and JPEG XL, come back here as a pydicom plugin, loaded by name and
called per frame; other colour stays with pydicom's own plugins.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom._uid_dict import UID_dictionary
from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import Decoder, DecodeRunner

from imaging.dicom.header.sop_classes import name_syntax
from imaging.dicom.pixels.codestream import is_signed, read_codestream
from imaging.dicom.pixels.markers import JPEG_XL_SYNTAXES

LABEL = "imagecodecs"


@dataclass(frozen=True, slots=True)
class Sample:
    """Samples as the header has them: bits, sign, and whether they are grey (not a palette)."""

    allocated: int
    stored: int
    signed: bool
    monochrome: bool


_THREADS = min(4, os.cpu_count() or 1)  # one film must not take a whole server


def _decode_jpeg(data: bytes) -> NDArray[Any]:
    """Samples as coded, and no colour transform: what they are is not libjpeg's to guess.

    Values beyond the precision are refused: the libjpegs go on after damage, and lossless drifts.
    """
    header = read_codestream(data)
    kept = "YCBCR" if header is not None and header.components == 3 else None
    array = np.asarray(imagecodecs.jpeg8_decode(data, colorspace=kept, outcolorspace=kept))
    if header is None or int(array.max()) >> header.precision:
        raise ValueError("the frame decodes to values that its precision cannot hold")
    return array


def _decode_jpeg2k(data: bytes) -> NDArray[Any]:
    return np.asarray(imagecodecs.jpeg2k_decode(data, numthreads=_THREADS))


def _decode_htj2k(data: bytes) -> NDArray[Any]:
    """Refuse what OpenJPH gave up half-way.

    imagecodecs 2026.3.6 copies row by row out of a function that drops OpenJPH's exceptions, and
    leaves the rows after it at 0. So a picture whose last row holds anything is whole; of one that
    is black there, Python says whether something was dropped.
    """
    _dropped_errors.dropped = False
    array = np.asarray(imagecodecs.htj2k_decode(data))
    unreported = sys.unraisablehook is not _note_dropped_error and not array[-1:].any()
    if _dropped_errors.dropped or unreported:
        raise ValueError("the frame cannot be decoded to its end")
    return array


class _DroppedErrors(threading.local):
    """Whether an exception was dropped in this thread."""

    dropped = False


_dropped_errors, _previous_hook = _DroppedErrors(), sys.unraisablehook


def _note_dropped_error(event: Any) -> None:
    """Take note of OpenJPH's exceptions, which would only be printed; pass all others on."""
    if isinstance(event.object, str) and event.object.startswith("imagecodecs._htj2k"):
        _dropped_errors.dropped = True
    else:
        _previous_hook(event)


# Retired from DICOM, and so without a decoder of pydicom's own; libjpeg-turbo reads both.
_SPECTRAL, _PROGRESSIVE = uid.UID("1.2.840.10008.1.2.4.53"), uid.UID("1.2.840.10008.1.2.4.55")
# Newer than pydicom's decoders (Supplement 232).
for _syntax in JPEG_XL_SYNTAXES:  # unknown to pydicom, it would count as no transfer syntax at all
    UID_dictionary.setdefault(str(_syntax), (name_syntax(_syntax), "Transfer Syntax", "", "", ""))
_OUR_DECODERS: dict[str, Decoder] = {
    syntax: Decoder(syntax) for syntax in (_SPECTRAL, _PROGRESSIVE, *JPEG_XL_SYNTAXES)
}
_DECODERS: dict[uid.UID, Callable[[bytes], NDArray[Any]]] = {
    uid.JPEGBaseline8Bit: _decode_jpeg,
    uid.JPEGExtended12Bit: _decode_jpeg,
    _SPECTRAL: _decode_jpeg,
    _PROGRESSIVE: _decode_jpeg,
    **dict.fromkeys(JPEG_XL_SYNTAXES, imagecodecs.jpegxl_decode),
    uid.JPEGLossless: _decode_jpeg,
    uid.JPEGLosslessSV1: _decode_jpeg,
    uid.JPEGLSLossless: imagecodecs.jpegls_decode,
    uid.JPEGLSNearLossless: imagecodecs.jpegls_decode,
    uid.JPEG2000Lossless: _decode_jpeg2k,
    uid.JPEG2000: _decode_jpeg2k,
    uid.HTJ2K: _decode_htj2k,
    uid.HTJ2KLossless: _decode_htj2k,
    uid.HTJ2KLosslessRPCL: _decode_htj2k,
}
DECODER_DEPENDENCIES = dict.fromkeys(_DECODERS, ("imagecodecs>=2026.3",))


_CHECKED = tuple(syntax for syntax, decode in _DECODERS.items() if decode is _decode_jpeg)
_COLOUR = (*_CHECKED, *JPEG_XL_SYNTAXES)


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
    return _OUR_DECODERS.get(syntax) or get_decoder(syntax)


def register() -> None:
    """Add the plugin to pydicom's decoders, once, and listen to OpenJPH."""
    sys.unraisablehook = _note_dropped_error
    for syntax in _DECODERS:
        target = decoder(syntax)
        if LABEL not in (*target.available_plugins, *target.missing_dependencies):
            target.add_plugin(LABEL, (__name__, "_decode_frame"))


def decode_grey(data: bytes, syntax: uid.UID, sample: Sample) -> NDArray[Any]:
    """Decode one grey frame, without the copies and checks that pydicom makes for any.

    Parameters
    ----------
    data : bytes
        A codestream that `check_codestream` let pass.
    syntax : pydicom.uid.UID
        One that `serves` grey frames.
    sample : Sample
        What the header says of a sample.

    Returns
    -------
    numpy.ndarray
        (rows, columns), as pydicom's ``Decoder.as_array`` gives it.

    Raises
    ------
    Exception
        Whatever the codec raises.
    """
    array = _DECODERS[syntax](data)
    if array.ndim != 2 or array.itemsize * 8 > sample.allocated:
        raise ValueError("the frame is deeper than its header says")
    kind = "iu"[not sample.signed]
    array = array.view(f"{kind}{array.itemsize}")
    wide = array.astype(f"{kind}{sample.allocated // 8}", copy=False)
    spare = 8 * wide.itemsize - _count_significant_bits(wide, data, syntax, sample)
    if spare > 0:  # what lies above the significant bits is their sign, or nothing
        wide = wide if wide.flags.writeable else wide.copy()
        np.left_shift(wide, spare, out=wide)
        np.right_shift(wide, spare, out=wide)
    return wide


def _count_significant_bits(
    wide: NDArray[Any], data: bytes, syntax: uid.UID, sample: Sample
) -> int:
    """Bits above which samples need correction; those of the whole sample where they need none.

    As pydicom does it: JPEG 2000 counts the codestream's bits, where it is signed otherwise than
    the header; JPEG-LS, which knows no sign, where the header says signed; all others the stored
    bits. But a codestream that has more than these, and uses them, is followed (PS3.5 8.2.1).
    """
    header = read_codestream(data)
    precision = header.precision if header else 8 * wide.itemsize
    if syntax in uid.JPEG2000TransferSyntaxes and sample.monochrome:
        return precision if is_signed(data) != sample.signed else sample.allocated
    if syntax in uid.JPEGLSTransferSyntaxes and sample.signed:
        return precision
    if precision > sample.stored and is_deeper(wide, sample.stored, precision):
        return precision
    fits = not sample.signed and precision <= sample.stored  # `_decode_jpeg` checks the values
    return sample.allocated if fits and syntax in _CHECKED else sample.stored


def is_deeper(values: NDArray[Any], stored: int, bits: int) -> bool:
    """Whether samples hold more than their stored bits: neither zeros above them, nor a sign.

    Parameters
    ----------
    values : numpy.ndarray
        Integers; above `bits` of each nothing is looked at.
    stored, bits : int
        Bits that the header states, and that the samples have; stored < bits.
    """
    signed = values.dtype.kind == "i"
    half = 2 ** (stored - 1)
    if signed and -half <= int(values.min()) and int(values.max()) < half:  # as nearly all are
        return False
    words = values.view(values.dtype.str.replace("i", "u"))
    if int(words.max()) < 2**stored:
        return False
    words = words & (2**bits - 1)
    above = words >> stored
    if not signed:
        return bool(above.any())
    negative = words >> (stored - 1) & 1
    return bool(((above != 0) & ((above != 2 ** (bits - stored) - 1) | (negative == 0))).any())


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
