"""Preprocessing hides what must not reach the network: size, aspect, tone, bit depth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.network.preprocess import preprocess


@pytest.fixture
def film() -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.random((1, 1, 12, 12), np.float32))
    return torch.nn.functional.interpolate(coarse, (256, 256), mode="bicubic")[0, 0].numpy()


def test_shape_type_and_range(film: NDArray[np.float32]) -> None:
    x = preprocess(film, size=64)
    assert x.shape == (1, 1, 64, 64) and x.dtype == torch.float32
    assert abs(float(x.mean())) < 0.01 and abs(float(x.std()) - 1) < 0.02
    assert float(x.abs().max()) <= 3**0.5


@pytest.mark.parametrize("tone", ["scale", "gamma", "twelve bits", "offset"])
def test_tone_does_not_reach_the_network(film: NDArray[np.float32], tone: str) -> None:
    low = film.min()
    changed = {
        "scale": film * 4095,
        "gamma": (film - low) ** 0.6,
        "twelve bits": np.round((film - low) / np.ptp(film) * 4095),
        "offset": film - 1024,
    }[tone]
    same = preprocess(film, size=256)
    assert float((preprocess(changed, size=256) - same).abs().mean()) < 0.02


def test_size_and_aspect_do_not_reach_the_network(film: NDArray[np.float32]) -> None:
    wide = np.repeat(film, 3, axis=1)  # the same film scanned at three times the columns
    difference = preprocess(wide, size=64) - preprocess(film, size=64)
    assert float(difference.abs().mean()) < 0.01


def test_a_blank_picture_is_all_zero() -> None:
    assert not preprocess(np.full((40, 30), 7.0, np.float32), size=32).any()


def test_a_batch_is_the_stack_of_its_films(film: NDArray[np.float32]) -> None:
    batch = np.stack([film, film**2])
    singles = torch.cat([preprocess(f, size=64) for f in batch])
    assert torch.allclose(preprocess(batch, size=64), singles, atol=1e-5)


def test_an_empty_picture_is_a_misuse() -> None:
    with pytest.raises(ValueError, match="luminance"):
        preprocess(np.empty((0, 4), np.float32), size=32)
