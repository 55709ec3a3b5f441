"""Cautions about a header: what a reader should know before trusting what it says or leaves out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pydicom.dataset import Dataset
from pydicom.uid import UID

from imaging.dicom.header.elements import numbers, text
from imaging.dicom.header.header import age_of
from imaging.dicom.pixels.description import MONOCHROME
from imaging.dicom.pixels.overlay_mask import BEYOND, reaches_beyond
from imaging.dicom.pixels.overlay_planes import has_planes, read_planes
from imaging.dicom.pixels.spacing import read_spacing
from imaging.entities import Instance, LengthPlane, SourceKind
from imaging.fidelity import PROJECTIONS, Caution
from imaging.moments import read_date

_LOSSY = (
    *("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81"),
    *("1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.93", "1.2.840.10008.1.2.4.203"),
    "1.2.840.10008.1.2.4.112",
)
_CAPTURES = ("Secondary Capture", "Screen")
_PAINTED = ("US", "IVUS", "SC", "OT", "XC", "ES")  # makers of pictures with words in them
_DAY = timedelta(days=1)
_SPACINGS = {
    LengthPlane.DETECTOR: "The pixel spacing holds at the detector: lengths in the body are "
    "magnified.",
    LengthPlane.FILM: "The pixel spacing is that of the scanned film: lengths in the body are "
    "magnified.",
    LengthPlane.UNKNOWN: "The header does not say whether its pixel spacing holds at the detector "
    "or in the body: lengths may be magnified.",
}
_LAYERS = {  # PS3.3 C.7.6.11, C.7.6.10, C.10.5, C.11.6, C.7.6.19: not drawn for a picture by itself
    "ShutterShape": "a shutter",
    "MaskSubtractionSequence": "a mask to subtract",
    "GraphicAnnotationSequence": "annotations and texts",
    "PresentationLUTSequence": "a presentation curve",
}

_PALETTE = "RedPaletteColorLookupTableDescriptor"


def check_header(ds: Dataset, instance: Instance) -> tuple[Caution, ...]:
    """All cautions that the header alone gives rise to; none of them names a patient.

    A PNG or JPEG film has no header: what it lacks is said once, by "no-header".
    """
    if instance.source is SourceKind.FILM:
        words = "This is no DICOM file: patient, view, side, spacing and window are unknown."
        return (Caution("no-header", words),)
    return tuple(caution for check in _CHECKS if (caution := check(ds, instance)) is not None)


def _check_view(_ds: Dataset, instance: Instance) -> Caution | None:
    """ViewPosition (0018,5101) of a projection."""
    acquisition = instance.acquisition
    if acquisition.modality not in PROJECTIONS or acquisition.view_position:
        return None
    return Caution("view", "The header does not state the view (AP, PA or lateral).")


def _check_side(ds: Dataset, instance: Instance) -> Caution | None:
    """Laterality (0020,0060), ImageLaterality (0020,0062) or PatientOrientation (0020,0020)."""
    acquisition = instance.acquisition
    is_stated = acquisition.laterality or len(acquisition.patient_orientation) == 2
    if (
        acquisition.modality not in PROJECTIONS
        or is_stated
        or numbers(ds, "ImageOrientationPatient")
    ):
        return None
    if has_planes(ds):
        words = (
            "The header states neither laterality nor orientation: trust only a marker for left "
            "and right, in the picture or in the file's overlay."
        )
        return Caution("laterality", words)
    words = (
        "The header states neither laterality nor orientation: trust only a marker in the picture "
        "for left and right."
    )
    return Caution("laterality", words)


def _check_burned_in(ds: Dataset, instance: Instance) -> Caution | None:
    """BurnedInAnnotation (0028,0301), else kinds of picture that usually have words in them."""
    stated = text(ds, "BurnedInAnnotation").upper()
    if stated == "YES":
        return Caution("burned-in", "The header says that text is burned into the pixels.")
    captured = any(part in UID(instance.identity.sop_class_uid).name for part in _CAPTURES)
    if stated != "NO" and (captured or instance.acquisition.modality in _PAINTED):
        words = "Text is likely burned into the pixels: pictures of this kind usually carry some."
        return Caution("burned-in", words)
    return None


def _check_spacing(ds: Dataset, instance: Instance) -> Caution | None:
    """PixelSpacing and its relatives (PS3.3 10.7)."""
    geometry = instance.geometry
    if geometry.pixel_spacing is None:
        return Caution("spacing", "No pixel spacing: lengths cannot be measured in millimetres.")
    words = _SPACINGS.get(geometry.length_plane, "")
    if geometry.magnification is not None:
        words = (
            "Lengths are those at the detector divided by the magnification of "
            f"{geometry.magnification:.4g} that the header estimates: they hold at one depth only."
        )
    odd = read_spacing(ds).odd
    words = " ".join(part for part in (odd, words) if part)
    return Caution("spacing", words) if words else None


def _check_overlays(ds: Dataset, instance: Instance) -> Caution | None:
    """Overlay planes (PS3.3 C.9.2), of which all that can be is drawn."""
    planes = read_planes(ds, instance.geometry)
    undrawn = list(planes.undrawn)
    if reaches_beyond(instance.geometry, planes):
        undrawn.append(BEYOND)
    return Caution("overlay", " ".join(undrawn)) if undrawn else None


def _check_other_layers(ds: Dataset, instance: Instance) -> Caution | None:
    """What a file may lay over its picture besides: curves, shutters, masks, marks."""
    found = [name for keyword, name in _LAYERS.items() if keyword in ds]
    tags = ds.keys()
    grey = instance.geometry.photometric_interpretation in MONOCHROME
    if grey and _PALETTE in ds and text(ds, "PixelPresentation").upper() != "MONOCHROME":
        found.append("colours for some of its grey levels")
    if any(0x5000 <= tag.group <= 0x50FF and tag.elem == 0x3000 for tag in tags):
        found.append("curves")
    if not found:
        return None
    words = f"The file lays more over its picture than is drawn here: {', '.join(found)}."
    return Caution("layers", words)


def _check_lossy(ds: Dataset, instance: Instance) -> Caution | None:
    """LossyImageCompression (0028,2110) and its ratio (0028,2112); else a lossy encoding."""
    if text(ds, "LossyImageCompression") == "01":
        ratios = [
            ratio for ratio in numbers(ds, "LossyImageCompressionRatio") if 1 <= ratio < 10_000
        ]
        if not ratios:
            return Caution("lossy", "The picture was compressed with loss; the ratio is not told.")
        total = 1.0
        for ratio in ratios:  # each value is one step of compression (PS3.3 C.7.6.1.1.5)
            total *= ratio
        words = f"The picture was compressed with loss, about {total:.3g} : 1."
        return Caution("lossy", words)
    if instance.identity.transfer_syntax_uid in _LOSSY:
        words = "The picture is compressed with loss, although the header does not say so."
        return Caution("lossy", words)
    return None


def _check_shape(ds: Dataset, instance: Instance) -> Caution | None:
    """PresentationLUTShape (2050,0020) has to fit the photometric tag (PS3.3 C.8.11.3.1.2)."""
    shape = text(ds, "PresentationLUTShape").upper()
    photometric = instance.geometry.photometric_interpretation
    expected = {"MONOCHROME1": "INVERSE", "MONOCHROME2": "IDENTITY"}.get(photometric)
    if not expected or shape not in ("INVERSE", "IDENTITY") or shape == expected:
        return None
    words = (
        f"The header contradicts itself on polarity: {photometric} with PresentationLUTShape "
        f"{shape}. The photometric tag is followed."
    )
    return Caution("polarity", words)


def _check_derived(ds: Dataset, _instance: Instance) -> Caution | None:
    """Value 1 of ImageType (0008,0008), PS3.3 C.7.6.1.1.2."""
    if not text(ds, "ImageType").upper().startswith("DERIVED"):
        return None
    return Caution("derived", "The picture is derived from another: it is not the original image.")


def _check_dates(ds: Dataset, _instance: Instance) -> Caution | None:
    """Dates that cannot all be true; the dates themselves are not repeated."""
    born, study = _read_date(ds, "PatientBirthDate"), _read_date(ds, "StudyDate")
    later = {"series": "SeriesDate", "acquisition": "AcquisitionDate", "content": "ContentDate"}
    if study and study > datetime.now(UTC).replace(tzinfo=None) + 2 * _DAY:
        return Caution("dates", "The study date lies in the future.")
    if born and study and born > study:
        return Caution("dates", "The date of birth lies after the study date.")
    for name, keyword in later.items():
        date = _read_date(ds, keyword)
        if date and study and date < study - _DAY:
            return Caution("dates", f"The {name} date lies before the study date.")
    return None


def _check_age(ds: Dataset, _instance: Instance) -> Caution | None:
    """PatientAge (0010,1010): readable, likely, and fitting the dates but for a year."""
    doubt = age_of(ds).doubt
    return Caution("dates", doubt) if doubt else None


def _read_date(ds: Dataset, keyword: str) -> datetime | None:
    """A date of the header, or None."""
    digits = read_date(text(ds, keyword))
    return datetime.strptime(digits, "%Y%m%d") if digits else None


_CHECKS: tuple[Callable[[Dataset, Instance], Caution | None], ...] = (
    _check_shape,
    _check_view,
    _check_side,
    _check_burned_in,
    _check_spacing,
    _check_overlays,
    _check_other_layers,
    _check_lossy,
    _check_derived,
    _check_dates,
    _check_age,
)
