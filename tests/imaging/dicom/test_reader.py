"""imaging/dicom/reader.py: what is read, what is refused, and in which words."""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import (
    ComprehensiveSRStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from imaging.dicom import read_image
from imaging.dicom.header import header
from imaging.entities import OtherPatientId, Patient, SourceKind
from imaging.errors import (
    AssistantError,
    NotDicomError,
    PixelDataError,
    UnsupportedImageError,
    UnsupportedTransferSyntaxError,
)
from imaging.moments import parse_age
from imaging.store.schema import json_codec
from tests.factories import make_dataset, make_dicom_bytes, make_pixels, to_bytes


def bundled(name: str) -> Path:
    """A test file inside pydicom's wheel."""
    path = get_testdata_file(name, download=False)
    assert path is not None
    return Path(path)


def zipped(data: bytes) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("film.dcm", data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty."),
        (b"Patient,Finding\n1,none\n", "text"),
        (gzip.compress(b"x" * 500, mtime=0), "gzip"),
        (zipped(b"x" * 500), "ZIP"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (bytes(range(256)) * 4, "neither DICOM nor"),
    ],
    # Names of their own: the bytes of an archive hold the time, and each process of pytest-xdist
    # must collect the same names.
    ids=["empty", "text", "gzip", "zip", "pdf", "unknown"],
)
def test_what_is_no_picture_is_named(data: bytes, words: str) -> None:
    with pytest.raises(NotDicomError, match=words):
        read_image(data)


def test_header_becomes_entities() -> None:
    instance = read_image(
        make_dicom_bytes(PatientName="Łuk^Zoë", ImagerPixelSpacing=[0.2, 0.1], SyntheticData="YES"),
        file_name="film.dcm",
    ).instance
    assert (instance.patient.name, instance.patient.age_years) == ("Łuk^Zoë", 4.0)
    assert instance.geometry.pixel_spacing == (0.2, 0.1)
    assert instance.geometry.pixel_spacing_source == "ImagerPixelSpacing"
    assert (instance.acquisition.modality, instance.acquisition.view_position) == ("CR", "AP")
    assert instance.acquisition.synthetic
    assert (instance.source, instance.file_name) == (SourceKind.DICOM, "film.dcm")


@pytest.mark.parametrize(
    ("age", "years"),
    [("004Y", 4), ("018M", 1.5), ("052W", 0.9966), ("010D", 0.0274), ("4y", 4)],
)
def test_age_strings_become_years(age: str, years: float) -> None:
    assert parse_age(age) == pytest.approx(years, abs=1e-4)


@pytest.mark.parametrize("age", ["", "062", "Y", "four", "999Y", "-04Y", "004X"])
def test_age_that_is_none_stays_unknown(age: str) -> None:
    assert parse_age(age) is None


def test_age_falls_back_to_birth_and_study_date() -> None:
    data = make_dicom_bytes(PatientAge="old", PatientBirthDate="20200101", StudyDate="20250101")
    assert read_image(data).instance.patient.age_years == pytest.approx(5.0, abs=0.01)


@pytest.mark.parametrize("uid", ["", "1.2.3." + "9" * 70, "1.2.3.", "not a uid"])
def test_bad_uid_gets_a_stable_stand_in(uid: str) -> None:
    data = make_dicom_bytes(StudyInstanceUID=uid)
    first, second = read_image(data), read_image(data)
    stand_in = first.instance.identity.study_instance_uid
    assert stand_in.startswith("2.25.")
    assert len(stand_in) <= 64
    assert second.instance.identity == first.instance.identity
    assert "UIDs" in first.remarks[0]


def test_stand_ins_differ_between_attributes_and_files() -> None:
    missing = {"StudyInstanceUID": None, "SeriesInstanceUID": None}
    one = read_image(make_dicom_bytes(**missing)).instance.identity
    other = read_image(make_dicom_bytes(PatientID="T-2", **missing)).instance.identity
    uids = {one.study_instance_uid, one.series_instance_uid, other.study_instance_uid}
    assert len(uids) == 3


UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
WRONG = st.one_of(
    st.text("0123456789abcdef", min_size=32, max_size=32).filter(lambda uid: not uid.isdigit()),
    st.text("ABCXYZ-_ 0123456789", min_size=1, max_size=20).filter(lambda uid: uid.strip()),
    st.text("123", min_size=65, max_size=200).map(lambda digits: f"1.{digits}"),
    st.sampled_from(("1..2", "1.2.", ".1.2", "7", "1.2.3/4", "{1-2}")),
)


@pytest.mark.filterwarnings("ignore")
@given(WRONG, WRONG, st.sampled_from(UIDS))
def test_a_malformed_uid_keeps_together_what_it_kept_together(
    uid: str, other: str, keyword: str
) -> None:
    """Hex digits, letters, too long: one stand-in for one value, whatever else the file holds."""
    stated: dict[str, Any] = {keyword: uid}
    films = [make_dataset(PatientName=name, **stated) for name in ("A^A", "B^B")]
    same, same_too = (
        header.read_identity(f, sha256=f.PatientName, transfer_syntax_uid="") for f in films
    )
    assert same == replace(same_too, sha256=same.sha256)
    for stand_in in (same.study_instance_uid, same.series_instance_uid, same.sop_instance_uid):
        assert re.fullmatch(r"[0-9.]{3,64}", stand_in)
    stated[keyword] = other
    told = header.read_identity(make_dataset(**stated), sha256="", transfer_syntax_uid="")
    assert (told == replace(same, sha256="")) == (" ".join(other.split()) == " ".join(uid.split()))


@pytest.mark.filterwarnings("ignore")
def test_a_malformed_series_of_two_studies_is_two_series() -> None:
    one, other = (
        header.read_identity(
            make_dataset(StudyInstanceUID=study, SeriesInstanceUID="1"),
            sha256="",
            transfer_syntax_uid="",
        )
        for study in ("1.2", "1.3")
    )
    assert one.series_instance_uid != other.series_instance_uid


@pytest.mark.filterwarnings("ignore")
def test_of_malformed_and_missing_uids_different_things_are_said() -> None:
    malformed = read_image(make_dicom_bytes(StudyInstanceUID="d41d8cd98f00b204"))
    assert any("not well formed" in remark for remark in malformed.remarks)
    missing = read_image(make_dicom_bytes(StudyInstanceUID=""))
    assert any("made from its bytes" in remark for remark in missing.remarks)


def test_who_issued_a_number_is_read() -> None:
    issuer = Dataset()
    issuer.UniversalEntityID, issuer.UniversalEntityIDType = "1.2.3", "ISO"
    other = Dataset()
    other.PatientID, other.IssuerOfPatientID, other.TypeOfPatientID = "X-9", "WARD B", "TEXT"
    patient = header.read_patient(
        make_dataset(
            PatientID="42",
            IssuerOfPatientID="WARD A",
            TypeOfPatientID="TEXT",
            IssuerOfPatientIDQualifiersSequence=[issuer],
            OtherPatientIDsSequence=[other],
            OtherPatientIDs=["7", "8"],
        )
    )
    assert (patient.patient_id, patient.issuer, patient.id_type) == ("42", "WARD A", "TEXT")
    assert patient.issuer_uid == "ISO 1.2.3"
    assert patient.other_ids == (
        OtherPatientId("X-9", "WARD B", "", "TEXT"),
        OtherPatientId("7"),
        OtherPatientId("8"),
    )
    film = replace(read_image(make_dicom_bytes()).instance, patient=patient)
    values = json.loads(json.dumps(json_codec.instance_to_json(film)))
    assert json_codec.instance_from_json(values) == film
    for name in ("issuer", "issuer_uid", "id_type", "other_ids"):  # as older records are
        del values["patient"][name]
    assert json_codec.instance_from_json(values).patient == Patient(
        patient.name, "42", patient.birth_date, patient.sex, patient.age_years
    )


def test_spacing_that_is_no_length_is_left_out() -> None:
    geometry = read_image(make_dicom_bytes(PixelSpacing=[0, -1])).instance.geometry
    assert (geometry.pixel_spacing, geometry.pixel_spacing_source) == (None, "")


def test_text_loses_control_and_direction_characters() -> None:
    data = make_dicom_bytes(StudyDescription="Chest\u202e \x07 AP\u2066  erect")
    assert read_image(data).instance.acquisition.study_description == "Chest AP erect"


def test_file_without_preamble_reads_the_same() -> None:
    data = make_dicom_bytes()
    whole, cut = read_image(data), read_image(data[132:])
    assert cut.instance.patient == whole.instance.patient
    assert (cut.stored_values() == whole.stored_values()).all()


@pytest.mark.parametrize(
    ("implicit", "little_endian", "syntax"),
    [
        (True, True, ImplicitVRLittleEndian),
        (False, True, ExplicitVRLittleEndian),
        (False, False, ExplicitVRBigEndian),
    ],
)
def test_file_without_meta_information_is_read_by_its_encoding(
    implicit: bool, little_endian: bool, syntax: str
) -> None:
    ds, buffer = make_dataset(make_pixels().astype(np.uint8)), BytesIO()
    del ds.file_meta
    ds.save_as(buffer, implicit_vr=implicit, little_endian=little_endian)
    image = read_image(buffer.getvalue())
    assert image.instance.identity.transfer_syntax_uid == syntax
    np.testing.assert_array_equal(image.stored_values(), make_pixels().astype(np.uint8))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("test-SR.dcm", "a structured report"),
        ("rtplan.dcm", "a radiotherapy plan"),
        ("rtstruct.dcm", "radiotherapy contours"),
        ("waveform_ecg.dcm", "a waveform recording"),
    ],
)
def test_object_without_pixels_is_named_in_words(name: str, words: str) -> None:
    with pytest.raises(UnsupportedImageError, match=words):
        read_image(bundled(name))


def test_report_by_sop_class_alone_is_refused() -> None:
    ds = Dataset()
    ds.file_meta = make_dataset().file_meta
    ds.SOPClassUID, ds.SOPInstanceUID = ComprehensiveSRStorage, "1.2.3"
    with pytest.raises(UnsupportedImageError, match="a structured report, not a picture"):
        read_image(to_bytes(ds))


def test_unknown_transfer_syntax_is_named() -> None:
    data = make_dicom_bytes().replace(b"1.2.840.10008.1.2.1\x00", b"1.2.840.10008.1.2.9\x00")
    with pytest.raises(UnsupportedTransferSyntaxError, match=r"1\.2\.840\.10008\.1\.2\.9"):
        read_image(data)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"PixelData": None}, "holds none"),
        ({"Rows": None}, "Rows"),
        ({"BitsAllocated": None}, "BitsAllocated"),
        ({"Rows": 65535, "Columns": 65535}, "larger than this tool accepts"),
        ({"Rows": 4000, "Columns": 4000}, "less picture data"),
        ({"NumberOfFrames": 1_000_000, "Rows": 60}, "less picture data"),
        ({"SamplesPerPixel": 3, "Rows": 20}, "MONOCHROME2 with 3"),
        ({"PhotometricInterpretation": "SEPIA", "Rows": 20}, "photometric"),
        ({"HighBit": 15, "PixelRepresentation": 1}, "grey values"),
    ],
)
def test_pixels_unlike_their_header_are_refused(attributes: dict[str, Any], words: str) -> None:
    with pytest.raises(PixelDataError, match=words):
        read_image(make_dicom_bytes(**attributes))


def test_excess_rows_are_remarked() -> None:
    remarks = read_image(make_dicom_bytes(Rows=20)).remarks
    assert remarks == ("The file holds more picture data than its header describes.",)


def test_truncated_file_is_refused_at_every_length() -> None:
    data = make_dicom_bytes()
    for length in range(0, len(data) - 1, 97):
        with pytest.raises(AssistantError):
            read_image(data[:length])


def test_compressed_file_cut_short_is_told_apart_from_a_foreign_one() -> None:
    data = bundled("MR_small_RLE.dcm").read_bytes()
    with pytest.raises(PixelDataError, match="cut short"):
        read_image(data[: len(data) // 2])


def test_missing_path_is_our_error(tmp_path: Path) -> None:
    with pytest.raises(NotDicomError, match="cannot be opened"):
        read_image(tmp_path / "gone.dcm")


def test_messages_hold_no_patient_data() -> None:
    with pytest.raises(PixelDataError) as caught:
        read_image(make_dicom_bytes(PatientName="SECRET^NAME", PatientID="S-9", Rows=4000))
    assert "SECRET" not in str(caught.value)
    assert "S-9" not in str(caught.value)
