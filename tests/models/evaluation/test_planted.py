"""Disease planted for a test: in every zone, on its side; a method that misses it does not pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.evaluation.evaluate_planted import Row, planted_films, summarise
from models.explain.base.lung_zones import ZONES
from models.explain.base.subject import Subject
from models.explain.methods.explainer import Explainer
from models.inference.classifier import Classifier
from models.network.preprocess import preprocess
from models.rules.crop_box import WHOLE

SIZE = 64


def chest(seed: int, *, sick: bool = False) -> Subject:
    """Two dark lungs between white tissue, or greyer ones."""
    lot = np.random.default_rng(seed)
    region = np.zeros((SIZE, SIZE), np.float32)
    region[10:55, 8:28] = region[10:55, 36:56] = 0.99
    tones = 0.8 - (0.3 if sick else 0.5) * region + 0.03 * lot.random((SIZE, SIZE))
    film = np.asarray(tones, np.float32)
    return Subject(film, preprocess(film, size=SIZE), WHOLE, (SIZE, SIZE), region)


def test_an_opacity_lies_in_every_zone_on_the_patients_side() -> None:
    normal, lot = chest(1), torch.Generator().manual_seed(0)
    planted = list(planted_films(normal, chest(2, sick=True), lot))
    assert [zone for zone, _film, _marked in planted] == list(ZONES)
    low, high = normal.squashed.min(), normal.squashed.max()
    before = (normal.squashed - low) / (high - low)
    for zone, film, marked in planted:
        rows, columns = np.nonzero(marked)
        assert (columns.mean() < SIZE / 2) == zone.startswith("right")  # the film's left
        assert (rows.mean() < 25) == zone.endswith("upper")
        assert (film.squashed - before)[marked].mean() > 0.02
        assert film.x.shape == normal.x.shape and not torch.equal(film.x, normal.x)
        assert film.region is normal.region


def test_without_lungs_nothing_is_planted() -> None:
    normal = chest(1)
    blank = Subject(normal.squashed, normal.x, WHOLE, (SIZE, SIZE), np.zeros_like(normal.squashed))
    assert not list(planted_films(blank, normal, torch.Generator().manual_seed(0)))


def rows(method: str, *, hit: float, left: float, right: float, moved: float = 1.0) -> list[Row]:
    """Hundred opacities on each side, of which so many were found."""
    return [
        Row(zone, method, number < 100 * hit, number < 100 * share, moved, True)
        for zone, share in (("right_upper", left), ("left_lower", right))
        for number in range(100)
    ]


@pytest.mark.parametrize(
    ("figures", "passes"),
    [
        ({"hit": 0.6, "left": 0.9, "right": 0.9}, True),
        ({"hit": 0.4, "left": 0.9, "right": 0.9}, False),
        ({"hit": 0.6, "left": 1.0, "right": 0.3}, False),  # one side whatever the disease
        ({"hit": 0.6, "left": 0.3, "right": 1.0}, False),
    ],
)
def test_a_method_passes_that_finds_it_on_each_side(
    planted_classifier: Classifier, figures: dict[str, float], passes: bool
) -> None:
    explainer = Explainer(planted_classifier)
    (found,) = summarise(explainer, rows("fused", **figures))["methods"]
    assert found["passes"] == passes and found["answer_moves"]
    assert found["left"]["value"] == figures["left"] and found["right"]["value"] == figures["right"]


def test_a_model_without_lungs_has_nothing_to_plant_into(planted_classifier: Classifier) -> None:
    facts = summarise(Explainer(planted_classifier), [])
    assert facts == {"films_with_opacity": 0, "methods": []}


def test_an_answer_that_does_not_move_is_told(planted_classifier: Classifier) -> None:
    explainer = Explainer(planted_classifier)
    facts = summarise(explainer, rows("fused", hit=1, left=1, right=1, moved=-0.1))
    assert facts["moved"]["value"] == 0 and not facts["methods"][0]["answer_moves"]
    assert facts["films_with_opacity"] == 200
