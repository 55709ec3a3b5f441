"""Bytes to pictures and back: DICOM files, films and volumes; reports and presentation states.

Rule of the room: only `Image`, `PresentationState`, numpy arrays and entities leave it; no pydicom
Dataset and no third-party exception crosses its border. It knows entities and `errors`, no other
room.
"""

from imaging.dicom.confidential import Change, Released, release
from imaging.dicom.confidential_rules import Profile
from imaging.dicom.dicomdir import is_dicomdir, referenced_files
from imaging.dicom.image import Image
from imaging.dicom.inspection import inspect_image
from imaging.dicom.presentation import PresentationState, read_presentation
from imaging.dicom.reader import describe, read_image, read_object
from imaging.dicom.report import read_report

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
]
