"""Attributions of single pixels from gradients at the input: Captum's, with our film's baselines.

None of them hangs a hook on the network. Batches are small, so that memory stays bounded and work
can be stopped between them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from captum.attr import GradientShap, InputXGradient, IntegratedGradients, NoiseTunnel, Saliency
from torch import Tensor

from models.explain.base.baselines import blur, grey
from models.explain.base.subject import Subject
from models.explain.base.targets import TargetLogOdds

STEPS = 20  # points of a path, or samples
BATCH = 10  # inputs with a graph at a time

_NOISE = 0.3  # standard deviation added to inputs of unit variance
_SHAP_NOISE = 0.1
_DRAWS = threading.Lock()


def input_x_gradient(model: TargetLogOdds, subject: Subject) -> Tensor:
    """Shrikumar et al. 2016, arXiv 1605.01713. The reference is the featureless grey, zero."""
    return InputXGradient(model).attribute(subject.x.clone().requires_grad_())


def integrated_gradients(model: TargetLogOdds, subject: Subject) -> Tensor:
    """Sundararajan et al., ICML 2017, arXiv 1703.01365, from the blurred film.

    Its pixels add up to the difference between the log-odds of the film and of the blurred film
    (completeness), but for the error of the sum over `STEPS` points.
    """
    x = subject.x
    return IntegratedGradients(model).attribute(
        x, blur(x), n_steps=STEPS, internal_batch_size=BATCH
    )


def gradient_shap(model: TargetLogOdds, subject: Subject) -> Tensor:
    """Lundberg & Lee, NeurIPS 2017, arXiv 1705.07874 (expected gradients).

    Points on the ways from a blurred, a grey and a noisy film, drawn by lot, the same lot each
    time.
    """
    x, parts = subject.x, []
    for part in range(STEPS // BATCH):
        with same_draws(part):
            baselines = torch.cat([blur(x), grey(x), torch.randn_like(x)])
            parts.append(
                GradientShap(model).attribute(x, baselines, n_samples=BATCH, stdevs=_SHAP_NOISE)
            )
    return torch.stack(parts).mean(0)


def smooth_grad(model: TargetLogOdds, subject: Subject) -> Tensor:
    """Smilkov et al. 2017, arXiv 1706.03825: the gradient averaged over noisy copies of the film.

    Signed, and times what the film adds to its blurred self, so that it tells evidence for from
    evidence against.
    """
    x = subject.x
    with same_draws(0):
        gradient = NoiseTunnel(Saliency(model)).attribute(
            x.clone().requires_grad_(),
            nt_type="smoothgrad",
            nt_samples=STEPS,
            nt_samples_batch_size=BATCH,
            stdevs=_NOISE,
            abs=False,
        )
    return gradient * (x - blur(x))


@contextmanager
def same_draws(seed: int) -> Iterator[None]:
    """Let Captum draw the same numbers each time, so that a film has one map and not many.

    It draws from the generators of torch and numpy that all threads share: one thread at a time.
    They are left as they were found.
    """
    with _DRAWS, torch.random.fork_rng(devices=[]):
        before = np.random.get_state()
        torch.manual_seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(before)
