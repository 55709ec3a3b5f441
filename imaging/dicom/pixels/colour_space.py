"""Whether three samples are red, green and blue, by codestream, header and values, in that order.

PS3.5 8.2.1 (JPEG), 8.2.4 (JPEG 2000), 8.2.15 (JPEG XL): where the data elements contradict what
the codestream says explicitly, the codestream is followed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.pixels import convert_color_space

from imaging.dicom.pixels.markers import (
    JPEG_XL_SYNTAXES,
    read_jpeg_colours,
    transforms_components,
)

YBR = ("YBR_FULL", "YBR_FULL_422")
_BY_CODEC = ("YBR_ICT", "YBR_RCT", "XYB")  # what a codec makes of RGB, and takes back
_TO_RGB = np.array([[1, 1, 1], [0, -0.344136, 1.772], [1.402, -0.714136, 0]])  # ITU-T T.871 7
_SAMPLE = 65_536  # pixels that suffice for a share
# An RGB picture read as YBR leaves the cube of colours in 30 % of its pixels and more; JPEG's
# rounding lets a YBR picture do so in 1 % of them, at quality 30.
_BEYOND, _SHARE = 24 / 255, 0.05
# Three samples that rise and fall as one are a grey picture in RGB: in YBR the first alone does.
_TOGETHER, _SPREAD = 0.25, 2 / 255
_TINT = 38 / 255  # between them; from black to magenta, YBR rises as one too, but far apart


@dataclass(frozen=True, slots=True)
class Claim:
    """What codestream and header say of the colours; the values are asked where they differ.

    Attributes
    ----------
    is_ybr : bool
        Samples as a decoder hands them out are luminance and colour differences (YBR_FULL).
    remark : str
        What the header said otherwise.
    if_rgb : str or None
        The remark instead, where values that no YBR picture can have prove RGB; None where the
        values have no say.
    is_doubtful : bool
        Nothing but the values could tell.
    """

    is_ybr: bool = False
    remark: str = ""
    if_rgb: str | None = None
    is_doubtful: bool = False


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """How the samples of one frame are to be read, and what had to be said about it."""

    is_ybr: bool
    remark: str = ""
    is_doubtful: bool = False


def claim_of(photometric: str, syntax: str, data: bytes | None) -> Claim:
    """What header and codestream claim of three samples.

    Parameters
    ----------
    photometric : str
        PhotometricInterpretation (0028,0004).
    syntax : str
        Transfer syntax of `data`.
    data : bytes or None
        The frame's codestream; None where nothing is compressed.

    Notes
    -----
    ISO/IEC 15444-1 A.6.1 (multiple component transform), ITU-T T.871 (JFIF), T.872 6.5.3 (Adobe).
    libjpeg takes components 1, 2, 3 for YCbCr where no marker says otherwise; so is done here,
    unless the values prove RGB. JPEG-LS and lossless JPEG transform nothing.
    """
    if data is None or syntax == uid.RLELossless:
        return _silent(photometric)
    if syntax in JPEG_XL_SYNTAXES:
        return _claim_jpeg_xl(photometric, syntax, data)
    if syntax in uid.JPEG2000TransferSyntaxes:
        if transforms_components(data):
            return _certain_rgb(photometric)
        return _silent(photometric)
    return _claim_jpeg(photometric, syntax, data)


def settle(claim: Claim, samples: NDArray[Any], bits: int) -> ColourSpace:
    """Ask the values where the claims leave room for them.

    Parameters
    ----------
    claim : Claim
        As `claim_of` found it.
    samples : numpy.ndarray
        (rows, columns, 3), as decoded.
    bits : int
        Depth of a sample.
    """
    if claim.if_rgb is not None and disproves_ybr(samples, bits):
        return ColourSpace(False, claim.if_rgb)
    return ColourSpace(claim.is_ybr, claim.remark, claim.is_doubtful)


def disproves_ybr(samples: NDArray[Any], bits: int) -> bool:
    """True for values that no picture in YBR_FULL can have.

    As RGB they lie outside its cube; or both differences of colour follow the luminance, as red,
    green and blue of a grey picture do.

    Parameters
    ----------
    samples : numpy.ndarray
        (rows, columns, 3), unsigned.
    bits : int
        Depth of a sample.
    """
    flat = samples.reshape(-1, 3)
    flat = flat[:: max(1, len(flat) // _SAMPLE)].astype(np.float32) / (2**bits - 1)
    if _is_grey(flat):
        return True
    rgb = (flat - np.array([0, 0.5, 0.5], np.float32)) @ _TO_RGB
    outside = ((rgb < -_BEYOND) | (rgb > 1 + _BEYOND)).any(axis=1)
    return bool(outside.mean() > _SHARE)


def _is_grey(flat: NDArray[np.float32]) -> bool:
    """True for a grey picture in RGB, or a tinted one: (pixels, 3), in [0, 1]."""
    spread, others = float(flat[:, 0].std()), flat[:, 1:] - flat[:, :1]
    if np.abs(others.mean(axis=0)).max() > _TINT:
        return False
    return spread > _SPREAD and float(others.std(axis=0).max()) < _TOGETHER * spread


def to_rgb(samples: NDArray[Any], bits: int) -> NDArray[Any]:
    """YBR_FULL to RGB, rounded and clipped to the same type.

    Notes
    -----
    PS3.3 C.7.6.3.1.2, whose numbers are those of 8 bits; deeper samples have their zero of colour
    at half their range likewise.
    """
    if bits == 8:
        return convert_color_space(samples, "YBR_FULL", "RGB")
    middle = 2 ** (bits - 1)
    rgb = (samples.astype(np.float64) - [0, middle, middle]) @ _TO_RGB
    return np.clip(np.rint(rgb), 0, 2**bits - 1).astype(samples.dtype)


def _silent(photometric: str) -> Claim:
    """The codestream says nothing, or there is none: the header does."""
    rgb = (
        f"The header says that colours are stored as {photometric}; their values can be RGB only, "
        "and are shown so."
    )
    if photometric in YBR:
        return Claim(True, if_rgb=rgb)
    if photometric in _BY_CODEC:
        unsure = (
            f"The header says that colours were transformed by a codec ({photometric}), but none "
            "did so. They are shown as RGB, and may be wrong."
        )
        return Claim(False, unsure, rgb, is_doubtful=True)
    return Claim()


def _certain_rgb(photometric: str) -> Claim:
    """The decoder hands out RGB, whatever the header says."""
    return Claim(False, _says_rgb(photometric) if photometric in YBR else "")


def _says_rgb(photometric: str) -> str:
    return (
        f"The header says that colours are stored as {photometric}; the compressed picture itself "
        "says RGB, and is shown so."
    )


def _claim_jpeg_xl(photometric: str, syntax: str, data: bytes) -> Claim:
    """A decoder undoes every transform, that of a recompressed JPEG included."""
    recompressed = syntax == JPEG_XL_SYNTAXES[1] or b"jbrd" in data[:256]
    if photometric not in YBR or recompressed:
        return Claim()
    unsure = (
        f"The header says that colours are stored as {photometric}, which the compressed picture "
        "does not know. They are shown as it decodes them, and may be wrong."
    )
    return Claim(False, unsure, _says_rgb(photometric), is_doubtful=True)


def _claim_jpeg(photometric: str, syntax: str, data: bytes) -> Claim:
    """JPEG and JPEG-LS by their markers."""
    found = read_jpeg_colours(data)
    is_rgb = found.has_rgb_ids or found.adobe_transform == 0
    is_ybr = found.is_subsampled or found.adobe_transform == 1
    by_custom = found.is_jfif or (found.has_ybr_ids and found.adobe_transform is None)
    if syntax in _UNTRANSFORMED and not found.is_jfif:
        by_custom = False
    if is_rgb and (is_ybr or found.is_jfif):
        unsure = (
            "The compressed picture contradicts itself on its colours. They are shown as the "
            "header says, and may be wrong."
        )
        certain = _says_rgb(photometric) if photometric in YBR else ""
        return Claim(photometric in YBR, unsure, certain, is_doubtful=True)
    if is_rgb:
        return _certain_rgb(photometric)
    if not is_ybr and not by_custom:
        return _silent(photometric)
    values = (
        "The picture says that its colours are YCbCr; their values can be RGB only, and are shown "
        "so."
    )
    if photometric in YBR:
        return Claim(True, if_rgb=None if is_ybr or found.is_jfif else values)
    words = (
        f"The header says that colours are stored as {photometric}; the compressed picture itself "
        "says YCbCr, and is shown so."
    )
    if is_ybr:
        return Claim(True, words)
    return Claim(True, words, values)


_UNTRANSFORMED = (uid.JPEGLossless, uid.JPEGLosslessSV1, *uid.JPEGLSTransferSyntaxes)
