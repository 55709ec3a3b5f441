"""The contact sheet: the film as it is, and the map of the image that leads its study."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from imaging.dicom import read_image
from imaging.errors import NotFoundError
from imaging.export.batch.summary_blocks import caption
from imaging.store import Repository
from imaging.worklist.order import leading_assessment
from models.explain.checks.verdict import NOT_RELIABLE, WEAK, WELL_SUPPORTED, VerdictRule
from models.explain.contact_sheet import picture_pairs
from models.explain.methods.explainer import Explainers
from models.inference.classifier_registry import ClassifierRegistry
from tests.factories import make_dicom_bytes, make_pixels
from tests.served import TakeIn

LENIENT = VerdictRule(least_gain=-9, least_stability=-9, least_mirror=-9, least_own=-9)


def stored(repository: Repository, take_in: TakeIn, **attributes: object) -> str:
    content = make_dicom_bytes(make_pixels(48, 64), **attributes)
    outcome = take_in(repository, content)
    assert outcome.instance is not None
    return outcome.instance.identity.study_instance_uid


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(png)))


def test_the_original_is_the_film_and_the_overlay_lies_on_it(
    repository: Repository,
    take_in: TakeIn,
    tiny_panel: ClassifierRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("models.explain.checks.receipt.installed_rule", lambda _card: LENIENT)
    study = stored(repository, take_in)
    pair = picture_pairs(repository, Explainers(tiny_panel), size=64)(study)
    assert pair is not None
    film = read_image(make_dicom_bytes(make_pixels(48, 64))).display_values(0)
    assert np.array_equal(pixels(pair.original), film)
    assert pair.overlay is not None and pair.verdict in (WEAK, WELL_SUPPORTED)
    overlay = pixels(pair.overlay)
    assert overlay.shape == (48, 64, 3) and (overlay != film[..., None]).any()
    assert pair.model == tiny_panel.card().identity and pair.finding == "Pneumonia"


def test_a_map_that_is_not_reliable_is_not_drawn(
    repository: Repository, take_in: TakeIn, tiny_panel: ClassifierRegistry
) -> None:
    """Random weights know nothing: the film stands alone, and the caption says so."""
    pair = picture_pairs(repository, Explainers(tiny_panel))(stored(repository, take_in))
    assert pair is not None and pair.overlay is None and pair.verdict == NOT_RELIABLE
    assert "The answer stands without a map" in caption(pair)


def test_the_leading_image_of_a_study_is_shown(
    repository: Repository, take_in: TakeIn, tiny_panel: ClassifierRegistry
) -> None:
    study = stored(repository, take_in)
    other = np.random.default_rng(1).integers(0, 4095, (48, 64)).astype(np.uint16)
    content = make_dicom_bytes(other, SOPInstanceUID="1.2.3.9")
    take_in(repository, content)
    lead = leading_assessment(repository.studies.get(study))
    pair = picture_pairs(repository, Explainers(tiny_panel))(study)
    assert pair is not None and lead is not None
    assert pair.sop_instance_uid == lead.sop_instance_uid


def test_a_study_without_an_answer_has_no_picture(
    repository: Repository, take_in: TakeIn, tiny_panel: ClassifierRegistry
) -> None:
    study = stored(repository, take_in, Modality="MR")
    pairs = picture_pairs(repository, Explainers(tiny_panel))
    assert pairs(study) is None
    with pytest.raises(NotFoundError):
        pairs("9.9.9")
