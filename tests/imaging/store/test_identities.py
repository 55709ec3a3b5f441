"""Whose a study is: held while its files contradict each other, until a reader settles it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from imaging.delivery.study import deliver, make_case
from imaging.entities import Answer, Assessment, Instance, ModelIdentity, Patient, Status
from imaging.errors import ConflictError, HeldStudyError
from imaging.priors import Priors
from imaging.review.records import AuditEvent, Call, ReadFinding, Review, Stage, Trial
from imaging.store import Repository
from tests.imaging.store.test_repository import instance
from tests.stored import NETWORKS, announce, outcome_of, store

ANNA = Patient("ALPHA^ANNA", "A-1", "20210101", "F", 4.0)
BRUNO = Patient("BETA^BRUNO", "B-2", "20200505", "M", 4.0)
DAVID = Patient("DELTA^DAVID", "D-4", "19700101", "M")
STUDY = "1.2.3"


@pytest.fixture
def repository(tmp_path: Path, database: str) -> Iterator[Repository]:
    """An empty store on each kind of database in turn."""
    opened = Repository.open(tmp_path / "home", database)
    yield opened
    opened.close()


def film(number: int, patient: Patient, sha256: str = "") -> Instance:
    """A film of the one study, of somebody."""
    return replace(instance(number, STUDY, sha256 or f"{number:064d}"), patient=patient)


def keep(repository: Repository, *films: Instance) -> None:
    """Store films, each in a job of its own."""
    for one in films:
        store(repository, outcome_of(one))


def signed(version: int = 0) -> Review:
    """A final review."""
    stated = ReadFinding("pneumonia", True, Call.UNAIDED)
    now = datetime.now(UTC)
    return Review(STUDY, version, Stage.FINAL, "anna", "Dr A", now, findings=(stated,))


def sops(repository: Repository, uid: str) -> list[str]:
    """The films of a study."""
    return [i.identity.sop_instance_uid for i in repository.studies.get(uid).instances]


def test_two_patients_under_one_uid_are_held_and_marked(repository: Repository) -> None:
    keep(repository, film(1, ANNA))
    assert not repository.studies.get(STUDY).held
    keep(repository, film(2, BRUNO))
    record, (item,) = repository.studies.get(STUDY), repository.worklist.page().items
    assert record.held and record.patients == ((ANNA,), (BRUNO,))
    assert item.held and "more than one patient" in item.message and item.status is Status.OK


def test_a_held_study_can_be_drafted_and_not_signed_or_exported(repository: Repository) -> None:
    keep(repository, film(1, ANNA), film(2, BRUNO))
    draft = repository.reviews.add(replace(signed(), stage=Stage.DRAFT))
    for stage in (Stage.PRELIMINARY, Stage.FINAL):
        with pytest.raises(HeldStudyError, match="more than one patient"):
            repository.reviews.add(replace(signed(draft.version), stage=stage))
    with pytest.raises(HeldStudyError):
        deliver(repository, STUDY, ["csv"], account="anna")
    assert not [e for e in repository.audit.entries(STUDY) if e.deed == AuditEvent.EXPORT]


def test_a_signed_study_that_gains_a_stranger_is_unread_again(repository: Repository) -> None:
    keep(repository, film(1, ANNA))
    repository.reviews.add(signed())
    assert repository.worklist.page().items[0].read
    keep(repository, film(2, BRUNO))
    (item,) = repository.worklist.page().items
    assert item.held and not item.read and item.priority >= 0
    assert repository.studies.priors(STUDY) == Priors()


def test_a_stranger_that_waits_holds_it_too(repository: Repository) -> None:
    keep(repository, film(1, ANNA))
    announce(repository, film(2, BRUNO))
    assert repository.studies.get(STUDY).held and repository.worklist.page().items[0].held


def test_separated_patients_have_a_study_each_for_good(repository: Repository) -> None:
    keep(repository, film(1, ANNA), film(2, BRUNO), film(3, Patient()))
    (new,) = repository.studies.separate(STUDY, ANNA, account="anna")
    assert sops(repository, STUDY) == ["1.2.5.1", "1.2.5.3"]
    assert sops(repository, new) == ["1.2.5.2"]
    assert repository.studies.get(new).instances[0].identity.study_instance_uid == new
    again = Assessment("1.2.5.2", Status.WARNED)
    store(repository, outcome_of(film(2, BRUNO), again), networks="others, which answer anew")
    keep(repository, film(4, BRUNO), film(5, ANNA))  # late, under the old UID
    announce(repository, film(6, BRUNO))
    record = repository.studies.get(new)
    assert sops(repository, new) == ["1.2.5.2", "1.2.5.4"] and len(record.waiting) == 1
    assert record.assessments[0] and record.assessments[0].status is Status.WARNED
    assert sops(repository, STUDY) == ["1.2.5.1", "1.2.5.3", "1.2.5.5"]
    assert [item.held for item in repository.worklist.page().items] == [False, False]
    lines = [e for e in repository.audit.entries(STUDY) if e.deed == AuditEvent.SEPARATE]
    assert [(e.account, e.detail) for e in lines] == [("anna", f"1 files to study {new}")]


def test_whoever_keeps_the_study_must_be_in_it(repository: Repository) -> None:
    keep(repository, film(1, ANNA), film(2, BRUNO))
    with pytest.raises(ConflictError):
        repository.studies.separate(STUDY, Patient("DELTA^DAVID", "D-4"), account="anna")
    assert repository.studies.get(STUDY).held


def test_a_reader_says_which_identity_is_right(repository: Repository) -> None:
    keep(repository, film(1, ANNA), film(2, BRUNO))
    repository.studies.identify(STUDY, ANNA, account="anna", reader="Dr A")
    record = repository.studies.get(STUDY)
    assert not record.held and {i.patient for i in record.instances} == {ANNA}
    assert record.identity is not None and record.identity.reader == "Dr A"
    assert repository.worklist.page().items[0].patient.name == ANNA.name
    assert repository.reviews.add(signed()).stage is Stage.FINAL
    (line,) = (e for e in repository.audit.entries(STUDY) if e.deed == AuditEvent.IDENTIFY)
    assert line.account == "anna" and not {"ALPHA", "A-1", "BETA"} & set(line.detail.split())
    keep(repository, film(3, Patient("DELTA^DAVID", "D-4", "19700101", "M")))
    assert repository.studies.get(STUDY).held
    repository.studies.identify(STUDY, ANNA, account="anna", reader="Dr A")
    assert not repository.studies.get(STUDY).held


def test_a_stranger_s_film_under_a_known_uid_holds_the_study(repository: Repository) -> None:
    keep(repository, film(1, ANNA), film(1, BRUNO, "cd" * 32))
    record = repository.studies.get(STUDY)
    assert record.held and [i.patient for i in record.instances] == [ANNA, BRUNO]
    assert record.instances[0] == film(1, ANNA)


def test_a_readable_film_of_somebody_else_takes_nobody_s_place(repository: Repository) -> None:
    broken = Assessment("1.2.5.1", Status.ERROR, messages=("cut short",))
    store(repository, outcome_of(film(1, ANNA), broken))
    keep(repository, film(1, BRUNO, "cd" * 32))
    record = repository.studies.get(STUDY)
    assert record.held and len(record.unreadable) == len(record.instances) == 1


def test_a_deleted_study_leaves_nothing_of_the_decision(repository: Repository) -> None:
    keep(repository, film(1, ANNA), film(2, BRUNO))
    repository.studies.separate(STUDY, ANNA, account="anna")
    repository.studies.delete(STUDY, account="anna", reason="test data")
    keep(repository, film(4, BRUNO))
    assert sops(repository, STUDY) == ["1.2.5.4"]


def test_the_same_bytes_stay_where_they_were_put(repository: Repository) -> None:
    keep(repository, film(1, ANNA), film(2, BRUNO))
    (new,) = repository.studies.separate(STUDY, BRUNO, account="anna")
    (file,) = store(repository, outcome_of(film(1, ANNA)), networks=NETWORKS).files
    assert file.study_instance_uid == new and sops(repository, new) == ["1.2.5.1"]


def test_a_decision_is_about_those_who_were_seen(repository: Repository) -> None:
    keep(repository, film(1, ANNA), film(2, BRUNO), film(3, DAVID))
    told = {"account": "anna", "reader": "Dr A"}
    with pytest.raises(ConflictError):  # David came while the reader thought about it
        repository.studies.identify(STUDY, ANNA, seen=(ANNA, BRUNO), **told)
    assert repository.studies.get(STUDY).held
    repository.studies.separate(STUDY, ANNA, account="other")
    with pytest.raises(ConflictError):  # or somebody separated them
        repository.studies.identify(STUDY, BRUNO, seen=(ANNA, BRUNO, DAVID), **told)
    record = repository.studies.get(STUDY)
    assert record.identity is None and record.patient.name == ANNA.name


def test_what_is_settled_is_not_settled_twice(repository: Repository) -> None:
    keep(repository, film(1, ANNA), film(2, BRUNO))
    repository.studies.separate(STUDY, ANNA, account="anna")
    with pytest.raises(ConflictError):
        repository.studies.separate(STUDY, ANNA, account="other")
    lines = len(repository.audit.entries(STUDY))
    with pytest.raises(ConflictError):
        repository.studies.take_back_identity(STUDY, account="other")
    assert len(repository.audit.entries(STUDY)) == lines


def test_a_report_stays_with_whom_it_was_begun_about(repository: Repository) -> None:
    keep(repository, film(1, ANNA))
    repository.reviews.add(signed())
    keep(repository, film(2, BRUNO))
    with pytest.raises(ConflictError, match="before"):
        repository.studies.separate(STUDY, BRUNO, account="anna")
    (new,) = repository.studies.separate(STUDY, ANNA, account="anna")
    assert repository.studies.get(STUDY).final and not repository.studies.get(new).reviews
    read = {item.study_instance_uid: item.read for item in repository.worklist.page().items}
    assert read == {STUDY: True, new: False}


def test_what_was_tried_on_a_film_that_left_is_not_exported(repository: Repository) -> None:
    keep(repository, film(1, ANNA), film(2, BRUNO))
    repository.studies.identify(STUDY, ANNA, account="anna", reader="Dr A")
    model, said = ModelIdentity("m", "1", "00"), (0.9, 0.1, Answer.PRESENT, Answer.ABSENT)
    tried = [
        Trial(sop, ("x",), "blur", False, "pneumonia", *said, model, datetime.now(UTC))
        for sop in ("1.2.5.1", "1.2.5.2")
    ]
    repository.reviews.add(replace(signed(), trials=tuple(tried)))
    repository.studies.take_back_identity(STUDY, account="anna")
    repository.studies.separate(STUDY, ANNA, account="anna")
    case = make_case(repository.studies.get(STUDY), {}, drawn=False)
    assert case.review is not None and case.review.trials == tuple(tried[:1])


def test_a_decision_goes_with_its_patient(repository: Repository) -> None:
    keep(repository, film(1, ANNA), film(2, BRUNO))
    repository.studies.identify(STUDY, ANNA, account="anna", reader="Dr A")
    keep(repository, film(3, DAVID))
    assert repository.studies.get(STUDY).held
    (new,) = repository.studies.separate(STUDY, DAVID, account="other")
    apart, kept = repository.studies.get(new), repository.studies.get(STUDY)
    assert kept.identity is None and not kept.held and kept.patient.name == DAVID.name
    assert apart.identity is not None and apart.identity.reader == "Dr A"
    assert not apart.held and {i.patient.name for i in apart.instances} == {ANNA.name}
    keep(repository, film(4, BRUNO))  # whose identity was said to be Anna's
    assert len(repository.studies.get(new).instances) == 3
    assert not repository.studies.get(new).held and not repository.studies.get(STUDY).held


def test_what_comes_late_goes_to_whom_it_is_the_same_as(repository: Repository) -> None:
    older = replace(BRUNO, patient_id="", birth_date="19700101")
    keep(repository, film(1, ANNA), film(2, older), film(3, BRUNO))
    repository.studies.separate(STUDY, ANNA, account="anna")
    late = replace(BRUNO, birth_date="")  # contradicts neither Bruno, has the number of one
    keep(repository, film(4, late))
    (of_bruno,) = {
        item.study_instance_uid
        for item in repository.worklist.page().items
        if "1.2.5.3" in sops(repository, item.study_instance_uid)
    }
    assert sops(repository, of_bruno) == ["1.2.5.3", "1.2.5.4"]


def test_a_file_like_one_that_was_separated_follows_it(repository: Repository) -> None:
    numbered, named = replace(ANNA, name="", birth_date="", sex=""), Patient("BETA^BRUNO")
    keep(repository, film(1, numbered), film(2, BRUNO), film(3, named))
    (new,) = repository.studies.separate(STUDY, numbered, account="anna")
    before = sops(repository, new)
    assert "1.2.5.3" in before, "with the one who has this name"
    keep(repository, film(4, named))
    assert sops(repository, new) == [*before, "1.2.5.4"]
