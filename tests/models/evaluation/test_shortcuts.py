"""Holes hide what they should, fills tell nothing, trivial predictors cheat where one can."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models import metrics
from models.data.dataset import Film, read_manifest
from models.evaluation import evaluate_shortcuts, shortcuts
from models.evaluation.evaluate_shortcuts import Answers, matched_rows
from models.evaluation.trivial_predictors import original_sizes
from models.inference.classifier import Classifier
from tests.factories import make_film_bytes

SHAPE = (40, 60)


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty bootstrap samples in place of two thousand, for speed."""
    monkeypatch.setattr(metrics, "bootstrap", partial(metrics.bootstrap, resamples=50))


def film(seed: int = 0) -> NDArray[np.float32]:
    return (np.random.default_rng(seed).random(SHAPE, dtype=np.float32) * 500).astype(np.float32)


def lungs() -> NDArray[np.bool_]:
    hole = np.zeros(SHAPE, np.bool_)
    hole[10:30, 8:24] = hole[10:30, 34:52] = True
    return hole


TYPICAL = np.linspace(0, 1, 32 * 32, dtype=np.float32).reshape(32, 32)


def test_border_and_corners_have_the_share_asked_for() -> None:
    border = shortcuts.border_hole((100, 200), share=0.1)
    assert border.mean() == pytest.approx(1 - 0.8**2) and not border[10:-10, 20:-20].any()
    corners = shortcuts.corner_hole((100, 200), share=0.2)
    assert corners.mean() == pytest.approx(4 * 0.2**2) and corners[0, 0] and corners[-1, -1]


def test_marks_are_found_near_the_border_only_and_anatomy_stays() -> None:
    picture = np.zeros((224, 224), np.float32)
    picture[60:160, 20:200] = 0.5  # anatomy: wide
    picture[10:200, 30:36] = 1  # bone: long
    picture[8:16, 200:208] = 1  # a letter in the corner
    picture[110:118, 100:108] = 1  # as small, but in the middle
    hole = shortcuts.mark_hole(picture)
    assert hole[8:16, 200:208].all() and not hole[40:].any() and hole.mean() < 0.01


def test_pieces_are_told_apart_by_their_size() -> None:
    mask = np.zeros((12, 12), np.bool_)
    mask[1:3, 1:3] = mask[3, 3] = True  # joined by a corner: 3 x 3
    mask[6, 2:11] = True
    np.testing.assert_array_equal(shortcuts.small_pieces(mask, limit=4)[:5], mask[:5])
    assert not shortcuts.small_pieces(mask, limit=4)[5:].any()


def test_a_region_is_brought_to_the_films_shape_and_widened() -> None:
    region = np.zeros((10, 10), np.float32)
    region[4:6, 4:6] = 1
    exact = shortcuts.region_hole(region, (100, 200), margin=0)
    wide = shortcuts.region_hole(region, (100, 200), margin=0.1)
    assert exact[50, 100] and exact.sum() == pytest.approx(20 * 40, rel=0.3)
    assert wide.any(1).sum() == exact.any(1).sum() + 20
    assert wide.any(0).sum() == exact.any(0).sum() + 20


@pytest.mark.parametrize("hole", [lungs(), ~lungs(), shortcuts.border_hole(SHAPE, share=0.1)])
def test_nothing_hidden_shows_through_a_fill(hole: NDArray[np.bool_]) -> None:
    shown, other = film(), np.where(hole, film(1) * 3, film())
    for filled in (
        shortcuts.fill_typical(shown, hole, TYPICAL),
        shortcuts.fill_across(shown, hole),
    ):
        np.testing.assert_array_equal(filled[~hole], shown[~hole])
    np.testing.assert_array_equal(
        shortcuts.fill_typical(shown, hole, TYPICAL), shortcuts.fill_typical(other, hole, TYPICAL)
    )
    np.testing.assert_array_equal(
        shortcuts.fill_across(shown, hole), shortcuts.fill_across(other, hole)
    )


def test_the_typical_fill_follows_the_films_tone() -> None:
    first = shortcuts.fill_typical(film(), lungs(), TYPICAL)
    second = shortcuts.fill_typical(film() * 4 + 7, lungs(), TYPICAL)
    np.testing.assert_allclose(second, first * 4 + 7, rtol=1e-3)


def test_lines_join_what_is_left_and_right_of_a_hole() -> None:
    ramp = np.tile(np.arange(60, dtype=np.float32), (40, 1))
    np.testing.assert_allclose(shortcuts.fill_across(ramp, lungs()), ramp)
    hole = np.zeros(SHAPE, np.bool_)
    hole[3] = True
    np.testing.assert_allclose(shortcuts.fill_across(ramp, hole)[3], 29.5)


def test_the_typical_film_is_a_mean_of_ranks() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    np.testing.assert_allclose(
        shortcuts.typical_film(ramp, size=16), (ramp[0] + 0.5) / 256, atol=1e-4
    )
    both = np.concatenate([ramp, ramp[:, ::-1, ::-1]])
    np.testing.assert_allclose(shortcuts.typical_film(both, size=16), 0.5, atol=1e-4)


def test_every_view_has_a_description_and_needs_its_mask() -> None:
    full = shortcuts.views(film(), typical=TYPICAL, lungs=lungs(), usual=lungs())
    assert set(full) == set(shortcuts.HIDDEN)
    bare = shortcuts.views(film(), typical=TYPICAL, lungs=None, usual=None)
    assert set(bare) == {"plain", "marks", "border", "corners"}
    removed, only = full["lungs_removed"], full["lungs_only"]
    np.testing.assert_array_equal(np.where(lungs(), only, removed), film())


def test_a_linear_predictor_finds_what_separates_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(400) < 0.3
    features = rng.normal(size=(400, 3)) * [1, 50, 1] + [0, 1000, 0]
    blind = shortcuts.fit_linear(features, truth).probabilities(features)
    assert blind.mean() == pytest.approx(truth.mean(), abs=0.01) and blind.std() < 0.1
    features[:, 1] += 200 * truth
    seeing = shortcuts.fit_linear(features, truth).probabilities(features)
    assert ((seeing >= 0.5) == truth).mean() > 0.95


def test_thumbnails_and_border_see_means_only() -> None:
    films = np.zeros((2, 32, 32), np.uint8)
    films[1, :4] = 255
    assert shortcuts.thumbnails(films).shape == (2, 256)
    np.testing.assert_allclose(shortcuts.thumbnails(films)[1].reshape(16, 16)[:3, 0], [1, 1, 0])
    inside = films.copy()
    inside[:, 8:24, 8:24] = 99
    np.testing.assert_array_equal(shortcuts.border_tone(films), shortcuts.border_tone(inside))
    assert shortcuts.border_tone(films)[1, 0] > shortcuts.border_tone(films)[0, 0] == 0


def test_dice_of_halves() -> None:
    first, second = np.zeros((2, 4), np.bool_), np.zeros((2, 4), np.bool_)
    assert shortcuts.dice(first, second) == 1
    first[:, :2] = second[:, 1:3] = True
    assert shortcuts.dice(first, second) == 0.5


def test_size_alone_gains_nothing_within_its_strata(few_resamples: None) -> None:
    """A predictor that reads the size looks good overall and falls to chance when matched."""
    rng = np.random.default_rng(0)
    size = np.repeat([1e5, 2e5, 4e5, 8e5, 16e5], 40)
    truth = rng.random(200) < np.repeat([0.9, 0.7, 0.5, 0.3, 0.1], 40)
    films = [Film(Path("f"), "", "", "test", acquisition=s) for s in size]
    cheat = Answers(truth, -size, size < 3e5)
    [plain] = cheat.row("area", "", "test", baseline=True)
    [matched] = matched_rows(cheat, films, "test", "area", baseline=True)
    assert plain.auc.value > 0.75 and matched.auc.value == pytest.approx(0.5)
    assert matched.baseline and matched.films == 200


def test_rows_of_one_class_or_without_sizes_are_left_out() -> None:
    answers = Answers(np.ones(3, np.bool_), np.ones(3), np.ones(3, np.bool_))
    assert answers.row("x", "", "test") == []
    films = [Film(Path("f"), "", "", "test")] * 3
    assert list(matched_rows(answers, films, "test", "plain")) == []


def manifest(folder: Path, count: int = 24) -> None:
    """Tiny films of two classes, in three splits; the normal ones are larger and darker."""
    rng = np.random.default_rng(0)
    lines = ["file,label,patient_id,split,orig_width,orig_height"]
    for i in range(count):
        ill = i % 2
        pixels = rng.integers(60 * ill, 120 + 60 * ill, (32, 32), dtype=np.uint8)
        (folder / f"{i}.png").write_bytes(make_film_bytes(pixels))
        split = ("train", "val", "test")[i // 2 % 3]
        width = "" if i == 5 else 900 - 300 * ill + i
        lines.append(f"{i}.png,{'viral' if ill else 'normal'},{i},{split},{width},600")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture
def tiny_task(
    tmp_path: Path, tiny_classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> Classifier:
    """The tiny network with a card that points to tiny films with original sizes."""
    manifest(tmp_path)
    monkeypatch.setenv("LIGHTBOX_DATA", str(tmp_path))
    card = replace(
        tiny_classifier.card,
        training={
            "data": {"manifest": "manifest.csv", "images": "."},
            "columns": {"acquisition": ["orig_width", "orig_height"]},
        },
    )
    return Classifier(tiny_classifier.private_network(), card)


def test_original_sizes_come_from_the_manifest(tiny_task: Classifier, tmp_path: Path) -> None:
    films = read_manifest(tmp_path / "manifest.csv", tmp_path)
    sizes = original_sizes(tiny_task.card, films)
    assert sizes is not None and sizes.shape == (24, 2)
    np.testing.assert_array_equal(sizes[0], [900, 600])
    assert np.isnan(sizes[5, 0])


def test_the_command_writes_rows_of_both_splits(
    tiny_task: Classifier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    few_resamples: None,
) -> None:
    films = read_manifest(tmp_path / "manifest.csv", tmp_path)
    lung_map = np.pad(np.ones((4, 4), np.float32), 2)
    monkeypatch.setattr(Classifier, "regions", lambda self, luminance: lung_map)
    monkeypatch.setattr(
        evaluate_shortcuts, "open_model", lambda model: (tmp_path, tiny_task, films)
    )
    evaluate_shortcuts.main(model="", limit=0, out=None)
    facts = json.loads((tmp_path / "evaluation" / "shortcuts.json").read_text())
    assert facts["weights_sha256"] == tiny_task.card.weights_sha256
    rows = {(r["split"], r["name"]): r for r in facts["rows"]}
    for split in ("test", "val"):
        assert {n for s, n in rows if s == split} >= {
            *(set(shortcuts.HIDDEN) - {"usual_lungs_removed"}),  # needs masks
            *("majority", "area", "aspect", "thumbnail", "border_tone"),
        }
        assert not rows[split, "plain"]["baseline"] and rows[split, "thumbnail"]["baseline"]
        assert rows[split, "area"]["auc"]["value"] == 1  # the films were made that way
    assert rows["test", "area"]["films"] == 7 and rows["test", "plain"]["films"] == 8
