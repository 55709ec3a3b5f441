"""Explanations for the export: one map per answered image, stretched onto the film's own pixels."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from imaging.decoding import DistantImage
from imaging.decoding.limits import is_large
from imaging.delivery.originals import read_original
from imaging.entities import RESEARCH_USE, Assessment, Instance
from imaging.errors import StoreError
from imaging.export import AttributionMap
from imaging.rendering import captioned_png, overlay_png
from imaging.store import Repository
from imaging.study import StudyRecord
from models.explain.checks.receipt import make_receipt
from models.explain.checks.verdict import Verdict
from models.explain.checks.whereabouts import patient_place
from models.explain.methods.explainer import Attribution, Explainers
from models.explain.methods.registry import METHODS


def attribution_maps(
    record: StudyRecord,
    repository: Repository,
    explainers: Explainers,
    *,
    method: str = "",
) -> tuple[AttributionMap, ...]:
    """Explain the leading finding of every image of a study that got an answer, and test each map.

    Parameters
    ----------
    record : StudyRecord
    repository : Repository
        Where the originals lie.
    explainers : Explainers
        Of the installed models; a map is made by the model that gave the answer.
    method : str
        Key of `Explainer.methods`; by default the first.

    Raises
    ------
    StoreError
        If an original cannot be read back.
    HeldStudyError
        While the study's files name two patients.
    """
    record.insist_on_one_patient()
    pairs = zip(record.instances, record.assessments, strict=True)
    maps = (
        _explain_image(instance, assessment, repository, explainers, method)
        for instance, assessment in pairs
        if assessment is not None and assessment.primary is not None
    )
    return tuple(one for one in maps if one is not None)


def _explain_image(
    instance: Instance,
    assessment: Assessment,
    repository: Repository,
    explainers: Explainers,
    method: str,
) -> AttributionMap | None:
    if is_large(instance.geometry):  # nothing is drawn of it
        return None
    try:
        image = read_original(repository, instance)
    except StoreError:  # the export says that the original is gone
        return None
    lead = assessment.primary or assessment.findings[0]
    explainer = explainers.of(assessment.model.name if assessment.model else "")
    subject = explainer.look(image.luminance_values(0), assessment)
    attribution = explainer.attribute(subject, lead.code, method)
    receipt = make_receipt(explainer, subject, attribution)
    size = instance.geometry.rows, instance.geometry.columns
    return AttributionMap(
        sop_instance_uid=instance.identity.sop_instance_uid,
        frame=0,
        values=stretch(attribution.values, *size),
        limit=float(np.abs(attribution.values).max()),
        method=METHODS[attribution.method].label,
        target=lead.code,
        seen=attribution.view.edges,
        model=attribution.model,
        verdict=receipt.verdict.name,
        reasons=receipt.verdict.reasons,
        place=patient_place(receipt.where.place, instance.acquisition.patient_orientation)
        if receipt.where
        else "",
    )


def stretch(values: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """An attribution's values on the film's own pixels, bilinear: (rows, columns), float32."""
    grid = torch.from_numpy(values)[None, None]
    return F.interpolate(grid, (rows, columns), mode="bilinear")[0, 0].numpy()


def draw_map(
    image: DistantImage, attribution: Attribution, verdict: Verdict, *, finding: str
) -> bytes:
    """The film with a map over it and what it is of below, as a PNG file.

    A map that is not reliable is told about and not drawn: the film stands alone.

    Parameters
    ----------
    image : DistantImage
        Its first frame was explained.
    attribution : Attribution
    verdict : Verdict
        From the map's receipt.
    finding : str
        What is explained, in words.
    """
    film, model = image.display_values(0), attribution.model
    caption = (
        f"{METHODS[attribution.method].label}: {finding} - {model.name} {model.version} "
        f"({model.short_hash}), {verdict.name}"
    )
    if verdict.reliable:
        return overlay_png(film, attribution.values, method=caption, seen=attribution.view.edges)
    why = " ".join(verdict.reasons)
    lines = [caption, f"The answer stands without a map. {why}", RESEARCH_USE]
    return captioned_png(film, lines)
