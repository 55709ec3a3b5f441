"""Label-preserving changes of a training batch: pose, detector, processing style, markers.

All act on raw luminance before `preprocess`, as the world does. There is no left-right flip here: a
mirrored chest is another anatomy (situs inversus). Networks that must not know sides are shown
mirrored films on purpose (`models.training.evidence_run`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, slots=True)
class AugmentSettings:
    """Strength of each change; zero switches it off. Fractions are of the picture's side.

    ``probability`` is the chance of each detector or style change per film.
    """

    degrees: float = 12.0
    scale: float = 0.18  # area of view: factor in [1 - scale, 1 + scale/2]
    aspect: float = 0.15
    shift: float = 0.07
    probability: float = 0.5
    tone: float = 0.35  # smooth multiplicative exposure field
    sharpen: float = 1.2  # unsharp masking, the commonest vendor processing
    blur: float = 2.5  # largest loss of resolution, a factor
    noise: float = 0.06  # of the picture's range
    erase: float = 0.35  # largest side of an erased box
    frame: float = 0.05  # widest dark border of a collimator on any one side
    markers: int = 3  # bright or dark boxes near the border (side letters, exposure text)


def augment(batch: Tensor, settings: AugmentSettings, generator: torch.Generator) -> Tensor:
    """Change a batch of films.

    Parameters
    ----------
    batch : Tensor
        (batch, rows, columns), float32 in [0, 1].
    settings : AugmentSettings
    generator : torch.Generator
        Source of all randomness.

    Returns
    -------
    Tensor
        Same shape and range.
    """
    return augment_with_regions(batch, torch.zeros_like(batch), settings, generator)[0]


def augment_with_regions(
    batch: Tensor,
    regions: Tensor,
    settings: AugmentSettings,
    generator: torch.Generator,
    *,
    views: Tensor | None = None,
    side: int = 0,
) -> tuple[Tensor, Tensor]:
    """`augment`, with masks that follow the pose: both in [0, 1].

    Parameters
    ----------
    batch : Tensor
        (batch, rows, columns).
    regions : Tensor
        As the batch, or (batch, masks, rows, columns); so the masks that come back.
    views : Tensor, optional
        (batch, 4): top, left, bottom and right of the part to show, in fractions of the picture;
        a change of pose may show what lies around it. Without, all of the picture.
    side : int
        Rows and columns of the result; 0 keeps the picture's.
    """
    several = regions if regions.ndim == 4 else regions[:, None]
    posed = _pose(torch.cat([batch[:, None], several], 1), settings, generator, views, side)
    x, masks = posed[:, :1], posed[:, 1:]
    x = _where(x, _style(x, settings, generator), settings.probability, generator)
    x = _where(x, _soften(x, settings, generator), settings.probability / 2, generator)
    x = _where(x, _expose(x, settings, generator), settings.probability, generator)
    x = _where(x, _grain(x, settings, generator), settings.probability, generator)
    x = _where(x, _collimate(x, settings, generator), settings.probability, generator)
    x = _boxes(x, settings, generator)
    return x.squeeze(1).clamp(0, 1), masks if regions.ndim == 4 else masks[:, 0]


def _uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(n, generator=generator) * (high - low) + low


def _where(x: Tensor, changed: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Take `changed` for a random share of the batch."""
    chosen = torch.rand(len(x), generator=generator) < probability
    return torch.where(chosen[:, None, None, None], changed, x)


def _pose(
    x: Tensor, s: AugmentSettings, g: torch.Generator, views: Tensor | None, side: int
) -> Tensor:
    """Rotate, zoom, stretch and shift the view; what comes into it from outside is black."""
    n = len(x)
    angle = torch.deg2rad(_uniform(n, -s.degrees, s.degrees, g))
    zoom = _uniform(n, 1 - s.scale, 1 + s.scale / 2, g)
    stretch = torch.exp(_uniform(n, -s.aspect, s.aspect, g))
    cos, sin = torch.cos(angle), torch.sin(angle)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = cos * zoom * stretch, -sin * zoom
    theta[:, 1, 0], theta[:, 1, 1] = sin * zoom, cos * zoom / stretch
    theta[:, :, 2] = torch.rand(n, 2, generator=g) * 2 * s.shift - s.shift
    if views is not None:
        top, left, bottom, right = views.unbind(1)
        theta *= torch.stack([right - left, bottom - top], 1)[:, :, None]
        theta[:, :, 2] += torch.stack([left + right - 1, top + bottom - 1], 1)
    shape = [n, x.shape[1], side, side] if side else list(x.shape)
    grid = F.affine_grid(theta, shape, align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", align_corners=False)


def _smooth(x: Tensor, factor: float) -> Tensor:
    """Low-pass by shrinking and enlarging again: far cheaper than a wide convolution."""
    small = (max(2, round(x.shape[-2] / factor)), max(2, round(x.shape[-1] / factor)))
    down = F.interpolate(x, small, mode="bilinear", antialias=True)
    return F.interpolate(down, x.shape[-2:], mode="bilinear", align_corners=False)


def _style(x: Tensor, s: AugmentSettings, g: torch.Generator) -> Tensor:
    """Unsharp masking at a fine or a coarse radius: edge and local-contrast enhancement."""
    factor = float(_uniform(1, 2.0, 12.0, g))
    amount = _uniform(len(x), -s.sharpen / 3, s.sharpen, g)[:, None, None, None]
    return (x + amount * (x - _smooth(x, factor))).clamp(0, 1)


def _soften(x: Tensor, s: AugmentSettings, g: torch.Generator) -> Tensor:
    """Blur, as from a coarse detector or lossy compression."""
    return _smooth(x, float(_uniform(1, 1.0, s.blur, g)))


def _expose(x: Tensor, s: AugmentSettings, g: torch.Generator) -> Tensor:
    """Smooth multiplicative field and gamma: grid cut-off, heel effect, tube angle."""
    coarse = _uniform(len(x) * 9, 1 - s.tone, 1 + s.tone, g).reshape(len(x), 1, 3, 3)
    field = F.interpolate(coarse, x.shape[-2:], mode="bicubic", align_corners=True)
    gamma = torch.exp(_uniform(len(x), -0.4, 0.4, g))[:, None, None, None]
    return (x.clamp_min(1e-4) ** gamma * field).clamp(0, 1)


def _grain(x: Tensor, s: AugmentSettings, g: torch.Generator) -> Tensor:
    """White noise of a random strength per film."""
    level = _uniform(len(x), 0, s.noise, g)[:, None, None, None]
    return x + level * torch.randn(x.shape, generator=g)


def _collimate(x: Tensor, s: AugmentSettings, g: torch.Generator) -> Tensor:
    """Darken a border of its own width on each side, as a collimator or a scanner does."""
    n, _, rows, columns = x.shape
    # A side is often not collimated at all, hence the widths below zero.
    near = torch.rand(4, n, 1, generator=g) * 1.5 * s.frame - 0.5 * s.frame
    down, across = torch.linspace(0, 1, rows), torch.linspace(0, 1, columns)
    inside_rows = (down > near[0]) & (down < 1 - near[1])
    inside_columns = (across > near[2]) & (across < 1 - near[3])
    inside = (inside_rows[:, :, None] & inside_columns[:, None, :])[:, None]
    shade = _uniform(n, 0, 0.15, g)[:, None, None, None]
    return torch.where(inside, x, shade * x.amax(dim=(1, 2, 3), keepdim=True))


def _boxes(x: Tensor, s: AugmentSettings, g: torch.Generator) -> Tensor:
    """Erase one box anywhere (Zhong et al. 2020, arXiv 1708.04896) and paint border markers."""
    x = x.clone()
    side = x.shape[-1]
    for film in x:
        if torch.rand(1, generator=g) < s.probability:
            h, w = (int(v) for v in _uniform(2, 0.08, s.erase, g) * side)
            top, left = (int(v) for v in torch.rand(2, generator=g) * side)
            film[:, top : top + h, left : left + w] = float(torch.rand(1, generator=g))
        for _ in range(int(torch.randint(0, s.markers + 1, (1,), generator=g))):
            _mark(film, side, g)
    return x


def _mark(film: Tensor, side: int, g: torch.Generator) -> None:
    """Paint one small bright or dark box within the outer eighth, in place."""
    h, w = (max(2, int(v)) for v in _uniform(2, 0.02, 0.12, g) * side)
    along, across = (torch.rand(2, generator=g) * torch.tensor([side - w, side / 8])).long()
    top, left = (
        (int(across), int(along)) if torch.rand(1, generator=g) < 0.5 else (int(along), int(across))
    )
    if torch.rand(1, generator=g) < 0.5:
        top, left = side - h - top, side - w - left
    top, left = max(0, top), max(0, left)
    film[:, top : top + h, left : left + w] = 1.0 if torch.rand(1, generator=g) < 0.7 else 0.0
