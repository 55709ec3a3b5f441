"""Opacities planted into films at known places: the only disease whose place nobody has to mark.

Image labels say that a film shows disease, not where; a network that learns from them alone may
write its evidence anywhere. A normal film with an opacity blended into its lung says where (foreign
patches: Tan et al. 2020, arXiv 2011.04197). Blending leaves traces of its own - seams, smoothed
texture - so every kind of trace is also made without disease (`disguise`), and counts as normal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

_COARSE = 4  # pixels: centres of opacities are drawn on a grid of this spacing
_FLAT, _HAZE = 0.35, 0.25  # shares of the opacities; the rest is another film's texture


@dataclass(frozen=True, slots=True)
class PlantedSettings:
    """What is planted; lengths as shares of the picture's side.

    Attributes
    ----------
    most : int
        Opacities of one film, at most.
    smallest, largest : float
        Radius.
    faintest, densest : float
        Share of the opacity in the blend at its middle.
    """

    most: int = 3
    smallest: float = 0.04
    largest: float = 0.2
    faintest: float = 0.25
    densest: float = 0.85


def opacity_masks(lungs: Tensor, settings: PlantedSettings, generator: torch.Generator) -> Tensor:
    """Places of up to `most` opacities in each film's lungs.

    Parameters
    ----------
    lungs : Tensor
        (batch, side, side), float32 in [0, 1].
    settings : PlantedSettings
    generator : torch.Generator

    Returns
    -------
    Tensor
        Same shape, float32 in [0, 1], soft at the edges, within the lungs and a little around.
    """
    batch, side = lungs.shape[0], lungs.shape[-1]
    grid = side // _COARSE
    chances = F.adaptive_avg_pool2d(lungs[:, None], grid)[:, 0].flatten(1)
    chances = (chances > 0.6).float() + 1e-6
    count = torch.randint(1, settings.most + 1, (batch,), generator=generator)
    masks = torch.zeros_like(lungs)
    for number in range(settings.most):
        cell = torch.multinomial(chances, 1, generator=generator)[:, 0]
        centres = torch.stack([cell // grid, cell % grid], 1) * _COARSE + _COARSE / 2
        low, high = math.log(settings.smallest * side), math.log(settings.largest * side)
        radii = torch.exp(_uniform(batch, low, high, generator))
        mask = opacity_at(centres, radii, side, generator)
        masks = torch.maximum(masks, mask * (count > number)[:, None, None])
    return masks * widen(lungs)


def opacity_at(centres: Tensor, radii: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """An opacity of ragged, elliptic outline for every film.

    Parameters
    ----------
    centres : Tensor
        (batch, 2): row and column, pixels.
    radii : Tensor
        (batch,), pixels.
    side : int
        Rows and columns of the result.
    generator : torch.Generator
        Of the shape.

    Returns
    -------
    Tensor
        (batch, side, side), float32 in [0, 1].
    """
    batch = len(centres)
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    down = rows - centres[:, 0, None, None]
    across = columns - centres[:, 1, None, None]
    stretch = torch.exp(_uniform(batch, -0.6, 0.6, generator))
    angle = _uniform(batch, 0, math.pi, generator)[:, None, None]
    along = (across * angle.cos() + down * angle.sin()) / (radii * stretch)[:, None, None]
    athwart = (down * angle.cos() - across * angle.sin()) / (radii / stretch)[:, None, None]
    distance = along.square() + athwart.square()
    cells = int(torch.randint(8, 24, (1,), generator=generator))
    ragged = 1 - distance + 0.6 * smooth_noise(batch, cells, side, generator)
    sharpness = torch.exp(_uniform(batch, 0.3, 1.9, generator))[:, None, None]
    return torch.sigmoid(ragged * sharpness) * (distance < 4)


def plant(
    films: Tensor,
    masks: Tensor,
    lungs: Tensor,
    donors: Tensor,
    settings: PlantedSettings,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Blend opacities into films.

    Three kinds: an even shadow as white as what is not lung (consolidation), a haze through which
    the vessels still show (ground glass), and the texture of a film with the disease.

    Parameters
    ----------
    films, masks, lungs : Tensor
        (batch, side, side), float32 in [0, 1]; larger is brighter.
    donors : Tensor
        Same shape: films with the disease, cut like `films`.
    settings : PlantedSettings
    generator : torch.Generator

    Returns
    -------
    tuple of Tensor
        The films, and how dense the opacity is at each pixel, in [0, 1] of the densest.
    """
    batch, side = len(films), films.shape[-1]
    share = _uniform(batch, settings.faintest, settings.densest, generator)[:, None, None]
    soft = low_pass(films)
    outside = (1 - lungs) * (films > 0.15)
    white = (films * outside).sum((1, 2)) / outside.sum((1, 2)).clamp_min(1)
    white = (white * _uniform(batch, 0.85, 1.25, generator))[:, None, None]
    grain = 0.05 * smooth_noise(batch, side // 4, side, generator)
    grain = grain + 0.04 * smooth_noise(batch, side // 9, side, generator)
    grain = grain + 0.02 * torch.randn(films.shape, generator=generator)
    strength = torch.rand(batch, generator=generator)[:, None, None]
    shadow = torch.maximum(white + strength * grain, soft + 0.08)  # an opacity whitens
    haze = films + shadow - soft
    lift = 0.06 + 0.1 * torch.rand(batch, generator=generator)[:, None, None]
    texture = donors + (soft + lift - low_pass(donors)).clamp_min(0)
    kind = torch.rand(batch, generator=generator)[:, None, None]
    content = torch.where(kind < _FLAT, shadow, torch.where(kind < _FLAT + _HAZE, haze, texture))
    planted = films + masks * share * (content - films)
    return torch.where(masks > 0, planted.clamp(0, 1), films), masks * share / settings.densest


def disguise(
    films: Tensor,
    masks: Tensor,
    donors: Tensor,
    settings: PlantedSettings,
    generator: torch.Generator,
) -> Tensor:
    """Films with every trace of planting and no opacity: nothing becomes whiter than it was.

    Parameters
    ----------
    films, masks : Tensor
        As for `plant`.
    donors : Tensor
        Films without the disease: their texture takes the place of the film's own.
    settings : PlantedSettings
    generator : torch.Generator
    """
    batch = len(films)
    share = _uniform(batch, settings.faintest, settings.densest, generator)[:, None, None]
    soft = low_pass(films)
    fall = torch.rand(batch, generator=generator)[:, None, None]
    texture = donors - low_pass(donors) + soft - 0.05 * fall
    darker = films - 0.15 * fall
    smoother = low_pass(films, 3.5)
    kind = torch.rand(batch, generator=generator)[:, None, None]
    content = torch.where(kind < 0.5, texture, torch.where(kind < 0.8, darker, smoother))
    return (films + masks * share * (content - films)).clamp(0, 1)


def widen(lungs: Tensor) -> Tensor:
    """The lungs and a little around them, soft: (batch, side, side), in [0, 1]."""
    wide = F.max_pool2d(lungs[:, None], 9, stride=1, padding=4)
    return F.avg_pool2d(wide, 5, stride=1, padding=2)[:, 0]


def low_pass(films: Tensor, factor: float = 12.5) -> Tensor:
    """Films (batch, rows, columns) shrunk by `factor` and enlarged again."""
    rows, columns = films.shape[-2:]
    small = (max(2, round(rows / factor)), max(2, round(columns / factor)))
    down = F.interpolate(films[:, None], small, mode="bilinear", antialias=True)
    return F.interpolate(down, (rows, columns), mode="bilinear", align_corners=False)[:, 0]


def smooth_noise(batch: int, cells: int, side: int, generator: torch.Generator) -> Tensor:
    """Noise of about unit variance, `cells` spots along a side: (batch, side, side)."""
    coarse = torch.randn(batch, 1, cells, cells, generator=generator)
    return F.interpolate(coarse, (side, side), mode="bicubic", align_corners=True)[:, 0]


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low
