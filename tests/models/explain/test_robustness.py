"""The robustness dial: the film itself is one of the levels, and a flip is found where it is."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.entities import Answer
from models.explain.probes.robustness import LEVELS, Curve, Point, curve, disturb
from models.inference.classifier import Classifier
from tests.planted import planted_film


def drawn(*answers: Answer, neutral: float = 0.0) -> Curve:
    points = tuple(Point(float(i - 2), 0.5, answer) for i, answer in enumerate(answers))
    return Curve("rotation", neutral, points)


YES, NO, UNSURE = Answer.PRESENT, Answer.ABSENT, Answer.UNSURE


def test_where_the_answer_flips() -> None:
    found = drawn(NO, YES, YES, YES, UNSURE)
    assert found.original.answer is YES and found.holds == (-1.0, 1.0)
    assert [p.level for p in found.flips] == [-2.0, 2.0]
    assert [p.answer for p in found.flips] == [NO, UNSURE]


def test_what_lies_beyond_a_flip_does_not_count() -> None:
    found = drawn(YES, NO, YES, YES, YES)
    assert found.holds == (0.0, 2.0) and [p.level for p in found.flips] == [-1.0]


def test_an_answer_that_holds_has_no_flip() -> None:
    assert drawn(YES, YES, YES, YES, YES).flips == ()


@pytest.mark.parametrize("kind", LEVELS)
def test_the_film_itself_is_on_every_dial(tiny_classifier: Classifier, kind: str) -> None:
    film = planted_film(side=64)
    found = curve(tiny_classifier, film, kind)
    plain = tiny_classifier.predict(film)
    assert [p.level for p in found.points] == list(LEVELS[kind]) == sorted(LEVELS[kind])
    assert found.original.probability == plain.findings[0].probability
    assert found.original.answer is plain.answer
    assert len({p.probability for p in found.points}) > 1


def test_the_same_noise_at_every_visit() -> None:
    film = planted_film(side=64)
    assert np.array_equal(disturb(film, "noise", 5), disturb(film, "noise", 5))
    assert disturb(film, "noise", 0) is film


def test_contrast_is_a_slope_about_the_mean_within_the_film_s_range() -> None:
    film = np.array([[100, 400, 500, 600, 900]], np.float32)
    np.testing.assert_allclose(disturb(film, "contrast", 0.5), [[300, 450, 500, 550, 700]])
    np.testing.assert_allclose(disturb(film, "contrast", 4), [[100, 100, 500, 900, 900]])
    assert disturb(film, "contrast", 1) is film


def test_the_networks_see_contrast_only_where_it_saturates(tiny_classifier: Classifier) -> None:
    """Equalised tones keep their ranks under any slope; only what is cut off is lost."""
    found = curve(tiny_classifier, planted_film(side=64), "contrast")
    moved = {p.level: abs(p.probability - found.original.probability) for p in found.points}
    assert max(moved[level] for level in moved if level <= 1) < 1e-3 < moved[4]


def test_a_large_film_is_made_smaller_and_keeps_its_shape() -> None:
    film = np.zeros((2000, 1000), np.float32)
    assert disturb(film, "rotation", 5).shape == (512, 256)


def test_unwanted_work_stops(tiny_classifier: Classifier) -> None:
    def stop(done: float) -> None:
        if done > 0.3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        curve(tiny_classifier, planted_film(side=64), "rotation", on_progress=stop)
