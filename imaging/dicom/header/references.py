"""References to films whose UIDs are malformed: led to the stand-ins by which the films are known.

A stand-in is made from study, series and instance as they are written (`header.read_identity`). A
reference says all three only in the hierarchy of its document (PS3.3 C.11.11, C.17.2.1); whatever
else in the document names the same film is led there through it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from pydicom.dataset import Dataset

from imaging.dicom.header.elements import sequence_items
from imaging.dicom.header.header import known_uid, written_uid

_EVIDENCE = (  # each item names its study
    "CurrentRequestedProcedureEvidenceSequence",
    "PertinentOtherEvidenceSequence",
    "StudiesContainingOtherReferencedInstancesSequence",
)
_FILMS = ("ReferencedImageSequence", "ReferencedSOPSequence", "ReferencedInstanceSequence")
_INSTANCE = "ReferencedSOPInstanceUID"
_DEEPEST = 64


def settle_references(ds: Dataset) -> None:
    """Put the UIDs by which films are known into a document's references, in place.

    Parameters
    ----------
    ds : pydicom.dataset.Dataset
        A report or presentation state. Well-formed references stay as they are, and so does one
        outside the hierarchy that may mean several films.
    """
    known: defaultdict[str, set[str]] = defaultdict(set)
    for study, series, item in _hierarchy(ds):
        written = written_uid(item, _INSTANCE)
        uid = known_uid(study, series, written)
        if uid != written:
            known[written].add(uid)
            item.ReferencedSOPInstanceUID = uid
    only = {written: uids.pop() for written, uids in known.items() if len(uids) == 1}
    if only:
        _replace(ds, only, depth=0)


def _hierarchy(ds: Dataset) -> Iterator[tuple[str, str, Dataset]]:
    """Study and series as written, and an item that refers to a film of them."""
    studies = [ds, *(item for keyword in _EVIDENCE for item in sequence_items(ds, keyword))]
    for study in studies:
        for series in sequence_items(study, "ReferencedSeriesSequence"):
            uids = written_uid(study, "StudyInstanceUID"), written_uid(series, "SeriesInstanceUID")
            for keyword in _FILMS:
                for item in sequence_items(series, keyword):
                    yield *uids, item


def _replace(ds: Dataset, uids: dict[str, str], *, depth: int) -> None:
    """References below a dataset; deeper ones than any document has are left alone."""
    if (uid := uids.get(written_uid(ds, _INSTANCE))) is not None:
        ds.ReferencedSOPInstanceUID = uid
    if depth >= _DEEPEST:
        return
    for tag in list(ds.keys()):
        element = ds.get_item(tag)
        if element is not None and element.VR in ("SQ", None):  # None: not looked at yet
            for item in sequence_items(ds, tag):
                _replace(item, uids, depth=depth + 1)
