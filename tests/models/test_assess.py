"""The workflow behind every door: answered, warned, refused or failed - never an exception."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imaging.dicom import read_image
from imaging.documents import NOT_AN_IMAGE, DocumentKind
from imaging.entities import Answer, Status
from imaging.export import export_case
from imaging.ingest import Candidate
from imaging.review import Deed
from imaging.settings import Settings
from imaging.store import Repository
from models.assess import assess, assess_and_store, assess_bytes, assess_candidate
from models.panel import Panel
from models.worker import drain
from tests.factories import make_dicom_bytes, make_film_bytes
from tests.imaging.export_cases import NOW, export_case_of


def test_a_fitting_film_is_answered(tiny_panel: Panel) -> None:
    outcome = assess_bytes(make_dicom_bytes(), "a.dcm", tiny_panel)
    assert outcome.assessment.status is Status.OK and not outcome.assessment.messages
    assert [f.code for f in outcome.assessment.findings] == ["pneumonia", "bacterial", "viral"]
    lead, bacterial, viral = (f.probability for f in outcome.assessment.findings)
    assert lead == pytest.approx(bacterial + viral)
    assert outcome.assessment.model == tiny_panel.first.card.identity


def test_an_adult_is_answered_with_a_warning(tiny_panel: Panel) -> None:
    outcome = assess_bytes(make_dicom_bytes(PatientAge="062Y"), "a.dcm", tiny_panel)
    assert outcome.assessment.status is Status.WARNED and outcome.assessment.findings
    assert "outside the studied population" in outcome.assessment.messages[0]


@pytest.mark.parametrize("change", [{"Modality": "CT"}, {"ViewPosition": "LL"}])
def test_out_of_scope_is_refused_without_an_answer(
    tiny_panel: Panel, change: dict[str, Any]
) -> None:
    outcome = assess_bytes(make_dicom_bytes(**change), "a.dcm", tiny_panel)
    assert outcome.assessment.status is Status.REFUSED
    assert not outcome.assessment.findings and outcome.assessment.messages


@pytest.mark.parametrize(
    "change", [{"PhotometricInterpretation": "BANANA"}, {"SamplesPerPixel": None}, {"HighBit": 13}]
)
def test_no_network_answers_for_a_header_that_had_to_be_doubted(
    tiny_panel: Panel, change: dict[str, Any]
) -> None:
    content = make_dicom_bytes(**change)
    outcome = assess_bytes(content, "a.dcm", tiny_panel)
    assert outcome.assessment.status is Status.REFUSED and not outcome.assessment.findings
    assert outcome.assessment.answer is Answer.UNSUITABLE
    assert outcome.assessment.messages == read_image(content).refusals
    assert assess(read_image(content), tiny_panel).messages == outcome.assessment.messages


def test_a_blank_film_is_refused(tiny_panel: Panel) -> None:
    blank = make_dicom_bytes(np.full((24, 24), 9, np.uint16))
    outcome = assess_bytes(blank, "a.dcm", tiny_panel)
    assert outcome.assessment.status is Status.REFUSED
    assert "blank" in outcome.assessment.messages[0]


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\0" * 128 + b"DICM"])
def test_a_bad_file_is_one_sentence(tiny_panel: Panel, content: bytes) -> None:
    outcome = assess_bytes(content, "patient name.dcm", tiny_panel)
    assert outcome.assessment.status is Status.ERROR and outcome.instance is None
    (sentence,) = outcome.assessment.messages
    assert sentence.endswith(".") and "patient name" not in sentence


def test_monochrome1_and_png_get_the_answer_of_their_twin(tiny_panel: Panel) -> None:
    ramp = np.add.outer(np.arange(40), np.arange(50) ** 2 % 97).astype(np.uint8)
    inverted = make_dicom_bytes(255 - ramp, PhotometricInterpretation="MONOCHROME1")
    answers = [
        assess_bytes(content, "x", tiny_panel).assessment.findings[0].probability
        for content in (make_dicom_bytes(ramp), inverted, make_film_bytes(ramp))
    ]
    assert answers == pytest.approx([answers[0]] * 3, abs=1e-4)


def test_only_readable_images_are_kept(
    tiny_panel: Panel, repository: Repository, tmp_path: Path
) -> None:
    good, bad = make_dicom_bytes(), b"hello"
    for content in (good, bad):
        assess_and_store(content, "x", panel=tiny_panel, repository=repository)
    (item,) = repository.worklist.page().items
    record = repository.studies.get(item.study_instance_uid)
    assert record.assessments[0] is not None and record.assessments[0].status is Status.OK
    assert repository.originals.content(hashlib.sha256(good).hexdigest()) == good
    assert len(list((tmp_path / "home" / "objects").rglob("*/*"))) == 1


def test_another_film_under_a_known_uid_is_told_and_not_saved(
    tiny_panel: Panel, repository: Repository
) -> None:
    for pixels in (None, np.eye(32, dtype=np.uint16)):
        outcome = assess_and_store(
            make_dicom_bytes(pixels), "x", panel=tiny_panel, repository=repository
        )
    assert outcome.assessment.status is Status.ERROR
    assert "same SOP Instance UID" in outcome.assessment.messages[0]


def test_one_bad_file_never_stops_a_batch(tiny_settings: Settings, repository: Repository) -> None:
    files = [("a", b"hello"), ("b", make_dicom_bytes()), ("c", b"")]
    job_id = repository.jobs.add(files)
    assert drain(repository, tiny_settings) == 3
    assert [f.status for f in repository.jobs.get(job_id).files] == [
        Status.ERROR,
        Status.OK,
        Status.ERROR,
    ]


def test_a_candidate_that_cannot_be_fetched_is_an_outcome(tiny_panel: Panel) -> None:
    from imaging.errors import NotDicomError

    def read() -> bytes:
        raise NotDicomError("The file does not exist or cannot be opened.")

    outcome = assess_candidate(Candidate("gone.dcm", read), tiny_panel)
    assert outcome.assessment.status is Status.ERROR


@pytest.mark.parametrize(
    ("name", "kind"), [("sr", DocumentKind.REPORT), ("gsps", DocumentKind.PRESENTATION)]
)
def test_an_exported_document_is_kept_and_never_classified(
    repository: Repository, tiny_settings: Settings, name: str, kind: DocumentKind
) -> None:
    content = next(f.content for f in export_case(export_case_of(), [name], NOW))
    repository.jobs.add([(f"{name}.dcm", content)], account="anna")
    assert drain(repository, tiny_settings) == 1
    (item,) = repository.worklist.page().items
    record = repository.studies.get(item.study_instance_uid)
    assert item.message == NOT_AN_IMAGE and item.status is Status.DOCUMENT
    assert [d.kind for d in record.documents] == [kind] and not record.instances
    assert repository.originals.content(record.documents[0].identity.sha256) == content
    assert [line.deed for line in repository.audit.entries()] == [Deed.RECEIVE]


def test_a_document_says_why_there_is_no_answer(tiny_panel: Panel) -> None:
    content = next(f.content for f in export_case(export_case_of(), ["sr"], NOW))
    outcome = assess_bytes(content, "sr.dcm", tiny_panel)
    assert outcome.assessment.status is Status.DOCUMENT and outcome.instance is None
    assert outcome.assessment.messages == (NOT_AN_IMAGE,)
