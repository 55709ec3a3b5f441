"""Augmentation: repeatable, within range, never a mirror image."""

from __future__ import annotations

from dataclasses import fields, replace

import torch

from models.augment import AugmentSettings, augment

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
