"""Every corruption keeps its promise; the figures of `evaluate_robustness` are what they say."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.dicom import read_image
from imaging.rendering import png_bytes
from imaging.settings import Settings
from models import metrics
from models.checkpoint.installed import find_checkpoint
from models.data.corruptions import CORRUPTIONS
from models.data.dataset import Film, read_luminance
from models.evaluation.evaluate_robustness import (
    film_scores,
    record,
    subset,
    summarise,
    variants,
    write_rows,
)
from models.evaluation.served_films import Serving
from models.inference.assessor import PreparedFilm
from models.inference.classifier import Classifier
from models.inference.model_input import ModelInput

VARIANTS = list(variants())
HARMLESS = {("depth", 16.0), ("monochrome1", 16.0)}


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty bootstrap samples in place of two thousand, for speed."""
    monkeypatch.setattr(metrics, "bootstrap", partial(metrics.bootstrap, resamples=50))


def film(rows: int = 40, columns: int = 56) -> NDArray[np.float32]:
    """A bright blob, up and left of the middle, on a slow ramp; 100 to 900, not square."""
    y, x = np.mgrid[:rows, :columns]
    blob = np.exp(-((y - rows * 0.35) ** 2 + (x - columns * 0.4) ** 2) / 40)
    unit = 0.8 * blob + 0.2 * (x + y) / (rows + columns)
    unit = (unit - unit.min()) / np.ptp(unit)
    return (100 + 800 * unit).astype(np.float32)


def changed(name: str, level: float, luminance: NDArray[np.float32]) -> NDArray[np.float32]:
    return CORRUPTIONS[name].apply(luminance, level=level, rng=np.random.default_rng(0))


def centre(luminance: NDArray[np.float32]) -> tuple[float, float]:
    """Row and column of the brightest pixel."""
    row, column = np.unravel_index(int(luminance.argmax()), luminance.shape)
    return float(row), float(column)


@pytest.mark.parametrize(("name", "level"), VARIANTS)
def test_a_film_stays_a_film(name: str, level: float) -> None:
    before = film()
    after = changed(name, level, before)
    np.testing.assert_array_equal(before, film())
    np.testing.assert_array_equal(after, changed(name, level, before))
    assert after.dtype == np.float32 and after.ndim == 2 and np.isfinite(after).all()
    assert after.min() >= 100 - 0.01 and after.max() <= 900 + 0.01
    assert (after.shape == before.shape) != (name == "resolution" and level < 56)


@pytest.mark.parametrize(("name", "level"), VARIANTS)
def test_only_a_good_encoding_leaves_no_trace(name: str, level: float) -> None:
    before = film(120, 168)
    after = changed(name, level, before)
    same = after.shape == before.shape and np.abs(after - before).max() < 800 / 2**15
    assert same == ((name, level) in HARMLESS)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_scale_of_a_film_does_not_matter(name: str) -> None:
    level = CORRUPTIONS[name].levels[0]
    twin = changed(name, level, film() / np.float32(16) - np.float32(3))
    np.testing.assert_allclose((twin + 3) * 16, changed(name, level, film()), atol=4)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_blank_film_stays_finite(name: str) -> None:
    blank = np.full((64, 64), 7, np.float32)
    for level in CORRUPTIONS[name].levels:
        np.testing.assert_array_equal(np.unique(changed(name, level, blank)), [7])


def test_noise_has_the_strength_it_states() -> None:
    grey = np.full((200, 200), 50, np.float32)
    grey[0, :2] = 0, 100
    assert changed("noise", 5, grey).std() == pytest.approx(5, rel=0.05)


def test_blur_spreads_a_point_by_its_deviation() -> None:
    point = np.zeros((100, 120), np.float32)
    point[50, 60] = 1
    spread = changed("blur", 2, point)
    variance = ((np.arange(100) - 50) ** 2 * spread.sum(1)).sum() / spread.sum()
    assert spread.sum() == pytest.approx(1, rel=1e-3) and variance == pytest.approx(4, rel=0.05)


def test_gamma_is_a_power() -> None:
    shades = np.array([[0, 0.25, 1]], np.float32)
    np.testing.assert_allclose(changed("gamma", 0.5, shades), [[0, 0.5, 1]])


def test_positive_angles_turn_clockwise_and_shifts_move_right_and_down() -> None:
    row, column = centre(film())
    turned = centre(changed("rotation", 10, film()))
    assert turned[0] < row and turned[1] >= column  # up and left of the middle goes up
    assert centre(changed("shift_right", 10, film())) == pytest.approx((row, column + 5.6), abs=1)
    assert centre(changed("shift_down", 10, film())) == pytest.approx((row + 4, column), abs=1)


def test_magnification_moves_things_from_the_middle() -> None:
    row, column = centre(film())
    after = centre(changed("scale", 1.2, film()))
    expected = 19.5 + 1.2 * (row - 19.5), 27.5 + 1.2 * (column - 27.5)
    assert after == pytest.approx(expected, abs=1)


def test_a_window_saturates_the_share_it_states() -> None:
    ramp = np.arange(10_000, dtype=np.float32).reshape(100, 100)
    after = changed("window", 5, ramp)
    assert (after == after.min()).mean() == pytest.approx(0.05, abs=0.001)
    assert (after == after.max()).mean() == pytest.approx(0.05, abs=0.001)


def test_fewer_bits_leave_fewer_levels() -> None:
    ramp = np.arange(10_000, dtype=np.float32).reshape(100, 100)
    assert len(np.unique(changed("depth", 4, ramp))) == 16
    assert len(np.unique(changed("monochrome1", 8, ramp))) == 256


def test_a_lower_jpeg_quality_loses_more() -> None:
    texture = np.random.default_rng(0).random((64, 64), dtype=np.float32)
    lost = [np.abs(changed("jpeg", q, texture) - texture).mean() for q in (10, 50, 90)]
    assert lost[0] > lost[1] > lost[2] > 0


def test_resolution_keeps_the_shape_of_the_film() -> None:
    assert changed("resolution", 48, film(400, 560)).shape == (34, 48)


def test_a_black_border_leaves_the_middle_alone() -> None:
    after = changed("border", 10, film())
    np.testing.assert_allclose(after[4:-4, 6:-6], film()[4:-4, 6:-6], rtol=1e-6)
    assert after[:4].max() == after[:, -6:].max() == after.min()


def test_a_subset_keeps_the_shares_of_the_classes() -> None:
    films = [Film(Path(f"{i}.png"), "a" if i % 4 else "b", str(i), "test") for i in range(100)]
    chosen = subset(films, count=20)
    assert chosen == subset(films, count=20) and len(set(chosen)) == 20
    assert sum(f.label == "b" for f in chosen) == 5
    assert [f.path for f in chosen] == [f.path for f in films if f in chosen]
    assert subset(films, count=1000) == tuple(films)


def test_flips_and_changes_are_counted_against_the_clean_film(few_resamples: None) -> None:
    truth = np.array([True, True, False, False])
    scores = np.tile(np.array([[0.9], [0.6], [0.4], [0.1]]), 1 + len(VARIANTS))
    scores[:, 1] = [0.3, 0.6, 0.4, 0.1]  # one of four falls below, by 0.6
    first, second, *_ = summarise(truth, scores, operating_point=0.5)
    assert (first.corruption, first.level) == VARIANTS[0] and first.films == 4
    assert (first.flip_rate, first.mean_change) == pytest.approx((0.25, 0.15))
    assert first.auc == 0.75 and first.auc_low <= 0.75 <= first.auc_high
    assert (second.auc, second.flip_rate, second.mean_change) == (1, 0, 0)


def test_refused_pictures_are_counted_and_not_scored(few_resamples: None) -> None:
    truth = np.array([True, True, False, False, True])
    scores = np.tile(np.array([[0.9], [0.6], [0.4], [0.1], [np.nan]]), 1 + len(VARIANTS))
    scores[:, 1] = [np.nan, 0.3, 0.4, 0.1, 0.8]  # the last is refused as it is
    first, second, *_ = summarise(truth, scores, operating_point=0.5)
    assert (first.films, first.refused) == (3, 1) and (second.films, second.refused) == (4, 0)
    assert (first.flip_rate, first.mean_change) == pytest.approx((1 / 3, 0.1))
    assert first.auc == 0.5 and second.auc == 1
    scores[:, 1] = np.nan
    none, *_ = summarise(truth, scores, operating_point=0.5)
    assert (none.films, none.refused) == (0, 4) and np.isnan(none.auc)


def test_scores_come_from_the_served_way(tiny_settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(png_bytes(film().astype(np.uint16).astype(np.uint8)))
    luminance = read_luminance(path)
    serving = Serving.load(find_checkpoint(tiny_settings.weights), tiny_settings)

    def served(picture: NDArray[np.float32]) -> float:
        seen = PreparedFilm(
            read_image(path).instance, (), (), ModelInput.of(picture, size=serving.size)
        )
        (answer,) = serving.answer_pictures([seen])
        assert answer.prediction is not None
        return answer.prediction.findings[0].probability

    scores = film_scores(serving, path, index=3)
    assert scores.shape == (1 + len(VARIANTS),) and np.isfinite(scores).all()
    assert scores[0] == pytest.approx(served(luminance), abs=1e-6)
    first = served(changed("gamma", 0.5, luminance))
    assert scores[1 + VARIANTS.index(("gamma", 0.5))] == pytest.approx(first, abs=1e-6)
    np.testing.assert_array_equal(scores, film_scores(serving, path, index=3))


def test_table_and_record_agree(
    tiny_classifier: Classifier, tmp_path: Path, few_resamples: None
) -> None:
    scores = np.random.default_rng(1).random((8, 1 + len(VARIANTS)))
    facts = record(tiny_classifier.card, np.arange(8) < 4, scores)
    write_rows(tmp_path / "r.csv", facts["rows"])
    with (tmp_path / "r.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0])[:6] == ["corruption", "level", "unit", "films", "refused", "auc"]
    assert [(r["corruption"], float(r["level"])) for r in rows] == VARIANTS
    assert [float(r["auc"]) for r in rows] == pytest.approx(
        [r["auc"] for r in json.loads(json.dumps(facts))["rows"]], abs=1e-6
    )
    assert facts["weights_sha256"] == tiny_classifier.card.weights_sha256
