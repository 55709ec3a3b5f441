"""A study's most urgent film beside the reason for its answer, as pictures for a contact sheet."""

from __future__ import annotations

import numpy as np

from imaging.delivery.originals import read_original
from imaging.entities import Assessment, Instance
from imaging.export.batch.summary import PicturePair, Pictures
from imaging.rendering import composite_overlay, thumbnail
from imaging.store import Repository
from imaging.study import StudyRecord
from imaging.worklist.order import leading_assessment
from models.explain.checks.receipt import make_receipt
from models.explain.methods.explainer import Explainers
from models.explain.methods.registry import METHODS

SIZE = 512  # pixels of the longer side


def picture_pairs(
    repository: Repository, explainers: Explainers, *, method: str = "", size: int = SIZE
) -> Pictures:
    """A function from a Study Instance UID to the film that leads it and its overlay.

    Parameters
    ----------
    repository : Repository
        Where the originals lie.
    explainers : Explainers
        Of the installed models; the map is made by the model that gave the answer, where it is
        still installed. The pair names the one that was asked.
    method : str
        Key of `Explainer.methods`; by default the first.
    size : int
        Pixels of the longer side of both pictures.

    Returns
    -------
    callable
        It returns None for a study without an answer, and raises `NotFoundError`, `StoreError`
        or `InputError` where the original cannot be had or decoded any more, `HeldStudyError`
        where the study's files name two patients.
    """

    def pair(study_instance_uid: str) -> PicturePair | None:
        record = repository.studies.get(study_instance_uid)
        record.insist_on_one_patient()
        leading = _find_leading(record)
        if leading is None:
            return None
        instance, answer = leading
        image = read_original(repository, instance)
        lead = answer.primary or answer.findings[0]
        explainer = explainers.of(answer.model.name if answer.model else "")
        subject = explainer.look(image.luminance_values(0), answer)
        map_ = explainer.attribute(subject, lead.code, method)
        verdict = make_receipt(explainer, subject, map_).verdict
        film = image.display_values(0)
        overlay = composite_overlay(film, map_.values, signed=True, seen=map_.view.edges)
        return PicturePair(
            original=thumbnail(film, size=size),
            overlay=thumbnail(np.asarray(overlay), size=size) if verdict.reliable else None,
            verdict=verdict.name,
            sop_instance_uid=instance.identity.sop_instance_uid,
            method=METHODS[map_.method].label,
            finding=lead.label,
            model=map_.model,
        )

    return pair


def _find_leading(record: StudyRecord) -> tuple[Instance, Assessment] | None:
    """The image whose answer speaks for the study, if the network gave one."""
    lead = leading_assessment(record)
    if lead is None or lead.primary is None:
        return None
    for instance, answer in zip(record.instances, record.assessments, strict=True):
        if answer is lead:
            return instance, lead
    return None
