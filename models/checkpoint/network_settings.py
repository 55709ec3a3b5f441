"""Settings from which a checkpoint's network is rebuilt. No torch: a card reads without it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from models.immutable import lists_to_tuples


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Everything needed to rebuild the network.

    Attributes
    ----------
    classes : int
        Length of the logits.
    stem : int
        Channels after the two stem convolutions.
    channels : tuple of int
        Channels of each stage; every stage halves the picture once.
    depths : tuple of int
        Multi-scale residual blocks per stage.
    scales : int
        Receptive fields per block (see `MultiScaleBlock`).
    reduction : int
        Channels of a stage over channels of one scale group.
    dropout : float
        Probability of dropping a pooled feature before the classifier, in [0, 1).
    regions : int
        Anatomical maps predicted beside the classes (one for the lungs); 0 for none.
    heads : int
        Evidence heads on one trunk, whose answers may differ (`EvidenceNetwork`); 0 for a network
        that pools before it decides (`MultiScaleResNet`).
    lead : tuple of int
        Classes of the leading finding, whose odds say how much a cell counts; with heads only.
    sharpness : float
        How much more a cell counts whose odds are higher: the exponent of its odds.
    both_sides : bool
        Ask about a film as it is and mirrored, and take the mean; with heads only.
    """

    classes: int
    stem: int = 32
    channels: tuple[int, ...] = (64, 128, 256, 320)
    depths: tuple[int, ...] = (2, 2, 3, 2)
    scales: int = 3
    reduction: int = 4
    dropout: float = 0.3
    regions: int = 0
    heads: int = 0
    lead: tuple[int, ...] = ()
    sharpness: float = 1.0
    both_sides: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the card."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NetworkSettings:
        """Inverse of `as_dict`; lists become tuples."""
        return cls(**lists_to_tuples(values))
