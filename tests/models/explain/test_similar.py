"""Nearest cases: a film finds itself, patients come once, the quick search misses little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.errors import StoreError
from imaging.review.records import Call, ReadFinding, Review, Stage, Truth
from imaging.settings import ROOT
from imaging.store import Repository
from models.explain.base.lung_measures import CONCEPTS
from models.explain.cases.neighbours import CellIndex, ExactIndex, make_index
from models.explain.cases.reference import Projection, Reference, features_of, join_members
from models.explain.cases.reference_file import load_reference
from models.explain.cases.similar import label_counts, similar
from models.explain.cases.site_cases import add_study, site_similar
from models.explain.methods.explainer import Explainer, Explainers
from models.inference.classifier import Classifier
from models.inference.classifier_registry import ClassifierRegistry
from tests.factories import make_dicom_bytes
from tests.served import TakeIn

Film = NDArray[np.float32]


@pytest.fixture
def films() -> list[Film]:
    rng = np.random.default_rng(4)
    return [rng.random((40, 40), np.float32) ** rng.uniform(0.3, 3) for _ in range(12)]


@pytest.fixture
def explainer(tiny_classifier: Classifier) -> Explainer:
    return Explainer(tiny_classifier)


@pytest.fixture
def reference(explainer: Explainer, films: list[Film]) -> Reference:
    """Twelve films of eight patients; every third film is normal."""
    features = np.stack([features_of(explainer.classifier, explainer.look(f).x) for f in films])
    rows, card = join_members(features), explainer.card
    projection = Projection(rows.mean(0), np.eye(rows.shape[1], dtype=np.float32))
    vectors = projection(features)
    nearest = [ExactIndex(vectors).nearest(v, 2)[1][1] for v in vectors]
    return Reference(
        weights_sha256=card.weights_sha256,
        localiser_sha256=card.localiser_sha256,
        classes=card.classes,
        names=tuple(f"film {i}" for i in range(len(films))),
        labels=np.arange(len(films)) % 3,
        patients=np.arange(len(films)) % 8,
        probabilities=np.full((len(films), 3), 1 / 3, np.float32),
        measures=np.full((len(films), len(CONCEPTS)), np.nan, np.float32),
        vectors=vectors,
        projection=projection,
        nearest=np.sort(np.array(nearest, np.float32)),
        links={},
        facts={},
    )


def test_a_copy_of_a_reference_film_is_its_own_nearest(
    explainer: Explainer, reference: Reference, films: list[Film]
) -> None:
    for number, film in enumerate(films):
        first, second = similar(explainer, explainer.look(2 * film + 7), reference, k=2)
        assert first.case.name == f"film {number}" and first.itself and first.rarity == 0
        assert first.distance == pytest.approx(0, abs=1e-3)
        assert second.distance > 10 * first.distance and not second.itself


def test_cases_come_nearest_first_and_once_per_patient(
    explainer: Explainer, reference: Reference, films: list[Film]
) -> None:
    found = similar(explainer, explainer.look(films[0] + films[5]), reference, k=20)
    distances = [n.distance for n in found]
    assert distances == sorted(distances)
    assert sorted(n.case.patient for n in found) == list(range(8))
    for neighbour in found:  # no nearer film of the same patient was passed over
        place = reference.place(explainer.classifier, explainer.look(films[0] + films[5]).x)
        away = np.linalg.norm(reference.vectors - place, axis=1)
        mine = away[reference.patients == neighbour.case.patient]
        assert neighbour.distance == pytest.approx(mine.min(), rel=1e-3, abs=1e-4)


def test_labels_are_counted(explainer: Explainer, reference: Reference, films: list[Film]) -> None:
    found = similar(explainer, explainer.look(films[0]), reference, k=8)
    counts = label_counts(found)
    assert sum(counts.values()) == 8 and set(counts) <= set(reference.classes)
    assert list(counts.values()) == sorted(counts.values(), reverse=True)


def test_a_film_unlike_all_has_no_close_case(
    explainer: Explainer, reference: Reference, films: list[Film]
) -> None:
    near = replace(reference, nearest=np.full(100, 1e-6, np.float32))
    odd = explainer.look(np.add.outer(np.arange(40), np.arange(40)).astype(np.float32))
    assert not any(n.close for n in similar(explainer, odd, near))
    far = replace(reference, nearest=np.full(100, 1e6, np.float32))
    assert all(n.close for n in similar(explainer, odd, far))


def test_foreign_weights_are_refused(
    explainer: Explainer, reference: Reference, films: list[Film]
) -> None:
    with pytest.raises(ValueError, match="other weights"):
        similar(explainer, explainer.look(films[0]), replace(reference, weights_sha256="f" * 64))


def test_exact_search_is_plain_arithmetic() -> None:
    rng = np.random.default_rng(0)
    vectors, query = rng.random((300, 7), np.float32), rng.random(7, np.float32)
    found, distances = ExactIndex(vectors).nearest(query, 10)
    away = np.linalg.norm(vectors - query, axis=1)
    assert (found == np.argsort(away)[:10]).all()
    assert np.allclose(distances, np.sort(away)[:10], atol=1e-5)
    assert len(ExactIndex(vectors).nearest(query, 1000)[0]) == 300


def recall(vectors: NDArray[np.float32], queries: NDArray[np.float32]) -> float:
    """Share of the twenty nearest that the quick search finds."""
    exact, quick = ExactIndex(vectors), CellIndex(vectors)
    shares = [
        len({*exact.nearest(q, 20)[0].tolist()} & {*quick.nearest(q, 20)[0].tolist()}) / 20
        for q in queries
    ]
    return float(np.mean(shares))


def test_the_quick_search_finds_nearly_all(shipped_classifier: Classifier) -> None:
    """On the shipped cases themselves, each beside a small push."""
    reference = load_reference(ROOT / "models/weights/paediatric-cxr", shipped_classifier.card)
    assert reference is not None
    rng = np.random.default_rng(1)
    queries = reference.vectors[::47]
    queries = queries + rng.normal(0, 0.02, queries.shape).astype(np.float32)
    assert recall(reference.vectors, queries) >= 0.95


def test_many_cases_are_searched_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(0).random((400, 4), np.float32)
    assert isinstance(make_index(vectors), ExactIndex)
    monkeypatch.setattr("models.explain.cases.neighbours.EXACT_UP_TO", 399)
    quick = make_index(vectors)
    assert isinstance(quick, CellIndex)
    assert all(quick.nearest(v, 1)[0][0] == i for i, v in enumerate(vectors[:20]))


# -- the site's own cases


Keep = Callable[..., str]


@pytest.fixture
def keep(repository: Repository, take_in: TakeIn) -> Keep:
    """Stores a made-up film of a patient; returns its study."""

    def make(number: int, patient: str = "") -> str:
        pixels = np.random.default_rng(number).integers(0, 4000, (40, 40)).astype(np.uint16)
        uid = f"1.2.{number}"
        content = make_dicom_bytes(
            pixels,
            StudyInstanceUID=uid,
            SeriesInstanceUID=f"{uid}.1",
            SOPInstanceUID=f"{uid}.2",
            PatientID=patient or f"P{number}",
        )
        take_in(repository, content)
        return uid

    return make


def sign(
    repository: Repository, uid: str, *, present: bool = True, stage: Stage = Stage.FINAL
) -> None:
    record, now = repository.studies.get(uid), datetime.now(UTC)
    stated = ReadFinding("pneumonia", present, Call.ACCEPTED)
    base = record.review.version if record.review else 0
    repository.reviews.add(Review(uid, base, stage, "anna", "Dr Anna", now, findings=(stated,)))


def test_a_signed_film_is_found_with_its_readers_newest_call(
    repository: Repository,
    tiny_panel: ClassifierRegistry,
    explainer: Explainer,
    reference: Reference,
    keep: Keep,
) -> None:
    uid = keep(1)
    sign(repository, uid)
    assert add_study(Explainers(tiny_panel), repository, uid, account="anna") == 1
    (case,) = repository.cases.all()
    assert case.weights_sha256 == explainer.card.weights_sha256
    subject = explainer.look(np.random.default_rng(1).random((40, 40), np.float32))

    def found() -> list[tuple[bool, str, str]]:
        beside = site_similar(
            explainer.classifier, subject, reference, repository, beside="9.9", k=3
        )
        return [(n.proof.present, n.proof.reader, n.proof.source) for n in beside]

    assert found() == [(True, "Dr Anna", "")]
    sign(repository, uid, present=False)  # an amendment
    assert found() == [(False, "Dr Anna", "")]
    repository.reviews.set_truth(Truth(uid, "pneumonia", True, "CT"))
    assert found() == [(True, "", "CT")]


@pytest.mark.slow
def test_own_cases_leave_out_the_study_itself_and_repeat_no_patient(
    repository: Repository,
    tiny_panel: ClassifierRegistry,
    explainer: Explainer,
    reference: Reference,
    keep: Keep,
) -> None:
    studies = [keep(1, "A"), keep(2, "A"), keep(3, "B"), keep(4, "C")]
    for uid in studies:
        sign(repository, uid)
        add_study(Explainers(tiny_panel), repository, uid, account="anna")
    subject = explainer.look(np.random.default_rng(4).random((40, 40), np.float32))
    found = site_similar(
        explainer.classifier, subject, reference, repository, beside=studies[3], k=9
    )
    assert sorted(n.instance.patient.patient_id for n in found) == ["A", "B"]
    assert [n.distance for n in found] == sorted(n.distance for n in found)


@pytest.mark.parametrize("stage", [None, Stage.DRAFT, Stage.PRELIMINARY])
def test_only_what_is_signed_off_becomes_a_case(
    repository: Repository, tiny_panel: ClassifierRegistry, keep: Keep, stage: Stage | None
) -> None:
    uid = keep(1)
    if stage:
        sign(repository, uid, stage=stage)
    with pytest.raises(StoreError, match="cannot be a reference case yet"):
        add_study(Explainers(tiny_panel), repository, uid, account="anna")
    assert repository.cases.all() == ()


def test_a_case_goes_with_its_study_and_on_demand(
    repository: Repository, tiny_panel: ClassifierRegistry, keep: Keep
) -> None:
    for uid in (one := keep(1), other := keep(2)):
        sign(repository, uid)
        add_study(Explainers(tiny_panel), repository, uid, account="anna")
    repository.studies.delete(one, account="anna", reason="asked for it")
    assert [case.study_instance_uid for case in repository.cases.all()] == [other]
    repository.cases.remove(other, account="anna")
    assert repository.cases.all() == () and repository.audit.verify().intact
    said = [line.detail for line in repository.audit.entries(other)]
    assert said[-2:] == ["reference case added", "reference case removed"]
