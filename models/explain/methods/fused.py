"""Evidence fused over the network's scales: layer-integrated gradients at its two finest ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from models.explain.base.baselines import blur
from models.explain.base.subject import Subject
from models.explain.base.targets import TargetLogOdds, log_odds

DEPTHS = (0, 1)  # stem and first stage; deeper ones add blur, not lungs
STEPS = 2  # of the midpoint rule; four are hardly better, one is worse
SPARED = 0.7  # share of the pixels whose evidence is too weak to be shown


def fused(model: TargetLogOdds, subject: Subject) -> Tensor:
    """Evidence of several scales together, the weak left out: (1, 1, size, size).

    Depths, steps and threshold were chosen on training films.
    """
    x = subject.x
    return fuse(layer_integrated_gradients(model, x, blur(x), depths=DEPTHS, steps=STEPS))


def fuse(maps: Sequence[Tensor]) -> Tensor:
    """Fuse several maps (1, 1, size, size): their mean, shrunk towards zero.

    Soft thresholding (Donoho, IEEE Trans. Inf. Theory 1995, doi 10.1109/18.382009): evidence that
    is weak everywhere says little about this film.
    """
    mean = torch.stack(list(maps)).mean(0)
    least = mean.abs().quantile(SPARED)
    return mean.sign() * (mean.abs() - least).relu()


def layer_integrated_gradients(
    model: TargetLogOdds, x: Tensor, baseline: Tensor, *, depths: Sequence[int], steps: int
) -> list[Tensor]:
    """Integrated gradients of several layers from one backward pass.

    Every layer's change from baseline to film, times its gradient averaged along the straight line
    between the two (Sundararajan et al., ICML 2017, arXiv 1703.01365). Captum's
    `LayerIntegratedGradients` draws that line in each layer's own space, one layer at a time; here
    it is drawn once, between the pictures, so that one graph serves all layers.

    Parameters
    ----------
    model : TargetLogOdds
    x, baseline : Tensor
        (1, 1, size, size), float32.
    depths : sequence of int
        Ascending; see `TargetLogOdds.trunk`.
    steps : int
        Of the midpoint rule.

    Returns
    -------
    list of Tensor
        One (1, 1, size, size) per depth, whose pixels add up to about the difference between the
        log-odds of film and baseline.
    """
    shares = (torch.arange(steps) + 0.5) / steps
    between = baseline + shares.reshape(-1, 1, 1, 1) * (x - baseline)
    first, last = depths[0], depths[-1]
    with torch.no_grad():
        ends = _features_at(model, model.trunk(torch.cat([baseline, x]), first), depths)
        start = model.trunk(between, first)
    with torch.enable_grad():
        layers = _features_at(model, start.requires_grad_(), depths)
        answer = log_odds(model.head(layers[-1], last), model.sides)
        gradients = torch.autograd.grad(answer.sum(), layers)
    return [
        _spread_out(((end[1:] - end[:1]) * gradient.mean(0, keepdim=True)).sum(1, keepdim=True), x)
        for end, gradient in zip(ends, gradients, strict=True)
    ]


def _features_at(model: TargetLogOdds, features: Tensor, depths: Sequence[int]) -> list[Tensor]:
    """Features at each of the depths, from those at the first."""
    layers = [features]
    for above, depth in pairwise(depths):
        layers.append(model.network.stages[above:depth](layers[-1]))
    return layers


def _spread_out(coarse: Tensor, x: Tensor) -> Tensor:
    """A coarse map over the input's pixels; its sum stays (but for the edges)."""
    fine = F.interpolate(coarse, tuple(x.shape[-2:]), mode="bilinear")
    return fine * (coarse[0].numel() / fine[0].numel())
