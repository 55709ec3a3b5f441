"""The header's description of the pixels, checked against the bytes before anything is decoded.

PS3.3 C.7.6.3 (Image Pixel). These attributes are read strictly: a wrong guess shows a wrong
picture.
"""

from __future__ import annotations

from math import ceil

from pydicom.dataset import Dataset
from pydicom.encaps import parse_fragments
from pydicom.uid import UID

from imaging.dicom.header.elements import integer, numbers, text
from imaging.dicom.header.placement import read_place
from imaging.dicom.header.sop_classes import name_syntax
from imaging.dicom.pixels.spacing import read_spacing
from imaging.entities import Geometry
from imaging.errors import PixelDataError

MAX_FRAME_SAMPLES = 2**27  # 1 GiB as float64, six times the largest radiograph
PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
_ONE_SAMPLE = (*MONOCHROME, "PALETTE COLOR")
COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "XYB")
DAMAGED = "the file is damaged or was cut short; ask for it to be sent again."


def pixel_keyword(ds: Dataset) -> str | None:
    """The element that holds the pixels, or None."""
    return next((keyword for keyword in PIXEL_KEYWORDS if keyword in ds), None)


def pixel_bytes(ds: Dataset) -> bytes | None:
    """The pixels as they lie in the file, or None."""
    keyword = pixel_keyword(ds)
    data = ds[keyword].value if keyword else None
    return data if isinstance(data, bytes) else None


def read_geometry(ds: Dataset, transfer_syntax_uid: str) -> Geometry:
    """Size and encoding of the pixels.

    Parameters
    ----------
    ds : pydicom.dataset.Dataset
        An instance with pixels.
    transfer_syntax_uid : str
        Native or encapsulated.

    Returns
    -------
    Geometry
        ``pixel_spacing`` and the plane it holds in as `spacing.read_spacing` decides.

    Raises
    ------
    PixelDataError
        If an attribute is missing or impossible, a frame exceeds `MAX_FRAME_SAMPLES`, or the
        file holds fewer bytes or fragments than the header needs.
    """
    rows, columns = _require_integer(ds, "Rows"), _require_integer(ds, "Columns")
    samples = _require_integer(ds, "SamplesPerPixel")
    frames = _read_frames(ds)
    photometric = text(ds, "PhotometricInterpretation").upper()
    bits_stored = _read_bits_stored(ds)
    _check_photometric(photometric, samples)
    if not (0 < rows < 65536 and 0 < columns < 65536):
        raise PixelDataError("The header gives the picture no size; " + DAMAGED)
    if rows * columns * samples > MAX_FRAME_SAMPLES:
        raise PixelDataError(
            f"The header describes a picture of {columns} x {rows} pixels, which is larger than "
            "this tool accepts. Export it smaller."
        )
    spacing = read_spacing(ds)
    position, orientation = read_place(ds, 0)
    geometry = Geometry(
        rows=rows,
        columns=columns,
        frames=frames,
        samples_per_pixel=samples,
        photometric_interpretation=photometric,
        bits_stored=bits_stored,
        pixel_spacing=spacing.pair,
        pixel_spacing_source=spacing.keyword,
        length_plane=spacing.plane,
        magnification=spacing.magnification,
        image_position=position,
        image_orientation=orientation,
    )
    _check_length(ds, geometry, UID(transfer_syntax_uid))
    return geometry


def stated_geometry(ds: Dataset) -> Geometry:
    """The geometry that an unreadable picture's header states: nothing is checked, 0 is unknown."""
    return Geometry(
        rows=integer(ds, "Rows") or 0,
        columns=integer(ds, "Columns") or 0,
        frames=integer(ds, "NumberOfFrames") or 1,
        samples_per_pixel=integer(ds, "SamplesPerPixel") or 1,
        photometric_interpretation=text(ds, "PhotometricInterpretation").upper(),
        bits_stored=integer(ds, "BitsStored") or 0,
    )


def excess_bytes(ds: Dataset, geometry: Geometry) -> bool:
    """True when native pixel data go on for a row or more after the last frame."""
    spare = len(pixel_bytes(ds) or b"") - _native_length(
        ds, geometry, subsampled=is_subsampled(ds, geometry)
    )
    return spare >= max(2, geometry.columns * geometry.samples_per_pixel)


def cut_to_length(ds: Dataset, geometry: Geometry) -> bool:
    """Cut native pixels to what the header describes, in place; True where more than padding went.

    Parameters
    ----------
    ds : Dataset
        Not compressed; `geometry` is of it.
    """
    keyword = pixel_keyword(ds) or ""
    data = pixel_bytes(ds) or b""
    length = _native_length(ds, geometry, subsampled=is_subsampled(ds, geometry))
    pad = b"\0" * (length % 2)
    if pad and not UID(ds.file_meta.TransferSyntaxUID).is_little_endian and ds[keyword].VR == "OW":
        whole = data[: length - 1] + pad + data[length : length + 1]  # words, their bytes swapped
    else:
        whole = data[:length] + pad
    ds[keyword].value = whole
    return data[length + len(pad) :].strip(b"\0") != b"" or data[: len(whole)] != whole


def _require_integer(ds: Dataset, keyword: str) -> int:
    """A whole number that the pixels cannot be read without."""
    number = integer(ds, keyword)
    if number is None:
        raise PixelDataError(
            f"The header lacks a usable {keyword} value, so the picture cannot be read. "
            "Ask for it to be exported again."
        )
    return number


def _read_frames(ds: Dataset) -> int:
    """NumberOfFrames; 1 when absent, empty or 0."""
    stated = numbers(ds, "NumberOfFrames")
    if not stated and "NumberOfFrames" in ds and ds.get_item("NumberOfFrames").value:
        raise PixelDataError(
            "The header lacks a usable NumberOfFrames value. Ask for it to be exported again."
        )
    frames = _require_integer(ds, "NumberOfFrames") if stated else 1
    if frames < 0:
        raise PixelDataError(
            "The header gives a negative number of frames. Ask for it to be exported again."
        )
    return frames or 1


def _read_bits_stored(ds: Dataset) -> int:
    """Significant bits of a sample, checked against BitsAllocated and HighBit (PS3.5 8.1.1)."""
    allocated = _require_integer(ds, "BitsAllocated")
    if pixel_keyword(ds) != "PixelData":
        return allocated
    stored = _require_integer(ds, "BitsStored")
    high_bit = integer(ds, "HighBit")
    if allocated not in (1, 8, 16, 32) or not 1 <= stored <= allocated:
        raise PixelDataError(
            "The header gives an impossible number of bits per pixel. "
            "Ask for it to be exported again."
        )
    if high_bit is not None and high_bit != stored - 1:
        raise PixelDataError(
            "The header contradicts itself on where the bits of a pixel lie, so its grey values "
            "cannot be trusted. Ask for it to be exported again."
        )
    if _require_integer(ds, "PixelRepresentation") not in (0, 1):
        raise PixelDataError(
            "The header does not say whether pixel values are signed. "
            "Ask for it to be exported again."
        )
    return stored


def _check_photometric(photometric: str, samples: int) -> None:
    """Photometric interpretation and samples per pixel must agree (PS3.3 C.7.6.3.1.2)."""
    expected = {**dict.fromkeys(_ONE_SAMPLE, 1), **dict.fromkeys(COLOURS, 3)}
    if photometric not in expected:
        raise PixelDataError(
            "The header's photometric interpretation is missing or unknown, so black and white "
            "cannot be told apart. Ask for it to be exported again."
        )
    if expected[photometric] != samples:
        raise PixelDataError(
            f"The header contradicts itself: {photometric} with {samples} samples per pixel. "
            "Ask for it to be exported again."
        )


def _check_length(ds: Dataset, geometry: Geometry, syntax: UID) -> None:
    """Compare the bytes, or the compressed fragments, with what the header promises."""
    data = pixel_bytes(ds)
    if not data:
        raise PixelDataError("The picture in this file is empty; " + DAMAGED)
    if syntax.is_encapsulated:
        try:
            fragments, _ = parse_fragments(data)
        except ValueError as exc:
            raise PixelDataError(
                f"The header says that the picture is encoded as {name_syntax(syntax)}, but what "
                "the file holds is no such picture, nor an uncompressed one of its size; ask for "
                "it to be sent again, uncompressed if possible."
            ) from exc
        enough = fragments > geometry.frames  # the offset table is one of them
    else:
        enough = len(data) >= _native_length(ds, geometry, subsampled=is_subsampled(ds, geometry))
    if not enough:
        raise PixelDataError(
            "The file holds less picture data than its header promises; " + DAMAGED
        )


def is_subsampled(ds: Dataset, geometry: Geometry) -> bool:
    """True for native YBR_FULL_422 of two samples a pixel (PS3.3 C.7.6.3.1.2).

    Where the data hold three, the tag was left behind by whoever decompressed them.
    """
    if geometry.photometric_interpretation != "YBR_FULL_422":
        return False
    return len(pixel_bytes(ds) or b"") < _native_length(ds, geometry, subsampled=False)


def _native_length(ds: Dataset, geometry: Geometry, *, subsampled: bool) -> int:
    """Bytes of all frames when nothing is compressed (PS3.5 8.1.1, without the padding byte)."""
    samples = geometry.rows * geometry.columns * geometry.samples_per_pixel * geometry.frames
    if subsampled:
        samples = samples // 3 * 2
    return ceil(samples * _require_integer(ds, "BitsAllocated") / 8)


def aspect_of(ds: Dataset, geometry: Geometry) -> float:
    """Height of a pixel over its width: the spacing, else PixelAspectRatio (0028,0034)."""
    pair = geometry.pixel_spacing or numbers(ds, "PixelAspectRatio")
    if len(pair) != 2 or not all(0 < length < float("inf") for length in pair):
        return 1.0
    ratio = pair[0] / pair[1]
    return ratio if abs(ratio - 1) > 1e-4 and 0.01 < ratio < 100 else 1.0
