"""A network whose answer is made of places: evidence of small parts of the film, added up.

Class activation maps ask afterwards where a decision came from. Here nothing has to be asked: each
cell of a grid over the film gives its own evidence (Brendel & Bethge, ICLR 2019, arXiv 1904.00760),
and the answer is their weighted sum. The weights
say how much a cell counts: it must lie in the lungs, and cells with much evidence count more
(probabilistic pooling: Ye et al. 2020, arXiv 2005.14480), so that a small shadow is not outvoted by
healthy lung around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.checkpoint.network_settings import NetworkSettings
from models.network.blocks import build_trunk

_LEAST_LUNG = 1e-4  # share of a cell outside the lungs: none would leave some films no answer


class Evidence(NamedTuple):
    """What the cells of a grid say.

    Attributes
    ----------
    cells : Tensor
        (heads, batch, classes, rows, columns): evidence of each cell for each class, in logits.
    weights : Tensor
        (heads, batch, rows, columns): how much each cell counts; they add up to one. Of a
        multi-label network (heads, batch, classes, rows, columns): every class has its own.
    lungs : Tensor
        (batch, rows, columns): share of lung in each cell, as the network sees it; in [0, 1].
    """

    cells: Tensor
    weights: Tensor
    lungs: Tensor

    @property
    def parts(self) -> Tensor:
        """What each cell adds to the logits, mean over heads: (batch, classes, rows, columns)."""
        return (self.cells * self._of_classes).mean(0)

    @property
    def logits(self) -> Tensor:
        """Sums over the cells: (heads, batch, classes)."""
        return (self.cells * self._of_classes).sum(dim=(-2, -1))

    @property
    def multi_label(self) -> bool:
        """True where each class is weighed, and answered, by itself."""
        return self.weights.ndim == self.cells.ndim

    @property
    def _of_classes(self) -> Tensor:
        """The weights in the shape of the cells, but for classes that share theirs."""
        return self.weights if self.multi_label else self.weights[:, :, None]

    def weights_of(self, classes: Sequence[int]) -> Tensor:
        """How much each cell counts for these classes: (heads, batch, rows, columns)."""
        return self.weights[:, :, list(classes)].mean(2) if self.multi_label else self.weights

    def odds(self, lead: Sequence[int]) -> Tensor:
        """Log-odds of the classes `lead` in each cell: (heads, batch, rows, columns)."""
        return log_odds(self.cells, lead, multi_label=self.multi_label)


class EvidenceNetwork(nn.Module):
    """Residual, multi-scale network whose logits are sums of local evidence.

    The stem and stages are those of `MultiScaleResNet`. After each stage a 1x1 convolution gives
    evidence at its scale; the coarser is laid over the finer. How much of the film a cell sees is a
    matter of the stages: with two of them half of the lungs, with more the whole film. Several such
    heads on one trunk, trained on differently weighted films, take the place of an ensemble (Lee et
    al. 2015, arXiv 1511.06314).

    With ``both_sides`` a film is asked about twice in evaluation mode, as it is and mirrored, and
    the evidence is the mean of both: a label does not know sides, and evidence must not lie where
    the frame, rather than the film, says so. A network taught to give the same map for both
    (`EvidenceSettings.mirrored`) need not be asked twice. What is displayed is never mirrored.

    In a multi-label network every class weighs the cells by its own odds: two findings may lie in
    different places.

    Parameters
    ----------
    settings : NetworkSettings
        With ``heads`` of at least one, and ``lead``.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        self.stem, self.stages = build_trunk(settings, mixing=True)
        self.dropout = nn.Dropout2d(settings.dropout)
        self.classifier = nn.ModuleList(
            nn.Conv2d(channels, settings.heads * settings.classes, 1)
            for channels in settings.channels
        )
        # Sub-pixel upsampling (Shi et al., CVPR 2016): a map four times finer than its features.
        self._seen_at = min(1, len(settings.channels) - 1)
        seen = settings.channels[self._seen_at]
        self.region_head = nn.Sequential(nn.Conv2d(seen, 16, 1), nn.PixelShuffle(4))

    @property
    def depth(self) -> int:
        """Deepest cut of the trunk from which all evidence comes: after the first stage."""
        return 1

    def trunk(self, x: Tensor, depth: int) -> Tensor:
        """Features of inputs after the stem (depth 0) or the first stage (depth 1)."""
        return self.stages[:depth](self.stem(x))

    def head(self, features: Tensor, depth: int) -> Tensor:
        """Logits (batch, classes) from features of `trunk`; of one asking, nothing is mirrored."""
        return self.evidence_from(features, depth).logits.mean(0)

    def evidence_from(self, features: Tensor, depth: int) -> Evidence:
        """The evidence from features of `trunk`; of one asking, nothing is mirrored."""
        return self._weigh(*self._collect(features, depth))

    def evidence(self, x: Tensor) -> Evidence:
        """The evidence of inputs (batch, 1, rows, columns)."""
        if self.training or not self.settings.both_sides:
            return self.evidence_from(self.stem(x), 0)
        cells, regions = self._collect(self.stem(torch.cat([x, x.flip(-1)])), 0)
        return self._weigh(_mean_of_both(cells, x.shape[0]), _mean_of_both(regions, x.shape[0]))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 1, rows, columns) float32 to logits (batch, classes): the mean of `answers`.

        Heads are fused by their mean log-probability elsewhere (`models.network.ensemble.fuse`):
        that differs from this by a number common to all classes.
        """
        return self.answers(x).mean(0)

    def answers(self, x: Tensor) -> Tensor:
        """Every head's logits: (heads, batch, classes)."""
        return self.evidence(x).logits

    def forward_with_regions(self, x: Tensor) -> tuple[Evidence, Tensor]:
        """Evidence, and logits of the lungs (batch, 1, rows', columns')."""
        cells, regions = self._collect(self.stem(x), 0)
        return self._weigh(cells, regions), regions

    def embed(self, x: Tensor) -> Tensor:
        """Features (batch, channels[-1]) of the last stage, averaged as the evidence is weighed."""
        features = self.stages(self.stem(x))
        weights = self.evidence(x).weights_of(range(self.settings.classes)).mean(0)[:, None]
        coarse = F.adaptive_avg_pool2d(weights, (features.shape[-2], features.shape[-1]))
        return (features * coarse).sum(dim=(2, 3)) / coarse.sum(dim=(2, 3))

    def _collect(self, features: Tensor, depth: int) -> tuple[Tensor, Tensor]:
        """Evidence (batch, heads * classes, rows, columns) at the finest scale, and the lungs."""
        scales: list[Tensor] = []
        seen = features
        for index, stage in enumerate(self.stages):
            if index >= depth:
                features = stage(features)
            scales.append(self.classifier[index](self.dropout(features)))
            if index == self._seen_at:
                seen = features
        finest, *coarser = scales
        shape = (finest.shape[-2], finest.shape[-1])
        cells = finest
        for given in coarser:
            cells = cells + F.interpolate(given, shape, mode="nearest")
        return cells, self.region_head(seen)

    def _weigh(self, cells: Tensor, regions: Tensor) -> Evidence:
        """Weights of cells: their share of the lungs, times the odds of the leading finding."""
        settings = self.settings
        rows, columns = cells.shape[-2:]
        split = cells.float().reshape(-1, settings.heads, settings.classes, rows, columns)
        split = split.transpose(0, 1)
        lungs = F.adaptive_avg_pool2d(regions.float().sigmoid(), (rows, columns)).detach()[:, 0]
        if settings.multi_label:
            scores = settings.sharpness * split + (lungs + _LEAST_LUNG).log()[:, None]
            return Evidence(split, scores.flatten(3).softmax(3).reshape(split.shape), lungs)
        odds = log_odds(split, settings.lead)
        scores = settings.sharpness * odds + (lungs + _LEAST_LUNG).log()
        weights = scores.flatten(2).softmax(2).reshape(odds.shape)
        return Evidence(split, weights, lungs)


def log_odds(cells: Tensor, lead: Sequence[int], *, multi_label: bool = False) -> Tensor:
    """Of the classes `lead` against the others: `cells` without its dimension 2, the classes.

    With `multi_label` a class has no others to be weighed against, and `lead` is one class.
    """
    if multi_label:
        return cells[:, :, list(lead)].logsumexp(2)
    rest = [c for c in range(cells.shape[2]) if c not in lead]
    return cells[:, :, list(lead)].logsumexp(2) - cells[:, :, rest].logsumexp(2)


def _mean_of_both(values: Tensor, films: int) -> Tensor:
    """Mean of the maps of films and of the mirrored films after them, mirrored back."""
    return (values[:films] + values[films:].flip(-1)) / 2
