"""What a film is compared with: the same film with its detail gone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

BLUR = 10 / 128  # standard deviation of the blur over the side of the input


def blur(x: Tensor) -> Tensor:
    """The film seen through frosted glass: tone and outline stay, structure goes.

    A grey film would do as a reference too, but against it everything bright or dark is evidence,
    normal bone and air included (Sturmfels et al., Distill 2020, doi 10.23915/distill.00022); the
    blur (Fong & Vedaldi, ICCV 2017, arXiv 1704.03296) keeps them and takes only what they show.

    Parameters
    ----------
    x : Tensor
        (batch, 1, size, size), float32.

    Returns
    -------
    Tensor
        Same shape.
    """
    sigma = BLUR * x.shape[-1]
    reach = min(int(3 * sigma), x.shape[-1] - 1)
    steps = torch.arange(-reach, reach + 1, dtype=x.dtype) / sigma
    kernel = torch.exp(-0.5 * steps**2)
    kernel = (kernel / kernel.sum()).reshape(1, 1, -1, 1)
    padded = F.pad(x, (reach,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(padded, kernel), kernel.transpose(2, 3))


def grey(x: Tensor) -> Tensor:
    """The even grey that a blank film becomes in `preprocess`."""
    return torch.zeros_like(x)
