"""The decision itself: what each place of the film adds to the answer, read off and not estimated.

Only networks whose answer is a sum over places have such a map (`models.network.evidence`).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from models.explain.base.subject import Subject
from models.explain.base.targets import Sides, TargetLogOdds
from models.network.evidence import Evidence, EvidenceNetwork


def evidence(model: TargetLogOdds, subject: Subject) -> Tensor:
    """What each place adds to the log-odds beyond all of the lungs: (1, 1, size, size), per pixel.

    Raises
    ------
    TypeError
        If the network's answer is not a sum over places.
    """
    if not isinstance(model.network, EvidenceNetwork):
        raise TypeError("only an EvidenceNetwork gives evidence")
    with torch.inference_mode():
        cells, _level = cell_evidence(model.network.evidence(subject.x), model.sides)
    size = subject.x.shape[-1]
    fine = F.interpolate(cells[:, None], (size, size), mode="bilinear")
    return fine * (cells[0].numel() / size**2)  # a cell's evidence shared out to its pixels


def cell_evidence(given: Evidence, sides: Sides) -> tuple[Tensor, Tensor]:
    """What each cell adds to the log-odds of one set of classes against another.

    The log-odds are the difference of two log-sum-exp of logits. Each is the mean of its logits,
    weighted by their softmax, plus that softmax's entropy; the logits are sums over cells, and the
    entropy, which is no place's, is shared out by the weights of the cells.

    What the middle cell of the lungs says is said by all of them alike - the film's look, not a
    place - and stands apart: cells and that level add up to the log-odds of the fused answer
    exactly.

    Parameters
    ----------
    given : Evidence
    sides : pair of lists of int
        From `models.explain.base.targets.Targets.sides`.

    Returns
    -------
    tuple of Tensor
        (batch, rows, columns), in log-odds, and the level (batch,).
    """
    parts, weights = given.parts, given.weights_of([*sides[0], *sides[1]]).mean(0)
    logits = given.logits.mean(0)
    (inside, entropy), (outside, other_entropy) = (
        _weighted(parts[:, side], logits[:, side]) if side else _nothing(parts) for side in sides
    )
    added = inside - outside + (entropy - other_entropy)[:, None, None] * weights
    level = _middle(added / weights.clamp_min(1e-30), given.lungs)
    return added - level[:, None, None] * weights, level


def _middle(odds: Tensor, lungs: Tensor) -> Tensor:
    """Median over the cells of the lungs (batch,); over all cells where no lung is seen."""
    seen = lungs > 0.5
    seen = torch.where(seen.flatten(1).any(1)[:, None, None], seen, torch.ones_like(seen))
    return torch.where(seen, odds, torch.nan).flatten(1).nanmedian(1).values


def _weighted(parts: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """Cells' shares of a log-sum-exp (batch, rows, columns), and what no cell gives (batch,)."""
    shares = logits.softmax(1)
    entropy = -(shares * shares.clamp_min(1e-30).log()).sum(1)
    return (parts * shares[:, :, None, None]).sum(1), entropy


def _nothing(parts: Tensor) -> tuple[Tensor, Tensor]:
    """As `_weighted` where a class is weighed against its absence, which says nothing anywhere."""
    return torch.zeros_like(parts[:, 0]), torch.zeros_like(parts[:, 0, 0, 0])
