"""Where the anatomy lies: a small network that frames a film before another one reads it.

How much of the neck, the arms and the belly is in the picture goes with the label in most open
films and differs from ward to ward; the lungs do not. Cropping to the lungs first is an old remedy
(Teixeira et al., Sensors 2021, doi 10.3390/s21217116). What training needs is in
`models.training.train_localiser`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from imaging.errors import CheckpointError
from models.checkpoint.installed import forget_graphs
from models.immutable import lists_to_tuples
from models.network.blocks import ConvNorm, Downsample, MultiScaleBlock
from models.network.preprocess import preprocess

WEIGHTS = "localiser.safetensors"
SETTINGS = "localiser.json"


@dataclass(frozen=True, slots=True)
class LocaliserSettings:
    """Everything needed to rebuild the network: every stage halves the picture once more.

    With ``mirrored``, a film is asked about as it is and mirrored, once trained: the frame must
    not depend on which side of the picture is which, or the answer would.
    """

    size: int = 128
    stem: int = 16
    channels: tuple[int, ...] = (32, 64, 96)
    scales: int = 3
    mirrored: bool = False

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LocaliserSettings:
        """Lists become tuples."""
        return cls(**lists_to_tuples(values))


class Localiser(nn.Module):
    """Multi-scale residual trunk and one region map, four times finer than its features.

    Parameters
    ----------
    settings : LocaliserSettings
    """

    def __init__(self, settings: LocaliserSettings) -> None:
        super().__init__()
        self.settings = settings
        layers: list[nn.Module] = [
            ConvNorm(1, settings.stem, stride=2),
            ConvNorm(settings.stem, settings.stem),
        ]
        previous = settings.stem
        for channels in settings.channels:
            width = channels // 4
            layers += [
                Downsample(previous, channels),
                MultiScaleBlock(channels, width=width, scales=settings.scales),
            ]
            previous = channels
        # Sub-pixel upsampling (Shi et al., CVPR 2016)
        self.layers = nn.Sequential(*layers, nn.Conv2d(previous, 16, 1), nn.PixelShuffle(4))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, 1, rows, columns) to logits (batch, rows', columns'), a quarter the side."""
        if self.training or not self.settings.mirrored:
            return self.layers(x)[:, 0]
        both = self.layers(torch.cat([x, x.flip(-1)]))[:, 0]
        return (both[: x.shape[0]] + both[x.shape[0] :].flip(-1)) / 2

    def maps(self, luminance: NDArray[Any] | Tensor) -> NDArray[np.float32]:
        """Probability of the region over the whole picture.

        Parameters
        ----------
        luminance : array or Tensor
            (rows, columns) or (batch, rows, columns), any linear scale, larger is brighter.

        Returns
        -------
        numpy.ndarray
            (batch, rows', columns'), float32 in [0, 1].
        """
        with torch.inference_mode():
            return self(preprocess(luminance, size=self.settings.size)).sigmoid().numpy()


def save_localiser(folder: Path, network: Localiser, record: dict[str, Any]) -> dict[str, Any]:
    """Write weights and settings into a checkpoint folder; returns what the settings file says."""
    folder.mkdir(parents=True, exist_ok=True)
    data = save({k: v.cpu().contiguous() for k, v in network.state_dict().items()})
    values = {
        "network": asdict(network.settings),
        **record,
        "weights_sha256": hashlib.sha256(data).hexdigest(),
    }
    forget_graphs(folder)
    (folder / WEIGHTS).write_bytes(data)
    (folder / SETTINGS).write_text(json.dumps(values, indent=2) + "\n")
    return values


def copy_localiser(source: Path, target: Path) -> str:
    """Put a localiser beside another checkpoint; returns the SHA-256 (hex) of its weights.

    Raises
    ------
    CheckpointError
        If it cannot be used.
    """
    network, values = load_localiser(source)
    record = {k: v for k, v in values.items() if k not in ("network", "weights_sha256")}
    return str(save_localiser(target, network, record)["weights_sha256"])


def load_localiser(folder: Path) -> tuple[Localiser, dict[str, Any]]:
    """Read what `save_localiser` wrote.

    Raises
    ------
    CheckpointError
        If a file is missing, damaged, or the weights do not fit.
    """
    try:
        values = json.loads((folder / SETTINGS).read_text())
        data = (folder / WEIGHTS).read_bytes()
        if hashlib.sha256(data).hexdigest() != values["weights_sha256"]:
            raise ValueError("checksum")
        network = Localiser(LocaliserSettings.from_dict(values["network"]))
        network.load_state_dict(load(data))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as exc:
        raise CheckpointError(
            f"The localiser of the model '{folder.name}' is damaged; reinstall the model."
        ) from exc
    network.eval()
    return network.to(memory_format=torch.channels_last), values
