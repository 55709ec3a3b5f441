"""Typed facts in the store: versioned, audited, joined to the film, locked by a signature."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from imaging.dicom import Image, read_object
from imaging.entities import Instance, SourceKind, TypedFacts
from imaging.errors import ConflictError, NotFoundError, StoreError
from imaging.jobs import JobKind, Result
from imaging.review import drafting
from imaging.review.records import Account, AuditEvent, Stage
from imaging.store import Repository
from imaging.worklist.query import WorklistQuery
from tests.factories import make_dicom_bytes, make_film_bytes, make_pixels
from tests.stored import NETWORKS, outcome_of, store

DR_A, DR_B = Account("a", "Dr A"), Account("b", "Dr B")
FACTS = TypedFacts("Diallo^Amina", "K-7", "20230105", None, "F", "20260302", "AP")


def film_bytes(shade: int) -> bytes:
    return make_film_bytes(np.roll(make_pixels(bits=8).astype(np.uint8), shade, axis=1))


def film(shade: int = 0) -> Instance:
    image = read_object(film_bytes(shade), file_name=f"chest {shade}.png")
    assert isinstance(image, Image) and image.instance.source is SourceKind.FILM
    return image.instance


def keep(repository: Repository, *shades: int) -> list[Instance]:
    films = [film(shade) for shade in shades]
    store(repository, *map(outcome_of, films), contents=[film_bytes(shade) for shade in shades])
    return films


def type_in(
    repository: Repository, film: Instance, facts: TypedFacts = FACTS, by: Account = DR_A
) -> str:
    return repository.typed_facts.save({film.identity.sop_instance_uid: facts}, by)


def test_a_film_is_loaded_with_what_was_typed_and_by_whom(repository: Repository) -> None:
    (one,) = keep(repository, 0)
    type_in(repository, one)
    (told,) = repository.studies.get(one.identity.study_instance_uid).instances
    assert (told.patient.name, told.patient.patient_id) == ("Diallo^Amina", "K-7")
    assert told.patient.age_years == pytest.approx(3.15, abs=0.01)
    assert told.acquisition.view_position == "AP" and told.acquisition.study_date == "20260302"
    assert told.typed is not None
    assert (told.typed.account, told.typed.reader, told.typed.version) == ("a", "Dr A", 1)
    assert told.typed.typed_at is not None
    assert datetime.now(UTC) - told.typed.typed_at < timedelta(minutes=1)


def test_the_worklist_finds_the_typed_name_and_says_that_it_was_typed(
    repository: Repository,
) -> None:
    one, _ = keep(repository, 0, 1)
    type_in(repository, one)
    (row,) = repository.worklist.page(WorklistQuery(words="diallo")).items
    assert row.study_instance_uid == one.identity.study_instance_uid and row.typed
    assert row.patient.age_years == pytest.approx(3.15, abs=0.01)
    assert [item.typed for item in repository.worklist.page().items].count(True) == 1


def in_one_study(repository: Repository, *films: Instance) -> str:
    """Store films under one Study Instance UID, which it returns."""
    uid = films[0].identity.study_instance_uid
    for one in films:
        identity = replace(one.identity, study_instance_uid=uid)
        store(repository, outcome_of(replace(one, identity=identity)))
    return uid


def test_a_name_that_was_typed_of_a_later_film_is_marked_as_typed(repository: Repository) -> None:
    one, later = film(0), film(1)
    in_one_study(repository, one, later)
    type_in(repository, later)
    (item,) = repository.worklist.page().items
    assert item.patient.name == "Diallo^Amina" and item.typed


def test_a_name_out_of_a_header_is_not_marked_as_typed(repository: Repository) -> None:
    one, later = film(0), film(1)
    named = replace(one.patient, name="Alpha^Anna", patient_id="A-1")
    in_one_study(repository, replace(later, patient=named, source=SourceKind.DICOM), one)
    type_in(repository, one, TypedFacts(view_position="AP"))
    (item,) = repository.worklist.page().items
    assert item.patient.name == "Alpha^Anna" and not item.typed


def test_every_version_stays_and_the_trail_tells_of_it_without_the_patient(
    repository: Repository,
) -> None:
    (one,) = keep(repository, 0)
    type_in(repository, one)
    type_in(repository, one, replace(FACTS, name="Diallo^Aminata", version=1), DR_B)
    sop, uid = one.identity.sop_instance_uid, one.identity.study_instance_uid
    versions = repository.typed_facts.versions(sop)
    assert [(v.version, v.name, v.reader) for v in versions] == [
        (1, "Diallo^Amina", "Dr A"),
        (2, "Diallo^Aminata", "Dr B"),
    ]
    lines = [e for e in repository.audit.entries(uid) if e.deed is AuditEvent.DESCRIBE]
    assert [line.account for line in lines] == ["a", "b"]
    assert "version 2: typed name, number" in lines[1].detail
    assert not any("Diallo" in line.detail or "K-7" in line.detail for line in lines)
    assert repository.audit.verify().intact


def test_who_was_overtaken_is_told(repository: Repository) -> None:
    (one,) = keep(repository, 0)
    type_in(repository, one)
    with pytest.raises(ConflictError, match="meanwhile"):
        type_in(repository, one, replace(FACTS, sex="M"), DR_B)
    assert len(repository.typed_facts.versions(one.identity.sop_instance_uid)) == 1


def test_a_header_is_not_typed_over(repository: Repository) -> None:
    image = read_object(make_dicom_bytes())
    assert isinstance(image, Image)
    store(repository, outcome_of(image.instance))
    with pytest.raises(StoreError, match="own header"):
        type_in(repository, image.instance)
    with pytest.raises(NotFoundError):
        type_in(repository, film())


def test_what_cannot_be_true_is_not_stored(repository: Repository) -> None:
    (one,) = keep(repository, 0)
    with pytest.raises(StoreError, match="contradict"):
        type_in(repository, one, replace(FACTS, age_years=77.0))
    assert repository.typed_facts.versions(one.identity.sop_instance_uid) == ()


def test_several_films_become_one_patient_with_priors(repository: Repository) -> None:
    early, late = keep(repository, 0, 1)
    repository.typed_facts.save(
        {
            early.identity.sop_instance_uid: replace(FACTS, study_date="20250302"),
            late.identity.sop_instance_uid: FACTS,
        },
        DR_A,
    )
    (prior,) = repository.studies.priors(late.identity.study_instance_uid).same
    assert prior.study_instance_uid == early.identity.study_instance_uid


def test_a_number_taken_back_leaves_no_prior(repository: Repository) -> None:
    early, late = keep(repository, 0, 1)
    type_in(repository, early, replace(FACTS, study_date="20250302"))
    type_in(repository, late)
    type_in(repository, late, replace(FACTS, patient_id="K-8", version=1))
    assert repository.studies.priors(late.identity.study_instance_uid).same == ()


def test_a_final_signature_locks_until_an_amendment(repository: Repository) -> None:
    (one,) = keep(repository, 0)
    type_in(repository, one)
    uid = one.identity.study_instance_uid
    draft = drafting.draft(uid, None, DR_A)
    signed = repository.reviews.add(drafting.sign(draft, Stage.FINAL))
    later = replace(FACTS, name="Other^Name", version=1)
    with pytest.raises(ConflictError, match="amendment"):
        type_in(repository, one, later)
    repository.reviews.add(drafting.draft(uid, signed, DR_A))
    type_in(repository, one, later)
    (now,) = repository.studies.get(uid).instances
    (then,) = repository.studies.get(uid, typed_until=signed.created_at).instances
    assert (now.patient.name, then.patient.name) == ("Other^Name", "Diallo^Amina")


def test_a_preliminary_signature_does_not_stand_under_what_is_typed_later(
    repository: Repository,
) -> None:
    (one,) = keep(repository, 0)
    uid = one.identity.study_instance_uid
    repository.reviews.add(
        drafting.sign(replace(drafting.draft(uid, None, DR_A), note="clear"), Stage.PRELIMINARY)
    )
    type_in(repository, one, by=DR_B)
    newest = repository.studies.get(uid).review
    assert newest is not None
    assert (newest.stage, newest.version, newest.note) == (Stage.DRAFT, 2, "clear")


def test_the_networks_are_asked_again_with_the_facts(repository: Repository) -> None:
    (one,) = keep(repository, 0)
    assert repository.claims.known_results([one.identity.sha256], NETWORKS)
    job_id = type_in(repository, one)
    assert not repository.claims.known_results([one.identity.sha256], NETWORKS)
    assert repository.jobs.progress(job_id).kind is JobKind.RESCORE
    (task,) = repository.claims.claim_files("w", 5)
    assert task.urgent and task.typed is not None and task.typed.name == "Diallo^Amina"


def test_an_answer_given_without_the_newest_facts_does_not_count(repository: Repository) -> None:
    """Typed while the film was in a worker's hands: it is asked again."""
    (one,) = keep(repository, 0)
    type_in(repository, one)
    (task,) = repository.claims.claim_files("w", 5)
    type_in(repository, one, replace(FACTS, sex="M", version=1))
    (other,) = repository.claims.claim_files("w", 5)
    stale, fresh = (Result(t, t.sha256, outcome_of(one)) for t in (task, other))
    uid = one.identity.study_instance_uid
    scores = [e for e in repository.audit.entries(uid) if e.deed is AuditEvent.SCORE]
    repository.claims.finish_files("w", [stale], NETWORKS)
    assert [e for e in repository.audit.entries(uid) if e.deed is AuditEvent.SCORE] == scores
    assert not repository.claims.known_results([one.identity.sha256], NETWORKS)
    repository.claims.finish_files("w", [fresh], NETWORKS)
    assert repository.claims.known_results([one.identity.sha256], NETWORKS)
    (again,) = repository.claims.claim_files("w", 5)
    assert again.typed is not None and again.typed.version == 2


def test_what_was_typed_goes_with_its_study(repository: Repository) -> None:
    (one,) = keep(repository, 0)
    type_in(repository, one)
    uid = one.identity.study_instance_uid
    with pytest.raises(StoreError, match="out of the reason"):
        repository.studies.delete(uid, account="a", reason="Diallo asked")
    repository.studies.delete(uid, account="a", reason="asked for")
    assert repository.typed_facts.versions(one.identity.sop_instance_uid) == ()
    assert repository.claims.claim_files("w", 5) == ()


def test_a_small_picture_is_kept_with_the_film_and_goes_with_it(repository: Repository) -> None:
    one, two = film(0), film(1)
    outcomes = [replace(outcome_of(one), thumbnail=b"small"), outcome_of(two)]
    store(repository, *outcomes, contents=[film_bytes(0), film_bytes(1)])
    uid, sop = one.identity.study_instance_uid, one.identity.sop_instance_uid
    uids = [uid, two.identity.study_instance_uid]
    assert repository.originals.study_thumbnails(uids) == {uid: b"small"}
    assert repository.originals.thumbnails([sop, "1.2"]) == {sop: b"small"}
    repository.studies.delete(uid, account="a", reason="asked for")
    assert repository.originals.study_thumbnails(uids) == {}
    store(repository, outcome_of(one), contents=[film_bytes(0)], networks="others")
    assert repository.originals.study_thumbnails(uids) == {}, "its bytes were kept"


def test_a_picture_too_large_for_a_list_is_not_kept(repository: Repository) -> None:
    one = film()
    huge = replace(outcome_of(one), thumbnail=b"x" * 2**20)
    store(repository, huge, contents=[film_bytes(0)])
    assert repository.originals.study_thumbnails([one.identity.study_instance_uid]) == {}


def test_an_answer_given_before_is_no_answer_any_more(repository: Repository) -> None:
    """Nobody reads 98 % of a child beside a typed age of 77; a signed version keeps its own."""
    (one,) = keep(repository, 0)
    uid = one.identity.study_instance_uid
    before = datetime.now(UTC)
    assert repository.studies.get(uid).assessments[0] is not None
    type_in(repository, one)
    assert repository.studies.get(uid).assessments == (None,)
    assert repository.worklist.page().items[0].status is None
    assert repository.studies.get(uid, typed_until=before).assessments[0] is not None
    (task,) = repository.claims.claim_files("w", 5)
    repository.claims.finish_files("w", [Result(task, task.sha256, outcome_of(one))], NETWORKS)
    (answer,) = repository.studies.get(uid).assessments
    assert answer is not None and answer.typed_version == 1
    assert repository.worklist.page().items[0].status is answer.status


def test_a_film_without_a_picture_gets_one_later_and_no_other_does(repository: Repository) -> None:
    one, two = film(0), film(1)
    store(repository, replace(outcome_of(one), thumbnail=b"first"), outcome_of(two))
    for kept in (one, two):
        repository.originals.keep_thumbnail(kept.identity.sha256, b"later")
    repository.originals.keep_thumbnail("f" * 64, b"of no film")
    uids = [one.identity.sop_instance_uid, two.identity.sop_instance_uid]
    assert repository.originals.thumbnails(uids) == dict(
        zip(uids, (b"first", b"later"), strict=True)
    )


def test_a_film_whose_asking_was_cancelled_is_asked_no_more(repository: Repository) -> None:
    (one,) = keep(repository, 0)
    assert not repository.typed_facts.is_asked(one.identity.sha256)
    job = type_in(repository, one)
    assert repository.typed_facts.is_asked(one.identity.sha256)
    repository.jobs.cancel(job)
    assert not repository.typed_facts.is_asked(one.identity.sha256)
