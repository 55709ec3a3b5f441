"""Every export says that a film was made out of a photograph, by whom, and that it is mirrored."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pypdfium2 import PdfDocument

from imaging.dicom import read_image, write_derived
from imaging.entities import Derivation
from imaging.export import ExportCase, export_case
from imaging.export.batch.rows import result_row
from imaging.export.photograph import origin_line
from imaging.export.study import secondary_capture
from imaging.study import StudyRecord
from tests.factories import make_film_bytes
from tests.imaging.export_cases import NOW, SAID, assessment, attribution, case_with
from tests.imaging.test_derivation import MADE
from tests.photographs import chest

PHOTO = make_film_bytes(np.stack([chest(90, 80, 1)] * 2 + [chest(90, 80, 2)], 2), "JPEG")
WHO = "by Dr. Jürgen Müller, 2026-11-29"


def case_of(*, mirrored: bool = True) -> ExportCase:
    """A study of a refused photograph and the film that a reader made of it."""
    photograph = read_image(PHOTO, file_name="IMG_1.jpg").instance
    made: Derivation = replace(
        MADE,
        study_instance_uid=photograph.identity.study_instance_uid,
        source_sop_instance_uid=photograph.identity.sop_instance_uid,
        source_sha256=photograph.identity.sha256,
        mirrored=mirrored,
    )
    content = write_derived(chest(60, 50, 1), made)
    film = read_image(content, file_name="IMG_1 straightened.png").instance
    uid = film.identity.sop_instance_uid
    said = replace(assessment(uid), conformal_set=(), error_rate=None)
    record = StudyRecord(
        made.study_instance_uid, (photograph, film), (None, said), (), received_at=SAID
    )
    contents = {photograph.identity.sop_instance_uid: PHOTO, uid: content}
    return case_with(record, contents, maps=(attribution(uid, 0, 60, 50),))


def text_of(name: str, case: ExportCase) -> str:
    """One export as text, the lines of a page joined."""
    file = next(f for f in export_case(case, [name], NOW) if f.name.startswith(name))
    if name == "pdf":
        pages = (page.get_textpage().get_text_bounded() for page in PdfDocument(file.content))
        return " ".join(" ".join(pages).split())
    if name == "sr":
        report = dcmread(BytesIO(file.content))
        return " ".join(str(e.value) for e in report.iterall() if e.keyword == "TextValue")
    if name == "fhir":
        return json.dumps(json.loads(file.content), ensure_ascii=False)
    return file.content.decode("utf-8-sig")


@pytest.mark.parametrize("name", ["pdf", "sr", "fhir", "csv"])
@pytest.mark.parametrize("mirrored", [True, False])
def test_an_export_says_who_made_the_film(name: str, mirrored: bool) -> None:
    said = text_of(name, case_of(mirrored=mirrored))
    assert "From a photograph, cropped and straightened, turned by 270 degrees" in said
    assert WHO in said
    assert ("MIRRORED" in said) == mirrored


def test_the_report_shows_no_probability_of_it() -> None:
    said = text_of("pdf", case_of())
    assert "no probability here, score 0.831" in said
    assert "get this answer" not in said


def test_a_row_of_results_says_it_too() -> None:
    case = case_of()
    film, said = case.answers[0]
    row = result_row("IMG_1.jpg", said, film, record=case.record)
    assert row.message.startswith(origin_line(film)) and WHO in row.message


def written_films(case: ExportCase) -> tuple[Dataset, Dataset]:
    """The photograph and the film as DICOM, in this order."""
    files = [f for f in export_case(case, ["sc"], NOW) if f.name.startswith("film")]
    by_uid = {ds.SOPInstanceUID: ds for ds in (dcmread(BytesIO(f.content)) for f in files)}
    photograph, film = (i.identity.sop_instance_uid for i in case.record.instances)
    return by_uid[photograph], by_uid[film]


def test_the_film_as_dicom_points_to_its_photograph() -> None:
    photograph, film = written_films(case_of())
    assert film.PatientID == photograph.PatientID  # one study, one person
    assert film.ImageType[:2] == ["DERIVED", "SECONDARY"]
    assert "MIRRORED" in film.DerivationDescription and WHO in film.DerivationDescription
    (source,) = film.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == photograph.SOPInstanceUID
    (device,) = film.ContributingEquipmentSequence
    assert str(device.OperatorsName) == "Dr. Jürgen Müller^"
    assert film.LossyImageCompression == "01"  # the photograph was a JPEG
    assert "PixelSpacing" not in film and "DerivationDescription" not in photograph


def test_the_picture_of_a_map_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []

    def draw(said: list[str], **_: object) -> np.ndarray:
        lines.extend(said)
        return np.zeros((1, 360, 3), np.uint8)

    monkeypatch.setattr(secondary_capture, "text_band", draw)
    export_case(case_of(), ["sc"], NOW)
    assert any(line.startswith("From a photograph") and WHO in line for line in lines)
    assert any("no probability here" in line for line in lines)


def test_a_film_as_it_came_has_no_origin() -> None:
    assert origin_line(read_image(PHOTO).instance) == ""
