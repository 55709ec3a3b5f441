"""Holes for the fill: of every kind, on the lungs where they should be, the same for one seed."""

from __future__ import annotations

import torch

from models.data.holes import draw_holes

SIDE = 64


def _lungs(count: int) -> torch.Tensor:
    lungs = torch.zeros(count, 1, SIDE, SIDE)
    lungs[:, :, 10:54, 6:26] = lungs[:, :, 10:54, 38:58] = 1
    return lungs


def test_holes_of_every_kind_are_drawn() -> None:
    lungs = _lungs(200)
    holes = draw_holes(lungs, torch.Generator().manual_seed(0))
    assert holes.shape == lungs.shape and holes.min() >= 0 and holes.max() <= 1
    covered = (holes * lungs).sum((1, 2, 3)) / lungs.sum((1, 2, 3))
    outside = (holes * (1 - lungs)).sum((1, 2, 3)) / (1 - lungs).sum((1, 2, 3))
    whole = ((covered > 0.9) & (outside < 0.5)).float().mean()
    assert 0.2 < whole < 0.55  # both lungs
    part = ((covered > 0.1) & (covered < 0.9) & (outside < 0.15)).float().mean()
    assert part > 0.2  # thirds of them
    assert (outside > 0.2).float().mean() > 0.1  # shapes and patches, anywhere
    again = draw_holes(lungs, torch.Generator().manual_seed(0))
    assert torch.equal(holes, again)


def test_a_film_without_lungs_has_a_hole_or_none_but_no_error() -> None:
    holes = draw_holes(torch.zeros(30, 1, SIDE, SIDE), torch.Generator().manual_seed(1))
    assert holes.isfinite().all()
