"""Header to entities: who, when and how, read tolerantly (for the pixels: `pixels.description`)."""

from __future__ import annotations

import json
import re
import uuid
from datetime import date, datetime

from pydicom.dataset import Dataset

from imaging.dicom.header.age import Age, find_birth_year, read_age
from imaging.dicom.header.anatomy_codes import read_coded_anatomy
from imaging.dicom.header.elements import first_item, integer, sequence_items, text, value
from imaging.entities import Acquisition, Identity, OtherPatientId, Patient
from imaging.moments import read_date, read_time
from imaging.text import clean

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_MOMENT = re.compile(r"[0-9]{8}[0-9]{0,6}(\.[0-9]{1,6})?")
_SEXES = {"MALE": "M", "FEMALE": "F", "OTHER": "O"}
_LONGEST_UID = 4096  # characters of a malformed one that tell it from others
_MOST_IDS = 20  # other numbers of a patient that are kept
_UIDS = (
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
)  # each lies within the one before


def read_identity(ds: Dataset, *, sha256: str, transfer_syntax_uid: str) -> Identity:
    """The UIDs of an instance; a stand-in is derived where one is missing or malformed.

    A malformed one (hex digits, letters, too long) still says what belongs together: its stand-in
    is made from the value as written, within its study and series, so that the films of one study
    stay one study. Only an empty one is made from the file's bytes.

    Parameters
    ----------
    ds : pydicom.dataset.Dataset
        The instance.
    sha256 : str
        Hex digest of the file.
    transfer_syntax_uid : str
        As found, or as guessed for a file without file meta information.

    Returns
    -------
    Identity
        UIDs of at most 64 characters (PS3.5 9.1). Leading zeros in a component, which the
        standard forbids and archives keep, are left alone so that references still match.
    """
    meta = getattr(ds, "file_meta", Dataset())
    study, series, instance = (
        _read_uid(ds, _UIDS[: depth + 1], sha256) for depth in range(len(_UIDS))
    )
    return Identity(
        study_instance_uid=study,
        series_instance_uid=series,
        sop_instance_uid=instance,
        sop_class_uid=text(ds, "SOPClassUID") or text(meta, "MediaStorageSOPClassUID"),
        transfer_syntax_uid=transfer_syntax_uid,
        sha256=sha256,
    )


def derive_uid(source: str, keyword: str) -> str:
    """A UID that is always the same for the same source (a file's hash) and attribute.

    PS3.5 B.2, root 2.25.
    """
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'{source}/{keyword}').int}"


def known_uid(study: str, series: str, instance: str) -> str:
    """The SOP Instance UID by which a film is known that is referred to, each UID as written.

    As `read_identity` has it; where one of the three is missing, as written.
    """
    written = [study, series, instance]
    return _uid_of(written, _UIDS[-1], "") if all(written) else instance


def has_own_uids(ds: Dataset) -> bool:
    """True when study, series and instance are all named by well-formed UIDs."""
    return all(is_uid(written_uid(ds, keyword)) for keyword in _UIDS)


def names_itself(ds: Dataset) -> bool:
    """True when study, series and instance are all named, be it by malformed UIDs."""
    return all(written_uid(ds, keyword) for keyword in _UIDS)


def read_patient(ds: Dataset) -> Patient:
    """The Patient and Patient Study modules (PS3.3 C.7.1.1, C.7.2.2)."""
    age = age_of(ds)
    return Patient(
        name=text(ds, "PatientName"),
        patient_id=text(ds, "PatientID"),
        birth_date=read_date(text(ds, "PatientBirthDate")),
        sex=_read_sex(ds),
        age_years=age.years,
        age_otherwise=age.otherwise,
        issuer=text(ds, "IssuerOfPatientID"),
        issuer_uid=_read_issuer_uid(ds),
        id_type=text(ds, "TypeOfPatientID").upper(),
        other_ids=_read_other_ids(ds),
    )


def read_acquisition(ds: Dataset) -> Acquisition:
    """How and when the picture was taken.

    ``synthetic`` follows SyntheticData (0008,001C) and QualityControlSubject (0010,0200).
    ``view_position`` and ``body_part`` fall back to what is coded (`anatomy_codes`).
    """
    coded = read_coded_anatomy(ds)
    orientation = text(ds, "PatientOrientation").split("\\")
    return Acquisition(
        modality=text(ds, "Modality").upper(),
        body_part=(text(ds, "BodyPartExamined") or ", ".join(coded.body_parts)).upper(),
        view_position=(text(ds, "ViewPosition") or ", ".join(coded.views)).upper(),
        laterality=text(ds, "ImageLaterality", "Laterality").upper(),
        patient_orientation=tuple(part for part in orientation if part),
        study_date=read_date(text(ds, "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")),
        study_time=read_time(text(ds, "StudyTime")),
        study_description=text(ds, "StudyDescription"),
        series_description=text(ds, "SeriesDescription"),
        accession_number=text(ds, "AccessionNumber"),
        manufacturer=text(ds, "Manufacturer"),
        station_name=text(ds, "StationName"),
        image_type=tuple(part for part in text(ds, "ImageType").upper().split("\\") if part),
        intent=text(ds, "PresentationIntentType").upper(),
        instance_number=integer(ds, "InstanceNumber"),
        acquired_at=_read_moment(ds),
        synthetic="YES" in (text(ds, "SyntheticData"), text(ds, "QualityControlSubject")),
        coded_body_parts=coded.body_parts,
        coded_views=coded.views,
        view_modifiers=coded.modifiers,
        indication=_read_indication(ds),
    )


def _read_indication(ds: Dataset) -> str:
    """Why the study was asked for (PS3.3 C.4.11, 10.6 Request Attributes, C.7.2.2)."""
    asked = first_item(ds, "RequestAttributesSequence")
    for place in (ds, asked):
        if place is None:
            continue
        code = first_item(place, "ReasonForRequestedProcedureCodeSequence")
        said = text(place, "ReasonForTheRequestedProcedure", "ReasonForVisit", "ReasonForStudy")
        said = said or (text(code, "CodeMeaning") if code is not None else "")
        if said:
            return said
    return text(ds, "AdmittingDiagnosesDescription")


def age_of(ds: Dataset) -> Age:
    """The patient's age by tag and by dates."""
    born = read_date(text(ds, "PatientBirthDate"))
    taken = read_date(text(ds, "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"))
    return read_age(
        text(ds, "PatientAge"),
        born=_as_date(born) if born else None,
        taken=_as_date(taken) if taken else None,
        birth_year=find_birth_year(text(ds, "PatientBirthDate")),
    )


def _read_moment(ds: Dataset) -> str:
    """When the picture was taken, as digits that can be compared; "" where nobody says.

    AcquisitionDateTime (0008,002A), else the date and time of acquisition, else of content.
    """
    pairs = (("AcquisitionDate", "AcquisitionTime"), ("ContentDate", "ContentTime"))
    stamps = (
        text(ds, "AcquisitionDateTime"),
        *(read_date(text(ds, day)) + text(ds, clock).replace(":", "") for day, clock in pairs),
    )
    return next((found[0] for stamp in stamps if (found := _MOMENT.match(stamp))), "")


def _read_sex(ds: Dataset) -> str:
    """PatientSex (0010,0040) in capitals; the words for M, F and O as these."""
    sex = text(ds, "PatientSex").upper()
    return _SEXES.get(sex, sex)


def _read_issuer_uid(ds: Dataset) -> str:
    """The universal entity ID of the issuer (PS3.3 10.14), its type before it."""
    qualifiers = first_item(ds, "IssuerOfPatientIDQualifiersSequence") or Dataset()
    entity = text(qualifiers, "UniversalEntityID")
    return f"{text(qualifiers, 'UniversalEntityIDType')} {entity}".strip() if entity else ""


def _read_other_ids(ds: Dataset) -> tuple[OtherPatientId, ...]:
    """Further numbers: the sequence (0010,1002), and its retired forerunner (0010,1000)."""
    items = sequence_items(ds, "OtherPatientIDsSequence")[:_MOST_IDS]
    found = [
        OtherPatientId(
            text(item, "PatientID"),
            text(item, "IssuerOfPatientID"),
            _read_issuer_uid(item),
            text(item, "TypeOfPatientID").upper(),
        )
        for item in items
    ]
    retired = text(ds, "OtherPatientIDs").split("\\")[:_MOST_IDS]
    found += [OtherPatientId(number.strip()) for number in retired]
    return tuple(other for other in found if other.patient_id)


def _read_uid(ds: Dataset, keywords: tuple[str, ...], sha256: str) -> str:
    """The UID of the last of some attributes: as written, or derived.

    Derived from what the attributes before it say, too: "1" is the series of many studies.
    """
    return _uid_of([written_uid(ds, keyword) for keyword in keywords], keywords[-1], sha256)


def _uid_of(written: list[str], keyword: str, sha256: str) -> str:
    """The UID of the last of some values."""
    if is_uid(written[-1]):
        return written[-1]
    return derive_uid(json.dumps(written) if all(written) else sha256, keyword)


def written_uid(ds: Dataset, keyword: str) -> str:
    """A UID as it is written, whole: two that differ at their ends are two."""
    return clean(str(value(ds, keyword) or ""), _LONGEST_UID)


def is_uid(uid: str) -> bool:
    """True for dotted numbers of at most 64 characters."""
    return len(uid) <= 64 and _UID.fullmatch(uid) is not None


def _as_date(digits: str) -> date:
    """Parse YYYYMMDD."""
    return datetime.strptime(digits, "%Y%m%d").date()
