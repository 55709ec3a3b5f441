"""Numbers of the whole picture: they see processing, and no anatomy."""

from __future__ import annotations

import numpy as np
import pytest

from models.evaluation.image_statistics import NUMBERS, picture_thumbnail, whole_image_numbers


def named(picture: np.ndarray) -> dict[str, float]:
    """The numbers by name."""
    return dict(zip(NUMBERS, whole_image_numbers(picture), strict=True))


def test_each_number_measures_what_its_name_says() -> None:
    ramp = np.tile(np.linspace(0, 1, 100, dtype=np.float32), (40, 1))
    found = named(ramp)
    assert found["mean"] == pytest.approx(0.5) and found["median"] == pytest.approx(0.5)
    assert found["gradient_across"] == pytest.approx(1 / 99) and found["gradient_down"] == 0
    assert found["percentile_5"] == pytest.approx(0.05, abs=0.01)
    cut = np.clip(2 * ramp, 0, 1)
    assert named(cut)["saturated"] >= 0.5 > named(cut)["black"]


def test_a_tone_scale_of_another_detector_changes_nothing() -> None:
    picture = np.random.default_rng(0).random((30, 50)).astype(np.float32)
    np.testing.assert_allclose(
        whole_image_numbers(picture), whole_image_numbers(4095 * picture - 9), atol=1e-4
    )
    assert picture_thumbnail(picture).shape == (256,)


def test_a_blank_or_tiny_picture_has_numbers_too() -> None:
    for picture in (np.zeros((28, 28), np.float32), np.ones((1, 1), np.float32)):
        assert np.isfinite(whole_image_numbers(picture)).all()
        assert np.isfinite(picture_thumbnail(picture)).all()
