"""What is explained: the log-odds of a finding or class, or of one against another."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.card import ModelCard
from models.network import MultiScaleResNet

AGAINST = "|"  # "bacterial|viral": what speaks for the first rather than the second


class Targets:
    """Findings, classes and differences of two of them, as sets of class indices."""

    def __init__(self, card: ModelCard) -> None:
        self._members = target_members(card)
        self._classes = tuple(range(len(card.classes)))

    @property
    def names(self) -> tuple[str, ...]:
        """Finding codes, then class names."""
        return tuple(self._members)

    def sides(self, target: str) -> tuple[list[int], list[int]]:
        """Class indices for the target, and those it is weighed against.

        Parameters
        ----------
        target : str
            One of `names`: weighed against all other classes. Or two of them with `AGAINST`
            between: the first weighed against the second.

        Raises
        ------
        ValueError
            If a name is unknown or nothing is left to weigh it against.
        """
        name, _bar, other = target.partition(AGAINST)
        known = name in self._members and (not other or other in self._members)
        inside = self._members.get(name, [])
        rest = self._members.get(other, []) if other else self._classes
        outside = [c for c in rest if c not in inside]
        if not known or not outside or (other and len(outside) < len(rest)):
            raise ValueError(f"unknown target: {target}")
        return inside, outside


class TargetLogOdds(nn.Module):
    """One network with one output: the log-odds of one set of classes against another.

    Explaining log-odds rather than a single logit makes the explanation of "pneumonia"
    independent of how its member classes share the probability.
    """

    def __init__(self, network: MultiScaleResNet, sides: tuple[list[int], list[int]]) -> None:
        super().__init__()
        self.network = network
        self.sides = sides

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 1, rows, columns) to log-odds (batch,)."""
        return self.of(self.network(x))

    def of(self, logits: Tensor) -> Tensor:
        """Map logits (batch, classes) to log-odds (batch,)."""
        inside, outside = self.sides
        return logits[:, inside].logsumexp(1) - logits[:, outside].logsumexp(1)


def log_odds(logits: Tensor, sides: tuple[list[int], list[int]]) -> Tensor:
    """Map logits (..., classes) to log-odds (...,)."""
    inside, outside = sides
    return torch.logsumexp(logits[..., inside], -1) - torch.logsumexp(logits[..., outside], -1)


def target_members(card: ModelCard) -> dict[str, list[int]]:
    """Class indices behind every finding code and class name, in display order."""
    members = {f.code: [card.classes.index(m) for m in f.members] for f in card.findings}
    for index, name in enumerate(card.classes):
        members.setdefault(name, [index])
    return members
