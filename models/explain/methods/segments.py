"""A film divided into areas that can be left out one at a time."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from models.explain.base.lung_measures import ZONES, Lungs, find_lungs
from models.explain.base.lung_zones import zone_masks
from models.explain.base.subject import Subject

GRID = 8  # superpixels along a side
FIELDS = len(ZONES) + 1  # of the lungs, and what is around them
_ROUNDS = 5
_TONE = 2.0  # grid steps that weigh as much as a difference of one standard deviation of tone


def superpixels(x: Tensor) -> Tensor:
    """Divide a film into about `GRID` x `GRID` areas that follow its tones.

    Clusters of tone and place that start as a grid, as in SLIC (Achanta et al., IEEE TPAMI 2012,
    doi 10.1109/TPAMI.2012.120); on pictures this small every pixel can be compared with every
    centre, and no area need be whole.

    Parameters
    ----------
    x : Tensor
        (1, 1, size, size), float32, of about unit variance.

    Returns
    -------
    Tensor
        Same shape, int64: areas from 0, without gaps.
    """
    size = x.shape[-1]
    places = (torch.arange(size) + 0.5) * GRID / size
    rows, columns = torch.meshgrid(places, places, indexing="ij")
    tone = F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)[0, 0]
    points = torch.stack([_TONE * tone, rows, columns], dim=-1).reshape(-1, 3)
    areas = (rows.long() * GRID + columns.long()).flatten()
    for _round in range(_ROUNDS):
        sums = torch.zeros(GRID**2, 3).index_add_(0, areas, points)
        counts = areas.bincount(minlength=GRID**2).unsqueeze(1)
        centres = torch.where(counts > 0, sums / counts.clamp_min(1), torch.inf)
        areas = (points.unsqueeze(1) - centres).square().sum(-1).argmin(1)
    return areas.unique(return_inverse=True)[1].reshape(x.shape)


def lung_fields(subject: Subject) -> Tensor:
    """Upper, middle and lower third of each lung, and all that is around them.

    Where the lungs are not surely seen, the same six fields as thirds of the two halves of the
    view, with nothing around them.

    Returns
    -------
    Tensor
        Shape of ``subject.x``, int64: areas from 0, without gaps.
    """
    size = subject.x.shape[-1]
    lungs = find_lungs(subject.region, subject) or _halves(size)
    areas = np.zeros((size, size), np.int64)
    for number, mask in enumerate(zone_masks(lungs).values(), start=1):
        areas[mask > 0] = number
    return torch.from_numpy(areas).unique(return_inverse=True)[1].reshape(subject.x.shape)


def _halves(size: int) -> Lungs:
    """The two halves of the view in the place of lungs."""
    right = np.broadcast_to(np.arange(size) < size // 2, (size, size))
    return Lungs(right, ~right, np.zeros_like(right))
