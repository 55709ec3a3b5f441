"""Bytes to pictures and back: DICOM files and PNG or JPEG films.

Rule of the room: only `Image`, numpy arrays and entities leave it; no pydicom Dataset and no
third-party exception crosses its border. It knows `entities` and `errors`, no other room.
"""

from imaging.dicom.image import Image
from imaging.dicom.reader import read_image

__all__ = ["Image", "read_image"]
