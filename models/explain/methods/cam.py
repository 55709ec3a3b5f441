"""Class activation maps: the network cut in two at a layer, the gradient taken over the rest only.

Captum's layer methods run the whole network with its graph and hang hooks on it. Cut at the layer,
the trunk needs no graph, the answer comes along for nothing, and nothing is hung anywhere, so that
threads may share the network. The maps are Captum's to the bit (see the tests).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models.explain.base.subject import Subject
from models.explain.base.targets import TargetLogOdds, log_odds


def grad_cam(model: TargetLogOdds, x: Tensor, depth: int) -> tuple[Tensor, Tensor]:
    """Grad-CAM and the logits, for little more than the logits' price.

    Selvaraju et al., ICCV 2017, arXiv 1610.02391, without the final ReLU: evidence against the
    target stays visible.

    Parameters
    ----------
    model : TargetLogOdds
    x : Tensor
        (batch, 1, size, size), float32.
    depth : int
        Stages below the cut. At the last one the map adds up to the log-odds of a linear
        classifier, less its bias.

    Returns
    -------
    tuple of Tensor
        (batch, 1, rows, columns), as coarse as the features; logits (batch, classes). Both
        without a graph.
    """
    with torch.inference_mode():
        below = model.trunk(x, depth)
    with torch.enable_grad():
        features = below.clone().requires_grad_()  # a tensor of inference mode takes no gradient
        logits = model.head(features, depth)
        (gradient,) = torch.autograd.grad(log_odds(logits, model.sides).sum(), features)
    with torch.no_grad():
        weights = gradient.mean(dim=(2, 3), keepdim=True)
        return (weights * features).sum(dim=1, keepdim=True), logits.detach()


def last_grad_cam(model: TargetLogOdds, subject: Subject) -> Tensor:
    """Grad-CAM at the last stage: the coarsest map, the only one that adds up to the answer."""
    return stretch(grad_cam(model, subject.x, model.depth)[0], subject)


def fine_grad_cam(model: TargetLogOdds, subject: Subject) -> Tensor:
    """Grad-CAM one stage earlier: twice as fine."""
    return stretch(grad_cam(model, subject.x, model.depth - 1)[0], subject)


def stretch(coarse: Tensor, subject: Subject) -> Tensor:
    """A coarse map on the networks' input, bilinear as Captum's `LayerAttribution.interpolate`."""
    return F.interpolate(coarse, tuple(subject.x.shape[-2:]), mode="bilinear")
