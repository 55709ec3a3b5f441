"""Several networks of one shape that answer together, and whose differences are a warning."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.checkpoint.network_settings import NetworkSettings
from models.network.network import ClassNetwork, build_network


class Ensemble(nn.Module):
    """A deep ensemble (Lakshminarayanan et al., NeurIPS 2017, arXiv 1612.01474).

    Members share their settings and differ in their seeds. One member is an ensemble too, so that
    everything else needs to know one kind of network only.
    """

    def __init__(self, members: Sequence[ClassNetwork]) -> None:
        super().__init__()
        if not members:
            raise ValueError("an ensemble needs a member")
        self.members = nn.ModuleList(members)

    @classmethod
    def of(cls, settings: NetworkSettings, count: int) -> Ensemble:
        """Untrained members of the given shape."""
        return cls([build_network(settings) for _ in range(count)])

    @property
    def networks(self) -> tuple[ClassNetwork, ...]:
        """The members."""
        return tuple(m for m in self.members if isinstance(m, ClassNetwork))

    @property
    def multi_label(self) -> bool:
        """True where each logit is the log-odds of its class alone."""
        return any(network.settings.multi_label for network in self.networks)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 1, rows, columns) to logits (answers, batch, classes).

        A member with several heads gives several answers.
        """
        return torch.cat([_answers(member, x) for member in self.members])

    def regions(self, x: Tensor) -> Tensor | None:
        """Mean predicted region maps (batch, regions, rows', columns') in [0, 1], or None."""
        networks = [n for n in self.networks if n.settings.regions]
        if not networks:
            return None
        maps = [network.forward_with_regions(x)[1].sigmoid() for network in networks]
        return torch.stack(maps).mean(0)


def _answers(member: nn.Module, x: Tensor) -> Tensor:
    """A member's logits: (answers, batch, classes); any network may stand among them in a bench."""
    if isinstance(member, ClassNetwork):
        return member.answers(x)
    logits: Tensor = member(x)
    return logits[None]


def fuse(logits: Tensor, *, multi_label: bool = False) -> Tensor:
    """Mean log-probability over members: (members, batch, classes) -> (batch, classes).

    The geometric mean of the members' probabilities, up to a factor that calibration removes;
    for one member it is the member itself. With `multi_label` the mean of each class's log-odds.
    """
    return logits.mean(0) if multi_label else logits.log_softmax(-1).mean(0)
