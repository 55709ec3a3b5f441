"""Films that wait encrypted are answered as plain ones are; one that was altered hides no other."""

from __future__ import annotations

import hashlib

from imaging.entities import Status
from imaging.settings import Settings
from imaging.store import Repository
from models.batch.worker import drain
from tests.encrypted import with_encrypted_originals
from tests.factories import make_dicom_bytes


def test_a_film_altered_while_it_waits_is_told_and_asked_for_again(
    repository: Repository, tiny_settings: Settings
) -> None:
    store = with_encrypted_originals(repository)
    films = [
        make_dicom_bytes(StudyInstanceUID=f"1.2.{at}", SOPInstanceUID=f"1.2.{at}.1")
        for at in range(3)
    ]
    job = store.jobs.add([(f"{at}.dcm", film) for at, film in enumerate(films)])
    altered, swapped, _ = (hashlib.sha256(film).hexdigest() for film in films)
    store.originals.path_of(swapped).write_bytes(store.originals.path_of(altered).read_bytes())
    store.originals.path_of(altered).write_bytes(b"altered")
    assert drain(store, tiny_settings) == 3
    files = store.jobs.get(job).files
    assert [file.status for file in files] == [Status.ERROR, Status.ERROR, Status.OK]
    assert {file.message for file in files[:2]} == {
        "The stored image was altered on disk; upload it again."
    }
    job = store.jobs.add([(f"{at}.dcm", film) for at, film in enumerate(films)])
    drain(store, tiny_settings)
    assert {file.status for file in store.jobs.get(job).files} == {Status.OK}
    assert [store.originals.content(hashlib.sha256(film).hexdigest()) for film in films] == films
