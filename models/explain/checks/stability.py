"""How well a map stays when the film changes as little as between two exposures of one patient.

Five changes too small to matter to a reader. Tone curves are not among them: equalisation takes
every one of them away before the networks see the film (`models.network.preprocess`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.explain.base.subject import Subject
from models.explain.checks.agreement import Agreement, agree
from models.explain.checks.faithfulness import seed_of
from models.explain.methods.explainer import Attribution, Explainer
from models.network.preprocess import preprocess

NOISE = 0.01  # standard deviation, of the film's range of tones
FALL_OFF = 0.05  # of the tone, from one side of the film to the other (heel effect)
_MARGIN = 3 / 128  # of the side: what comes in from outside at the edges is not compared


@dataclass(frozen=True, slots=True)
class Change:
    """A tiny change: moved by pixels, turned by degrees, noisier, or unevenly exposed."""

    label: str
    across: int = 0
    down: int = 0
    degrees: float = 0.0
    noise: float = 0.0
    fall_off: float = 0.0

    def move(self, values: Tensor, *, back: bool = False) -> Tensor:
        """Move and turn a map (1, 1, size, size), or undo that; edges repeat."""
        if not (self.across or self.down or self.degrees):
            return values
        step = 2 / values.shape[-1]
        angle = math.radians(self.degrees)
        turn = torch.eye(3)
        turn[:2, :2] = torch.tensor(
            [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        )
        shift = torch.eye(3)
        shift[:2, 2] = torch.tensor([-self.across * step, -self.down * step])
        matrix = shift @ turn
        matrix = torch.linalg.inv(matrix) if back else matrix
        grid = F.affine_grid(matrix[None, :2], list(values.shape), align_corners=False)
        return F.grid_sample(values, grid, padding_mode="border", align_corners=False)


CHANGES = (
    Change("noise of 1 %", noise=NOISE),
    Change("one pixel down and right", across=1, down=1),
    Change("one pixel up and left", across=-1, down=-1),
    Change("one side 5 % darker", fall_off=FALL_OFF),
    Change("turned by one degree", degrees=1.0),
)


@dataclass(frozen=True, slots=True)
class Stability:
    """Results of a map under `CHANGES`, in their order, put back before comparing.

    Attributes
    ----------
    each : tuple of Agreement
        With the map of the unchanged film.
    sensitivity : float
        Largest change of the map over its own size (Frobenius norms): the max-sensitivity of Yeh
        et al., NeurIPS 2019, arXiv 1901.09392, as Captum's ``sensitivity_max`` measures it.
    """

    each: tuple[Agreement, ...]
    sensitivity: float

    @property
    def correlation(self) -> float:
        """The worst rank correlation."""
        return min(a.correlation for a in self.each)

    @property
    def overlap(self) -> float:
        """The worst overlap of the strongest patches."""
        return min(a.overlap for a in self.each)


def stability(
    explainer: Explainer,
    subject: Subject,
    attribution: Attribution,
    *,
    on_progress: Callable[[float], None] | None = None,
) -> Stability:
    """Make the map again, by its own method, for every change of the film.

    Parameters
    ----------
    explainer : Explainer
    subject : Subject
        The film the map is of.
    attribution : Attribution
    on_progress : callable, optional
        Gets the share of the work done, in [0, 1]; what it raises stops the work.
    """
    inner = _cut_margin(attribution.inner)
    each, sensitivity = [], 0.0
    for index, change in enumerate(CHANGES):
        if on_progress:
            on_progress(index / len(CHANGES))
        map_ = explainer.attribute(disturb(subject, index), attribution.target, attribution.method)
        back = change.move(torch.from_numpy(map_.inner)[None, None], back=True)
        changed_inner = _cut_margin(back[0, 0].numpy())
        each.append(agree(inner, changed_inner))
        size = max(float(np.linalg.norm(inner)), 1e-12)
        sensitivity = max(sensitivity, float(np.linalg.norm(changed_inner - inner)) / size)
    return Stability(tuple(each), sensitivity)


def disturb(subject: Subject, index: int = 0) -> Subject:
    """The film after one of `CHANGES`; the same film gives the same noise."""
    change = CHANGES[index]
    values = torch.from_numpy(np.array(subject.squashed, np.float32))[None, None]
    values = change.move(values)
    low, span = values.min(), values.max() - values.min()
    if change.fall_off:
        ramp = torch.linspace(1 - change.fall_off, 1, values.shape[-1])
        values = low + (values - low) * ramp
    if change.noise:
        lot = torch.Generator().manual_seed(seed_of(subject) % 2**62)
        values = values + change.noise * span * torch.randn(values.shape, generator=lot)
    squashed: NDArray[np.float32] = values[0, 0].numpy()
    return replace(subject, squashed=squashed, x=preprocess(squashed, size=len(squashed)))


def _cut_margin(values: NDArray[np.float32]) -> NDArray[np.float32]:
    edge = math.ceil(_MARGIN * len(values))
    return values[edge:-edge, edge:-edge]
