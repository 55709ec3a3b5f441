"""The worker that begins with the server: one for all, whoever asks first; its troubles told."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imaging.store import Repository
from models.batch.worker import Worker
from pages.ui import resources
from tests.factories import make_dicom_bytes
from tests.pages.conftest import PATIENCE, wait_for_queue


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a first page here."""
    monkeypatch.setattr(resources, "_FIRST", 0.0)
    monkeypatch.setattr(resources, "_TROUBLE", 0.01)


def until(wanted: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not wanted():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_queued_job_is_done_though_no_page_was_opened(store: Repository) -> None:
    job = store.jobs.add([("a.dcm", make_dicom_bytes())])
    with resources.run_worker():
        wait_for_queue(store)
    assert store.jobs.progress(job).finished


def test_whoever_asks_meanwhile_gets_the_same_worker(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Worker] = []
    start, all_ask = Worker.start, threading.Event()

    def slow(self: Worker) -> None:
        all_ask.wait(PATIENCE)
        started.append(self)
        start(self)

    monkeypatch.setattr(Worker, "start", slow)
    with resources.run_worker(), ThreadPoolExecutor(4) as sessions:
        asked = [sessions.submit(resources.worker) for _ in range(4)]
        time.sleep(0.1)
        all_ask.set()
        found = [one.result() for one in asked]
    assert found == started * 4


def test_what_stands_against_it_is_one_sentence_in_the_log_until_it_has_passed(
    home: Path,
    checkpoint_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    weights, tries = tmp_path / "weights", list[str]()
    weights.mkdir()
    monkeypatch.setenv("LIGHTBOX_WEIGHTS", str(weights))
    try_worker = resources._try_worker

    def counted() -> str:
        tries.append(try_worker())
        return tries[-1]

    monkeypatch.setattr(resources, "_try_worker", counted)
    with caplog.at_level(logging.ERROR, resources.log.name), resources.run_worker():
        until(lambda: len(tries) > 2)
        shutil.copytree(checkpoint_folder, weights / "tiny")
        until(lambda: tries[-1] == "")
    (said,) = [record for record in caplog.records if "No model" in record.getMessage()]
    assert said.exc_info is None and "\n" not in said.getMessage()


def test_a_fault_is_told_without_its_text(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("DOE^JANE")

    monkeypatch.setattr(Repository, "open", fail)
    with caplog.at_level(logging.ERROR, resources.log.name), resources.run_worker():
        until(lambda: "RuntimeError" in caplog.text)
    assert "DOE" not in caplog.text and "Traceback" not in caplog.text
