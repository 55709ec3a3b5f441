"""Filling a store the way files come into one: queued, claimed, and their outcomes written down.

No file is decoded and no network is asked: what is said about each film stands in the test.
"""

from __future__ import annotations

from collections.abc import Sequence

from imaging.documents import Document
from imaging.entities import Assessment, Instance, Job, Status
from imaging.jobs import Result
from imaging.store import Repository
from imaging.study import FileOutcome

NETWORKS = "networks of the tests"  # their fingerprint


def outcome_of(kept: Instance | Document, said: Assessment | None = None) -> FileOutcome:
    """The outcome of a film or a document; without words of its own, a film is just "ok"."""
    sop_instance_uid = kept.identity.sop_instance_uid
    if isinstance(kept, Document):
        said = said or Assessment(sop_instance_uid, Status.DOCUMENT)
        return FileOutcome(kept.file_name, said, document=kept)
    return FileOutcome(kept.file_name, said or Assessment(sop_instance_uid, Status.OK), kept)


def store(
    repository: Repository,
    *outcomes: FileOutcome,
    contents: Sequence[bytes] = (),
    account: str = "",
    networks: str = NETWORKS,
) -> Job:
    """Queue files, claim them and write their outcomes down, as a worker does.

    Parameters
    ----------
    contents : sequence of bytes
        The files, one per outcome. Without them each gets bytes of its own that stand for it: the
        same film of the same SHA-256 is the same bytes whenever it is stored.
    account : str
        Who hands them in.
    networks : str
        Fingerprint of the networks that answer. Bytes that the same ones have answered already
        are not asked about again; others answer anew.

    Returns
    -------
    Job
        With what became of each file.
    """
    contents = contents or [_stand_in(outcome) for outcome in outcomes]
    names = [outcome.file_name for outcome in outcomes]
    job_id = repository.jobs.add(list(zip(names, contents, strict=True)), account=account)
    tasks = repository.claims.claim_files("tests", len(outcomes), jobs=[job_id])
    results = [Result(t, t.sha256, one) for t, one in zip(tasks, outcomes, strict=True)]
    repository.claims.finish_files("tests", results, networks)
    return repository.jobs.get(job_id)


def announce(repository: Repository, *films: Instance) -> str:
    """Queue films and put them on the worklist by their headers, unanswered; returns the job."""
    files = [(film.file_name, _stand_in(outcome_of(film))) for film in films]
    job_id = repository.jobs.add(files)
    tasks = repository.claims.claim_files("tests", len(films), jobs=[job_id])
    repository.pending.add_pending(list(zip(tasks, films, strict=True)))
    repository.claims.release_files("tests", tasks)
    return job_id


def _stand_in(outcome: FileOutcome) -> bytes:
    kept = outcome.instance or outcome.document
    if kept is None:
        return outcome.file_name.encode()
    return f"{kept.identity.sop_instance_uid} {kept.identity.sha256}".encode()
