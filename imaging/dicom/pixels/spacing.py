"""Pixel spacing and the plane it holds in: the one place that decides what a length means.

PS3.3 10.7.1.1: on a projection, PixelSpacing is corrected or calibrated, or merely repeats
ImagerPixelSpacing, which is measured at the detector; what lies in the body is magnified there.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from pydicom.dataset import Dataset

from imaging.dicom.header.elements import frame_item, numbers, text
from imaging.entities import LengthPlane
from imaging.fidelity import PROJECTIONS

Pair = tuple[float, float]
_SAME = 5e-3  # relative: decimals that were cut; no body lies this near to the detector
_CALIBRATED = ("GEOMETRY", "FIDUCIAL")
_LARGEST_MAGNIFICATION = 20.0
_ANY = ("", "OT", "SC")  # modalities that may be a projection, and often are


@dataclass(frozen=True, slots=True)
class Spacing:
    """Row and column spacing in mm, where it came from, and where lengths by it hold.

    ``pair`` is None where the file gives none. It is divided by ``magnification`` already where
    that is not None. ``odd`` is a sentence for the reader on what of the header is contradictory.
    """

    pair: Pair | None = None
    keyword: str = ""
    plane: LengthPlane = LengthPlane.BODY
    magnification: float | None = None
    odd: str = ""


def read_spacing(ds: Dataset) -> Spacing:
    """The spacing of a picture's pixels, and in which plane it holds.

    Parameters
    ----------
    ds : pydicom.dataset.Dataset
        An instance with pixels.

    Returns
    -------
    Spacing
        By PixelSpacing (0028,0030), else ImagerPixelSpacing (0018,1164), else
        NominalScannedPixelSpacing (0018,2010). A spacing at the detector is divided by
        EstimatedRadiographicMagnificationFactor (0018,1114) where the header gives one.

    Notes
    -----
    PixelSpacingCalibrationType (0028,0A02) GEOMETRY or FIDUCIAL says that PixelSpacing is
    corrected. Without it, a spacing equal to that of the detector is not; a smaller one is; a
    larger one cannot be; and a projection with PixelSpacing alone does not say (PS3.3 10.7.1.1),
    nor does a picture of no modality. Slices are measured in the body (C.7.6.2).
    """
    own, at_detector = _pair(ds, "PixelSpacing"), _pair(ds, "ImagerPixelSpacing")
    scanned = _pair(ds, "NominalScannedPixelSpacing")
    in_beam = _pair(ds, "ObjectPixelSpacingInCenterOfBeam")
    projection = _may_be_projection(ds) or at_detector is not None
    if own is None and in_beam is not None:
        return Spacing(in_beam, "ObjectPixelSpacingInCenterOfBeam", LengthPlane.CALIBRATED)
    if own is None:
        if at_detector is not None:
            return _at_detector(ds, at_detector, "ImagerPixelSpacing")
        plane = LengthPlane.FILM if scanned else LengthPlane.BODY
        return Spacing(scanned, "NominalScannedPixelSpacing" if scanned else "", plane)
    if not projection and not _says_calibrated(ds):
        same_as_film = scanned is not None and _equal(own, scanned)
        return Spacing(own, "PixelSpacing", LengthPlane.FILM if same_as_film else LengthPlane.BODY)
    return _of_projection(ds, own, at_detector, scanned)


def _of_projection(
    ds: Dataset, own: Pair, at_detector: Pair | None, scanned: Pair | None
) -> Spacing:
    """PixelSpacing of a projection."""
    equal = at_detector is not None and _equal(own, at_detector)
    if _says_calibrated(ds):
        odd = "The header calls its pixel spacing calibrated, but it is that of the detector."
        return Spacing(own, "PixelSpacing", LengthPlane.CALIBRATED, odd=odd if equal else "")
    if equal:
        return _at_detector(ds, own, "PixelSpacing")
    if at_detector is not None:
        if own[0] <= at_detector[0] and own[1] <= at_detector[1]:
            return Spacing(own, "PixelSpacing", LengthPlane.CALIBRATED)
        odd = "The pixel spacing is larger than at the detector, where everything is largest."
        return Spacing(own, "PixelSpacing", LengthPlane.UNKNOWN, odd=odd)
    if scanned is not None and _equal(own, scanned):
        return Spacing(own, "PixelSpacing", LengthPlane.FILM)
    return Spacing(own, "PixelSpacing", LengthPlane.UNKNOWN)


def _at_detector(ds: Dataset, pair: Pair, keyword: str) -> Spacing:
    """A spacing at the detector, corrected where the header estimates by how much it magnifies."""
    stated = numbers(ds, "EstimatedRadiographicMagnificationFactor")
    if not stated:
        return Spacing(pair, keyword, LengthPlane.DETECTOR)
    factor = stated[0]
    if not (isfinite(factor) and 1 <= factor <= _LARGEST_MAGNIFICATION):
        odd = "The magnification that the header states is impossible; it was ignored."
        return Spacing(pair, keyword, LengthPlane.DETECTOR, odd=odd)
    if factor == 1:
        return Spacing(pair, keyword, LengthPlane.DETECTOR)
    corrected = (pair[0] / factor, pair[1] / factor)
    return Spacing(corrected, keyword, LengthPlane.CORRECTED, factor)


def _pair(ds: Dataset, keyword: str) -> Pair | None:
    """Two lengths, from the header or the functional groups of the first frame."""
    macros = (
        "PixelMeasuresSequence",
        "FramePixelDataPropertiesSequence",  # enhanced XA and XRF (PS3.3 C.8.19.6.4)
        "ProjectionPixelCalibrationSequence",
    )
    for holder in (ds, *(frame_item(ds, 0, macro) for macro in macros)):
        pair = numbers(holder, keyword) if holder is not None else ()
        if len(pair) == 2 and all(isfinite(length) and length > 0 for length in pair):
            return pair[0], pair[1]
    return None


def _may_be_projection(ds: Dataset) -> bool:
    """True for a modality that takes projections; for one that says nothing, outside a plane."""
    modality = text(ds, "Modality").upper()
    return modality in PROJECTIONS or (
        modality in _ANY and not numbers(ds, "ImageOrientationPatient")
    )


def _says_calibrated(ds: Dataset) -> bool:
    return text(ds, "PixelSpacingCalibrationType").upper() in _CALIBRATED


def _equal(one: Pair, other: Pair) -> bool:
    """True for two spacings that are the same but for their decimals."""
    return all(abs(a - b) <= _SAME * b for a, b in zip(one, other, strict=True))
