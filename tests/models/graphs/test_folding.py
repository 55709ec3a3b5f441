"""Networks in fewer operations say the same."""

from __future__ import annotations

import pytest
import torch

from models.checkpoint.network_settings import NetworkSettings
from models.graphs.folding import fold_network
from models.network.blocks import ConvNorm, Downsample
from models.network.network import MultiScaleResNet


def trained_looking() -> MultiScaleResNet:
    torch.manual_seed(0)
    settings = NetworkSettings(classes=3, stem=8, channels=(16, 24), depths=(1, 1), scales=3)
    network = MultiScaleResNet(settings)
    for unit in network.modules():
        if isinstance(unit, torch.nn.BatchNorm2d):  # as if it had seen pictures
            torch.nn.init.uniform_(unit.weight, 0.5, 1.5)
            torch.nn.init.normal_(unit.bias)
            torch.nn.init.normal_(unit.running_mean)  # type: ignore[arg-type]
            torch.nn.init.uniform_(unit.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return network.eval()


@pytest.mark.parametrize(("side", "halvings_left"), [(64, 0), (60, 1), (50, 2)])
def test_the_same_of_any_size(side: int, halvings_left: int) -> None:
    network, x = trained_looking(), torch.randn(2, 1, side, side)
    fewer = fold_network(network, x)
    with torch.inference_mode():
        torch.testing.assert_close(fewer(x), network(x), rtol=1e-4, atol=1e-4)
    stages = fewer.get_submodule("stages")
    kept = [unit[0] for unit in stages.children() if isinstance(unit[0], Downsample)]  # type: ignore[index]
    assert len(kept) == halvings_left, "a unit of an odd side must stay two convolutions"


def test_the_network_itself_is_left_as_it_is() -> None:
    network = trained_looking()
    before = [type(unit) for unit in network.modules()]
    fold_network(network, torch.zeros(1, 1, 64, 64))
    assert [type(unit) for unit in network.modules()] == before
    assert ConvNorm in before
