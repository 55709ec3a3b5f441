"""Evidence in words: the patient's side, the zone, and a line around the strongest place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.explain.base.subject import Subject
from models.explain.checks.whereabouts import Whereabouts, find_evidence, patient_place
from models.explain.methods.explainer import Attribution, Explainer
from models.inference.classifier import Classifier
from models.rules.crop_box import CropBox
from tests.planted import planted_film

SIZE = 64


@pytest.fixture(scope="module")
def map_(planted_classifier: Classifier) -> Attribution:
    """Any map; its values are replaced."""
    explainer = Explainer(planted_classifier)
    return explainer.attribute(explainer.look(planted_film()), "pneumonia")


@pytest.fixture
def chest() -> Subject:
    """Lungs that fill columns 8 to 28 and 36 to 56 of the view, which is the film's middle."""
    region = np.zeros((SIZE, SIZE), np.float32)
    region[10:55, 8:28] = region[10:55, 36:56] = 0.99
    film = np.zeros((2 * SIZE, 2 * SIZE), np.float32)
    film[32:96, 32:96] = region
    view = CropBox(0.25, 0.25, 0.75, 0.75)
    return Subject(region, torch.from_numpy(region)[None, None], view, film.shape, film)


def spots(*places: tuple[int, int]) -> np.ndarray:
    rows, columns = np.ogrid[:SIZE, :SIZE]
    made = sum(np.exp(-((rows - r) ** 2 + (columns - c) ** 2) / 16) for r, c in places)
    return np.asarray(made, np.float32) - 0.01


def found(map_: Attribution, chest: Subject, *places: tuple[int, int]) -> Whereabouts:
    where = find_evidence(replace(map_, inner=spots(*places)), chest)
    assert where is not None
    return where


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ((16, 18), "right_upper"),
        ((32, 18), "right_middle"),
        ((48, 18), "right_lower"),
        ((16, 46), "left_upper"),
        ((48, 46), "left_lower"),
    ],
)
def test_one_spot_is_in_a_zone_of_the_patients_side(
    map_: Attribution, chest: Subject, place: tuple[int, int], name: str
) -> None:
    where = found(map_, chest, place)
    assert where.place == name and sum(where.shares.values()) == pytest.approx(1)
    across, down = np.mean(where.outline, axis=0)
    # the view is the middle half of the film
    assert across == pytest.approx(0.25 + place[1] / SIZE / 2, abs=0.03)
    assert down == pytest.approx(0.25 + place[0] / SIZE / 2, abs=0.03)
    assert 0.02 < np.ptp([x for x, _y in where.outline]) < 0.3


def test_spots_in_one_lung_and_in_both(map_: Attribution, chest: Subject) -> None:
    assert found(map_, chest, (16, 18), (32, 18), (48, 18)).place == "right"
    assert found(map_, chest, (16, 18), (48, 46)).place == "both"


def test_the_line_goes_around_the_strongest_place_alone(map_: Attribution, chest: Subject) -> None:
    inner = np.asarray(spots((16, 18)) + 0.8 * spots((48, 46)), np.float32)
    where = find_evidence(replace(map_, inner=inner), chest)
    assert where is not None and max(x for x, _y in where.outline) < 0.5


@pytest.mark.parametrize(
    ("orientation", "place"),
    [
        ((), "left_lower"),
        (("L", "F"), "left_lower"),
        (("R", "F"), "right_lower"),  # the film hangs the other way round
        (("A", "F"), ""),  # from the side: it has neither
    ],
)
def test_the_side_is_the_patients_as_the_header_has_it(
    orientation: tuple[str, ...], place: str
) -> None:
    assert patient_place("left_lower", orientation) == place
    assert patient_place("left", ("R", "F")) == "right"
    assert patient_place("both", ("R", "F")) == "both"


def test_nothing_is_said_without_lungs_or_evidence(map_: Attribution, chest: Subject) -> None:
    assert find_evidence(replace(map_, inner=-np.abs(spots((16, 18)))), chest) is None
    assert find_evidence(replace(map_, inner=spots((16, 18))), replace(chest, region=None)) is None
