"""The same networks in fewer operations, for graphs: what is linear twice is written once.

A unit that halves the picture adds two convolutions of the same pixels, and a unit of several
scales convolves first and divides afterwards. Both are one step when their kernels are added, or
divided, instead (structural re-parameterisation: Ding et al., CVPR 2021, arXiv 2101.03697). The
kernels stay those of the checkpoint: the graph says how they are put together, and ONNX Runtime
does so once, when it loads it. About a fifth of a network's time.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.network.blocks import ConvNorm, Downsample, MultiScaleBlock


class _Halving(nn.Module):
    """`Downsample` as one strided 3x3 convolution.

    The mean of two by two pixels and a 1x1 convolution are a 2x2 convolution, which lies within
    the other's 3x3 kernel. The same only where both sides are even.
    """

    def __init__(self, unit: Downsample) -> None:
        super().__init__()
        self.unit = unit

    def forward(self, x: Tensor) -> Tensor:
        kernel, bias = _fold(self.unit.main)
        small, shift = _fold(self.unit.shortcut[1])
        small = F.pad((small / 4).expand(-1, -1, 2, 2), (1, 0, 1, 0))
        return F.conv2d(x, kernel + small, bias + shift, stride=2, padding=1).relu()


class _Scales(nn.Module):
    """`MultiScaleBlock` that makes each group by a convolution of its own."""

    def __init__(self, unit: MultiScaleBlock) -> None:
        super().__init__()
        self.unit = unit

    def forward(self, x: Tensor) -> Tensor:
        kernel, bias = _fold(self.unit.reduce)
        groups = len(self.unit.chain) + 1
        first, *rest = (
            F.conv2d(x, part, shift).relu()
            for part, shift in zip(kernel.chunk(groups), bias.chunk(groups), strict=True)
        )
        outputs, previous = [first], None
        for group, convolution in zip(rest, self.unit.chain, strict=True):
            previous = convolution(group if previous is None else group + previous)
            outputs.append(previous)
        return (x + self.unit.expand(torch.cat(outputs, dim=1))).relu()


def fold_network(network: nn.Module, example: Tensor) -> nn.Module:
    """Copy a network into one that says the same of inputs as large as `example`.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode; left as it is.
    example : torch.Tensor
        (batch, 1, rows, columns), float32.
    """
    network = copy.deepcopy(network)
    even: dict[nn.Module, bool] = {}

    def note(unit: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        even[unit] = all(side % 2 == 0 for side in inputs[0].shape[2:])

    hooks = [
        unit.register_forward_pre_hook(note)
        for unit in network.modules()
        if isinstance(unit, Downsample)
    ]
    with torch.inference_mode():
        network(example)
    for hook in hooks:
        hook.remove()
    for parent in list(network.modules()):
        for name, unit in list(parent.named_children()):
            if isinstance(unit, Downsample) and even.get(unit):
                setattr(parent, name, _Halving(unit))
            elif isinstance(unit, MultiScaleBlock):
                setattr(parent, name, _Scales(unit))
    return network


def _fold(unit: nn.Module) -> tuple[Tensor, Tensor]:
    """Fold a convolution with its batch normalisation into one kernel and bias."""
    if not isinstance(unit, ConvNorm):
        raise TypeError("only a convolution with its norm can be folded")
    convolution, norm = unit[0], unit[1]
    if not isinstance(convolution, nn.Conv2d) or not isinstance(norm, nn.BatchNorm2d):
        raise TypeError("the norm was folded before")
    if norm.running_mean is None or norm.running_var is None:
        raise TypeError("a norm without statistics cannot be folded")
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return convolution.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale
