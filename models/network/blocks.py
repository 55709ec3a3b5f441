"""Building blocks of the network: residual units that look at several scales at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.checkpoint.network_settings import (
    LITE0,
    LITE0_CHANNELS,
    LITE0_STAGES,
    LITE0_STEM,
    NetworkSettings,
)


class ConvNorm(nn.Sequential):
    """Convolution, batch normalisation and (optionally) ReLU, 'same' padding.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size, stride, dilation, groups : int
        `kernel_size` odd.
    activate : bool
        Append a ReLU. It is never in-place: Captum's hooks need the untouched input.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        activate: bool = True,
    ) -> None:
        padding = dilation * (kernel_size // 2)
        layers: list[nn.Module] = [
            nn.Conv2d(
                in_channels,
                out_channels,
                kernel_size,
                stride=stride,
                padding=padding,
                dilation=dilation,
                groups=groups,
                bias=False,
            ),
            nn.BatchNorm2d(out_channels),
        ]
        if activate:
            layers.append(nn.ReLU())
        super().__init__(*layers)


class MultiScaleBlock(nn.Module):
    """Residual bottleneck whose middle convolution works at several receptive fields.

    A 1x1 convolution reduces the input to ``scales`` groups of channels. The groups pass through
    3x3 convolutions in a chain: each one sees its own group plus the previous group's output, so
    group *i* has a receptive field of 2*i + 1 pixels, and the concatenation holds all of them
    (the hierarchical scales of Res2Net: Gao et al., IEEE TPAMI 2021, arXiv 1904.01169). The
    sum with the identity is He et al., CVPR 2016, arXiv 1512.03385; the last normalisation starts
    at zero so that the block begins as an identity (Goyal et al. 2017, arXiv 1706.02677).

    Parameters
    ----------
    channels : int
        Channels in and out.
    width : int
        Channels of one scale group.
    scales : int
        Number of groups, at least 2. The first is passed on unconvolved.
    """

    def __init__(self, channels: int, *, width: int, scales: int) -> None:
        super().__init__()
        if scales < 2:
            raise ValueError("scales must be at least 2")
        self.reduce = ConvNorm(channels, width * scales, 1)
        self.chain = nn.ModuleList(ConvNorm(width, width) for _ in range(scales - 1))
        self.expand = ConvNorm(width * scales, channels, 1, activate=False)
        self.relu = nn.ReLU()
        nn.init.zeros_(self.expand.get_parameter("1.weight"))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, rows, columns) to the same shape."""
        first, *rest = self.reduce(x).chunk(len(self.chain) + 1, dim=1)
        outputs, previous = [first], None
        for group, conv in zip(rest, self.chain, strict=True):
            previous = conv(group if previous is None else group + previous)
            outputs.append(previous)
        return self.relu(x + self.expand(torch.cat(outputs, dim=1)))


class Mixing(nn.Module):
    """Residual bottleneck of two 1x1 convolutions: mixes channels, sees no further.

    Parameters
    ----------
    channels : int
        Channels in and out; half as many between.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = ConvNorm(channels, channels // 2, 1)
        self.expand = ConvNorm(channels // 2, channels, 1, activate=False)
        self.relu = nn.ReLU()
        nn.init.zeros_(self.expand.get_parameter("1.weight"))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, rows, columns) to the same shape."""
        return self.relu(x + self.expand(self.reduce(x)))


class Downsample(nn.Module):
    """Halve the picture and change the number of channels, without aliasing.

    A strided 3x3 convolution beside an average-pooled 1x1 shortcut, summed (ResNet-D: He et al.,
    CVPR 2019, arXiv 1812.01187): no sample is thrown away unseen.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.main = ConvNorm(in_channels, out_channels, 3, stride=2, activate=False)
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, ceil_mode=True),
            ConvNorm(in_channels, out_channels, 1, activate=False),
        )
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, in, rows, columns) to (batch, out, ceil(rows/2), ceil(columns/2))."""
        return self.relu(self.main(x) + self.shortcut(x))


class InvertedResidual(nn.Module):
    """Expand, convolve each channel by itself, project: the block of EfficientNet-Lite.

    Sandler et al., CVPR 2018, arXiv 1801.04381. The sum with the identity is there where shapes
    allow it. ReLU stands for the paper's ReLU6: nothing here runs on eight bits.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int
        Of the depthwise convolution; 3 and 5 alternate from stage to stage.
    stride : int
    expansion : int
        Channels between over `in_channels`; 1 leaves the first convolution out.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, *, stride: int, expansion: int
    ) -> None:
        super().__init__()
        width = in_channels * expansion
        self.expand = ConvNorm(in_channels, width, 1) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(width, width, kernel_size, stride=stride, groups=width)
        self.project = ConvNorm(width, out_channels, 1, activate=False)
        self.residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, in, rows, columns) to (batch, out, rows/stride, columns/stride)."""
        projected = self.project(self._filter(self.expand(x)))
        return x + projected if self.residual else projected

    def _filter(self, x: Tensor) -> Tensor:
        """The depthwise convolution; processors compute one in bfloat16 far slower than in float32.

        Measured on one core: forward and backward of the whole network took 1.4 times as long.
        """
        if x.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            return self.depthwise(x)
        with torch.autocast("cpu", enabled=False):
            return self.depthwise(x.float())


def build_trunk(
    settings: NetworkSettings, *, mixing: bool = False
) -> tuple[nn.Sequential, nn.Sequential]:
    """The stem and the stages that all our classifiers have in common.

    Parameters
    ----------
    settings : NetworkSettings
    mixing : bool
        End every stage with a `Mixing`; a Lite0 trunk has none.
    """
    if settings.trunk == LITE0:
        return _build_lite0(len(settings.channels))
    stem = nn.Sequential(
        ConvNorm(1, settings.stem, stride=2), ConvNorm(settings.stem, settings.stem)
    )
    stages: list[nn.Module] = []
    previous = settings.stem
    for channels, depth in zip(settings.channels, settings.depths, strict=True):
        width = channels // settings.reduction
        blocks: list[nn.Module] = [
            MultiScaleBlock(channels, width=width, scales=settings.scales) for _ in range(depth)
        ]
        last = [Mixing(channels)] if mixing else []
        stages.append(nn.Sequential(Downsample(previous, channels), *blocks, *last))
        previous = channels
    return stem, nn.Sequential(*stages)


def _build_lite0(depth: int) -> tuple[nn.Sequential, nn.Sequential]:
    """Stem and the first `depth` stages of EfficientNet-Lite0, for pictures of one channel.

    Tan & Le, ICML 2019, arXiv 1905.11946, without squeeze-and-excitation. A stage here is all that
    has one size of picture: strides 4, 8, 16 and 32.
    """
    stem = nn.Sequential(
        ConvNorm(1, LITE0_STEM, stride=2),
        InvertedResidual(LITE0_STEM, LITE0_CHANNELS[0], 3, stride=1, expansion=1),
    )
    stages: list[nn.Module] = []
    previous = LITE0_CHANNELS[0]
    for stage in LITE0_STAGES[:depth]:
        blocks: list[nn.Module] = []
        for row, (channels, count, kernel_size) in enumerate(stage):
            for block in range(count):
                stride = 2 if not row and not block else 1
                blocks.append(
                    InvertedResidual(previous, channels, kernel_size, stride=stride, expansion=6)
                )
                previous = channels
        stages.append(nn.Sequential(*blocks))
    return stem, nn.Sequential(*stages)
