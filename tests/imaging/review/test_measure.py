"""Measures of drawings against what a ruler would say."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.review.measure import inside, is_complete, measure
from imaging.review.records import Annotation, Points, Shape

VALUES = np.arange(200, dtype=np.float32).reshape(10, 20)


def drawn(shape: Shape, *points: tuple[float, float]) -> Annotation:
    return Annotation("a", "1.2.3", shape, points)


def named(annotation: Annotation, **options: object) -> dict[str, tuple[float, str]]:
    found = measure(annotation, VALUES, **options)  # type: ignore[arg-type]
    return {one.name: (one.value, one.unit) for one in found}


def test_a_length_knows_that_rows_and_columns_differ() -> None:
    line = drawn(Shape.LENGTH, (1, 1), (4, 5))
    assert named(line)["length"] == (5, "{pixels}")
    assert named(line, spacing=(0.5, 2.0))["length"] == (pytest.approx(np.hypot(6, 2)), "mm")


def test_an_angle_is_that_of_the_patient_not_of_the_pixels() -> None:
    corner = drawn(Shape.ANGLE, (1, 0), (0, 0), (1, 1))
    assert named(corner)["angle"] == (pytest.approx(45), "deg")
    assert named(corner, spacing=(np.sqrt(3), 1.0))["angle"][0] == pytest.approx(60)


def test_a_rectangle_counts_pixels_whose_centres_lie_inside() -> None:
    found = named(drawn(Shape.RECTANGLE, (2, 1), (4, 3)))
    assert found["area"] == (4, "{pixels}2")
    wanted = VALUES[1:3, 2:4]
    assert found["mean"][0] == pytest.approx(wanted.mean())
    assert found["deviation"][0] == pytest.approx(wanted.std())
    assert (found["minimum"][0], found["maximum"][0]) == (wanted.min(), wanted.max())


def test_an_ellipse_may_be_turned() -> None:
    upright: Points = ((10, 1), (10, 9), (6, 5), (14, 5))
    turned: Points = ((6, 5), (14, 5), (10, 1), (10, 9))
    assert np.array_equal(
        inside(Shape.ELLIPSE, upright, (10, 20)), inside(Shape.ELLIPSE, turned, (10, 20))
    )
    area = named(drawn(Shape.ELLIPSE, *upright), spacing=(2.0, 2.0))["area"]
    assert area == (pytest.approx(np.pi * 16 * 4), "mm2")


def test_a_region_has_the_pixels_of_its_polygon() -> None:
    triangle: Points = ((0, 0), (10, 0), (0, 10))
    found = inside(Shape.REGION, triangle, (10, 20))
    rows, columns = np.mgrid[:10, :20] + 0.5
    assert np.array_equal(found, rows + columns < 10)
    assert named(drawn(Shape.REGION, *triangle))["area"][0] == pytest.approx(50)


def test_the_cardiothoracic_ratio_is_heart_over_thorax() -> None:
    found = measure(drawn(Shape.RATIO, (5, 5), (11, 5), (2, 8), (14, 8)), VALUES)
    assert [(one.name, one.value) for one in found] == [
        ("ratio", 0.5), ("length", 6.0), ("length", 12.0)
    ]  # fmt: skip


def test_a_point_reads_the_pixel_it_lies_in() -> None:
    assert named(drawn(Shape.POINT, (3.9, 2.1)), unit="[hnsf'U]")["value"] == (43, "[hnsf'U]")
    assert named(drawn(Shape.POINT, (20.0, 2.0))) == {}


def test_a_shape_between_pixel_centres_has_no_statistics() -> None:
    assert set(named(drawn(Shape.RECTANGLE, (2.6, 1.6), (3.4, 2.4)))) == {"area"}


@pytest.mark.parametrize(
    ("shape", "count"),
    [(Shape.LENGTH, 1), (Shape.ANGLE, 2), (Shape.RATIO, 3), (Shape.REGION, 2), (Shape.POINT, 2)],
)
def test_an_unfinished_shape_is_not_complete(shape: Shape, count: int) -> None:
    assert not is_complete(shape, ((1.0, 1.0),) * count)
