"""The network: several receptive fields per block, identity at birth, L2 where it belongs."""

from __future__ import annotations

import pytest
import torch

from models.network.blocks import Downsample, MultiScaleBlock
from models.network.network import (
    MultiScaleResNet,
    NetworkSettings,
    fold_norms,
    weight_decay_groups,
)


def test_a_fresh_block_passes_its_input_on() -> None:
    x = torch.rand(2, 8, 9, 9)
    assert torch.equal(MultiScaleBlock(8, width=4, scales=3).eval()(x), x)


@pytest.mark.parametrize(("scales", "field"), [(2, 3), (3, 5), (4, 7)])
def test_receptive_field_grows_with_the_scales(scales: int, field: int) -> None:
    block = MultiScaleBlock(8, width=4, scales=scales).eval()
    for parameter in block.parameters():  # all positive: every path stays open
        torch.nn.init.ones_(parameter)
    x = torch.ones(1, 8, 15, 15, requires_grad=True)
    block(x)[0, :, 7, 7].sum().backward()
    assert x.grad is not None
    reached = x.grad.abs().sum(dim=(0, 1)) > 0
    assert int(reached.any(dim=0).sum()) == field


def test_one_scale_is_not_multi_scale() -> None:
    with pytest.raises(ValueError, match="scales"):
        MultiScaleBlock(8, width=4, scales=1)


@pytest.mark.parametrize("side", [8, 9])
def test_downsample_halves(side: int) -> None:
    assert Downsample(3, 5)(torch.rand(2, 3, side, side)).shape == (
        2,
        5,
        4 + side % 2,
        4 + side % 2,
    )


def test_any_picture_size_gives_logits() -> None:
    network = MultiScaleResNet(NetworkSettings(classes=4, channels=(8, 8), depths=(1, 1))).eval()
    assert network(torch.rand(2, 1, 50, 70)).shape == (2, 4)


def test_settings_survive_the_card() -> None:
    settings = NetworkSettings(classes=3, channels=(8, 16), depths=(1, 2))
    assert NetworkSettings.from_dict({**settings.as_dict(), "channels": [8, 16]}) == settings


def test_weight_decay_spares_norms_and_biases() -> None:
    network = MultiScaleResNet(NetworkSettings(classes=2, channels=(8,), depths=(1,)))
    decayed, free = weight_decay_groups(network, 0.1)
    assert decayed["weight_decay"] == 0.1 and free["weight_decay"] == 0
    assert all(p.ndim > 1 for p in decayed["params"]) and all(p.ndim == 1 for p in free["params"])


def test_no_relu_is_in_place() -> None:
    network = MultiScaleResNet(NetworkSettings(classes=2, channels=(8,), depths=(1,)))
    assert not any(m.inplace for m in network.modules() if isinstance(m, torch.nn.ReLU))


def test_folding_the_norms_changes_nothing_but_the_work() -> None:
    torch.manual_seed(0)
    network = MultiScaleResNet(NetworkSettings(3, stem=8, channels=(16, 32), depths=(1, 1)))
    x = torch.randn(4, 1, 32, 32)
    network.train()(x)  # statistics of their own
    folded = fold_norms(network.eval())
    assert torch.allclose(folded(x), network(x), atol=1e-4)
    kinds = [type(m) for m in folded.modules()]
    assert torch.nn.BatchNorm2d not in kinds and torch.nn.BatchNorm2d in map(
        type, network.modules()
    )
