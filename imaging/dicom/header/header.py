"""Header to entities: who, when and how, read tolerantly (for the pixels: `pixels.description`)."""

from __future__ import annotations

import re
import uuid
from datetime import date, datetime

from pydicom.dataset import Dataset

from imaging.dicom.header.elements import first_item, integer, text
from imaging.entities import Acquisition, Identity, Patient

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
_AGE = re.compile(r"([0-9]{1,3})([DWMY])")
_PER_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}
_OLDEST = 130.0


def read_identity(ds: Dataset, *, sha256: str, transfer_syntax_uid: str) -> Identity:
    """The UIDs of an instance; a missing or malformed one is derived from the file's bytes.

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
    return Identity(
        study_instance_uid=_read_uid(ds, "StudyInstanceUID", sha256),
        series_instance_uid=_read_uid(ds, "SeriesInstanceUID", sha256),
        sop_instance_uid=_read_uid(ds, "SOPInstanceUID", sha256),
        sop_class_uid=text(ds, "SOPClassUID") or text(meta, "MediaStorageSOPClassUID"),
        transfer_syntax_uid=transfer_syntax_uid,
        sha256=sha256,
    )


def derive_uid(sha256: str, keyword: str) -> str:
    """A UID that is always the same for the same bytes and attribute (PS3.5 B.2, root 2.25)."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'{sha256}/{keyword}').int}"


def has_own_uids(ds: Dataset) -> bool:
    """True when study, series and instance are all named by well-formed UIDs."""
    keywords = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    return all(_is_uid(text(ds, keyword)) for keyword in keywords)


def read_patient(ds: Dataset) -> Patient:
    """The Patient and Patient Study modules (PS3.3 C.7.1.1, C.7.2.2)."""
    birth_date = read_date(text(ds, "PatientBirthDate"))
    return Patient(
        name=text(ds, "PatientName"),
        patient_id=text(ds, "PatientID"),
        birth_date=birth_date,
        sex=text(ds, "PatientSex").upper(),
        age_years=_read_age_years(ds, birth_date),
    )


def read_acquisition(ds: Dataset) -> Acquisition:
    """How and when the picture was taken.

    ``synthetic`` follows SyntheticData (0008,001C) and QualityControlSubject (0010,0200).
    ``view_position`` falls back to the meaning of the first view code.
    """
    view_code = first_item(ds, "ViewCodeSequence") or Dataset()
    orientation = text(ds, "PatientOrientation").split("\\")
    return Acquisition(
        modality=text(ds, "Modality").upper(),
        body_part=text(ds, "BodyPartExamined").upper(),
        view_position=(text(ds, "ViewPosition") or text(view_code, "CodeMeaning")).upper(),
        laterality=text(ds, "ImageLaterality", "Laterality").upper(),
        patient_orientation=tuple(part for part in orientation if part),
        study_date=read_date(text(ds, "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")),
        study_time=text(ds, "StudyTime"),
        study_description=text(ds, "StudyDescription"),
        series_description=text(ds, "SeriesDescription"),
        accession_number=text(ds, "AccessionNumber"),
        manufacturer=text(ds, "Manufacturer"),
        station_name=text(ds, "StationName"),
        image_type=tuple(part for part in text(ds, "ImageType").upper().split("\\") if part),
        intent=text(ds, "PresentationIntentType").upper(),
        instance_number=integer(ds, "InstanceNumber"),
        synthetic="YES" in (text(ds, "SyntheticData"), text(ds, "QualityControlSubject")),
    )


def parse_age(age: str) -> float | None:
    """Years from an age string (AS, PS3.5 6.2) such as 004Y, 018M, 003W or 010D.

    Returns
    -------
    float or None
        None for anything else: without its unit a number could be days or years.
    """
    match = _AGE.fullmatch(age.strip().upper())
    if not match:
        return None
    years = int(match[1]) / _PER_YEAR[match[2]]
    return years if years <= _OLDEST else None


def _read_age_years(ds: Dataset, birth_date: str) -> float | None:
    """PatientAge (0010,1010), else study date less birth date."""
    stated = parse_age(text(ds, "PatientAge"))
    if stated is not None:
        return stated
    study_date = read_date(text(ds, "StudyDate", "AcquisitionDate", "ContentDate"))
    if not birth_date or not study_date:
        return None
    days = (_as_date(study_date) - _as_date(birth_date)).days
    years = days / _PER_YEAR["D"]
    return years if 0 <= years <= _OLDEST else None


def _read_uid(ds: Dataset, keyword: str, sha256: str) -> str:
    """The UID as written, or a derived one."""
    uid = text(ds, keyword)
    return uid if _is_uid(uid) else derive_uid(sha256, keyword)


def _is_uid(uid: str) -> bool:
    """True for dotted numbers of at most 64 characters."""
    return len(uid) <= 64 and _UID.fullmatch(uid) is not None


def read_date(stated: str) -> str:
    """A date as YYYYMMDD; "" when it is none (ACR-NEMA dots are dropped)."""
    digits = stated.replace(".", "").replace("-", "")
    try:
        _as_date(digits)
    except ValueError:
        return ""
    return digits


def _as_date(digits: str) -> date:
    """Parse YYYYMMDD."""
    if len(digits) != 8:
        raise ValueError("a DICOM date has eight digits")
    return datetime.strptime(digits, "%Y%m%d").date()
