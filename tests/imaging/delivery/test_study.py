"""Delivering: what is stored becomes files, the trail says so, and only what is signed counts."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

import imaging.delivery.study
from imaging.delivery.study import deliver, write_files
from imaging.errors import ExportError, NotFoundError, PixelDataError
from imaging.export import FORMATS, LEFT_OUT, ExportedFile
from imaging.review.records import AuditEvent, Presentation, Stage
from imaging.store import Anchor, Repository
from tests.imaging.export_cases import NOW, case_with, export_case_of
from tests.stored import outcome_of, store

SUFFIXES = {
    "sr": ".dcm",
    "sc": ".dcm",
    "gsps": ".dcm",
    "map": ".dcm",
    "pdf": ".pdf",
    "html": ".html",
    "fhir": ".json",
    "csv": ".csv",
}


def store_study(repository: Repository, kind: str = "cr", *stages: Stage) -> str:
    """Store a study, the network's answer and versions of a review; returns the study's UID."""
    case = export_case_of(kind, Stage.DRAFT)
    instance = case.record.instances[0]
    content = case.contents[instance.identity.sop_instance_uid]
    said = case.record.assessments[0]
    assert said and case.review
    store(repository, outcome_of(instance, said), contents=[content])
    for version, stage in enumerate(stages):
        repository.reviews.add(replace(case.review, version=version, stage=stage))
    return case.record.study_instance_uid


@pytest.mark.parametrize("kind", ["cr", "ct", "png"])
def test_everything_at_once(repository: Repository, kind: str) -> None:
    study = store_study(repository, kind, Stage.FINAL)
    maps = export_case_of(kind).maps
    files = deliver(repository, study, FORMATS, maps=maps, account="mueller", now=NOW)
    made = [(f.name.split("-")[0], Path(f.name).suffix) for f in files]
    film = [("film", ".dcm")] if kind == "png" else []
    assert made == film + list(SUFFIXES.items())


def test_an_export_stands_in_the_audit_trail(repository: Repository) -> None:
    study = store_study(repository, "cr", Stage.FINAL)
    deliver(repository, study, {"csv", "sr"}, account="mueller")
    line = repository.audit.entries(study)[-1]
    assert (line.deed, line.account, line.detail) == (AuditEvent.EXPORT, "mueller", "sr,csv")


def test_every_file_that_left_is_known_again_and_the_pdf_bears_the_trail_s_head(
    repository: Repository, tmp_path: Path
) -> None:
    study = store_study(repository, "cr", Stage.FINAL)
    head = repository.audit.head()
    assert head is not None
    files = deliver(repository, study, {"csv", "sr", "pdf", "fhir"}, account="mueller")
    for file in files:
        assert repository.audit.check_export(file.name, file.content).true
        assert not repository.audit.check_export(file.name, file.content + b" ").true
    (pdf,) = (file for file in files if file.name.endswith(".pdf"))
    printed = text_of(pdf.content, tmp_path)
    assert f"Audit trail {head.number}:{head.digest[:16]}" in printed
    anchor = re.search(r"--anchor (\S+)", printed)
    assert anchor is not None and repository.audit.verify(anchors=[Anchor.parse(anchor[1])]).intact
    forged = Anchor(head.number, head.digest[::-1])
    assert not repository.audit.verify(anchors=[forged]).intact


def text_of(pdf: bytes, folder: Path) -> str:
    """What a PDF says, in one line."""
    (folder / "one.pdf").write_bytes(pdf)
    done = subprocess.run(
        ["pdftotext", folder / "one.pdf", "-"], capture_output=True, text=True, check=True
    )
    return " ".join(done.stdout.split())


def test_what_could_not_be_made_is_not_in_the_trail(repository: Repository) -> None:
    study = store_study(repository, "colour", Stage.FINAL)
    files = deliver(repository, study, {"gsps", "csv"}, account="mueller")
    assert files[-1].name == LEFT_OUT
    assert repository.audit.entries(study)[-1].detail == "csv"
    lines = len(repository.audit.entries())
    with pytest.raises(ExportError):
        deliver(repository, study, {"gsps"}, account="mueller")
    assert len(repository.audit.entries()) == lines


@pytest.mark.parametrize(
    ("stages", "version", "flag"),
    [
        ([Stage.DRAFT], 1, "UNVERIFIED"),
        ([Stage.DRAFT, Stage.DRAFT], 2, "UNVERIFIED"),
        ([Stage.DRAFT, Stage.PRELIMINARY, Stage.DRAFT], 2, "UNVERIFIED"),
        ([Stage.PRELIMINARY, Stage.FINAL], 2, "VERIFIED"),
        ([Stage.FINAL, Stage.DRAFT], 1, "VERIFIED"),
        ([Stage.FINAL, Stage.DRAFT, Stage.FINAL], 3, "VERIFIED"),
    ],
)
def test_the_newest_signed_version_leaves(
    repository: Repository, stages: list[Stage], version: int, flag: str
) -> None:
    study = store_study(repository, "cr", *stages)
    ds = dcmread(BytesIO(deliver(repository, study, ["sr"], account="mueller")[0].content))
    assert (ds.InstanceNumber, ds.VerificationFlag) == (version, flag)


def test_a_report_alone_decodes_no_picture(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = store_study(repository, "cr", Stage.FINAL)

    def decode(*_: object, **__: object) -> None:
        raise PixelDataError("The picture is damaged.")

    monkeypatch.setattr(imaging.delivery.study, "read_image", decode)
    (report,) = deliver(repository, study, ("sr",), account="mueller", now=NOW)
    assert dcmread(BytesIO(report.content)).VerificationFlag == "VERIFIED"
    with pytest.raises(PixelDataError):
        deliver(repository, study, ("sr", "pdf"), account="mueller", now=NOW)


def test_a_study_that_is_not_there(repository: Repository) -> None:
    with pytest.raises(NotFoundError):
        deliver(repository, "1.2.3", ["csv"], account="mueller")


def test_pictures_are_in_the_reader_s_window() -> None:
    case = export_case_of("cr")
    assert case.review
    uid = case.record.instances[0].identity.sop_instance_uid
    narrow = Presentation(uid, window_center=2000.0, window_width=10.0)
    reviewed = replace(case.record, reviews=(replace(case.review, presentations=(narrow,)),))
    picture = case_with(reviewed, case.contents).picture(uid, 0)
    assert picture.preset and picture.preset.window_width == 10.0
    assert np.mean((picture.values == 0) | (picture.values == 255)) > 0.9
    with pytest.raises(ExportError):
        case.picture(uid, 7)


def test_only_frames_that_matter_are_decoded() -> None:
    assert [p.frame for p in export_case_of("multiframe").pictures] == [0, 2]
    assert [p.frame for p in export_case_of("multiframe", None, maps=False).pictures] == [0]


def test_files_are_written_and_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "deep"
    for content in (b"one", b"two"):
        paths = write_files([ExportedFile("csv-0.csv", content)], folder)
        assert [p.read_bytes() for p in paths] == [content]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ExportError, match="cannot be written"):
        write_files([ExportedFile("csv-0.csv", b"")], tmp_path / "file")
