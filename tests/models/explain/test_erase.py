"""The eraser: what is drawn is what is taken out, and the answer falls with its evidence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from imaging.review.records import Points, Shape
from models.explain.base.lung_zones import ZONES, zone_masks
from models.explain.base.subject import Subject, look
from models.explain.methods.explainer import Explainer
from models.explain.probes.erase import (
    AREAS,
    Fill,
    Step,
    ask_again,
    drawn_mask,
    erase,
    stroke_mask,
)
from models.inference.answers import Prediction
from models.inference.classifier import Classifier
from models.rules.crop_box import CropBox
from tests.conftest import tiny_card
from tests.planted import BRIGHT, RADIUS, planted_checkpoint, planted_film

SIDE = 256


@pytest.fixture(scope="module")
def explainer(tmp_path_factory: pytest.TempPathFactory) -> Explainer:
    """Decides by the planted bright disc alone."""
    folder = planted_checkpoint(tmp_path_factory.mktemp("weights") / "planted", tiny_card())
    return Explainer(Classifier.load(folder))


@pytest.fixture
def subject(explainer: Explainer) -> Subject:
    return explainer.look(planted_film(side=SIDE))


def square(centre: tuple[float, float], reach: float) -> Points:
    """Opposite corners around a centre, all in fractions of the film's sides."""
    row, column = centre
    low, high = (column - reach, row - reach), (column + reach, row + reach)
    return tuple((SIDE * c, SIDE * r) for c, r in (low, high))


def probability(explainer: Explainer, x: Tensor) -> float:
    return explainer.predict(x)[0].findings[0].probability


@pytest.mark.parametrize("fill", [f for f in Fill if f is not Fill.LUNG])
def test_the_answer_falls_with_its_evidence(
    explainer: Explainer, subject: Subject, fill: Fill
) -> None:
    mask = drawn_mask(Shape.RECTANGLE, square(BRIGHT, RADIUS * 1.3), subject)
    assert mask is not None
    without = erase(explainer, subject, [Step(mask, fill)])
    assert probability(explainer, subject.x) > 0.9 > 0.5 > probability(explainer, without)


@pytest.mark.parametrize("fill", [f for f in Fill if f is not Fill.LUNG])
def test_what_is_kept_alone_still_decides(
    explainer: Explainer, subject: Subject, fill: Fill
) -> None:
    mask = drawn_mask(Shape.RECTANGLE, square(BRIGHT, RADIUS * 1.3), subject)
    assert mask is not None
    only = erase(explainer, subject, [Step(mask, fill, keep=True)])
    assert probability(explainer, only) > 0.5


@pytest.mark.parametrize("fill", [f for f in Fill if f is not Fill.LUNG])
def test_erasing_elsewhere_changes_little(
    explainer: Explainer, subject: Subject, fill: Fill
) -> None:
    mask = drawn_mask(Shape.RECTANGLE, square((0.75, 0.3), 0.1), subject)
    assert mask is not None
    elsewhere = erase(explainer, subject, [Step(mask, fill)])
    change = probability(explainer, elsewhere) - probability(explainer, subject.x)
    assert abs(change) < 0.05


def test_erasing_nothing_changes_nothing(explainer: Explainer, subject: Subject) -> None:
    nothing = erase(explainer, subject, [Step(np.zeros((64, 64), np.float32), Fill.BLUR)])
    assert torch.equal(erase(explainer, subject, []), subject.x)
    assert torch.equal(nothing, subject.x)
    assert probability(explainer, nothing) == probability(explainer, subject.x)


def test_steps_add_up(explainer: Explainer, subject: Subject) -> None:
    first, second = np.zeros((2, 64, 64), np.float32)
    first[:10], second[-10:] = 1, 1
    both = erase(explainer, subject, [Step(first, Fill.MEAN), Step(second, Fill.MEAN)])
    changed = (both != subject.x)[0, 0]
    assert changed[:10].all() and changed[-10:].all() and not changed[10:-10].any()


def test_a_step_costs_one_forward_of_three_inputs(
    explainer: Explainer, subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    predict = explainer.predict

    def counted(x: Tensor) -> tuple[Prediction, ...]:
        asked.append(len(x))
        return predict(x)

    monkeypatch.setattr(explainer, "predict", counted)
    mask = drawn_mask(Shape.RECTANGLE, square(BRIGHT, RADIUS * 1.3), subject)
    assert mask is not None
    left = ask_again(explainer, subject, [Step(mask, Fill.BLUR), Step(mask, Fill.MEAN)])
    assert asked == [3]
    assert left.prediction.findings[0].probability < 0.5
    whole = ask_again(explainer, subject, []).prediction.findings
    assert whole == predict(subject.x)[0].findings


def test_a_step_is_known_by_its_content() -> None:
    mask = np.zeros((8, 8), np.float32)
    twin, other = mask.copy(), mask.copy()
    other[0, 0] = 1
    steps = (
        Step(mask, Fill.BLUR),
        Step(other, Fill.BLUR),
        Step(mask, Fill.MEAN),
        Step(mask, Fill.BLUR, keep=True),
    )
    assert len({step.key for step in steps}) == 4
    assert Step(twin, Fill.BLUR).key == steps[0].key


def test_inpainting_carries_the_rim_inwards(explainer: Explainer) -> None:
    """A hole in a slope is filled with the slope, which no mean could."""
    subject = explainer.look(np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1)))
    slope = subject.x
    hole = np.zeros((64, 64), np.float32)
    hole[24:40, 24:40] = 1
    filled = erase(explainer, subject, [Step(hole, Fill.INPAINT)])
    assert (filled - slope).abs().max() < 0.25
    flat = erase(explainer, subject, [Step(hole, Fill.MEAN)])
    assert (flat - slope).abs().max() > 0.35


@pytest.mark.parametrize("shape", AREAS)
def test_a_drawing_covers_its_area(subject: Subject, shape: Shape) -> None:
    points: dict[Shape, Points] = {
        Shape.RECTANGLE: ((64, 32), (192, 96)),
        Shape.ELLIPSE: ((64, 64), (192, 64), (128, 32), (128, 96)),
        Shape.REGION: ((64, 32), (192, 32), (192, 96), (64, 96)),
    }
    share = {Shape.ELLIPSE: np.pi / 4}.get(shape, 1.0) * 128 * 64 / SIDE**2
    mask = drawn_mask(shape, points[shape], subject)
    assert mask is not None and mask.mean() == pytest.approx(share, rel=0.01)
    middle = np.average(np.indices(mask.shape).reshape(2, -1) + 0.5, axis=1, weights=mask.ravel())
    assert middle == pytest.approx((16, 32), abs=0.1)


def test_a_drawing_is_where_the_view_is(tiny_classifier: Classifier) -> None:
    film = np.random.default_rng(0).random((100, 200)).astype(np.float32)
    subject = look(tiny_classifier, film, CropBox(0.5, 0.5, 1.0, 1.0))
    corner = drawn_mask(Shape.RECTANGLE, ((100, 50), (150, 75)), subject)
    assert corner is not None and corner[:16, :16].all() and corner.sum() == 16 * 16
    assert drawn_mask(Shape.RECTANGLE, ((0, 0), (99, 49)), subject) is None


def test_a_stroke_is_as_wide_as_its_brush_with_round_ends(subject: Subject) -> None:
    mask = stroke_mask(((64, 128), (192, 128)), 32, subject)
    assert mask is not None
    assert mask.sum() * (SIDE / 64) ** 2 == pytest.approx(128 * 32 + np.pi * 16**2, rel=0.01)
    assert mask[32, 32] == 1 and mask[26, 32] == 0 and mask[32, 10] == 0
    bent = stroke_mask(((64, 128), (192, 128), (192, 192)), 32, subject)
    assert bent is not None and (bent >= mask).all() and bent[44, 48] == 1
    assert bent[40, 24] == 0  # it is open: nothing leads back to its beginning


def test_a_dab_is_round_on_the_film_however_its_sides_are_squashed(
    tiny_classifier: Classifier,
) -> None:
    film = np.random.default_rng(0).random((100, 200)).astype(np.float32)
    subject = look(tiny_classifier, film)
    dab = stroke_mask(((100, 50),), 40, subject)
    assert dab is not None
    size = len(dab)
    assert dab.sum() / size**2 == pytest.approx(np.pi * 20**2 / (100 * 200), rel=0.02)
    assert dab[size // 2].sum() / size == pytest.approx(40 / 200, rel=0.05)
    assert dab[:, size // 2].sum() / size == pytest.approx(40 / 100, rel=0.05)


def test_a_stroke_beside_the_view_is_not_looked_at(tiny_classifier: Classifier) -> None:
    film = np.random.default_rng(0).random((100, 200)).astype(np.float32)
    subject = look(tiny_classifier, film, CropBox(0.5, 0.5, 1.0, 1.0))
    assert stroke_mask(((10, 10), (60, 30)), 8, subject) is None


@pytest.mark.parametrize(("points", "width"), [((), 8.0), (((1.0, 1.0),), 0.0)])
def test_a_stroke_has_a_point_and_a_width(subject: Subject, points: Points, width: float) -> None:
    with pytest.raises(ValueError, match="a point and a width"):
        stroke_mask(points, width, subject)


def test_a_line_cannot_be_erased(subject: Subject) -> None:
    with pytest.raises(ValueError, match="no inside"):
        drawn_mask(Shape.LENGTH, ((0, 0), (9, 9)), subject)


def test_zones_part_the_lungs(shipped_classifier: Classifier) -> None:
    from imaging.dicom import read_image
    from imaging.settings import ROOT
    from models.explain.base.lung_measures import find_lungs

    file = sorted((ROOT / "examples").glob("*.dcm"))[0]
    film = read_image(Path(file)).luminance_values(0)
    lungs = find_lungs(shipped_classifier.regions(film), look(shipped_classifier, film))
    assert lungs is not None
    zones = zone_masks(lungs)
    assert tuple(zones) == ZONES
    assert np.array_equal(sum(zones.values()), lungs.both.astype(np.float32))
