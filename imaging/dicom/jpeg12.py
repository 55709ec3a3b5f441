"""A pydicom decoding plugin for JPEG Extended with 12-bit samples, through GDCM.

pydicom's own GDCM plugin declines these frames and Pillow cannot read them, yet GDCM decodes
them. pydicom loads this module by name and calls it per frame (its "decoding plugin" interface).
"""

from __future__ import annotations

from pydicom import uid
from pydicom.pixels.decoders import JPEGExtended12BitDecoder
from pydicom.pixels.decoders.base import DecodeRunner

from imaging.dicom.codestream import read_codestream

try:
    import gdcm
except ImportError:  # pydicom then reports the plugin as unavailable
    gdcm = None

DECODER_DEPENDENCIES = {uid.JPEGExtended12Bit: ("gdcm>=3.0.10",)}
LABEL = "lightbox_gdcm_12_bit"


def is_available(uid: str) -> bool:
    """True when GDCM is installed and the transfer syntax is JPEG Extended."""
    return gdcm is not None and uid in DECODER_DEPENDENCIES


def register() -> None:
    """Add the plugin to pydicom's decoder, once; it is tried after pydicom's own."""
    decoder = JPEGExtended12BitDecoder
    if LABEL not in (*decoder.available_plugins, *decoder.missing_dependencies):
        decoder.add_plugin(LABEL, (__name__, "_decode_frame"))


def _decode_frame(src: bytes, runner: DecodeRunner) -> bytes:
    """Decode one frame to little-endian 16-bit samples."""
    found = read_codestream(src)
    if found is None or found.precision != 12 or found.components != 1:
        raise ValueError("only grey frames of 12-bit samples are read here")
    if runner.samples_per_pixel != 1 or runner.bits_allocated != 16:
        raise ValueError("only 16 bits allocated hold 12-bit samples")
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(src)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((runner.columns, runner.rows, 1))
    image.SetDataElement(element)
    grey = gdcm.PhotometricInterpretation.GetPIType("MONOCHROME2")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(grey))
    syntax = gdcm.TransferSyntax.GetTSType(str.__str__(runner.transfer_syntax))
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, 12, 11, runner.pixel_representation))
    decoded: bytes = image.GetBuffer().encode("utf-8", "surrogateescape")
    return decoded
