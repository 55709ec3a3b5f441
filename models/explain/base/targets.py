"""What is explained: the log-odds of a finding or class, or of one against another."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.checkpoint.card import ModelCard
from models.network.network import ClassNetwork

# Class indices, and those they are weighed against; none where classes do not exclude each other.
Sides = tuple[list[int], list[int]]

AGAINST = "|"  # "bacterial|viral": what speaks for the first rather than the second


class Targets:
    """Findings, classes and differences of two of them, as sets of class indices."""

    def __init__(self, card: ModelCard) -> None:
        self._members = target_members(card)
        # in a multi-label task a class is weighed against its own absence
        self._classes = () if card.multi_label else tuple(range(len(card.classes)))
        self._alone = card.multi_label

    @property
    def names(self) -> tuple[str, ...]:
        """Finding codes, then class names."""
        return tuple(self._members)

    def sides(self, target: str) -> Sides:
        """Class indices for the target, and those it is weighed against.

        Parameters
        ----------
        target : str
            One of `names`: weighed against all other classes or, of a multi-label task, against
            its absence. Or two of them with `AGAINST` between: the first against the second.

        Raises
        ------
        ValueError
            If a name is unknown or nothing is left to weigh it against.
        """
        name, _bar, opponent = target.partition(AGAINST)
        is_known = name in self._members and (not opponent or opponent in self._members)
        inside = self._members.get(name, [])
        rest = self._members.get(opponent, []) if opponent else self._classes
        outside = [c for c in rest if c not in inside]
        missing = not outside and (opponent or not self._alone)
        if not is_known or missing or (opponent and len(outside) < len(rest)):
            raise ValueError(f"unknown target: {target}")
        return inside, outside


class TargetLogOdds(nn.Module):
    """One network with one output: the log-odds of one set of classes against another.

    Explaining log-odds rather than a single logit makes the explanation of "pneumonia"
    independent of how its member classes share the probability.

    Parameters
    ----------
    network : MultiScaleResNet or EvidenceNetwork
    sides : pair of lists of int
        From `Targets.sides`.
    on_forward : callable, optional
        Gets the number of inputs before each pass; what it raises stops the work there.
    """

    def __init__(
        self,
        network: ClassNetwork,
        sides: Sides,
        on_forward: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.sides = sides
        self._on_forward = on_forward

    @property
    def depth(self) -> int:
        """Greatest depth of `trunk`."""
        return self.network.depth

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 1, rows, columns) to log-odds (batch,)."""
        self._tick(x)
        return log_odds(self.network(x), self.sides)

    def trunk(self, x: Tensor, depth: int) -> Tensor:
        """Map inputs to features after the stem (depth 0) or that many stages."""
        self._tick(x)
        return self.network.trunk(x, depth)

    def head(self, features: Tensor, depth: int) -> Tensor:
        """Map features of `trunk` to logits (batch, classes)."""
        return self.network.head(features, depth)

    def _tick(self, x: Tensor) -> None:
        if self._on_forward is not None:
            self._on_forward(len(x))


def log_odds(logits: Tensor, sides: Sides) -> Tensor:
    """Map logits (..., classes) to log-odds (...,)."""
    inside, outside = sides
    if not outside:
        return torch.logsumexp(logits[..., inside], -1)
    return torch.logsumexp(logits[..., inside], -1) - torch.logsumexp(logits[..., outside], -1)


def target_members(card: ModelCard) -> dict[str, list[int]]:
    """Class indices behind every finding code and class name, in display order."""
    members = {f.code: [card.classes.index(m) for m in f.members] for f in card.findings}
    for index, name in enumerate(card.classes):
        members.setdefault(name, [index])
    return members
