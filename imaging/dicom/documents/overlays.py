"""Overlay planes under a presentation state: which of the film's it shows, and those it brings.

PS3.3 C.11.7: only planes that are put on a layer are shown; a plane of the state stands for that
of the film in the same group.
"""

from __future__ import annotations

from dataclasses import replace

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag
from pydicom.uid import UID

from imaging.dicom.header.elements import text, with_values
from imaging.dicom.image import Image
from imaging.dicom.pixels.overlay_planes import ACTIVATION, present_groups

_LEFT_OUT = (
    "This presentation leaves out an overlay of the image; look at the image by itself to see it."
)
_OTHER_BYTES = "This presentation brings an overlay that cannot be drawn on this image."


def stage(state: Dataset, image: Image) -> tuple[Image, list[str]]:
    """A film with the overlays a state shows, and sentences about those that are left out.

    Parameters
    ----------
    state : pydicom.dataset.Dataset
        A presentation state.
    image : Image
        One of its films.

    Returns
    -------
    tuple
        The image itself where nothing changes.
    """
    own, brought = set(present_groups(image._dataset)), set(present_groups(state))
    active = {group for group in own | brought if text(state, group << 16 | ACTIVATION)}
    remarks = [_LEFT_OUT] if own - active - brought else []
    drawable = brought & active
    if drawable and not _same_bytes(state, image._dataset):
        remarks.append(_OTHER_BYTES)
        drawable = set()
    hidden = (own - active) | (own & brought)
    if not hidden and not drawable:
        return image, remarks
    ds = with_values(image._dataset)
    for group in drawable:
        for tag in _tags(ds, group):
            del ds[tag]
        for tag in _tags(state, group):
            ds[tag] = state[tag]
    return replace(image, _dataset=ds, hidden_overlays=tuple(sorted(hidden - drawable))), remarks


def _tags(ds: Dataset, group: int) -> list[BaseTag]:
    tags = ds.keys()  # the dataset itself would hand out its elements
    return [tag for tag in tags if tag.group == group]


def _same_bytes(one: Dataset, other: Dataset) -> bool:
    little = {UID(ds.file_meta.TransferSyntaxUID).is_little_endian for ds in (one, other)}
    return len(little) == 1
