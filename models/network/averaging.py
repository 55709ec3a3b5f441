"""A moving average of a network's weights: steadier than any one step, and what is shipped."""

from __future__ import annotations

import torch
from torch import nn


def update_average(average: nn.Module, network: nn.Module, *, decay: float, step: int) -> None:
    """Move `average` towards `network`, in place: weights and normalisation statistics.

    Polyak & Juditsky, SIAM J. Control Optim. 1992, with exponential weights.

    Parameters
    ----------
    average, network : torch.nn.Module
        Of the same shape.
    decay : float
        Share of the old average that stays, in [0, 1); less in the first steps, which the random
        start would otherwise haunt.
    step : int
        Optimiser steps so far.
    """
    decay = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        pairs = zip(average.state_dict().values(), network.state_dict().values(), strict=True)
        for mean, now in pairs:
            if mean.is_floating_point():
                mean.lerp_(now, 1 - decay)
            else:
                mean.copy_(now)
