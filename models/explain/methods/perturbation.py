"""Attributions from the answers to changed films: no gradient, only forwards. All Captum's."""

from __future__ import annotations

import torch
from captum.attr import FeatureAblation, Occlusion
from torch import Tensor

from models.explain.base.baselines import blur
from models.explain.base.subject import Subject
from models.explain.base.targets import TargetLogOdds
from models.explain.methods.segments import lung_fields, superpixels

BATCH = 10  # changed films at a time
WINDOWS = 100  # of occlusion: ten along a side

_WINDOW, _STRIDE = 3 / 16, 3 / 32  # of the side


def occlusion(model: TargetLogOdds, subject: Subject) -> Tensor:
    """Zeiler & Fergus, ECCV 2014, arXiv 1311.2901: how far the log-odds fall without a window."""
    side = subject.x.shape[-1]
    window, stride = round(side * _WINDOW), round(side * _STRIDE)
    with torch.no_grad():
        return Occlusion(model).attribute(
            subject.x,
            sliding_window_shapes=(1, window, window),
            strides=(1, stride, stride),
            baselines=blur(subject.x),
            perturbations_per_eval=BATCH,
        )


def ablate_superpixels(model: TargetLogOdds, subject: Subject) -> Tensor:
    """Fall of the log-odds when an area of one tone is blurred.

    Areas as in LIME (Ribeiro et al., KDD 2016, arXiv 1602.04938), but left out one at a time.
    """
    return _ablate(model, subject.x, superpixels(subject.x))


def ablate_lung_fields(model: TargetLogOdds, subject: Subject) -> Tensor:
    """Fall of the log-odds when a third of a lung, or all around the lungs, is blurred."""
    return _ablate(model, subject.x, lung_fields(subject))


def _ablate(model: TargetLogOdds, x: Tensor, areas: Tensor) -> Tensor:
    with torch.no_grad():
        return FeatureAblation(model).attribute(
            x, baselines=blur(x), feature_mask=areas, perturbations_per_eval=BATCH
        )
