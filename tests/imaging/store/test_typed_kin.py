"""Typed facts of a photograph and of the films cut out of it: one history, at any order."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from imaging.decoding import DistantImage, read_image
from imaging.delivery.study import deliver
from imaging.entities import Assessment, Instance, Status, TypedFacts
from imaging.errors import ConflictError, HeldStudyError, StoreError
from imaging.intake.straightened import Queued, use_picture
from imaging.jobs import Result, Task
from imaging.photograph.straighten import Cut, whole
from imaging.review import drafting
from imaging.review.records import Account, AuditEvent, Stage
from imaging.store import Repository
from imaging.study import FileOutcome
from tests.factories import make_film_bytes
from tests.photographs import chest
from tests.stored import NETWORKS, outcome_of, store

DR_A, DR_B = Account("a", "Dr A"), Account("b", "Dr B")
AMINA = TypedFacts("Diallo^Amina", "K-7", "20230105", None, "F", "20260302", "AP")
BRUNO = TypedFacts("Beta^Bruno", "B-2", "19490101", 77.0, "M", "20260302", "PA")


def photograph(seed: int = 1) -> tuple[DistantImage, bytes]:
    """A picture without a header, and its file."""
    content = make_film_bytes(chest(90, 80, seed), "JPEG", quality=95)
    return read_image(content, file_name=f"IMG_{seed}.jpg"), content


def keep(repository: Repository, seed: int = 1) -> DistantImage:
    """A stored photograph."""
    image, content = photograph(seed)
    store(repository, outcome_of(image.instance), contents=[content])
    return image


def cut_out(
    repository: Repository, image: DistantImage, *, mirrored: bool = False, turns: int = 0
) -> Queued:
    """Queue a film cut out of a photograph."""
    geometry = image.instance.geometry
    cut = Cut(whole((geometry.rows, geometry.columns)), turns, mirrored)
    return use_picture(repository, image, cut, reader=DR_A)


def claim(repository: Repository) -> Task:
    (task,) = repository.claims.claim_files("w", 1)
    return task


def answer(repository: Repository, task: Task) -> bool:
    """What a worker does with a claimed file; whether its answer counted."""
    content = repository.originals.content(task.sha256)
    film = read_image(content, file_name=task.file_name).instance
    said = Assessment(film.identity.sop_instance_uid, Status.WARNED)
    result = Result(task, task.sha256, FileOutcome(task.file_name, said, film))
    return bool(repository.claims.finish_files("w", [result], NETWORKS))


def work_off(repository: Repository) -> list[Task]:
    """Answer whatever waits; an endless queue fails."""
    done: list[Task] = []
    while tasks := repository.claims.claim_files("w", 1):
        done.append(tasks[0])
        answer(repository, tasks[0])
        assert len(done) < 12, "asked again and again"
    return done


def type_in(
    repository: Repository, film: Instance, facts: TypedFacts = AMINA, by: Account = DR_A
) -> str:
    return repository.typed_facts.save({film.identity.sop_instance_uid: facts}, by)


def insist_on_one_word(repository: Repository, uid: str, facts: TypedFacts, version: int) -> None:
    """All films of a study bear one person, one history, and an answer given with it."""
    record = repository.studies.get(uid)
    assert not record.held and len(record.instances) >= 2
    histories = [
        repository.typed_facts.versions(film.identity.sop_instance_uid) for film in record.instances
    ]
    assert all(one == other for one, other in pairwise(histories))
    for film, said in zip(record.instances, record.assessments, strict=True):
        assert film.typed is not None and film.typed.version == version
        assert film.patient.name == facts.name
        assert film.acquisition.view_position == facts.view_position
        assert said is not None and said.typed_version == version


@pytest.fixture
def named(repository: Repository) -> DistantImage:
    """A photograph of which a patient is typed, and which was answered with that."""
    image = keep(repository)
    type_in(repository, image.instance)
    work_off(repository)
    return image


def test_typed_first_and_cut_out_then(repository: Repository, named: DistantImage) -> None:
    queued = cut_out(repository, named, mirrored=True)
    uid = named.instance.identity.study_instance_uid
    (waiting,) = repository.studies.get(uid).waiting
    assert waiting.patient.name == "Diallo^Amina", "while it waits, too"
    (task,) = work_off(repository)
    assert task.typed is not None and task.typed.view_position == "AP", "asked once, with it"
    insist_on_one_word(repository, uid, AMINA, 1)
    sop = queued.film.identity.sop_instance_uid
    (inherited,) = repository.typed_facts.versions(sop)
    assert (inherited.account, inherited.reader) == ("a", "Dr A")
    received = [e for e in repository.audit.entries(uid) if e.deed is AuditEvent.RECEIVE]
    assert received[-1].detail.endswith("what was typed of its photograph (version 1)")
    assert not any("Diallo" in entry.detail for entry in repository.audit.entries(uid))


@pytest.mark.parametrize("at", [0, 1, 2])
def test_cut_out_first_and_typed_of_any_then(repository: Repository, at: int) -> None:
    image = keep(repository)
    for turns in (0, 1):
        cut_out(repository, image, turns=turns)
    work_off(repository)
    uid = image.instance.identity.study_instance_uid
    films = repository.studies.get(uid).instances
    assert len(films) == 3
    type_in(repository, films[at])
    assert repository.studies.get(uid).assessments == (None, None, None), "all are runs again"
    tasks = work_off(repository)
    assert len(tasks) == 3 and all(t.typed is not None and t.typed.version == 1 for t in tasks)
    insist_on_one_word(repository, uid, AMINA, 1)
    type_in(repository, films[at - 1], replace(BRUNO, version=1), DR_B)
    work_off(repository)
    insist_on_one_word(repository, uid, BRUNO, 2)
    described = [e for e in repository.audit.entries(uid) if e.deed is AuditEvent.DESCRIBE]
    assert [line.account for line in described] == ["a"] * 3 + ["b"] * 3


def test_who_typed_of_the_other_film_first_is_not_overwritten(repository: Repository) -> None:
    image = keep(repository)
    film = cut_out(repository, image).film
    work_off(repository)
    type_in(repository, film)
    with pytest.raises(ConflictError, match="meanwhile"):
        type_in(repository, image.instance, BRUNO, DR_B)


def test_typed_while_the_film_is_in_a_workers_hands_it_is_asked_again_once(
    repository: Repository,
) -> None:
    image = keep(repository)
    cut_out(repository, image)
    task = claim(repository)
    assert task.typed is None
    type_in(repository, image.instance)
    assert not answer(repository, task), "asked without what was typed"
    uid = image.instance.identity.study_instance_uid
    assert repository.studies.get(uid).instances[1].patient.name == "Diallo^Amina"
    tasks = work_off(repository)
    assert sorted(t.file_name for t in tasks) == ["IMG_1 straightened.png", "IMG_1.jpg"]
    insist_on_one_word(repository, uid, AMINA, 1)


def test_handed_in_from_elsewhere_a_film_finds_what_is_typed(
    repository: Repository, named: DistantImage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its file comes by upload, with no announcement: stored, and asked again once."""
    other = Repository.open(tmp_path_factory.mktemp("elsewhere"))
    content = other.originals.content(cut_out(other, keep(other)).film.identity.sha256)
    other.close()
    repository.jobs.add([("from elsewhere.png", content)], account="b")
    assert [t.typed is None for t in work_off(repository)] == [True, False]
    insist_on_one_word(repository, named.instance.identity.study_instance_uid, AMINA, 1)


def test_a_photograph_that_comes_after_its_film_finds_what_is_typed(
    repository: Repository, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Repository.open(tmp_path_factory.mktemp("elsewhere"))
    content = other.originals.content(cut_out(other, keep(other)).film.identity.sha256)
    other.close()
    repository.jobs.add([("from elsewhere.png", content)], account="b")
    work_off(repository)
    (item,) = repository.worklist.page().items
    (film,) = repository.studies.get(item.study_instance_uid).instances
    type_in(repository, film)
    type_in(repository, film, replace(AMINA, sex="", version=1))
    work_off(repository)
    repository.jobs.add([("IMG_1.jpg", photograph()[1])], account="b")
    work_off(repository)
    insist_on_one_word(repository, item.study_instance_uid, AMINA, 2)


def test_a_film_that_names_another_file_as_its_photograph_is_no_kin(
    repository: Repository, named: DistantImage
) -> None:
    """A text chunk may say anything: the photograph's own bytes must be meant."""
    content = repository.originals.content(cut_out(repository, named).film.identity.sha256)
    (task,) = repository.claims.claim_files("w", 1)
    film = read_image(content, file_name=task.file_name).instance
    assert film.derivation is not None
    false = replace(film, derivation=replace(film.derivation, source_sha256="ab" * 32))
    said = Assessment(film.identity.sop_instance_uid, Status.OK)
    for _ in range(2):
        result = Result(task, task.sha256, FileOutcome(task.file_name, said, false))
        repository.claims.finish_files("w", [result], NETWORKS)
        tasks = repository.claims.claim_files("w", 1)
        task = tasks[0] if tasks else task
    assert not tasks, "and is not asked about for ever"
    assert repository.typed_facts.versions(film.identity.sop_instance_uid) == ()


def test_two_words_about_one_film_are_refused(repository: Repository) -> None:
    image = keep(repository)
    film = cut_out(repository, image).film
    work_off(repository)
    sops = [one.identity.sop_instance_uid for one in (image.instance, film)]
    with pytest.raises(StoreError, match="same of both"):
        repository.typed_facts.save(dict(zip(sops, (AMINA, BRUNO), strict=True)), DR_A)
    assert repository.typed_facts.versions(sops[0]) == ()
    repository.typed_facts.save(dict.fromkeys(sops, AMINA), DR_A)
    assert [len(repository.typed_facts.versions(sop)) for sop in sops] == [1, 1]


def test_a_signature_locks_both_and_keeps_what_stood_under_it(
    repository: Repository, named: DistantImage
) -> None:
    film = cut_out(repository, named).film
    work_off(repository)
    uid = named.instance.identity.study_instance_uid
    signed = repository.reviews.add(drafting.sign(drafting.draft(uid, None, DR_A), Stage.FINAL))
    with pytest.raises(ConflictError, match="amendment"):
        type_in(repository, film, replace(BRUNO, version=1))
    repository.reviews.add(drafting.draft(uid, signed, DR_A))
    type_in(repository, film, replace(BRUNO, version=1))
    work_off(repository)
    insist_on_one_word(repository, uid, BRUNO, 2)
    then = repository.studies.get(uid, typed_until=signed.created_at)
    assert {film.patient.name for film in then.instances} == {"Diallo^Amina"}


def test_two_persons_typed_in_one_study_hold_it_and_part_with_their_films(
    repository: Repository, named: DistantImage
) -> None:
    """The other photograph came into the study by its UID; a film of it waits while they part."""
    uid = named.instance.identity.study_instance_uid
    content = photograph(2)[1]
    identity = replace(photograph(2)[0].instance.identity, study_instance_uid=uid)
    other = replace(
        photograph(2)[0], instance=replace(photograph(2)[0].instance, identity=identity)
    )
    store(repository, outcome_of(other.instance), contents=[content])
    cut_out(repository, other, turns=1)
    work_off(repository)
    type_in(repository, other.instance, BRUNO, DR_B)
    work_off(repository)
    last = cut_out(repository, other, turns=2).film
    record = repository.studies.get(uid)
    assert [merged[0].name for merged in record.patients] == ["Diallo^Amina", "Beta^Bruno"]
    assert repository.worklist.page().items[0].held
    draft = drafting.draft(uid, None, DR_A)
    with pytest.raises(HeldStudyError):
        repository.reviews.add(drafting.sign(draft, Stage.FINAL))
    with pytest.raises(HeldStudyError):
        deliver(repository, uid, ["csv"], account="a")
    amina, seen = record.patients[0][0], [one for group in record.patients for one in group]
    repository.studies.identify(uid, amina, seen=seen, account="a", reader="Dr A")
    assert not repository.studies.get(uid).held
    repository.studies.take_back_identity(uid, account="a")
    (apart,) = repository.studies.separate(uid, record.patients[0][0], account="a")
    work_off(repository)  # the film that waited goes with its photograph, too
    assert not repository.studies.get(uid).held
    assert {i.patient.name for i in repository.studies.get(uid).instances} == {"Diallo^Amina"}
    insist_on_one_word(repository, apart, BRUNO, 1)
    sops = [i.identity.sop_instance_uid for i in repository.studies.get(apart).instances]
    assert len(sops) == 3 and last.identity.sop_instance_uid in sops
    kept, parted = sorted(repository.worklist.page().items, key=lambda item: item.patient.name)[
        ::-1
    ]
    assert (kept.study_instance_uid, parted.study_instance_uid) == (uid, apart)
    repository.studies.delete(apart, account="a", reason="asked for")
    assert not any(repository.typed_facts.versions(sop) for sop in sops)
    assert repository.typed_facts.versions(named.instance.identity.sop_instance_uid)


MADE = replace(AMINA, patient_id="LB-12AB34CD")  # a number given to films named together


@pytest.mark.parametrize(
    "early, late, same, doubtful",
    [
        (MADE, MADE, True, False),
        (MADE, replace(MADE, birth_date="", age_years=3.0), True, False),
        (replace(MADE, name="", birth_date=""), replace(MADE, name="", birth_date=""), False, True),
        (MADE, replace(MADE, name="Beta^Bruno"), False, True),
        (MADE, replace(MADE, name="Beta^Bruno", birth_date="20220101"), False, False),
        (MADE, replace(MADE, patient_id=""), False, True),
        (MADE, replace(MADE, patient_id="LB-FFFFFFFF"), False, True),
        (MADE, replace(MADE, patient_id="LB-FFFFFFFF", name="Beta^Bruno"), False, False),
    ],
)
def test_priors_of_typed_films_follow_the_one_comparison(
    repository: Repository, early: TypedFacts, late: TypedFacts, same: bool, doubtful: bool
) -> None:
    """Of the film cut out of a photograph as of any other."""
    before, now = keep(repository, 1), keep(repository, 2)
    film = cut_out(repository, now).film
    work_off(repository)
    type_in(repository, before.instance, replace(early, study_date="20250302"))
    type_in(repository, film, late)
    priors = repository.studies.priors(now.instance.identity.study_instance_uid)
    assert (len(priors.same), len(priors.doubtful)) == (same, doubtful)


def test_each_kind_of_database_finds_what_was_cut_out(tmp_path: Path, database: str) -> None:
    """Films are found by a value within their header's JSON, which each kind reads its own way."""
    repository = Repository.open(tmp_path / "home", database)
    image = keep(repository)
    cut_out(repository, image)
    type_in(repository, image.instance)
    work_off(repository)
    film = cut_out(repository, image, turns=1).film
    assert work_off(repository)[0].typed is not None
    type_in(repository, film, replace(BRUNO, version=1))
    work_off(repository)
    insist_on_one_word(repository, image.instance.identity.study_instance_uid, BRUNO, 2)
    repository.close()
