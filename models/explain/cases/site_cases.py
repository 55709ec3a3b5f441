"""The site's own signed films as reference cases: in its store, compared like training films."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.delivery.originals import read_original
from imaging.entities import Instance
from imaging.errors import StoreError
from imaging.person import compare
from imaging.review.records import Truth
from imaging.store import Repository
from imaging.store.reference_cases import SiteCase
from imaging.study import StudyRecord
from models.explain.base.subject import Subject
from models.explain.cases.neighbours import make_index
from models.explain.cases.reference import FAR, Reference, features_of
from models.explain.methods.explainer import Explainers
from models.inference.classifier import Classifier


@dataclass(frozen=True, slots=True)
class Proof:
    """Truth of a study, and who states it: a reader's signature, or a source outside the reading.

    ``code`` is the leading finding, or what the reader restated it as (`imaging.review.terms`).
    """

    code: str
    present: bool
    reader: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class SiteNeighbour:
    """One of the site's own films beside the film in question; see `similar.Neighbour`."""

    instance: Instance
    proof: Proof
    distance: float
    rarity: float

    @property
    def close(self) -> bool:
        """False beyond what validation films show of their nearest training film."""
        return self.rarity < FAR


def add_study(
    explainers: Explainers, repository: Repository, study_instance_uid: str, *, account: str
) -> int:
    """Keep the answered films of a signed study as reference cases.

    Returns
    -------
    int
        How many films.

    Raises
    ------
    StoreError
        If the study is not signed off, says nothing about the leading finding, has no answered
        film, or cannot be read.
    """
    record = repository.studies.get(study_instance_uid)
    record.insist_on_one_patient()
    cases = tuple(_cases(record, explainers, repository))
    if not cases:
        raise StoreError(
            "This image cannot be a reference case yet. Sign a study in which the AI "
            "answered and you decided its leading finding."
        )
    repository.cases.add(cases, account=account)
    return len(cases)


def _cases(
    record: StudyRecord, explainers: Explainers, repository: Repository
) -> Iterator[SiteCase]:
    if record.final is None:
        return
    for instance, assessment in zip(record.instances, record.assessments, strict=True):
        if assessment is None or assessment.primary is None or assessment.model is None:
            continue
        explainer = explainers.of(assessment.model.name)
        classifier = explainer.classifier
        if record.final.finding(classifier.card.findings[0].code) is None:
            continue
        identity = instance.identity
        image = read_original(repository, instance)
        subject = explainer.look(image.luminance_values(0), assessment)
        yield SiteCase(
            identity.study_instance_uid,
            identity.sop_instance_uid,
            classifier.card.weights_sha256,
            features_of(classifier, subject.x).astype("<f2").tobytes(),
        )


def site_similar(
    classifier: Classifier,
    subject: Subject,
    reference: Reference,
    repository: Repository,
    *,
    beside: str,
    k: int,
) -> tuple[SiteNeighbour, ...]:
    """The nearest of the site's own cases, the nearest first, one film of each patient.

    Parameters
    ----------
    classifier : Classifier
        The model the reference belongs to.
    subject : Subject
    reference : Reference
        Gives the space to compare in, and what distances are usual.
    repository : Repository
    beside : str
        Study Instance UID of the film in question: its own films are left out.
    k : int
        How many at most.

    Raises
    ------
    StoreError
        If the store fails.
    """
    weights = classifier.card.weights_sha256
    cases = [c for c in repository.cases.all(weights) if c.study_instance_uid != beside]
    if not cases:
        return ()
    vectors = reference.projection(_features(cases, classifier.card.members))
    place = reference.place(classifier, subject.x)
    order, distances = make_index(vectors).nearest(place, len(cases))
    truths, code = repository.reviews.truths(), classifier.card.findings[0].code
    nearest: list[SiteNeighbour] = []
    for position, distance in zip(order, distances.tolist(), strict=True):
        case = cases[int(position)]
        record = repository.studies.get(case.study_instance_uid)
        proof = _proof(record, {t.code: t for t in truths.get(case.study_instance_uid, ())}, code)
        instance = _instance(record, case.sop_instance_uid)
        known = any(_may_be_one(instance, neighbour.instance) for neighbour in nearest)
        if proof is not None and not known and not record.held:
            nearest.append(SiteNeighbour(instance, proof, distance, reference.rarity(distance)))
        if len(nearest) == k:
            break
    return tuple(nearest)


def _may_be_one(film: Instance, other: Instance) -> bool:
    """True for two films of one study, or of who may be one person."""
    studies = {i.identity.study_instance_uid for i in (film, other)}
    return len(studies) == 1 or compare(film.patient, other.patient).may_be_same


def _features(cases: list[SiteCase], members: int) -> NDArray[np.float32]:
    """(cases, members, channels), float32."""
    rows = np.stack([np.frombuffer(case.features, "<f2") for case in cases])
    return rows.reshape(len(cases), members, -1).astype(np.float32)


def _instance(record: StudyRecord, sop_instance_uid: str) -> Instance:
    return next(i for i in record.instances if i.identity.sop_instance_uid == sop_instance_uid)


def _proof(record: StudyRecord, truths: dict[str, Truth], code: str) -> Proof | None:
    """The outcome where it is known, else the newest signature; None where it says nothing."""
    if code in truths:
        return Proof(code, truths[code].present, source=truths[code].source)
    stated = record.final.finding(code) if record.final else None
    if record.final is None or stated is None:
        return None
    return Proof(stated.code, stated.present, reader=record.final.reader)
