"""A map as a picture: drawn where it is reliable, told about where it is not."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image as PillowImage

from imaging.decoding import read_image
from models.explain.checks.verdict import NOT_RELIABLE, STAYS, WEAK, WELL_SUPPORTED, Verdict
from models.explain.maps import draw_map
from models.explain.methods.explainer import Explainer
from models.inference.classifier import Classifier
from tests.factories import make_dicom_bytes, make_pixels

ROWS, COLUMNS = 96, 400


def drawn(classifier: Classifier, verdict: Verdict) -> np.ndarray:
    """The picture of a film with that verdict on its map: (rows, columns, 3)."""
    image = read_image(make_dicom_bytes(make_pixels(ROWS, COLUMNS)))
    explainer = Explainer(classifier)
    map_ = explainer.attribute(explainer.look(image.luminance_values(0)), "pneumonia")
    png = draw_map(image, map_, verdict, finding="Pneumonia")
    return np.asarray(PillowImage.open(BytesIO(png)).convert("RGB")).astype(int)


def has_colour(picture: np.ndarray) -> bool:
    return bool((np.ptp(picture, axis=2) > 8).any())


@pytest.mark.parametrize("name", [WELL_SUPPORTED, WEAK])
def test_a_reliable_map_lies_over_the_film(planted_classifier: Classifier, name: str) -> None:
    assert has_colour(drawn(planted_classifier, Verdict(name))[:ROWS])


def test_of_a_map_that_is_not_reliable_no_colour_is_seen(planted_classifier: Classifier) -> None:
    picture = drawn(planted_classifier, Verdict(NOT_RELIABLE, (STAYS,)))
    image = read_image(make_dicom_bytes(make_pixels(ROWS, COLUMNS)))
    assert not has_colour(picture) and len(picture) > ROWS + 40  # three lines of text below
    assert np.array_equal(picture[:ROWS, :COLUMNS, 0], image.display_values(0))
