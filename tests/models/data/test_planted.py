"""Planted opacities: where they were meant to be, whiter than before, and traces that are not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.data.planted import (
    PlantedSettings,
    disguise,
    low_pass,
    opacity_at,
    opacity_masks,
    plant,
)

SIDE, FILMS = 96, 12
SETTINGS = PlantedSettings()


@pytest.fixture
def lot() -> torch.Generator:
    return torch.Generator().manual_seed(5)


@pytest.fixture
def lungs() -> Tensor:
    """Two upright lungs."""
    made = torch.zeros(FILMS, SIDE, SIDE)
    made[:, 20:80, 12:40] = 1
    made[:, 20:80, 56:84] = 1
    return made


@pytest.fixture
def films(lungs: Tensor, lot: torch.Generator) -> Tensor:
    """Dark lungs between white tissue, with some texture."""
    return (0.75 - 0.5 * lungs + 0.03 * torch.randn(lungs.shape, generator=lot)).clamp(0, 1)


def test_opacities_lie_in_the_lungs_on_both_sides(lungs: Tensor, lot: torch.Generator) -> None:
    masks = torch.cat([opacity_masks(lungs, SETTINGS, lot) for _ in range(4)])
    assert masks.min() >= 0 and masks.max() <= 1
    assert masks.flatten(1).amax(1).min() > 0.5
    inside = (masks * torch.cat([lungs] * 4)).sum() / masks.sum()
    assert inside > 0.75
    on_left = (masks[..., : SIDE // 2].sum((1, 2)) / masks.sum((1, 2)) > 0.5).float().mean()
    assert 0.2 < on_left < 0.8


def test_what_is_planted_is_whiter_there_and_nowhere_else(
    films: Tensor, lungs: Tensor, lot: torch.Generator
) -> None:
    masks = opacity_masks(lungs, SETTINGS, lot)
    donors = films.roll(1, 0)
    planted, density = plant(films, masks, lungs, donors, SETTINGS, lot)
    within, without = masks > 0.6, masks == 0
    for film, before, inside, outside in zip(planted, films, within, without, strict=True):
        assert (film - before)[inside].mean() > 0.01
        assert torch.equal(film[outside], before[outside])
    assert (density <= masks + 1e-6).all() and density.max() > 0.3


def test_traces_alone_make_nothing_whiter(
    films: Tensor, lungs: Tensor, lot: torch.Generator
) -> None:
    masks = opacity_masks(lungs, SETTINGS, lot)
    hidden = disguise(films, masks, films.roll(1, 0), SETTINGS, lot)
    change = low_pass(hidden) - low_pass(films)
    assert change.amax() < 0.05
    assert (hidden - films).abs().flatten(1).amax(1).min() > 0.01


def test_an_opacity_lies_around_its_centre(lot: torch.Generator) -> None:
    centres = torch.tensor([[30.0, 20.0], [60.0, 70.0]])
    masks = opacity_at(centres, torch.tensor([8.0, 12.0]), SIDE, lot)
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    for mask, (row, column) in zip(masks, centres.tolist(), strict=True):
        assert abs(float((mask * rows).sum() / mask.sum()) - row) < 4
        assert abs(float((mask * columns).sum() / mask.sum()) - column) < 4
