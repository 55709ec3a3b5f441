"""Holes cut into films, from which a lung fill learns to restore what was there."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

# Shares of the kinds of hole; the rest are patches of a grid, as removal tests take them away.
_LUNGS, _THIRDS, _SHAPES = 0.3, 0.35, 0.2
_WIDER = 0.6  # share of the holes that reach beyond what they were cut from
_GRIDS = (10, 20)  # patches along a side


def draw_holes(lungs: Tensor, generator: torch.Generator) -> Tensor:
    """A hole in each film: both lungs, thirds of them, ellipses and boxes, or patches of a grid.

    Parameters
    ----------
    lungs : Tensor
        (batch, 1, size, size), float32 in [0, 1].
    generator : torch.Generator

    Returns
    -------
    Tensor
        Same shape, in [0, 1], one where something is missing, with soft edges.
    """
    size = lungs.shape[-1]
    holes = torch.zeros_like(lungs)
    for hole, lung in zip(holes[:, 0], lungs[:, 0] > 0.5, strict=True):
        kind = float(torch.rand(1, generator=generator))
        if kind < _LUNGS:
            hole.copy_(lung)
        elif kind < _LUNGS + _THIRDS:
            thirds = torch.stack(_thirds(lung))
            count = int(torch.randint(1, len(thirds), (1,), generator=generator))
            chosen = torch.randperm(len(thirds), generator=generator)[:count]
            hole.copy_(thirds[chosen].any(0))
        elif kind < _LUNGS + _THIRDS + _SHAPES:
            for _ in range(int(torch.randint(1, 4, (1,), generator=generator))):
                hole.copy_(torch.maximum(hole, _shape(size, generator)))
        else:
            count = _GRIDS[int(torch.randint(len(_GRIDS), (1,), generator=generator))]
            share = 0.1 + 0.7 * float(torch.rand(1, generator=generator))
            cells = (torch.rand(1, 1, count, count, generator=generator) < share).float()
            hole.copy_(F.interpolate(cells, (size, size))[0, 0])
        if float(torch.rand(1, generator=generator)) < _WIDER:
            reach = int(torch.randint(1, 6, (1,), generator=generator))
            hole.copy_(F.max_pool2d(hole[None], 2 * reach + 1, stride=1, padding=reach)[0])
    return F.avg_pool2d(holes, 5, stride=1, padding=2, count_include_pad=False)


def _thirds(lung: Tensor) -> list[Tensor]:
    """Upper, middle and lower third of what lies on either side of a mask's middle column."""
    columns = torch.nonzero(lung.any(0))[:, 0]
    middle = int(columns[0] + columns[-1]) // 2 if len(columns) else 0
    parts = []
    for side in (slice(0, middle), slice(middle, lung.shape[1])):
        half = torch.zeros_like(lung)
        half[:, side] = lung[:, side]
        for rows in torch.tensor_split(torch.nonzero(half.any(1))[:, 0], 3):
            part = torch.zeros_like(lung)
            part[rows] = half[rows]
            parts.append(part)
    return parts


def _shape(size: int, generator: torch.Generator) -> Tensor:
    """An ellipse or a box anywhere: (size, size)."""
    row, column, high, wide, kind = torch.rand(5, generator=generator).tolist()
    rows = torch.arange(size)[:, None] / size - (1 / 8 + row * 3 / 4)
    columns = torch.arange(size)[None] / size - (1 / 8 + column * 3 / 4)
    high, wide = 0.04 + 0.18 * high, 0.04 + 0.18 * wide
    inside = (
        (rows.abs() < high) & (columns.abs() < wide)
        if kind < 0.4
        else (rows / high) ** 2 + (columns / wide) ** 2 <= 1
    )
    return inside.float()
