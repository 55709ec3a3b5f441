"""How the blocks stack: `MultiScaleResNet`, built from settings that travel with the checkpoint."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from models.checkpoint.network_settings import NetworkSettings
from models.network.blocks import ConvNorm, build_trunk
from models.network.evidence import EvidenceNetwork


class MultiScaleResNet(nn.Module):
    """Residual, multi-scale convolutional classifier for one-channel pictures.

    Two 3x3 stem convolutions (the deep stem of ResNet-C: He et al., arXiv 1812.01187), then per
    stage one alias-free `Downsample` and `depths[i]` `MultiScaleBlock`s, global average pooling,
    dropout (Srivastava et al., JMLR 2014) and one linear layer. Works at any picture size.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        self.stem, self.stages = build_trunk(settings)
        self.dropout = nn.Dropout(settings.dropout)
        self.classifier = nn.Linear(settings.channels[-1], settings.classes)
        # Sub-pixel upsampling (Shi et al., CVPR 2016): a map four times finer than its features.
        self.region_head = (
            nn.Sequential(
                nn.Conv2d(settings.channels[-2], 16 * settings.regions, 1), nn.PixelShuffle(4)
            )
            if settings.regions
            else None
        )

    def embed(self, x: Tensor) -> Tensor:
        """Map (batch, 1, rows, columns) to pooled features (batch, channels[-1])."""
        return self.stages(self.stem(x)).mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 1, rows, columns) float32 to logits (batch, classes)."""
        return self.classifier(self.dropout(self.embed(x)))

    def answers(self, x: Tensor) -> Tensor:
        """As `forward`, one answer among several: (1, batch, classes)."""
        return self(x)[None]

    @property
    def depth(self) -> int:
        """Greatest depth of `trunk`: all stages."""
        return len(self.stages)

    def trunk(self, x: Tensor, depth: int) -> Tensor:
        """Features of inputs after the stem (depth 0) or that many stages."""
        return self.stages[:depth](self.stem(x))

    def head(self, features: Tensor, depth: int) -> Tensor:
        """Logits (batch, classes) from features of `trunk`."""
        pooled = self.stages[depth:](features).mean(dim=(2, 3))
        return self.classifier(self.dropout(pooled))

    def forward_with_regions(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (batch, classes) and region logits (batch, regions, rows', columns').

        The maps are four times finer than the features before the last stage, which they come
        from: a quarter of the picture's side with four stages. Learning them beside the classes
        keeps the features on the anatomy; serving pays nothing for them (`forward` skips them).
        """
        if self.region_head is None:
            raise ValueError("this network predicts no regions")
        features = self.stages[:-1](self.stem(x))
        pooled = self.stages[-1](features).mean(dim=(2, 3))
        return self.classifier(self.dropout(pooled)), self.region_head(features)


ClassNetwork = MultiScaleResNet | EvidenceNetwork  # whatever gives logits of a task's classes
Foldable = TypeVar("Foldable", bound=nn.Module)


def build_network(settings: NetworkSettings) -> ClassNetwork:
    """An untrained network of that shape."""
    return EvidenceNetwork(settings) if settings.heads else MultiScaleResNet(settings)


def weight_decay_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Optimiser groups: L2 on convolution and linear weights, none on norms and biases."""
    trained = [p for p in network.parameters() if p.requires_grad]
    decayed = [p for p in trained if p.ndim > 1]
    free = [p for p in trained if p.ndim <= 1]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]


def fold_norms(network: Foldable) -> Foldable:
    """A copy for serving, every batch normalisation folded into its convolution.

    The same function up to rounding (about 1e-7), with a little less work; it cannot be trained.
    """
    folded = copy.deepcopy(network).eval()
    for module in folded.modules():
        if not isinstance(module, ConvNorm):
            continue
        convolution, norm = module[0], module[1]
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            module[0] = fuse_conv_bn_eval(convolution, norm)
            module[1] = nn.Identity()
    return folded.to(memory_format=torch.channels_last)


def freeze(network: nn.Module) -> nn.Module:
    """Put the network into evaluation mode, channels-last, and return it."""
    network.eval()
    return network.to(memory_format=torch.channels_last)
