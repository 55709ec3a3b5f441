"""Training films with their background changed: what the answer must not, and must, depend on.

Side markers, collimation, exposure text and the patient's arms go with the label in most open
films. With a mask of the region that matters (the lungs) they can be told apart from the disease:

* *swapped*: the region of one film before the background of another; the label stays,
* *alone*: the region before a featureless background; the label stays,
* *removed*: the background without its region; nothing is left to tell the classes by.

The idea is that of counterfactual data augmentation (Chang et al., CVPR 2021, arXiv 2106.02847).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class RegionSettings:
    """Shares of the films (with a mask) that are changed each way, and the loss of the masks."""

    swapped: float = 0.3
    alone: float = 0.08
    removed: float = 0.08
    margin: float = 0.06  # widest band kept around the region, of the picture's side
    loss: float = 0.3  # weight of the region maps' cross-entropy beside the classes'


def change_backgrounds(
    films: Tensor, regions: Tensor, settings: RegionSettings, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Change the backgrounds of a random share of a batch.

    Parameters
    ----------
    films : Tensor
        (batch, rows, columns), float32 in [0, 1].
    regions : Tensor
        Same shape, in [0, 1]; NaN throughout where a film has no mask (it is left alone).

    Returns
    -------
    tuple of Tensor
        Films; regions (zero where removed); bool (batch,), True where the region was removed.
    """
    masked = regions.isfinite().all(dim=2).all(dim=1)
    masks = regions.nan_to_num(0.0)
    if not masked.any():
        return films, masks, masked
    draw = torch.rand(len(films), generator=generator)
    swapped = masked & (draw < settings.swapped)
    alone = masked & ~swapped & (draw < settings.swapped + settings.alone)
    removed = masked & (draw > 1 - settings.removed)
    matte = soft_matte(masks, settings.margin, generator)
    backgrounds = match_tone(films[torch.randperm(len(films), generator=generator)], films)
    fill = featureless(films, generator)
    pick = _column(swapped)
    changed = torch.where(pick, matte * films + (1 - matte) * backgrounds, films)
    changed = torch.where(_column(alone), matte * films + (1 - matte) * fill, changed)
    changed = torch.where(_column(removed), (1 - matte) * films + matte * fill, changed)
    regions = torch.where(_column(removed), torch.zeros_like(regions), regions)
    return changed, regions, removed


def _column(chosen: Tensor) -> Tensor:
    return chosen[:, None, None]


def soft_matte(masks: Tensor, margin: float, generator: torch.Generator) -> Tensor:
    """The masks, widened by up to `margin` and with soft edges: (batch, rows, columns)."""
    side = masks.shape[-1]
    radius = int(torch.randint(1, max(2, round(margin * side)) + 1, (1,), generator=generator))
    # shrunk first: a wide maximum costs as much as the rest of the augmentation together
    small = F.interpolate(masks[:, None], scale_factor=0.25, mode="area")
    reach = max(1, round(radius / 4))
    wide = F.max_pool2d(small, 2 * reach + 1, stride=1, padding=reach)
    return F.interpolate(wide, masks.shape[-2:], mode="bilinear", align_corners=False)[:, 0]


def match_tone(films: Tensor, to: Tensor) -> Tensor:
    """`films` shifted and stretched to the mean and spread of `to`, each by each."""
    axes = (1, 2)
    mean, spread = films.mean(axes, keepdim=True), films.std(axes, keepdim=True)
    target_mean, target_spread = to.mean(axes, keepdim=True), to.std(axes, keepdim=True)
    return ((films - mean) / spread.clamp_min(1e-3) * target_spread + target_mean).clamp(0, 1)


def featureless(films: Tensor, generator: torch.Generator) -> Tensor:
    """A grey, or a slow random field, of about each film's tone: (batch, rows, columns)."""
    n = len(films)
    level = films.mean((1, 2), keepdim=True) + 0.2 * torch.randn(n, 1, 1, generator=generator)
    cells = int(torch.randint(2, 9, (1,), generator=generator))
    field = 0.25 * torch.randn(n, 1, cells, cells, generator=generator)
    field = F.interpolate(field, films.shape[-2:], mode="bicubic", align_corners=True)[:, 0]
    flat = torch.rand(n, 1, 1, generator=generator) < 0.5
    return (level + torch.where(flat, torch.zeros_like(field), field)).clamp(0, 1)
