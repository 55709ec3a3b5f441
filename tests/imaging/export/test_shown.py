"""What leaves says what was shown, and tells what it says otherwise than the file."""

from __future__ import annotations

import csv
import json
import subprocess
import warnings
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread

from imaging.delivery.study import write_files
from imaging.dicom import read_image
from imaging.entities import Patient
from imaging.export import ExportCase, export_case, find_changes
from imaging.export.source import source_dataset
from imaging.export.study.fhir_parts import prune
from imaging.export.study.fhir_patient import patient_resource, subject
from imaging.review.records import Stage
from imaging.study import StudyRecord
from pages.ui import labels
from tests.imaging.export.test_documents import pages
from tests.imaging.export_cases import (
    NOW,
    SAID,
    assessment,
    attribution,
    case_with,
    export_case_of,
    review,
)
from tests.imaging.peers import dciodvfy, peer
from tests.imaging.report_files import report_files
from tests.imaging.test_encodings import NAMES, film

DICOM = ("sr", "sc", "gsps", "map")
LONG = "ACC-0123456789-0123456789"


def case_of(content: bytes) -> ExportCase:
    """A study of one file, read, explained and signed."""
    instance = read_image(content, file_name="film.dcm").instance
    identity, geometry = instance.identity, instance.geometry
    uid, study = identity.sop_instance_uid, identity.study_instance_uid
    signed = review("cr", uid, 0, geometry.columns, geometry.rows, Stage.FINAL)
    record = StudyRecord(
        study, (instance,), (assessment(uid),), (replace(signed, study_instance_uid=study),), SAID
    )
    map_ = attribution(uid, 0, geometry.rows, geometry.columns)
    return case_with(record, {uid: content}, maps=(map_,))


def objects(case: ExportCase, *forms: str) -> list[Dataset]:
    files = export_case(case, forms or DICOM, NOW)
    return [dcmread(BytesIO(file.content)) for file in files]


def texts(ds: Dataset) -> str:
    """All free texts of a report, in one."""
    found = [ds.get("TextValue", "")]
    found += [texts(item) for item in ds.get("ContentSequence", [])]
    return "\n".join(found)


def fhir(case: ExportCase) -> dict[str, Any]:
    (file,) = export_case(case, ["fhir"], NOW)
    return dict(json.loads(file.content))


def patient_of(report: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in report["contained"] if one["resourceType"] == "Patient")


def by_dcmtk(ds: Dataset, folder: Path) -> str:
    """DCMTK's page of a report, in UTF-8."""
    path = folder / "report.dcm"
    ds.save_as(path)
    done = subprocess.run([peer("dsr2html", "dcmtk"), str(path)], capture_output=True, check=False)
    assert done.returncode == 0
    return done.stdout.decode()


# The reports -------------------------------------------------------------------------------


def test_12_utf_8_under_a_wrong_set_leaves_as_it_was_read(data: Path, tmp_path: Path) -> None:
    for path in report_files(data, "12"):
        case = case_of(path.read_bytes())
        for ds in objects(case):
            assert ds.SpecificCharacterSet == "ISO_IR 192"
            assert ds.PatientName == "Müller^Jürgen" == case.record.instances[0].patient.name
            assert "Ã" not in str(ds)
        (report,) = objects(case, "sr")
        assert "Müller" in by_dcmtk(report, tmp_path)
        assert "Patient's Name: read as" in texts(report)
        written = write_files(export_case(case, DICOM, NOW), tmp_path)
        assert [line for file in written for line in dciodvfy(file)] == []


def test_13_odd_values_leave_mended_and_what_had_to_be_left_out_is_told(
    data: Path, tmp_path: Path
) -> None:
    (path,) = report_files(data, "13")
    case = case_of(path.read_bytes())
    for ds in objects(case):
        assert (ds.PatientBirthDate, ds.PatientSex) == ("20210203", "F")
        assert (ds.StudyDate, ds.StudyTime) == ("20250102", "102345")
        assert (ds.get("PatientAge", "004Y"), ds.AccessionNumber) == ("004Y", "")
        originals = [
            one.NonconformingModifiedAttributesSequence[0].NonconformingDataElementValue
            for one in ds.OriginalAttributesSequence
        ]
        assert {b"2021-02-03", b"10:23:45", b"f ", LONG.encode() + b" "} <= set(originals)
    written = write_files(export_case(case, DICOM, NOW), tmp_path)
    assert [line for file in written for line in dciodvfy(file)] == []
    (report,) = objects(case, "sr")
    paper = " ".join(" ".join(pages(case, tmp_path)).split())
    found = fhir(case)
    for told in (texts(report), paper, found["conclusion"]):
        for word in ("2021-02-03", "10:23:45", '"f"', "4Y", LONG, "longer than the 16 characters"):
            assert word in told, word
    assert patient_of(found)["birthDate"] == "2021-02-03"
    assert patient_of(found)["gender"] == "female"
    assert found["basedOn"][0]["identifier"]["value"] == LONG
    extensions = {one["url"]: one for one in found["extension"]}
    assert extensions["urn:lightbox:study-time"]["valueTime"] == "10:23:45"
    assert extensions["urn:lightbox:age-at-study"]["valueAge"]["value"] == 4.0


def test_23_a_name_in_ideographs_alone_is_in_fhir(data: Path) -> None:
    (path,) = report_files(data, "23")
    case = case_of(path.read_bytes())
    found = fhir(case)
    assert found["subject"]["display"] == "山田 太郎"
    (name,) = patient_of(found)["name"]
    assert (name["text"], name["family"], name["given"]) == ("山田 太郎", "山田", ["太郎"])
    assert name["extension"][0]["valueCode"] == "IDE"
    assert [ds.PatientName for ds in objects(case)] == ["=山田^太郎"] * 4
    assert find_changes(case) == ()


# Their kind --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [names[0] for names in NAMES.values()])
@pytest.mark.parametrize("charset", ["", "ISO_IR 144", "GB18030"])
def test_the_name_on_screen_is_the_name_in_every_form(charset: str, name: str) -> None:
    case = case_of(film(charset, name.encode()))
    by_form = {file.name[:2]: file.content for file in export_case(case, ["sr", "fhir"], NOW)}
    assert dcmread(BytesIO(by_form["sr"])).PatientName == name
    assert case.record.instances[0].patient.name == name
    on_screen = labels.patient_name(name)
    for group in patient_of(json.loads(by_form["fh"]))["name"][:2]:
        assert group["family"] in on_screen
    assert [change.keyword for change in find_changes(case)] == ["PatientName"]


@pytest.mark.parametrize("name", ["Иванов^Пётр", "=山田^太郎", "محمد^أحمد", "Müller^Jürgen"])
def test_dcmtk_reads_the_name(name: str, tmp_path: Path) -> None:
    (report,) = objects(case_of(film("ISO_IR 126", name.encode())), "sr")
    page = by_dcmtk(report, tmp_path)
    assert all(part in page for part in name.strip("=").split("^"))


PN = st.text("Aöя山^=' -", min_size=1, max_size=150)
CODED = st.text(st.sampled_from("fMO0123456789:.- YmX"), max_size=14)
ANY = st.text(st.characters(exclude_categories=["C"], exclude_characters="\\"), max_size=80)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=PN,
    attributes=st.fixed_dictionaries(
        {},
        optional={
            "PatientID": ANY, "AccessionNumber": ANY, "StudyDescription": ANY, "PatientSex": CODED,
            "StudyID": ANY, "PatientBirthDate": CODED, "StudyTime": CODED, "PatientAge": CODED,
            "InstitutionName": ANY, "PatientComments": ANY,
        },
    ),
)  # fmt: skip
def test_nothing_is_changed_in_silence(name: str, attributes: dict[str, str]) -> None:
    """Every value either leaves as the file has it, or is told."""
    with warnings.catch_warnings():  # pydicom's, about values that do not belong there
        warnings.simplefilter("ignore")
        case = export_case_of("cr", attributes={"PatientName": name, **attributes}, maps=False)
        leaves = source_dataset(case, case.record.instances[0])  # of which every object is made
    told = {change.keyword for change in find_changes(case)}
    for keyword, value in {"PatientName": name, **attributes}.items():
        if keyword not in told:
            written = " ".join(value.split()).rstrip("= ")  # groups of a name that say nothing
            assert " ".join(str(leaves.get(keyword, "")).split()).rstrip("= ") == written


def test_an_identifier_is_never_cut() -> None:
    attributes = {"PatientID": "9" * 65, "AccessionNumber": "8" * 17}
    (report,) = objects(export_case_of("cr", attributes=attributes), "sr")
    assert (report.PatientID, report.AccessionNumber) == ("", "")
    assert "9" * 65 in texts(report) and "8" * 17 in texts(report)


def test_a_description_is_cut_and_told() -> None:
    case = export_case_of("cr", attributes={"StudyDescription": "Thorax " * 20})
    assert find_changes(case)[0].keyword == "StudyDescription"
    assert len(objects(case, "sr")[0].StudyDescription) <= 64


def test_a_sound_header_has_nothing_to_tell() -> None:
    for kind in ("dx", "cr", "ct", "unicode", "png"):
        assert find_changes(export_case_of(kind)) == ()
    assert "OriginalAttributesSequence" not in objects(export_case_of("cr"), "sr")[0]


def test_the_table_tells_of_a_change_without_its_value() -> None:
    case = export_case_of("cr", attributes={"PatientSex": "f", "PatientBirthDate": "2021-02-03"})
    (file,) = export_case(case, ["csv"], NOW)
    rows = list(csv.DictReader(StringIO(file.content.decode("utf-8-sig"))))
    notes = [row["note"] for row in rows if row["kind"] == "change"]
    assert notes == ["Patient's Birth Date: put right.", "Patient's Sex: put right."]
    assert b"2021" not in file.content.split(b"change", 1)[1]


def test_a_film_that_cannot_be_read_has_nothing_to_tell() -> None:
    case = export_case_of("cr")
    assert find_changes(replace(case, contents={})) == ()


# Names in FHIR -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "writings", "display"),
    [
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", ["ABC", "IDE", "SYL"], "Yamada Tarou"),
        ("==やまだ^たろう", ["SYL"], "やまだ たろう"),
        ("=山田^太郎", ["IDE"], "山田 太郎"),
        ("^^^^=山田^太郎", ["IDE"], "山田 太郎"),
        ("", [], "not stated in the image"),
    ],
)
def test_every_writing_of_a_name_is_one(name: str, writings: list[str], display: str) -> None:
    patient = Patient(name=name)
    found = prune(patient_resource(patient)).get("name", [])
    assert [one["extension"][0]["valueCode"] for one in found] == writings
    assert subject(patient)["display"] == display
