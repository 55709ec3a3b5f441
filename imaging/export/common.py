"""Parts of every DICOM export: UIDs, equipment, references, the border to the libraries."""

from __future__ import annotations

import hashlib
import logging
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from typing import Any

from pydicom import Dataset, config
from pydicom.tag import Tag

from imaging.entities import RESEARCH_USE, ModelIdentity
from imaging.errors import AssistantError, ExportError
from imaging.export.case import Change, ExportedFile
from imaging.review.records import Code

SOFTWARE, VERSION = "Lightbox", "0.2.0"
PRIVATE = "99LIGHTBOX"
UTF_8 = "ISO_IR 192"
_SERIES = {  # kind -> series number, and its name in the archive (LO, 64 characters)
    "sr": (9101, "Report"),
    "sc": (9102, "AI overlay"),
    "gsps": (9103, "Doctor's presentation"),
    "map": (9104, "AI attribution"),
    "pdf": (9105, "Report as PDF"),
}
_UNPAIRED = ("CHEST", "ABDOMEN", "PELVIS", "HEAD", "BRAIN", "SKULL", "NECK", "HEART")
for _name in ("pydicom", "highdicom"):  # their log lines quote header values
    logging.getLogger(_name).setLevel(logging.CRITICAL)


@contextmanager
def border(message: str) -> Iterator[None]:
    """Turn whatever a library raises inside into `ExportError(message)`; our own errors pass.

    Notes
    -----
    Warnings of the libraries quote header values and are dropped. The filter is put in front on
    every entry: `warnings.catch_warnings` is not safe among threads.
    """
    warnings.filterwarnings("ignore", module=r"(pydicom|highdicom|reportlab)\b")
    try:
        yield
    except AssistantError:
        raise
    except Exception as exc:
        raise ExportError(message) from exc


def derive_uid(*parts: object) -> str:
    """A UID that is always the same for the same parts (PS3.5 B.2, root 2.25)."""
    text = "/".join(str(part) for part in ("lightbox export", *parts))
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, text).int}"


def digest(*parts: bytes) -> str:
    """SHA-256 (hex) over some bytes; part of the UID of what is made from them."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    return whole.hexdigest()


def short(uid: str) -> str:
    """Ten hex digits that stand for a UID in a file name."""
    return digest(uid.encode())[:10]


def series(kind: str, study_instance_uid: str) -> dict[str, Any]:
    """Series attributes: each kind of export has one series of its own in the study."""
    number, name = _SERIES[kind]
    return {
        "series_instance_uid": derive_uid(study_instance_uid, kind),
        "series_number": number,
        "series_description": f"{name}. {RESEARCH_USE}",
    }


def equipment(*models: ModelIdentity) -> dict[str, Any]:
    """Equipment attributes (PS3.3 C.7.5.1, C.7.5.2): Lightbox, and the networks that spoke."""
    named = [f"{m.name} {m.version} {m.short_hash}"[:64] for m in dict.fromkeys(models)]
    return {
        "manufacturer": SOFTWARE,
        "manufacturer_model_name": SOFTWARE,
        "software_versions": (f"{SOFTWARE} {VERSION}", *named),
        "device_serial_number": "not assigned",
    }


def person_name(reader: str) -> str:
    """A signature as PN (PS3.5 6.2): all of it the family name, for we cannot tell its parts."""
    plain = reader.translate(str.maketrans("^=\\", "   "))
    return f"{' '.join(plain.split())[:62]}^"


def local(at: datetime) -> datetime:
    """A moment in this computer's time zone, which is what a DICOM date without zone means."""
    return at.astimezone()


def stamp(dataset: Dataset, now: datetime, changes: Sequence[Change]) -> Dataset:
    """Put the moment of export where the libraries put their own clock's, and what was changed."""
    at = local(now)
    dataset.InstanceCreationDate = at.strftime("%Y%m%d")
    dataset.InstanceCreationTime = at.strftime("%H%M%S")
    for item in dataset.get("ContributingEquipmentSequence", []):
        item.ContributionDateTime = at.strftime("%Y%m%d%H%M%S%z")
    originals = [_original(change, at) for change in changes if change.raw]
    if originals:
        dataset.OriginalAttributesSequence = originals
    return dataset


def _original(change: Change, at: datetime) -> Dataset:
    """The bytes that the source has instead (PS3.3 C.12.1.1.9, Original Attributes Macro).

    They break the standard's rules or their own character set's, so they are no value of it.
    """
    item = Dataset()
    item.SourceOfPreviousValues = ""
    item.AttributeModificationDateTime = at.strftime("%Y%m%d%H%M%S%z")
    item.ModifyingSystem = f"{SOFTWARE} {VERSION}"
    item.ReasonForTheAttributeModification = "CORRECT"
    item.ModifiedAttributesSequence = [Dataset()]
    source = Dataset()
    source.SelectorAttribute, source.SelectorValueNumber = Tag(change.keyword), 1
    source.NonconformingDataElementValue = change.raw + b" " * (len(change.raw) % 2)
    item.NonconformingModifiedAttributesSequence = [source]
    return item


def complete(
    dataset: Dataset, source: Dataset, now: datetime, changes: Sequence[Change]
) -> Dataset:
    """`stamp`, part and side of the body (type 2C, PS3.3 C.7.3.1), age and comments.

    The side is empty where nobody states it, and absent for parts that have none.
    """
    for keyword in ("BodyPartExamined", "Laterality", "PatientAge", "PatientComments"):
        if keyword in source:
            setattr(dataset, keyword, source[keyword].value)
    if "Laterality" not in source and source.get("BodyPartExamined") not in _UNPAIRED:
        dataset.Laterality = ""
    return stamp(dataset, now, changes)


def to_file(kind: str, dataset: Dataset, *, name: str = "") -> ExportedFile:
    """A finished dataset as a file (PS3.10), named after its kind and UID."""
    buffer = BytesIO()
    with config.disable_value_validation():
        dataset.save_as(buffer, enforce_file_format=True)
    return ExportedFile(f"{name or kind}-{short(dataset.SOPInstanceUID)}.dcm", buffer.getvalue())


def scheme() -> Any:
    """Who stands behind our private codes (PS3.3 C.12.1, Coding Scheme Identification)."""
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    return [
        CodingSchemeIdentificationItem(
            designator=PRIVATE, name="Lightbox local codes", responsible_organization=SOFTWARE
        )
    ]


def code_item(code: Code) -> Dataset:
    """A concept as a plain item (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = (
        code.value,
        code.scheme,
        code.meaning,
    )
    return item


def reference_item(source: Dataset, frame: int) -> Dataset:
    """A reference to an image, and to its frame where it has several (PS3.3 10.3)."""
    item = Dataset()
    item.ReferencedSOPClassUID = source.SOPClassUID
    item.ReferencedSOPInstanceUID = source.SOPInstanceUID
    if int(source.get("NumberOfFrames") or 1) > 1:
        item.ReferencedFrameNumber = frame + 1
    return item


def coded(code: Code) -> Any:
    """A concept as highdicom takes it."""
    from highdicom.sr import CodedConcept

    return CodedConcept(code.value, code.scheme, code.meaning)
