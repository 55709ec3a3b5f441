"""A real archive takes everything we write, and files it in the study it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from imaging.delivery.study import write_files
from imaging.export import ExportCase, ExportedFile, export_case
from imaging.review.records import Stage
from tests.imaging.export_cases import KINDS, NOW, export_case_of
from tests.imaging.orthanc import Orthanc, running_orthanc

DICOM = ("sr", "sc", "gsps", "map")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as archive:
        yield archive


@pytest.fixture
def orthanc(running: Orthanc) -> Orthanc:
    """The archive, emptied."""
    for patient in running.get("/patients"):
        running.delete(f"/patients/{patient}")
    return running


def dicom_files(case: ExportCase) -> list[ExportedFile]:
    return [f for f in export_case(case, DICOM, NOW) if f.name.endswith(".dcm")]


def uid_of(file: ExportedFile) -> str:
    return str(dcmread(BytesIO(file.content)).SOPInstanceUID)


@pytest.mark.parametrize("kind", KINDS)
def test_rest_takes_every_export_into_the_right_study(orthanc: Orthanc, kind: str) -> None:
    case = export_case_of(kind)
    if kind not in ("png", "jpeg", "colour"):  # a film is among the exports already
        orthanc.upload(next(iter(case.contents.values())))
    files = dicom_files(case)
    assert {orthanc.upload(f.content)["Status"] for f in files} == {"Success"}
    stored = orthanc.instances()
    assert set(stored.values()) == {case.record.study_instance_uid}
    assert len(orthanc.get("/studies")) == len(orthanc.get("/patients")) == 1
    sources = {i.identity.sop_instance_uid for i in case.record.instances}
    assert set(stored) == sources | {uid_of(f) for f in files}


@pytest.mark.parametrize("kind", ["dx", "unicode", "png"])
def test_c_store_takes_every_export(orthanc: Orthanc, kind: str, tmp_path: Path) -> None:
    files = dicom_files(export_case_of(kind))
    orthanc.send(*write_files(files, tmp_path))
    assert set(orthanc.instances()) == {uid_of(f) for f in files}


def test_one_series_per_kind_of_export(orthanc: Orthanc) -> None:
    for stage, amends in ((Stage.FINAL, False), (Stage.FINAL, True)):
        for file in dicom_files(export_case_of("cr", stage, amends=amends)):
            orthanc.upload(file.content)
    series = [s["MainDicomTags"] for s in orthanc.get("/series?expand")]
    assert sorted(s["Modality"] for s in series) == ["OT", "PR", "SEG", "SR"]


def test_the_same_review_exported_twice_is_one_report(orthanc: Orthanc) -> None:
    for _ in range(2):
        for file in dicom_files(export_case_of("cr")):
            orthanc.upload(file.content)
    assert len(orthanc.instances()) == len(dicom_files(export_case_of("cr")))


def test_an_amendment_stands_beside_its_predecessor(orthanc: Orthanc) -> None:
    first, second = (
        next(f for f in dicom_files(export_case_of("cr", amends=a)) if f.name.startswith("sr"))
        for a in (False, True)
    )
    for file in (first, second):
        orthanc.upload(file.content)
    named = dcmread(BytesIO(second.content)).PredecessorDocumentsSequence[0]
    series = named.ReferencedSeriesSequence[0]
    assert series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID in orthanc.instances()
    assert series.SeriesInstanceUID == dcmread(BytesIO(first.content)).SeriesInstanceUID


@pytest.mark.slow
def test_what_comes_back_is_what_was_sent(orthanc: Orthanc) -> None:
    file = next(f for f in dicom_files(export_case_of("unicode")) if f.name.startswith("sr"))
    answer = orthanc.upload(file.content)
    assert orthanc.content(f"{answer['Path']}/file") == file.content
    patient = orthanc.get("/patients?expand")[0]["MainDicomTags"]["PatientName"]
    assert patient == "Yamada^Tarou=山田^太郎=やまだ^たろう"
