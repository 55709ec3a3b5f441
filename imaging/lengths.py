"""Where a length in millimetres holds, and the words that stand beside it for that."""

from __future__ import annotations

from collections.abc import Callable

from imaging.entities import Instance, LengthPlane
from imaging.fidelity import PROJECTIONS

PLANE_WORDS = {
    LengthPlane.DETECTOR: "at the detector",
    LengthPlane.FILM: "on the film",
    LengthPlane.CORRECTED: "at the detector / {factor}",
    LengthPlane.CALIBRATED: "calibrated",
    LengthPlane.UNKNOWN: "plane not stated",
}


def plane_words(
    plane: LengthPlane, magnification: float | None = None, say: Callable[[str], str] = str
) -> str:
    """Where a length holds; "" for one in the body, which needs no word.

    Parameters
    ----------
    plane : LengthPlane
    magnification : float, optional
        The factor a CORRECTED length was divided by.
    say : callable
        Translates the English words.
    """
    factor = "" if magnification is None else f"{magnification:.4g}"
    return say(PLANE_WORDS.get(plane, "")).format(factor=factor)


def recorded_plane(plane: LengthPlane | None, instance: Instance) -> LengthPlane:
    """The plane of a length on a film; of one from before planes were recorded, what is sure.

    Such a length was taken by the spacing as it stood in the header, never divided.
    """
    if plane is not None:
        return plane
    source = instance.geometry.pixel_spacing_source
    if source == "ImagerPixelSpacing":
        return LengthPlane.DETECTOR
    if source == "NominalScannedPixelSpacing":
        return LengthPlane.FILM
    projection = instance.acquisition.modality in PROJECTIONS
    return LengthPlane.UNKNOWN if projection else LengthPlane.BODY
