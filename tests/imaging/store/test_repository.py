"""The store: what goes in comes back, decisions are appended, the queue survives."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from imaging.entities import (
    Acquisition,
    Answer,
    Assessment,
    Finding,
    Geometry,
    Identity,
    Instance,
    ModelIdentity,
    Patient,
    Status,
    VoiPreset,
)
from imaging.errors import ConflictError, NotFoundError, StoreError
from imaging.priors import Priors
from imaging.review.records import (
    Annotation,
    Call,
    FirstRead,
    Measure,
    Presentation,
    ReadFinding,
    Review,
    Shape,
    Stage,
    Trial,
    Truth,
)
from imaging.store import Repository
from imaging.store.schema import json_codec
from imaging.study import FileOutcome
from imaging.worklist.order import RAISED, RAISED_BEFORE
from tests.stored import NETWORKS, announce, outcome_of, store

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MODEL = ModelIdentity("tiny", "1", "ab" * 32)


def instance(number: int = 1, study: str = "1.2.3", sha256: str = "") -> Instance:
    return Instance(
        identity=Identity(study, "1.2.4", f"1.2.5.{number}", "1.2", "1.2.840", sha256),
        patient=Patient("DOE^JANE", "42", "20220101", "F", 4.0),
        acquisition=Acquisition(modality="DX", patient_orientation=("L", "F")),
        geometry=Geometry(10, 20, 1, 1, "MONOCHROME1", 12, (0.1, 0.1), "PixelSpacing"),
        voi_presets=(VoiPreset("window", 0, "soft", 2048.0, 4096.0),),
    )


def assessment(number: int = 1, probability: float = 0.9) -> Assessment:
    finding = Finding("pneumonia", "Pneumonia", probability, 0.5)
    return Assessment(f"1.2.5.{number}", Status.OK, MODEL, (finding,), ("a reason",), NOW)


def dated(number: int, date: str, when: str = "", **patient: Any) -> Instance:
    """A film in a study of its own, 1.<number>."""
    plain = instance(number, study=f"1.{number}")
    taken = replace(plain.acquisition, study_date=date, study_time=when)
    return replace(plain, acquisition=taken, patient=replace(plain.patient, **patient))


def review(version: int = 0, stage: Stage = Stage.DRAFT) -> Review:
    finding = ReadFinding("pneumonia", False, Call.OVERRULED, "clear", regions=("1.2.9",))
    trial = Trial(
        "1.2.5", ("right_lower",), "blur", False, "pneumonia", 0.9, 0.3, Answer.PRESENT,
        Answer.ABSENT, MODEL, NOW,
    )  # fmt: skip
    return Review(
        "1.2.3", version, stage, "anna", "Dr A", NOW, (finding,), note="note", trials=(trial,)
    )


@pytest.fixture
def repository(tmp_path: Path, database: str) -> Iterator[Repository]:
    """An empty store on each kind of database in turn."""
    opened = Repository.open(tmp_path / "home", database)
    yield opened
    opened.close()


@pytest.fixture
def filled(repository: Repository) -> Repository:
    store(repository, outcome_of(instance(), assessment()))
    return repository


def test_round_trip(filled: Repository) -> None:
    record = filled.studies.get("1.2.3")
    assert record.instances == (instance(),)
    assert record.assessments == (assessment(),)
    assert record.review is None


def test_the_part_of_the_film_is_stored_and_missing_in_older_records() -> None:
    answer = replace(assessment(), view=(0.125, 0.1 + 0.2, 2 / 3, 1.0))
    values = json.loads(json.dumps(json_codec.assessment_to_json(answer)))
    assert json_codec.assessment_from_json(values, NOW) == answer
    del values["view"]
    assert json_codec.assessment_from_json(values, NOW) == replace(answer, view=None)


def test_reopening_finds_everything(filled: Repository, tmp_path: Path, database: str) -> None:
    filled.reviews.add(review())
    again = Repository.open(tmp_path / "home", database)
    assert again.studies.get("1.2.3") == filled.studies.get("1.2.3")
    again.close()


def test_the_same_film_twice_is_one_record(filled: Repository) -> None:
    for networks in (NETWORKS, "others, which answer anew"):
        (file,) = store(filled, outcome_of(instance(), assessment()), networks=networks).files
        assert file.status is Status.OK and file.study_instance_uid == "1.2.3"
        assert filled.studies.get("1.2.3").instances == (instance(),)


def test_another_content_of_the_same_uid_is_told_and_kept_beside(filled: Repository) -> None:
    again = outcome_of(instance(sha256="cd" * 32), assessment())
    for networks in (NETWORKS, "others, which answer anew"):
        (file,) = store(filled, again, networks=networks).files
        assert file.status is Status.WARNED and "same SOP Instance UID" in file.message
        first, second = filled.studies.get("1.2.3").instances
        assert first == instance() and second.identity.sha256 == "cd" * 32
        assert second.identity.sop_instance_uid == file.sop_instance_uid
        assert file.sop_instance_uid != first.identity.sop_instance_uid
    assert not filled.studies.get("1.2.3").held


def test_reviews_are_appended_and_a_late_writer_is_told(filled: Repository) -> None:
    first = filled.reviews.add(review())
    filled.reviews.add(replace(first, stage=Stage.FINAL))
    with pytest.raises(ConflictError, match="first"):
        filled.reviews.add(replace(first, note="too late"))
    assert [r.signed for r in filled.studies.get("1.2.3").reviews] == [False, True]
    assert [r.version for r in filled.studies.get("1.2.3").reviews] == [1, 2]


def test_unknown_names_are_not_found(repository: Repository) -> None:
    with pytest.raises(NotFoundError):
        repository.studies.get("9.9")
    with pytest.raises(NotFoundError):
        repository.jobs.get("9")
    with pytest.raises(NotFoundError):
        repository.originals.content("00" * 32)


def test_altered_bytes_are_noticed(repository: Repository) -> None:
    sha256 = repository.originals.keep(b"film")
    assert repository.originals.content(sha256) == b"film"
    repository.originals.path_of(sha256).write_bytes(b"fake")
    with pytest.raises(StoreError, match="altered"):
        repository.originals.content(sha256)


def test_urgent_first_then_longest_waiting_and_nothing_is_lost(repository: Repository) -> None:
    for number, probability in [(1, 0.1), (2, 0.9), (3, 0.2), (4, 0.8)]:
        film = instance(number, study=f"1.{number}")
        store(repository, outcome_of(film, assessment(number, probability)))
    announce(repository, instance(5, study="1.5"))  # never answered
    assert [i.study_instance_uid for i in repository.worklist.page().items] == [
        "1.2",
        "1.4",
        "1.1",
        "1.3",
        "1.5",
    ]


def test_only_a_signature_takes_a_study_off_the_top(filled: Repository) -> None:
    newer = outcome_of(instance(), assessment(probability=0.1))
    store(filled, newer, networks="newer")
    assert filled.worklist.page().items[0].message == f"a reason {RAISED_BEFORE}"
    filled.reviews.add(review())
    assert filled.worklist.page().items[0].priority == RAISED
    filled.reviews.add(review(1, Stage.FINAL))
    assert filled.worklist.page().items[0].priority == -1


def test_a_review_comes_back_with_all_it_holds(filled: Repository) -> None:
    mark = Annotation(
        "1.2.9",
        "1.2.5.1",
        Shape.LENGTH,
        ((0.5, 0.5), (3.25, 9.0)),
        label="L1",
        finding="pneumonia",
        measures=(Measure("length", 12.5, "mm"),),
    )
    seen = Presentation("1.2.5.1", window_center=40.0, window_width=400.0, rotation=90)
    full = replace(review(), annotations=(mark,), presentations=(seen,), restores=1)
    stored = filled.reviews.add(full)
    assert filled.studies.get("1.2.3").review == stored
    assert stored == replace(full, version=1, created_at=stored.created_at)


def test_a_signature_needs_somebody_behind_it(filled: Repository) -> None:
    signed = review(stage=Stage.PRELIMINARY)
    for nobody in (replace(signed, account=""), replace(signed, reader="")):
        with pytest.raises(ValueError, match="signature"):
            filled.reviews.add(nobody)
    assert filled.studies.get("1.2.3").reviews == ()


def test_finals_are_the_versions_signed_off(filled: Repository) -> None:
    filled.reviews.add(review())
    final = filled.reviews.add(review(1, Stage.FINAL))
    filled.reviews.add(review(2))
    filled.reviews.add(review(3, Stage.PRELIMINARY))
    amended = filled.reviews.add(review(4, Stage.FINAL))
    assert filled.reviews.finals() == (final, amended)
    assert filled.studies.get("1.2.3").final == amended


def test_priors_are_the_patient_s_earlier_studies_newest_first(repository: Repository) -> None:
    films = [
        dated(1, "20260301", "1200"),
        dated(2, "20250101"),
        dated(3, "2026.02.01"),  # as ACR-NEMA wrote dates
        dated(4, "20260301", "11:59:59.5"),
        dated(5, "20260301", "1201"),  # later
        dated(6, "20260301"),  # the same day, who knows when
        dated(7, ""),
        dated(8, "20260101", birth_date="20210101"),  # another child of that number
        dated(9, "20240101", birth_date=""),
        dated(10, "20260101", patient_id="43"),
    ]
    store(repository, *map(outcome_of, films))
    priors = repository.studies.priors("1.1")
    assert [p.study_instance_uid for p in priors.same] == ["1.4", "1.3", "1.2", "1.9"]
    assert {p.record.study_instance_uid for p in priors.doubtful} == {"1.10", "1.8"}
    assert repository.studies.priors("1.7") == Priors()  # of an undated study nothing is known
    with pytest.raises(NotFoundError):
        repository.studies.priors("9.9")


@pytest.mark.parametrize("patient_id", ["", "ANONYMOUS", "00000"])
def test_without_a_number_no_prior_is_sure(repository: Repository, patient_id: str) -> None:
    for number, date in [(1, "20260101"), (2, "20260201")]:
        store(repository, outcome_of(dated(number, date, patient_id=patient_id)))
    priors = repository.studies.priors("1.2")
    assert priors.same == () and [p.record.study_instance_uid for p in priors.doubtful] == ["1.1"]


def test_a_prior_is_found_whatever_the_spelling_of_its_number(repository: Repository) -> None:
    for number, date, patient_id in [(1, "20260101", "ab-42 "), (2, "20260201", "AB42")]:
        store(repository, outcome_of(dated(number, date, patient_id=patient_id)))
    assert [p.study_instance_uid for p in repository.studies.priors("1.2").same] == ["1.1"]


def test_a_stranger_is_no_prior_at_all(repository: Repository) -> None:
    stranger = {"name": "ROE^RICK", "sex": "M", "birth_date": "", "issuer": "B"}
    store(repository, outcome_of(dated(1, "20260101", **stranger)))
    store(repository, outcome_of(dated(2, "20260201", issuer="A")))
    assert repository.studies.priors("1.2") == Priors()


def test_a_first_read_is_committed_once(filled: Repository) -> None:
    first = FirstRead("1.2.3", "anna", "pneumonia", True, 12.5, NOW, False, 0.25, MODEL)
    other = replace(first, account="berta", network_present=None, probability=None, model=None)
    filled.reviews.add_first_read(first)
    filled.reviews.add_first_read(other)
    with pytest.raises(ConflictError, match="first read"):
        filled.reviews.add_first_read(replace(first, present=False))
    assert filled.reviews.first_read("1.2.3", "anna") == first
    assert filled.reviews.first_read("1.2.3", "clara") is None
    assert filled.reviews.first_reads() == (first, other)


def test_the_last_word_on_a_truth_counts(filled: Repository) -> None:
    filled.reviews.set_truth(Truth("1.2.3", "viral", True, "culture"))
    filled.reviews.set_truth(Truth("1.2.3", "pneumonia", True, "follow-up"))
    filled.reviews.set_truth(Truth("1.2.3", "pneumonia", False, "CT"))
    assert filled.reviews.truths() == {
        "1.2.3": (
            Truth("1.2.3", "pneumonia", False, "CT"),
            Truth("1.2.3", "viral", True, "culture"),
        )
    }


def test_a_deleted_study_leaves_nothing_but_what_others_need(repository: Repository) -> None:
    shared, alone, waiting = (
        repository.originals.keep(c) for c in (b"shared", b"alone", b"waiting")
    )
    films = [instance(1, sha256=shared), instance(3, sha256=waiting)]
    store(repository, *map(outcome_of, films), contents=[b"shared", b"waiting"])
    other = outcome_of(instance(4, study="1.4", sha256=shared))
    store(repository, other, contents=[b"shared"], networks="others")
    repository.reviews.add(review())
    repository.reviews.add_first_read(FirstRead("1.2.3", "anna", "pneumonia", True, 3.0, NOW))
    repository.reviews.set_truth(Truth("1.2.3", "pneumonia", True, "CT"))
    named = FileOutcome("DOE.dcm", assessment(2), instance(2, sha256=alone))
    done = store(repository, named, contents=[b"alone"]).job_id
    repository.jobs.add([("again.dcm", b"waiting")])
    repository.studies.delete("1.2.3", account="anna", reason="sent by mistake")
    assert [i.study_instance_uid for i in repository.worklist.page().items] == ["1.4"]
    assert repository.reviews.first_reads() == () and repository.reviews.truths() == {}
    assert repository.jobs.get(done).files == ()
    assert (
        repository.originals.content(shared) == b"shared"
        and repository.originals.content(waiting) == b"waiting"
    )
    with pytest.raises(NotFoundError):
        repository.originals.content(alone)
    with pytest.raises(NotFoundError):
        repository.studies.delete("1.2.3", account="anna", reason="again")


def test_a_deleted_study_can_come_again(filled: Repository) -> None:
    filled.reviews.add(review())
    filled.studies.delete("1.2.3", account="anna", reason="sent by mistake")
    store(filled, outcome_of(instance(), assessment()))
    record = filled.studies.get("1.2.3")
    assert record.instances == (instance(),) and record.reviews == ()


def test_the_queue_survives_a_restart(
    repository: Repository, tmp_path: Path, database: str
) -> None:
    job_id = repository.jobs.add([("a.dcm", b"one"), ("b.txt", b"two")], account="anna")
    repository.close()
    again = Repository.open(tmp_path / "home", database)
    waiting = again.claims.claim_files("anybody", 1)
    assert [(w.job_id, w.file_name) for w in waiting] == [(job_id, "a.dcm")]
    assert again.originals.content(waiting[0].sha256) == b"one"
    assert again.jobs.get(job_id).done == 0 and not again.jobs.get(job_id).finished
    assert again.jobs.get(job_id).account == "anna"
    again.close()


def test_a_finished_file_leaves_the_queue_and_its_bytes_unless_recorded(
    repository: Repository,
) -> None:
    kept = instance(sha256=repository.originals.keep(b"film"))
    refused = Assessment("", Status.ERROR, messages=("The file is empty.",))
    job = store(
        repository,
        FileOutcome("a.dcm", assessment(), kept),
        FileOutcome("b.txt", refused),
        contents=[b"film", b"text"],
    )
    assert job.finished and [f.status for f in job.files] == [Status.OK, Status.ERROR]
    assert job.files[1].message == "The file is empty." and not repository.claims.claim_files(
        "anybody", 1
    )
    assert repository.originals.content(kept.identity.sha256) == b"film"
    assert len(list(repository._objects.root.rglob("*/*"))) == 1


def test_a_home_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="data folder cannot be opened or written"):
        Repository.open(tmp_path / "file" / "home")


@pytest.fixture
def unplugged(tmp_path: Path) -> Iterator[Path]:
    """A home that was used and whose disk can no longer be written."""
    disk = tmp_path / "disk"
    disk.mkdir()
    as_root = os.geteuid() == 0  # root writes through file modes, so a real mount is needed
    if as_root:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "none", str(disk)], check=False)
        if mounted.returncode:
            pytest.skip("this machine lets nobody mount a disk")
    Repository.open(disk / "home").close()
    if as_root:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    else:
        for path in [*disk.rglob("*"), disk]:
            path.chmod(0o555 if path.is_dir() else 0o444)
    yield disk / "home"
    if as_root:
        subprocess.run(["umount", str(disk)], check=True)
    else:
        for path in [disk, *disk.rglob("*")]:
            path.chmod(0o755)


def test_an_unplugged_disk_is_one_sentence(unplugged: Path) -> None:
    with (
        closing(Repository.open(unplugged)) as opened,  # for reading
        pytest.raises(StoreError, match="read"),
    ):
        store(opened, outcome_of(instance()))
    with pytest.raises(StoreError, match="not written"):
        Repository.open(unplugged / "new")


def test_what_could_not_be_unpacked_is_written_down(repository: Repository) -> None:
    job_id = repository.jobs.add([("cd.zip/a", b"one")], refused=[("cd.zip/b", "It is damaged.")])
    job = repository.jobs.get(job_id)
    assert [(f.file_name, f.status, f.message) for f in job.files] == [
        ("cd.zip/a", None, ""),
        ("cd.zip/b", Status.ERROR, "It is damaged."),
    ]
    assert not job.finished and repository.claims.claim_files("anybody", 1)
    only = repository.jobs.get(repository.jobs.add([], refused=[("x.zip/b", "It is damaged.")]))
    assert only.finished and only.done == only.total == 1
