"""The border of DICOM out: an object refers to films of the person it names, and to no other's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

from pydicom import Dataset, dcmread

from imaging.entities import Patient
from imaging.errors import ExportError
from imaging.export.case import ExportCase, ExportedFile
from imaging.export.common import border
from imaging.export.shown import conform
from imaging.person import compare
from imaging.text import clean

_WHO = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "IssuerOfPatientID")
_STRANGERS = (
    "What was written names one patient and refers to another's image, so it was thrown "
    "away. Look at whose the images of this study are."
)


def insist_on_named_person(case: ExportCase, file: ExportedFile) -> None:
    """Refuse a DICOM object that refers to a film of somebody else than it names.

    Parameters
    ----------
    case : ExportCase
        Its record says whose each film is.
    file : ExportedFile
        Anything that does not end in ``.dcm`` passes.

    Raises
    ------
    ExportError
        If the patient it names contradicts that of a film it refers to (`imaging.person`).
    """
    if not file.name.endswith(".dcm"):
        return
    patients = {i.identity.sop_instance_uid: _in_dicom(i.patient) for i in case.record.instances}
    with border("What was written cannot be read back, so it was thrown away."):
        ds = dcmread(BytesIO(file.content), stop_before_pixels=True)
        named = named_patient(ds)
        for uid in (str(ds.SOPInstanceUID), *_referenced(ds)):
            if uid in patients and compare(named, patients[uid]).contradicts:
                raise ExportError(_STRANGERS)


def named_patient(ds: Dataset) -> Patient:
    """Whom an object of ours names."""
    words = [clean(str(ds.get(keyword) or "")) for keyword in _WHO]
    name, number, born, sex, issuer = words
    return Patient(name=name, patient_id=number, birth_date=born, sex=sex, issuer=issuer)


def _in_dicom(patient: Patient) -> Patient:
    """A patient as far as DICOM has room: what is too long was cut or left out, and told."""
    return replace(
        patient,
        name=conform("PatientName", patient.name),
        patient_id=conform("PatientID", patient.patient_id),
        issuer=conform("IssuerOfPatientID", patient.issuer),
    )


def _referenced(ds: Dataset) -> Iterator[str]:
    """The SOP Instance UIDs of all it refers to, in sequences of any depth."""
    for element in ds:
        if element.VR == "SQ":
            for item in element.value:
                yield from _referenced(item)
        elif element.keyword == "ReferencedSOPInstanceUID":
            yield str(element.value)
