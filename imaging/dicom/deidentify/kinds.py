"""Which objects are de-identified: pictures; what consists of text, only when it is asked for."""

from __future__ import annotations

from pydicom.dataset import Dataset

from imaging.dicom.deidentify.rules import Profile
from imaging.dicom.deidentify.standard import Iod
from imaging.dicom.header.elements import text
from imaging.dicom.header.sop_classes import name_object
from imaging.dicom.pixels.description import pixel_keyword
from imaging.errors import UnsupportedImageError

_ENCLOSED = (
    "The file encloses a whole document, whose text cannot be taken out of it. It was left out; "
    "open it and write down anew what is needed."
)


def check_kind(ds: Dataset, iod: Iod, profile: Profile) -> None:
    """Refuse what is no picture.

    Raises
    ------
    UnsupportedImageError
        For an enclosed document (PDF, CDA, STL) always; for reports, presentation states,
        waveforms, plans and whatever else holds no pixels, unless ``profile.documents``.
    """
    if "EncapsulatedDocument" in ds or iod.name.startswith("encapsulated"):
        raise UnsupportedImageError(_ENCLOSED)
    is_picture = pixel_keyword(ds) is not None and (iod.is_picture or not iod.name)
    if is_picture or profile.documents:
        return
    words = name_object(text(ds, "SOPClassUID"), text(ds, "Modality")) or "no picture"
    raise UnsupportedImageError(
        f"The file holds {words}. Its words may say who the patient is, so it was left out. "
        "Ask for a copy without any free text."
    )
