"""The registry of attribution methods: what each is called, what it shows, and its function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from captum.attr import IntegratedGradients, LayerAttribution, LayerGradCam, Occlusion
from torch import Tensor

from models.explain.targets import TargetLogOdds

DEFAULT = "grad_cam"


@dataclass(frozen=True, slots=True)
class Method:
    """An attribution method: its name on screen, what a reader should know, and its function.

    ``function`` maps (model, input (1, 1, size, size)) to (1, 1, size, size), signed.
    """

    label: str
    meaning: str
    function: Callable[[TargetLogOdds, Tensor], Tensor]


def _grad_cam(model: TargetLogOdds, x: Tensor) -> Tensor:
    """Selvaraju et al. 2017, without the final ReLU: evidence against stays visible."""
    method = LayerGradCam(model, model.network.attribution_layer)
    coarse = method.attribute(x, relu_attributions=False)
    return LayerAttribution.interpolate(coarse, tuple(x.shape[-2:]), "bilinear")


def _integrated_gradients(model: TargetLogOdds, x: Tensor) -> Tensor:
    """Sundararajan et al., ICML 2017. Baseline: the featureless grey a blank film maps to."""
    method = IntegratedGradients(model)
    return method.attribute(x, torch.zeros_like(x), n_steps=24, internal_batch_size=8)


def _occlusion(model: TargetLogOdds, x: Tensor) -> Tensor:
    """Zeiler & Fergus, ECCV 2014: how far the log-odds fall when a window is greyed out."""
    window, stride = x.shape[-1] // 5, x.shape[-1] // 10
    return Occlusion(model).attribute(
        x,
        sliding_window_shapes=(1, window, window),
        strides=(1, stride, stride),
        baselines=0,
        perturbations_per_eval=9,
    )


METHODS: dict[str, Method] = {
    "grad_cam": Method(
        "Grad-CAM", "Regions whose features raise (or lower) the answer; coarse.", _grad_cam
    ),
    "integrated_gradients": Method(
        "Integrated Gradients",
        "Pixels that move the answer away from a featureless film; fine and noisy.",
        _integrated_gradients,
    ),
    "occlusion": Method(
        "Occlusion", "How far the answer falls when a window of the film is greyed out.", _occlusion
    ),
}
