"""Settings from which a checkpoint's network is rebuilt. No torch: a card reads without it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from models.immutable import lists_to_tuples

MULTI_SCALE = "multi-scale"
LITE0 = "lite0"
LITE0_STEM = 32
# Rows of EfficientNet-Lite0 (channels, blocks, kernel size) by the size of their pictures.
LITE0_STAGES = (
    ((24, 2, 3),),
    ((40, 2, 5),),
    ((80, 3, 3), (112, 3, 5)),
    ((192, 4, 5), (320, 1, 3)),
)
LITE0_CHANNELS = (16, *(stage[-1][0] for stage in LITE0_STAGES))


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
    trunk : str
        What the stages are made of: ``multi-scale`` (`MultiScaleBlock`) or ``lite0``
        (EfficientNet-Lite0, whose ``channels`` and ``depths`` are given).
    multi_label : bool
        A film may show several classes, or none: each logit is the log-odds of its class alone.
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
    trunk: str = MULTI_SCALE
    multi_label: bool = False

    def __post_init__(self) -> None:
        if self.trunk not in (MULTI_SCALE, LITE0):
            raise ValueError(f"unknown trunk {self.trunk!r}")
        if self.trunk == LITE0 and self.channels != LITE0_CHANNELS[1 : 1 + len(self.channels)]:
            raise ValueError(f"the channels of a Lite0 trunk are {LITE0_CHANNELS[1:]}")

    def as_dict(self) -> dict[str, Any]:
        """Plain values for the card."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NetworkSettings:
        """Inverse of `as_dict`; lists become tuples."""
        return cls(**lists_to_tuples(values))
