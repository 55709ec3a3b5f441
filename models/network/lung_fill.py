"""A fill that is lung: draws what normal lung would look like in a hole of a film.

Whoever takes a part of a film away to see whether the answer hung on it must put something there.
Black, grey and blur are findings of their own: a blurred lung looks white. A small network that
has learned from normal films to restore what was cut out of them (context encoders: Pathak et al.,
CVPR 2016, arXiv 1604.07379) puts lung there instead. What training needs is in
`models.training.train_fill`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from imaging.errors import CheckpointError
from models.checkpoint.installed import break_seal
from models.immutable import lists_to_tuples
from models.network.blocks import ConvNorm, Downsample, MultiScaleBlock

WEIGHTS = "fill.safetensors"
SETTINGS = "fill.json"
_GIVEN = 3  # planes: what is left of the film, the hole, and the lungs


@dataclass(frozen=True, slots=True)
class LungFillSettings:
    """Everything needed to rebuild the network: every further stage halves the picture."""

    channels: tuple[int, ...] = (32, 64, 96, 128)
    scales: int = 3

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LungFillSettings:
        """Lists become tuples."""
        return cls(**lists_to_tuples(values))


class LungFill(nn.Module):
    """Encoder and decoder with multi-scale blocks, linked at every scale (U-Net, arXiv 1505.04597).

    Parameters
    ----------
    settings : LungFillSettings
    """

    def __init__(self, settings: LungFillSettings) -> None:
        super().__init__()
        self.settings = settings
        first, *deeper = settings.channels
        scales = settings.scales

        def block(channels: int) -> nn.Module:
            return MultiScaleBlock(channels, width=channels // 4, scales=scales)

        self.first = nn.Sequential(nn.PixelUnshuffle(2), ConvNorm(4 * _GIVEN, first), block(first))
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        previous = first
        for channels in deeper:
            self.down.append(nn.Sequential(Downsample(previous, channels), block(channels)))
            self.up.append(nn.Sequential(ConvNorm(channels + previous, previous), block(previous)))
            previous = channels
        self.middle = nn.Sequential(block(previous), block(previous))
        self.last = nn.Sequential(nn.Conv2d(first, 4, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x: Tensor, hole: Tensor, lungs: Tensor) -> Tensor:
        """Draw normal lung.

        Parameters
        ----------
        x : Tensor
            (batch, 1, size, size), float32: films as `models.network.preprocess` gives them; what
            they show in the hole is not looked at. `size` is a multiple of 16.
        hole : Tensor
            Same shape, in [0, 1]: one where something is to be drawn.
        lungs : Tensor
            Same shape, in [0, 1]: where the lungs are.

        Returns
        -------
        Tensor
            Same shape: a picture, meant for the hole alone.
        """
        given = torch.cat([x * (1 - hole), hole, lungs], 1)
        seen = [self.first(given)]
        for stage in self.down:
            seen.append(stage(seen[-1]))
        drawn = self.middle(seen.pop())
        for stage in reversed(self.up):
            beside = seen.pop()
            wide = F.interpolate(drawn, beside.shape[-2:], mode="nearest")
            drawn = stage(torch.cat([wide, beside], 1))
        return self.last(drawn)


def save_lung_fill(folder: Path, network: LungFill, record: dict[str, Any]) -> dict[str, Any]:
    """Write weights and settings into a checkpoint folder; returns what the settings file says."""
    folder.mkdir(parents=True, exist_ok=True)
    data = save({k: v.cpu().contiguous() for k, v in network.state_dict().items()})
    values = {
        "network": asdict(network.settings),
        **record,
        "weights_sha256": hashlib.sha256(data).hexdigest(),
    }
    break_seal(folder)
    (folder / WEIGHTS).write_bytes(data)
    (folder / SETTINGS).write_text(json.dumps(values, indent=2) + "\n")
    return values


def load_lung_fill(folder: Path, sha256: str) -> LungFill:
    """The fill of a checkpoint whose weights have this SHA-256 (hex), in evaluation mode.

    Raises
    ------
    CheckpointError
        If it is missing, damaged, or another one.
    """
    try:
        values = json.loads((folder / SETTINGS).read_text())
        data = (folder / WEIGHTS).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise CheckpointError(
                f"The lung fill of the model '{folder.name}' is not the one its card names; "
                "reinstall the model."
            )
        network = LungFill(LungFillSettings.from_dict(values["network"]))
        network.load_state_dict(load(data))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as exc:
        raise CheckpointError(f"The lung fill of the model '{folder.name}' is damaged.") from exc
    return network.eval().requires_grad_(False)
