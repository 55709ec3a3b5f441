"""Changed backgrounds and harder validation views: what stays, what goes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.data.regions import RegionSettings, change_backgrounds, match_tone
from models.data.stress import Views, stratified_auc


@pytest.fixture
def films() -> torch.Tensor:
    return torch.rand(6, 48, 48, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def masks() -> torch.Tensor:
    """The middle third of every film but the last, which has no mask."""
    masks = torch.zeros(6, 48, 48)
    masks[:, 16:32, 16:32] = 1
    masks[-1] = torch.nan
    return masks


def changed(films: torch.Tensor, masks: torch.Tensor, **shares: float) -> tuple[torch.Tensor, ...]:
    settings = RegionSettings(**{"swapped": 0.0, "alone": 0.0, "removed": 0.0, **shares})
    return change_backgrounds(films, masks, settings, torch.Generator().manual_seed(1))


@pytest.mark.parametrize("way", ["swapped", "alone"])
def test_the_region_stays_and_the_background_goes(
    films: torch.Tensor, masks: torch.Tensor, way: str
) -> None:
    after, regions, removed = changed(films, masks, **{way: 1.0})
    assert torch.allclose(after[:5, 20:28, 20:28], films[:5, 20:28, 20:28], atol=1e-5)
    assert not torch.allclose(after[:5, :4], films[:5, :4], atol=0.05)
    assert not removed.any() and torch.equal(regions[:5], masks[:5])


def test_removing_leaves_the_background_only(films: torch.Tensor, masks: torch.Tensor) -> None:
    after, regions, removed = changed(films, masks, removed=1.0)
    assert torch.allclose(after[:5, :4], films[:5, :4], atol=1e-5)
    assert after[:5, 20:28, 20:28].std() < films[:5, 20:28, 20:28].std()
    assert removed.tolist() == [True] * 5 + [False] and not regions[:5].any()


@pytest.mark.parametrize("way", ["swapped", "alone", "removed"])
def test_a_film_without_a_mask_is_left_alone(
    films: torch.Tensor, masks: torch.Tensor, way: str
) -> None:
    assert torch.equal(changed(films, masks, **{way: 1.0})[0][-1], films[-1])


def test_matched_tone_has_the_others_mean_and_spread() -> None:
    generator = torch.Generator().manual_seed(2)
    dark, bright = (
        0.2 * torch.rand(2, 1, 32, 32, generator=generator)
        + torch.tensor([0.1, 0.5])[:, None, None, None]
    )
    like = match_tone(dark, bright)
    assert like.mean() == pytest.approx(float(bright.mean()), abs=1e-3)
    assert like.std() == pytest.approx(float(bright.std()), abs=1e-3)


def test_only_pairs_of_one_stratum_count() -> None:
    """A score that only tells the strata apart is worth nothing."""
    strata = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    truth = np.array([1, 0, 0, 0, 1, 1, 1, 0], bool)
    assert stratified_auc(truth, strata.astype(float), strata) == 0.5
    assert stratified_auc(truth, truth.astype(float), strata) == 1.0
    assert np.isnan(stratified_auc(truth, truth.astype(float), np.full(8, -1)))


def test_views_need_masks_only_where_they_use_them(
    films: torch.Tensor, masks: torch.Tensor
) -> None:
    truth, strata = np.array([1, 0, 1, 0, 1, 0], bool), np.zeros(6, np.int64)
    with_masks = {name: len(x) for name, x, _ in Views(films, truth, masks, strata)}
    assert with_masks == {"plain": 6, "stressed": 6, "swapped": 5, "alone": 5}
    nothing = torch.full_like(masks, torch.nan)
    assert [n for n, *_ in Views(films, truth, nothing, strata)] == ["plain", "stressed"]
