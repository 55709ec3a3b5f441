"""Bytes to pictures and back: DICOM files, films and volumes; reports and presentation states.

Rule of the room: only `Image`, `PresentationState`, numpy arrays and entities leave it; no pydicom
Dataset and no third-party exception crosses its border. It knows entities and `errors`, no other
room.
"""

from imaging.dicom.deidentify.profile import Change, Released, release
from imaging.dicom.deidentify.rules import Profile
from imaging.dicom.derived_film import write_derived
from imaging.dicom.dicomdir import is_dicomdir, referenced_files
from imaging.dicom.documents.presentation_state import PresentationState, read_presentation
from imaging.dicom.documents.structured_report import read_report
from imaging.dicom.fidelity.report import inspect_image
from imaging.dicom.image import Image
from imaging.dicom.reader import describe, read_image, read_object
from imaging.dicom.region import write_region

__all__ = [
    "Change",
    "Image",
    "PresentationState",
    "Profile",
    "Released",
    "describe",
    "inspect_image",
    "is_dicomdir",
    "read_image",
    "read_object",
    "read_presentation",
    "read_report",
    "referenced_files",
    "release",
    "write_derived",
    "write_region",
]
