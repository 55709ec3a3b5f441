"""A file that kills its worker, hangs, devours memory or takes it over is one row with its reason.

What the worker says of other files is what the code says here.
"""

from __future__ import annotations

import hashlib
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import RLELossless

from imaging.dicom import Image
from imaging.entities import Status
from imaging.errors import CheckpointError, InputError, NotDicomError, PixelDataError
from imaging.intake import decode_process
from imaging.jobs import Result, Task
from imaging.settings import Settings
from models.batch import process_pool
from models.batch.file_worker import FileWorker
from models.batch.process_pool import FAULT, WorkerProcess
from models.inference.assessor import Assessor
from tests.factories import make_dataset, make_dicom_bytes, to_bytes
from tests.hostile_child import HARMS, LIES, hostile_file

WORDS = {"hang": "too long", "devour": "memory"}  # of all others, that the decoder failed
SECONDS = 6.0


@pytest.fixture(scope="module")
def settings(checkpoint_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("home"), weights=checkpoint_folder.parent)


@pytest.fixture(scope="module")
def hostile(settings: Settings) -> Iterator[WorkerProcess]:
    """A file worker that some files take over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process_pool, "WORKER", "tests.hostile_child")
        processor = WorkerProcess(settings, seconds=SECONDS)
    yield processor
    processor.close()


@pytest.fixture(scope="module")
def processor(settings: Settings) -> Iterator[WorkerProcess]:
    """A file worker as it serves."""
    made = WorkerProcess(settings)
    yield made
    made.close()


def tasks_of(*places: Path) -> list[Task]:
    return [Task("job", i, place.name, str(place)) for i, place in enumerate(places)]


def films(folder: Path, count: int) -> list[Path]:
    noise = np.random.default_rng(7)
    places = [folder / f"film{i}.dcm" for i in range(count)]
    for i, place in enumerate(places):
        pixels = noise.integers(0, 4096, (48, 48), dtype=np.uint16)
        place.write_bytes(make_dicom_bytes(pixels, SOPInstanceUID=f"1.2.3.{i}"))
    return places


def nothing_known(_: Sequence[str]) -> tuple[str, ...]:
    return ()


def timeless(result: Result) -> Result:
    """A result without the moment of its answer."""
    assert result.outcome is not None
    assessment = replace(result.outcome.assessment, created_at=None)
    return replace(result, outcome=replace(result.outcome, assessment=assessment))


@pytest.mark.slow
@pytest.mark.parametrize("harm", HARMS | LIES)
def test_a_hostile_file_is_one_row_and_its_neighbours_are_judged(
    hostile: WorkerProcess, tmp_path: Path, harm: str
) -> None:
    first, last = films(tmp_path, 2)
    guilty, mark = hostile_file(tmp_path, harm)
    tasks = tasks_of(first, guilty, last)
    results = {r.task: r for r in hostile.run(tasks, nothing_known)}
    assert set(results) == set(tasks)  # under the names that we gave them
    row = results[tasks[1]]
    assert row.outcome is not None and row.outcome.file_name == guilty.name
    assert row.outcome.assessment.status is Status.ERROR and row.outcome.instance is None
    assert WORDS.get(harm, "decoder fail") in row.outcome.assessment.messages[0]
    assert row.fault or harm == "devour"  # then it was the file that was stopped, not its process
    for task, place in ((tasks[0], first), (tasks[2], last)):
        outcome = results[task].outcome
        assert outcome is not None and outcome.assessment.status is Status.OK
        assert results[task].sha256 == hashlib.sha256(place.read_bytes()).hexdigest()
    assert not mark.exists()  # nothing was unpickled


@pytest.mark.slow
@pytest.mark.parametrize(("urgent", "policy"), [(True, "SCHED_OTHER"), (False, "SCHED_IDLE")])
def test_what_somebody_waits_for_is_no_idle_work(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, urgent: bool, policy: str
) -> None:
    """The file itself writes down how the thread that decodes it is scheduled."""
    mark, film = tmp_path / "policy", tmp_path / "film.dcm"
    film.write_bytes(b"policy:" + str(mark).encode())
    monkeypatch.setattr(process_pool, "WORKER", "tests.hostile_child")
    processor = WorkerProcess(settings, low_priority=True)
    try:
        processor.run([replace(tasks_of(film)[0], urgent=urgent)], nothing_known)
    finally:
        processor.close()
    assert mark.read_text() == str(getattr(os, policy))


def test_a_worker_gives_the_results_of_the_code_here(
    processor: WorkerProcess, settings: Settings, tmp_path: Path
) -> None:
    """Answers, documents, refusals and errors cross the pipe as they are."""
    odd = {
        "mono1": make_dicom_bytes(PhotometricInterpretation="MONOCHROME1"),
        "doubt": make_dicom_bytes(PhotometricInterpretation="BANANA"),
        "empty": b"",
        "text": b"text",
        "cut": make_dicom_bytes()[:-100],
        "head": make_dicom_bytes()[:300],
        "rows": make_dicom_bytes(Rows=65535),
        "name": make_dicom_bytes(PatientName="Müller^Jürgen\u0301"),
    }
    places = films(tmp_path, 2)
    for name, content in odd.items():
        places.append(tmp_path / name)
        places[-1].write_bytes(content)
    places += [places[0], tmp_path / "gone"]
    tasks = [replace(t, file_name=f"{t.position}\udcff.dcm") for t in tasks_of(*places)]
    worker = FileWorker(Assessor.load(settings))
    here = [timeless(r) for r in worker.run(tasks, at=lambda _: None)]
    there = processor.run(tasks, nothing_known)
    assert [timeless(r) for r in there] == here
    moments = [r.outcome.assessment.created_at for r in there if r.outcome]
    assert all(moment is not None and moment.tzinfo is not None for moment in moments)


def test_every_file_of_the_collection_is_judged_the_same(
    processor: WorkerProcess, settings: Settings, data: Path
) -> None:
    worker = FileWorker(Assessor.load(settings))
    tasks = tasks_of(*sorted((data / "dicom").rglob("*.dcm"))[::9])
    for start in range(0, len(tasks), process_pool.CHUNK):
        chunk = tasks[start : start + process_pool.CHUNK]
        here = [timeless(r) for r in worker.run(chunk, at=lambda _: None)]
        assert [timeless(r) for r in processor.run(chunk, nothing_known)] == here


def test_errors_keep_their_words(processor: WorkerProcess, tmp_path: Path) -> None:
    kinds = set()
    for content in (b"", b"text", make_dicom_bytes(Rows=65535), make_dicom_bytes()[:300]):
        (place := tmp_path / "x").write_bytes(content)
        with pytest.raises(InputError) as here:
            decode_process.read_for_triage(content, "x", enough=0)
        (row,) = processor.run(tasks_of(place), nothing_known)
        assert row.outcome is not None and not row.fault
        assert row.outcome.assessment.messages == (str(here.value),)
        kinds.add(here.type)
    assert kinds & {NotDicomError, PixelDataError}


def test_what_is_known_is_asked_and_not_read_again(
    processor: WorkerProcess, tmp_path: Path
) -> None:
    places = films(tmp_path, 2)
    (known, other) = (hashlib.sha256(place.read_bytes()).hexdigest() for place in places)
    first, second = processor.run(tasks_of(*places), lambda sha256s: set(sha256s) & {known})
    assert first == Result(first.task, known, None)
    assert second.sha256 == other and second.outcome is not None


def test_a_worker_killed_from_outside_is_started_again(
    processor: WorkerProcess, tmp_path: Path
) -> None:
    tasks = tasks_of(*films(tmp_path, 1))
    processor.run(tasks, nothing_known)
    process = processor._child._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    (row,) = processor.run(tasks, nothing_known)
    assert row.outcome is not None and row.outcome.assessment.status is Status.OK


def test_a_worker_has_limited_memory(processor: WorkerProcess) -> None:
    processor.ready()
    process = processor._child._process
    assert process is not None
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    (memory,) = (line for line in limits.splitlines() if line.startswith("Max address space"))
    assert str(decode_process.MEMORY) in memory


def test_a_worker_that_cannot_load_its_networks_says_why(tmp_path: Path) -> None:
    processor = WorkerProcess(Settings(home=tmp_path, weights=tmp_path))
    with pytest.raises(CheckpointError) as error:
        processor.run([Task("job", 0, "film", str(tmp_path / "film"))], nothing_known)
    with pytest.raises(CheckpointError) as here:
        Assessor.load(Settings(home=tmp_path, weights=tmp_path))
    assert str(error.value) == str(here.value)
    processor.close()


def test_a_process_that_cannot_be_started_is_no_files_fault(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process_pool, "WORKER", "tests.no_such_module")
    processor = WorkerProcess(settings)
    with pytest.raises(CheckpointError):
        processor.run(tasks_of(*films(tmp_path, 1)), nothing_known)
    processor.close()


def test_every_frame_is_decoded_where_it_can_do_no_harm(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The viewer decodes all frames in the server: a later one that kills must kill here."""
    frames: list[int] = []

    def decode(image: Image, frame: int = 0) -> np.ndarray:
        frames.append(frame)
        if frame == 2:
            raise PixelDataError("This frame is damaged.")
        return real(image, frame)

    real = Image.stored_values
    monkeypatch.setattr(Image, "stored_values", decode)
    ds = make_dataset(np.zeros((4, 8, 10), np.uint8))
    ds.compress(RLELossless)
    (place := tmp_path / "frames.dcm").write_bytes(to_bytes(ds))
    (row,) = FileWorker(Assessor.load(settings)).run(tasks_of(place), at=lambda _: None)
    assert row.outcome is not None and row.outcome.instance is not None
    assert [frame for frame in frames if frame] == [1, 2, 3]


def test_a_fault_of_ours_is_laid_at_the_door_of_the_file_that_meets_it(
    hostile: WorkerProcess, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, last = films(tmp_path, 2)
    (fault := tmp_path / "fault.dcm").write_bytes(b"fault")
    rows = {r.task.file_name: r for r in hostile.run(tasks_of(first, fault, last), nothing_known)}
    outcome = rows[fault.name].outcome
    assert outcome is not None and outcome.assessment.messages == (FAULT,)
    for name in (first.name, last.name):
        outcome = rows[name].outcome
        assert outcome is not None and outcome.assessment.status is Status.OK
    assert "ZeroDivisionError" in caplog.text and "Doe" not in caplog.text
