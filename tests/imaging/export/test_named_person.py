"""The border of DICOM out: films of the person it names, and of nobody else."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import dcmread

from imaging.entities import Patient
from imaging.errors import ExportError, HeldStudyError
from imaging.export import ExportCase, ExportedFile, export_case
from imaging.export.named_person import insist_on_named_person, named_patient
from imaging.patients import IdentityDecision
from tests.imaging.export_cases import NOW, export_case_of

DICOM = ("sr", "sc", "gsps", "map")
STRANGER = Patient("BETA^BRUNO", "B-2", "20200505", "M")


def of(case: ExportCase, patient: Patient) -> ExportCase:
    """The case, its film said to be of somebody else."""
    film = replace(case.record.instances[0], patient=patient)
    return replace(case, record=replace(case.record, instances=(film,)))


@pytest.mark.parametrize("form", DICOM)
def test_an_object_that_names_another_than_its_film_is_thrown_away(form: str) -> None:
    case = export_case_of("cr")
    (file,) = [f for f in export_case(case, [form], NOW) if f.name.startswith(form)][:1]
    insist_on_named_person(case, file)
    with pytest.raises(ExportError, match="refers to another's image"):
        insist_on_named_person(of(case, STRANGER), file)


def test_files_that_are_no_dicom_pass() -> None:
    case = of(export_case_of("cr"), STRANGER)
    insist_on_named_person(case, ExportedFile("report.json", b"{}"))


@pytest.mark.parametrize("form", [*DICOM, "pdf", "fhir", "csv"])
def test_a_held_study_is_exported_in_no_form(form: str) -> None:
    case = export_case_of("cr")
    film = case.record.instances[0]
    second = replace(
        film, patient=STRANGER, identity=replace(film.identity, sop_instance_uid="1.2.9")
    )
    pair, said = (film, second), (case.record.assessments[0], None)
    held = replace(case, record=replace(case.record, instances=pair, assessments=said))
    with pytest.raises(HeldStudyError):
        export_case(held, [form], NOW)


@pytest.mark.parametrize("form", ["sr", "gsps", "fhir"])
def test_what_leaves_names_whom_a_reader_called_right(form: str) -> None:
    case = of(export_case_of("cr"), STRANGER)
    record = replace(case.record, identity=IdentityDecision(STRANGER, (STRANGER,)))
    file = export_case(replace(case, record=record), [form], NOW)[0]
    if form == "fhir":
        assert b'"BETA BRUNO"' in file.content
        return
    named = named_patient(dcmread(BytesIO(file.content)))
    assert (named.name, named.patient_id, named.sex) == ("BETA^BRUNO", "B-2", "M")
