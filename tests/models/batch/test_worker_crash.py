"""A worker killed at any moment: what was done stays, what was not is done once by the next."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from imaging.entities import Status
from imaging.errors import ConflictError
from imaging.jobs import JobKind, Result
from imaging.review.records import AuditEvent
from imaging.settings import ROOT, Settings
from imaging.store import Repository
from imaging.store.schema.tables import InstanceTable
from models.batch.worker import drain, release_dead_claims, worker_name
from models.inference.fingerprint import fingerprint
from tests.factories import make_dicom_bytes

FILMS, TWICE, BROKEN = 24, 4, 4
KILLS, ROUNDS = 4, 12  # kills in the middle of a job, and tries at most

# As a server does it: gives back what the dead had claimed, then works until nothing waits.
WORKER = """
import sys
from pathlib import Path
from imaging.settings import Settings
from imaging.store import Repository
from models.batch.worker import drain, release_dead_claims

home, weights, database = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
store = Repository.open(home, database)
release_dead_claims(store)
print("begun", flush=True)
done = drain(store, Settings(home=home, weights=weights), processes=2,
             on_results=lambda count: print(count, flush=True))
"""


def test_claims_of_a_forerunner_with_our_number_are_given_back(repository: Repository) -> None:
    """A container that is started again has the same name and the same process number."""
    repository.jobs.add([("a.dcm", b"one"), ("b.dcm", b"two")])
    ours = worker_name()
    forerunner = ours.rpartition(":")[0] + ":00000000"
    repository.claims.claim_files(forerunner, 1)
    repository.claims.claim_files(ours, 1)
    release_dead_claims(repository)
    assert repository.claims.claimants() == (ours,)


@pytest.mark.slow
def test_a_worker_killed_again_and_again_does_everything_once(
    tiny_settings: Settings, database: str, tmp_path: Path
) -> None:
    store = Repository.open(tiny_settings.home, database)
    jobs = [_upload(store), _folder(store, tmp_path / "ward")]
    chance, kills = random.Random(5), 0
    for start in range(3000, 3000 + 1000 * ROUNDS, 1000):
        _kill_in_the_middle(tiny_settings, database, chance)
        if any(not store.jobs.progress(job).finished for job in jobs):
            kills += 1  # the worker was not through before: this process may have been starved
        else:
            jobs.append(_upload(store, start))
        if kills == KILLS:
            break
    unfinished = sum(store.jobs.progress(j).total - store.jobs.progress(j).done for j in jobs)
    release_dead_claims(store)
    assert drain(store, tiny_settings) == unfinished

    assert kills > 1
    for job in jobs:
        counts = store.jobs.progress(job).counts
        assert sum(counts.values()) == FILMS + TWICE + BROKEN
        assert counts[Status.ERROR] == BROKEN
    _insist_on_once(store, fingerprint(tiny_settings, reduced=True), FILMS * len(jobs))
    store.close()


def _kill_in_the_middle(settings: Settings, database: str, chance: random.Random) -> None:
    """Run a worker and kill it at some moment after it wrote its first outcomes, or before."""
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(settings.home), str(settings.weights), database],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "begun\n"
    for _ in range(chance.choice((0, 1, 1, 2))):
        worker.stdout.readline()
    time.sleep(chance.uniform(0, 0.15))
    worker.kill()
    worker.communicate()


def _films(start: int) -> list[tuple[str, bytes]]:
    """Films of their own, some twice, and broken files among them."""
    noise = np.random.default_rng(start)
    films = [
        make_dicom_bytes(
            noise.integers(0, 4096, (48, 48), dtype=np.uint16),
            SOPInstanceUID=f"1.2.3.{start + number}",
            StudyInstanceUID=f"1.2.4.{(start + number) // 2}",  # two films a study
        )
        for number in range(FILMS)
    ]
    films += films[:TWICE]
    films += [b"no film %d" % number for number in range(start, start + BROKEN)]
    random.Random(start).shuffle(films)
    return [(f"{number}.dcm", film) for number, film in enumerate(films)]


def _upload(store: Repository, start: int = 1000) -> str:
    return store.jobs.add(_films(start), account="anna")


def _folder(store: Repository, folder: Path) -> str:
    folder.mkdir()
    found = []
    for name, content in _films(2000):
        (folder / name).write_bytes(content)
        found.append((name, str(folder / name)))
    job_id = store.jobs.open(JobKind.FOLDER, str(folder))
    store.jobs.add_files(job_id, found)
    store.jobs.end_listing(job_id)
    return job_id


def _insist_on_once(store: Repository, networks: str, count: int) -> None:
    """Every film is stored, answered and in the trail exactly once, and its bytes can be had."""
    studies = [store.studies.get(uid) for uid in store.worklist.study_uids()]
    films = [film.identity for study in studies for film in study.instances]
    assert len(films) == len({f.sop_instance_uid for f in films}) == count
    for identity in films:
        assert (
            hashlib.sha256(store.originals.content(identity.sha256)).hexdigest() == identity.sha256
        )
    assert store.claims.known_results([f.sha256 for f in films], networks) == {
        f.sha256 for f in films
    }
    assert all(said is not None for study in studies for said in study.assessments)

    assert store.audit.verify().intact
    received = [line.detail for line in store.audit.entries() if line.deed is AuditEvent.RECEIVE]
    assert Counter(received) == Counter(f"file {film.sha256}" for film in films)
    scored = Counter(
        x.study_instance_uid for x in store.audit.entries() if x.deed is AuditEvent.SCORE
    )
    assert scored == Counter(film.study_instance_uid for film in films)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [ZeroDivisionError, ConflictError])
def test_an_outcome_that_cannot_be_written_holds_back_no_other(
    repository: Repository,
    tiny_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    fault: type[Exception],
) -> None:
    job = repository.jobs.add([("a", make_dicom_bytes()), ("DOE", b"no film"), ("c", b"neither")])
    write = repository.claims.finish_files

    def fail(name: str, results: Sequence[Result], networks: str) -> tuple[Result, ...]:
        if any(r.task.file_name == "DOE" and not r.fault for r in results):
            raise fault("DOE^JANE")
        return write(name, results, networks)

    monkeypatch.setattr(repository.claims, "finish_files", fail)
    assert drain(repository, tiny_settings) == 3
    files = repository.jobs.get(job).files
    assert [f.status for f in files] == [Status.OK, Status.ERROR, Status.ERROR]
    assert "internal fault" in files[1].message and "internal fault" not in files[2].message


def test_bytes_of_a_film_lie_where_they_were_put(
    repository: Repository, tiny_settings: Settings
) -> None:
    """What is read from the objects' folder is no file that was left elsewhere."""
    repository.jobs.add([("a", make_dicom_bytes()), ("b", b"no film")])
    drain(repository, tiny_settings)
    with repository._database.reading() as session:
        assert list(session.scalars(select(InstanceTable.location))) == [""]
    root = repository.originals.path_of("0" * 64).parent.parent
    assert len([p for p in root.rglob("*") if p.is_file()]) == 1
