"""The contact sheet: the film as it is, and the map of the image that leads its study."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from imaging.dicom import read_image
from imaging.errors import NotFoundError
from imaging.store import Repository
from imaging.worklist.order import leading_assessment
from models.explain.contact_sheet import picture_pairs
from models.explain.methods.explainer import Explainers
from models.inference.classifier_registry import ClassifierRegistry
from tests.factories import make_dicom_bytes, make_pixels
from tests.served import TakeIn


def stored(repository: Repository, take_in: TakeIn, **attributes: object) -> str:
    content = make_dicom_bytes(make_pixels(48, 64), **attributes)
    outcome = take_in(repository, content)
    assert outcome.instance is not None
    return outcome.instance.identity.study_instance_uid


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(png)))


def test_the_original_is_the_film_and_the_overlay_lies_on_it(
    repository: Repository, take_in: TakeIn, tiny_panel: ClassifierRegistry
) -> None:
    study = stored(repository, take_in)
    pair = picture_pairs(repository, Explainers(tiny_panel), size=64)(study)
    assert pair is not None
    film = read_image(make_dicom_bytes(make_pixels(48, 64))).display_values(0)
    assert np.array_equal(pixels(pair.original), film)
    overlay = pixels(pair.overlay)
    assert overlay.shape == (48, 64, 3) and (overlay != film[..., None]).any()
    assert pair.model == tiny_panel.first.card.identity and pair.finding == "Pneumonia"


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
