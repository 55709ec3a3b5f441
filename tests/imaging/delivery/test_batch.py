"""Taking a batch away: one pass over the store, one report per study, nothing lost unsaid."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from imaging.delivery.batch import FORMATS, ExportedBatch, Wish, export_batch
from imaging.delivery.batch_rows import Batch, job_batch, stored_batch
from imaging.delivery.report_archive import zip_reports
from imaging.entities import Status
from imaging.errors import ExportError
from imaging.export.batch.rows import ResultRow
from imaging.export.batch.summary import PicturePair
from imaging.review.records import AuditEvent
from imaging.store import Repository
from tests.factories import make_film_bytes, make_pixels
from tests.imaging.result_cases import NOW, answered, because, film, queue


class UnwantedError(Exception):
    """Nobody wants the work any more."""


def no_picture(_study_instance_uid: str) -> PicturePair | None:
    return None


def taken(repository: Repository, batch: Batch, folder: Path, *formats: str) -> ExportedBatch:
    wish = Wish(formats)
    return export_batch(
        repository, batch, wish, folder, account="ada", pictures=no_picture, now=NOW
    )


def batch_of(repository: Repository, *files: tuple[str, bytes]) -> Batch:
    return job_batch(repository, repository.jobs.get(queue(repository, *files)), because)


@pytest.mark.slow
def test_every_form_is_a_file_and_nothing_else_stays(
    repository: Repository, tmp_path: Path
) -> None:
    batch = batch_of(repository, ("a.dcm", film(1)), ("b.txt", b"text"))
    found = taken(repository, batch, tmp_path / "out", *FORMATS)
    assert not found.left_out and len(found.files) == len(FORMATS)
    assert sorted(found.files) == sorted((tmp_path / "out").iterdir())


def test_the_rows_are_made_once_however_many_forms(repository: Repository, tmp_path: Path) -> None:
    asked: list[bool] = []

    def rows(names: bool) -> Iterator[ResultRow]:
        asked.append(names)
        yield from (answered(n, 0.5) for n in range(3))

    taken(repository, Batch("x", 3, rows), tmp_path, "csv", "parquet", "xlsx", "html")
    assert asked == [False]


def test_the_trail_counts_and_names_nobody(repository: Repository, tmp_path: Path) -> None:
    batch = batch_of(repository, ("Doe^Jane.dcm", film(1)), ("b.dcm", film(2)))
    taken(repository, batch, tmp_path, "csv", "sr")
    lines = [line for line in repository.audit.entries() if line.deed is AuditEvent.EXPORT]
    assert [(line.account, line.detail) for line in lines] == [
        ("ada", "sr"),
        ("ada", "sr"),
        ("ada", "results of 2 files, 2 studies: csv,sr"),
    ]
    assert lines[-1].study_instance_uid == ""


def test_of_a_held_study_a_batch_says_that_it_is_held_and_nothing_else(
    repository: Repository, tmp_path: Path
) -> None:
    stranger = film(1, PatientName="BETA^BRUNO", PatientID="B-2", SOPInstanceUID="1.2.9")
    files = [("a.dcm", film(1)), ("b.dcm", stranger), ("c.dcm", film(2))]
    batch = batch_of(repository, *files)
    rows = list(batch.rows(True))
    assert [row.path for row in rows] == ["a.dcm", "b.dcm", "c.dcm"]
    for row in rows[:2]:
        assert "more than one patient" in row.message and row.status == "refused"
        assert row.probability is None and not row.scores and not row.patient_name
    assert rows[2].probability is not None
    found = taken(repository, batch, tmp_path, "csv", "sr")
    assert ["1.2.3.1" in line and "more than one" in line for line in found.left_out] == [True]
    stored_rows = stored_batch(repository, because).rows(False)
    held = {row.study_instance_uid for row in stored_rows if row.status == "refused"}
    assert held == {"1.2.3.1"}


def test_a_form_that_cannot_be_made_is_named_and_the_others_are_made(
    repository: Repository, tmp_path: Path
) -> None:
    batch = batch_of(repository, ("b.txt", b"text"))
    found = taken(repository, batch, tmp_path, "csv", "sr")
    without = "None of these studies has a report yet. Write and sign one first."
    assert found.left_out == (f"sr: {without}",)
    assert [path.suffix for path in found.files] == [".csv"]
    assert repository.audit.entries()[-1].detail == "results of 1 files, 0 studies: csv"
    with pytest.raises(ExportError):
        taken(repository, batch, tmp_path, "sr")


def test_unwanted_work_leaves_nothing_behind(repository: Repository, tmp_path: Path) -> None:
    batch = batch_of(repository, *((f"{n}.dcm", film(n)) for n in range(3)))

    def stop(share: float) -> None:
        if share > 0.7:
            raise UnwantedError

    with pytest.raises(UnwantedError):
        export_batch(
            repository,
            batch,
            Wish(("sr",)),
            tmp_path / "out",
            account="ada",
            pictures=no_picture,
            on_progress=stop,
        )
    assert not list((tmp_path / "out").iterdir())


def test_progress_only_grows_and_ends_at_one(repository: Repository, tmp_path: Path) -> None:
    told: list[float] = []
    batch = batch_of(repository, *((f"{n}.dcm", film(n)) for n in range(3)))
    export_batch(
        repository,
        batch,
        Wish(("csv", "sr", "html")),
        tmp_path,
        account="ada",
        pictures=no_picture,
        on_progress=told.append,
    )
    assert told == sorted(told) and told[0] == 0 and told[-1] == 1


def test_pictures_are_made_only_for_a_summary(repository: Repository, tmp_path: Path) -> None:
    asked: list[str] = []

    def pictures(uid: str) -> None:
        asked.append(uid)

    batch = Batch("x", 5, lambda _names: (answered(n, n / 10) for n in range(5)))
    for wish in (Wish(("csv",)), Wish(("html",), top=0)):
        export_batch(repository, batch, wish, tmp_path, account="ada", pictures=pictures)
    assert not asked
    wish = Wish(("html",), top=2)
    export_batch(repository, batch, wish, tmp_path, account="ada", pictures=pictures)
    assert asked == ["1.2.3.4", "1.2.3.3"]


@pytest.mark.parametrize("wish", [Wish(()), Wish(("docx",)), Wish(("csv",), top=61)])
def test_misuse_is_found_before_anything_is_written(
    repository: Repository, tmp_path: Path, wish: Wish
) -> None:
    batch = Batch("x", 0, lambda _names: iter(()))
    with pytest.raises(ValueError, match="must"):
        export_batch(repository, batch, wish, tmp_path / "out", account="ada", pictures=no_picture)
    assert not (tmp_path / "out").exists()


# Reports -------------------------------------------------------------------------------------


def test_what_has_no_report_is_in_a_list_of_its_own(repository: Repository, tmp_path: Path) -> None:
    queue(repository, ("a.dcm", film(1)), ("b.dcm", film(2)))
    path = tmp_path / "reports.zip"
    left_out = zip_reports(repository, ("1.2.3.1", "9.9.9", "1.2.3.2"), path, account="ada")
    gone = "This study is not in the data folder. Go back to the worklist, or upload it again."
    assert left_out == (f"9.9.9: {gone}",)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.read("not-exported.txt").decode().splitlines() == list(left_out)
        contents = archive.read("contents.csv").decode().splitlines()
        names = [line.split(",")[1] for line in contents[1:]]
        assert [line.split(",")[0] for line in contents[1:]] == ["1.2.3.1", "1.2.3.2"]
        for name in names:
            ds = dcmread(BytesIO(archive.read(name)))
            assert (ds.Modality, ds.VerificationFlag) == ("SR", "UNVERIFIED")


def test_a_film_without_a_header_travels_with_its_report(
    repository: Repository, tmp_path: Path
) -> None:
    png = make_film_bytes(make_pixels(bits=8).astype("uint8"))
    batch = batch_of(repository, ("a.png", png))
    (path,) = taken(repository, batch, tmp_path, "sr").files
    with zipfile.ZipFile(path) as archive:
        kinds = sorted(name.partition("-")[0] for name in archive.namelist())
    assert kinds == ["contents.csv", "film", "sr"]


def test_an_archive_that_cannot_be_written_is_a_sentence(
    repository: Repository, tmp_path: Path
) -> None:
    queue(repository, ("a.dcm", film(1)))
    with pytest.raises(ExportError, match="cannot be written"):
        zip_reports(repository, ("1.2.3.1",), tmp_path / "gone" / "r.zip", account="ada")


def test_rows_survive_the_disk_unchanged(repository: Repository, tmp_path: Path) -> None:
    from imaging.delivery.batch import _Spool

    rows = [answered(1, 0.1), replace(answered(2, 1 / 3), path="\u6f22\u5b57.dcm")]
    spool = _Spool(tmp_path / "out")
    for row in rows:
        spool.add(row)
    assert list(spool) == list(spool) == rows
    spool.close()
    assert not list((tmp_path / "out").iterdir())


def test_helper_files_are_counted_and_in_no_table(repository: Repository, tmp_path: Path) -> None:
    batch = batch_of(repository, ("a.dcm", film(1)), ("AUTORUN.INF", b"text"), ("b.txt", b"text"))
    found = taken(repository, batch, tmp_path, "csv", "html")
    statuses = dict(found.summary.statuses)
    assert statuses[Status.HELPER] == statuses[Status.ERROR] == 1
    table, page = (path.read_text(encoding="utf-8-sig") for path in found.files)
    assert "b.txt" in table and "AUTORUN" not in table
    assert "Files that are not images, and in no table: 1." in page
