"""Augmentation: repeatable, within range, never a mirror image."""

from __future__ import annotations

from dataclasses import fields, replace

import torch

from models.data.augment import AugmentSettings, augment, augment_with_regions

OFF = replace(AugmentSettings(), **{f.name: 0 for f in fields(AugmentSettings)})


def films(n: int = 4) -> torch.Tensor:
    return torch.rand(n, 64, 64, generator=torch.Generator().manual_seed(1))


def test_same_seed_same_films() -> None:
    first, second = (
        augment(films(), AugmentSettings(), torch.Generator().manual_seed(2)) for _ in range(2)
    )
    assert torch.equal(first, second) and not torch.equal(first, films())


def test_shape_and_range_stay() -> None:
    for seed in range(8):
        out = augment(films(), AugmentSettings(), torch.Generator().manual_seed(seed))
        assert out.shape == (4, 64, 64) and float(out.min()) >= 0 and float(out.max()) <= 1
        assert torch.isfinite(out).all()


def test_all_knobs_at_zero_change_nothing() -> None:
    out = augment(films(), OFF, torch.Generator().manual_seed(0))
    assert torch.allclose(out, films(), atol=1e-5)


def test_left_stays_left() -> None:
    """A mirrored chest is another anatomy: whatever the draw, the bright left half stays left."""
    half = torch.zeros(64, 64, 64)
    half[:, :, :32] = 1
    pose_only = replace(OFF, degrees=12.0, scale=0.18, aspect=0.15, shift=0.07)
    out = augment(half, pose_only, torch.Generator().manual_seed(3))
    assert bool((out[:, :, :32].mean(dim=(1, 2)) > out[:, :, 32:].mean(dim=(1, 2))).all())


def test_a_view_is_shown_and_its_surroundings_come_into_it() -> None:
    """The lower right quarter: as it is without pose, with what lies beyond it when zoomed out."""
    x = films()
    views = torch.tensor([[0.5, 0.5, 1.0, 1.0]] * len(x))
    shown, masks = augment_with_regions(
        x, x, OFF, torch.Generator().manual_seed(0), views=views, side=32
    )
    assert shown.shape == (4, 32, 32) and torch.allclose(shown, x[:, 32:, 32:], atol=1e-5)
    assert torch.allclose(shown, masks)
    corner = torch.zeros(1, 64, 64)
    corner[:, :32, :32] = 1  # outside the view, next to it
    moved = replace(OFF, shift=0.3)
    seen = [
        augment_with_regions(
            corner,
            corner,
            moved,
            torch.Generator().manual_seed(seed),
            views=torch.tensor([[0.5, 0.5, 1.0, 1.0]]),
            side=32,
        )[0].max()
        for seed in range(8)
    ]
    assert max(seen) == 1 and min(seen) == 0
