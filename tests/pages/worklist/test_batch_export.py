"""The results of a finished batch: made beside the page, saved by one button, recorded."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from imaging.errors import ExportError
from imaging.review.records import AuditEvent
from imaging.store import Repository
from pages.ui import background
from pages.ui.worklist import batch_export
from tests.factories import make_dicom_bytes
from tests.pages.conftest import PATIENCE, OpenPage, wait_for_queue, words

PAGE = "pages/upload.py"
FILES = [
    ("film.dcm", make_dicom_bytes(PatientName="Quillfeather^Jane", AccessionNumber="A-17")),
    ("notes.txt", b"not a film"),
]
Saved = list[tuple[str, bytes]]


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> Saved:
    """What the page offers to save: the button itself needs a browser."""
    offered: Saved = []

    def offer(label: str, name: str, content: bytes, kind: str, *, key: str) -> None:
        offered.append((name, content))

    monkeypatch.setattr(batch_export, "render_download", offer)
    return offered


def finished(open_page: OpenPage, store: Repository) -> AppTest:
    """The page of a batch whose files are done."""
    job = store.jobs.add(FILES, account="test")
    open_page("app.py")  # makes the worker
    wait_for_queue(store)
    return open_page(PAGE, job=job)


def field(elements: Any, label: str) -> Any:
    return next(one for one in elements if one.label == label)


def prepare(page: AppTest, forms: list[str], monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """Choose forms, press the button, and look again when the work is over."""
    begun: list[background.BackgroundTask[Any]] = []
    start = background.start

    def watched(*args: Any, **options: Any) -> background.BackgroundTask[Any]:
        begun.append(start(*args, **options))
        return begun[-1]

    monkeypatch.setattr(background, "start", watched)
    field(page.button_group, "File types").set_value(forms)
    page = field(page.run().button, "Create files").click().run()
    (task,) = begun
    task._future.exception(timeout=PATIENCE)
    return page.run()


def exports(store: Repository) -> list[str]:
    return [line.detail for line in store.audit.entries() if line.deed == AuditEvent.EXPORT]


@pytest.mark.slow
def test_a_single_form_is_saved_as_it_is(
    open_page: OpenPage, store: Repository, saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = prepare(finished(open_page, store), ["csv"], monkeypatch)
    assert not page.exception and not page.error
    name, content = saved[-1]
    text = content.decode("utf-8-sig")
    assert name.startswith("lightbox-results-") and name.endswith(".csv")
    assert "film.dcm" in text and "A-17" in text and "Quillfeather" not in text
    assert exports(store) == ["results of 2 files, 1 studies: csv"]


@pytest.mark.slow
def test_names_are_in_it_when_asked_for(
    open_page: OpenPage, store: Repository, saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = finished(open_page, store)
    field(page.toggle, "Include patient names").set_value(True)
    prepare(page, ["csv"], monkeypatch)
    assert "Quillfeather^Jane" in saved[-1][1].decode("utf-8-sig")
    assert exports(store) == ["results of 2 files, 1 studies: csv, with names"]


@pytest.mark.slow
def test_several_forms_are_one_archive(
    open_page: OpenPage, store: Repository, saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = prepare(finished(open_page, store), ["xlsx", "sr", "html"], monkeypatch)
    assert not page.exception and not page.error
    name, content = saved[-1]
    with zipfile.ZipFile(BytesIO(content)) as archive:
        kinds = sorted(name.rpartition(".")[2] for name in archive.namelist())
        summary = next(n for n in archive.namelist() if n.endswith("html"))
        text = archive.read(summary).decode()
    assert name.endswith(".zip") and kinds == ["html", "xlsx", "zip"]
    # random weights: the map is not reliable, so the film stands alone
    assert (
        text.count("<img ") == 1 and "stands without a map" in text and "Quillfeather" not in text
    )


@pytest.mark.slow
def test_nothing_is_saved_before_it_is_asked_for(
    open_page: OpenPage, store: Repository, saved: Saved
) -> None:
    page = finished(open_page, store)
    assert not saved and not exports(store) and not page.exception
    assert "A file's name may hold a patient's." in words(page)


@pytest.mark.slow
def test_another_wish_takes_the_offer_away(
    open_page: OpenPage, store: Repository, saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = prepare(finished(open_page, store), ["csv"], monkeypatch)
    saved.clear()
    field(page.toggle, "Include patient names").set_value(True).run()
    assert not saved


@pytest.mark.slow
def test_a_failure_is_a_sentence_and_may_be_tried_again(
    open_page: OpenPage, store: Repository, saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = finished(open_page, store)
    monkeypatch.setattr(batch_export, "export_batch", refuse)
    page = prepare(page, ["csv"], monkeypatch)
    assert [e.value for e in page.error] == ["The disk is full."] and not saved
    assert not field(page.button, "Create files").disabled


def refuse(*_: object, **__: object) -> None:
    raise ExportError("The disk is full.")


@pytest.mark.slow
def test_what_is_too_large_names_the_terminal(
    open_page: OpenPage, store: Repository, saved: Saved, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_export, "_MOST", 10)
    page = prepare(finished(open_page, store), ["csv"], monkeypatch)
    assert "python cli.py results" in page.error[0].value and not saved


@pytest.mark.slow
def test_a_blind_reader_reads_first(
    open_page: OpenPage, store: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    hides: Callable[[object], bool] = lambda _record: True  # noqa: E731
    monkeypatch.setattr(batch_export.first_read, "hides", hides)
    monkeypatch.setattr(batch_export.first_read, "revealed_studies", tuple)
    page = finished(open_page, store)
    assert "once you have read these studies" in words(page)
    assert not [b for b in page.button if b.label == "Create files"]
