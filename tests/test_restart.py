"""A server killed in the middle of a job: started again it ends the job, though nobody comes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from imaging.entities import Status
from imaging.review.records import AuditEvent
from imaging.store import Repository
from imaging.store.schema.tables import AssessmentTable
from tests.browser.lightbox import PATIENCE, Server
from tests.factories import make_dicom_bytes

pytestmark = pytest.mark.slow

FILMS, BROKEN = 300, 20


@pytest.fixture
def server(tmp_path: Path, checkpoint_folder: Path) -> Iterator[Server]:
    """A server of readers with accounts, and nobody has one: no page can start the work."""
    found = Server(tmp_path / "home", checkpoint_folder.parent, reader="")
    yield found
    found.kill()


def wait_for(store: Repository, job: str, done: int) -> None:
    """Return once so many files of a job have their outcome."""
    end = time.monotonic() + 2 * PATIENCE
    while (found := store.jobs.progress(job).done) < done:
        assert time.monotonic() < end, f"the job stands still at {found}"
        time.sleep(0.02)


def test_a_job_goes_on_after_a_power_cut_though_nobody_comes(server: Server) -> None:
    store = Repository.open(server.home)
    job = store.jobs.add(files())
    server.start()
    wait_for(store, job, 1)
    server.kill()
    assert store.jobs.progress(job).done < FILMS + BROKEN, "killed too late to prove anything"
    server.start()
    wait_for(store, job, FILMS + BROKEN)
    insist_on_once(store, job)
    store.close()
    log = server.home.with_name("home.log").read_text()
    assert "Traceback" not in log and "ScriptRunContext" not in log


def files() -> list[tuple[str, bytes]]:
    """Small films, two to a study, and broken files among them."""
    noise = np.random.default_rng(11)
    films = [
        make_dicom_bytes(
            noise.integers(0, 4096, (48, 48), dtype=np.uint16),
            SOPInstanceUID=f"1.2.3.{number}",
            StudyInstanceUID=f"1.2.4.{number // 2}",
        )
        for number in range(FILMS)
    ]
    for number in range(BROKEN):
        films.insert(number * FILMS // BROKEN, b"no film %d" % number)
    return [(f"{number}.dcm", film) for number, film in enumerate(films)]


def insist_on_once(store: Repository, job: str) -> None:
    """Every file has its outcome; every film is stored, answered and in the trail exactly once."""
    outcomes = store.jobs.get(job).files
    assert [file.file_name for file in outcomes] == [f"{n}.dcm" for n in range(FILMS + BROKEN)]
    assert Counter(file.status is Status.ERROR for file in outcomes) == {True: BROKEN, False: FILMS}

    films = [
        film.identity
        for uid in store.worklist.study_uids()
        for film in store.studies.get(uid).instances
    ]
    assert len(store.worklist.study_uids()) == FILMS // 2
    assert Counter(f.sop_instance_uid for f in films) == {f"1.2.3.{n}": 1 for n in range(FILMS)}
    with store._database.reading() as session:
        answered = Counter(session.scalars(select(AssessmentTable.sop_instance_uid)))
    assert answered == {f"1.2.3.{n}": 1 for n in range(FILMS)}

    assert store.audit.verify().intact
    received = Counter(
        line.detail for line in store.audit.entries() if line.deed is AuditEvent.RECEIVE
    )
    assert received == Counter(f"file {film.sha256}" for film in films)
    scored = Counter(
        x.study_instance_uid for x in store.audit.entries() if x.deed is AuditEvent.SCORE
    )
    assert scored == Counter(film.study_instance_uid for film in films)
