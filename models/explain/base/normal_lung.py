"""A film with normal lung in the place of its own: what a removal should leave behind."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models.explain.base.subject import Subject, lungs_in_view
from models.network.lung_fill import LungFill

_LUNG = 0.5  # probability from which a pixel is lung
_AROUND = 1 / 40  # of the input's side: what the localiser may miss at the border of a dense lung
_SOFT = 1 / 40  # of the input's side: width of the seam


def lung_hole(subject: Subject) -> Tensor:
    """Both lungs and a little around them: (1, 1, size, size), float32 in [0, 1], soft-edged.

    All of the view where the film was looked at without a localiser.
    """
    lungs = torch.from_numpy(lungs_in_view(subject) > _LUNG).float()[None, None]
    reach = round(_AROUND * lungs.shape[-1])
    return soften(F.max_pool2d(lungs, 2 * reach + 1, stride=1, padding=reach))


def soften(hole: Tensor) -> Tensor:
    """A hole (batch, 1, size, size) with a seam instead of an edge."""
    width = 2 * round(_SOFT * hole.shape[-1] / 2) + 1
    return F.avg_pool2d(hole, width, stride=1, padding=width // 2, count_include_pad=False)


def draw_lung(fill: LungFill, subject: Subject, x: Tensor, hole: Tensor) -> Tensor:
    """Draw normal lung into holes of inputs.

    Parameters
    ----------
    fill : LungFill
    subject : Subject
        Whose lungs are where.
    x, hole : Tensor
        (batch, 1, size, size), float32; holes in [0, 1].

    Returns
    -------
    Tensor
        (batch, 1, size, size), float32: `x` outside the holes.
    """
    lungs = torch.from_numpy(lungs_in_view(subject))[None, None].expand_as(hole)
    with torch.inference_mode():
        return x * (1 - hole) + fill(x, hole, lungs) * hole
