"""What a browser says was painted: taken for a stroke on the film, or for nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from models.explain.base.subject import Subject
from models.rules.crop_box import WHOLE, CropBox
from pages.ui.explain.brush import film_points, outline_masks


def looked_at(view: CropBox) -> Subject:
    """A film of 100 rows and 200 columns."""
    return Subject(np.zeros((8, 8), np.float32), torch.zeros(1, 1, 8, 8), view, (100, 200))


def test_a_stroke_lies_where_the_view_is() -> None:
    drawn = [[0, 0], [0.5, 0.25], [1, 1]]
    assert film_points(drawn, looked_at(WHOLE)) == ((0, 0), (100, 25), (200, 100))
    corner = looked_at(CropBox(0.5, 0.5, 1.0, 1.0))
    assert film_points(drawn, corner) == ((100, 50), (150, 62.5), (200, 100))


@pytest.mark.parametrize(
    "drawn",
    [
        None,
        [],
        "stroke",
        [[0.5]],
        [[0.5, "x"]],
        [[0.5, 1.5]],
        [[float("nan"), 0.5]],
        [[0.5, 0.5], None],
        [[0.5, 0.5]] * 5001,
    ],
)
def test_what_is_no_stroke_paints_nothing(drawn: Any) -> None:
    assert film_points(drawn, looked_at(WHOLE)) == ()


def test_what_was_painted_is_outlined_in_the_film_s_proportions() -> None:
    from io import BytesIO

    from PIL import Image

    mask = np.zeros((8, 8), np.float32)
    mask[2:6, 2:6] = 1
    grey = np.full((8, 8), 90, np.uint8)
    plain = Image.open(BytesIO(outline_masks(grey, looked_at(WHOLE), [])))
    painted = Image.open(BytesIO(outline_masks(grey, looked_at(WHOLE), [mask])))
    assert plain.size == painted.size == (520, 260)
    assert plain.convert("L").getextrema() == (90, 90)
    assert painted.getpixel((2 * 65 + 32, 2 * 32 + 16)) != (90, 90, 90)
