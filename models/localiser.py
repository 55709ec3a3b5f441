"""Where the anatomy lies: a small network that frames a film before another one reads it.

How much of the neck, the arms and the belly is in the picture goes with the label in most open
films and differs from ward to ward; the lungs do not. Cropping to the lungs first is an old remedy
(Teixeira et al., Sensors 2021, doi 10.3390/s21217116). What training needs is in
`models.train_localiser`.
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
from models.blocks import ConvNorm, Downsample, MultiScaleBlock
from models.plain import frozen
from models.preprocess import preprocess

WEIGHTS = "localiser.safetensors"
SETTINGS = "localiser.json"
_SURE = 0.5  # a pixel belongs to the region from this probability on
_TAIL = 0.01  # share of the region's rows' (columns') mass left outside at each end
_LEAST = 0.02  # of the picture: a smaller region is none


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a picture, in fractions of its sides: 0 <= top < bottom <= 1."""

    top: float = 0.0
    left: float = 0.0
    bottom: float = 1.0
    right: float = 1.0

    def grown(self, share: float) -> Box:
        """Wider by `share` of its own sides at every edge, as far as the picture goes."""
        down, across = (self.bottom - self.top) * share, (self.right - self.left) * share
        return Box(
            max(0.0, self.top - down),
            max(0.0, self.left - across),
            min(1.0, self.bottom + down),
            min(1.0, self.right + across),
        )

    def within(self, outer: Box) -> Box:
        """The same rectangle in fractions of `outer`'s sides."""
        rows, columns = outer.bottom - outer.top, outer.right - outer.left
        return Box(
            (self.top - outer.top) / rows,
            (self.left - outer.left) / columns,
            (self.bottom - outer.top) / rows,
            (self.right - outer.left) / columns,
        )

    def pixels(self, shape: tuple[int, int]) -> tuple[slice, slice]:
        """Rows and columns of a picture of that shape, at least one of each."""
        (rows, columns), spans = shape, []
        for low, high, length in (
            (self.top, self.bottom, rows),
            (self.left, self.right, columns),
        ):
            first = min(length - 1, round(low * length))
            spans.append(slice(first, max(first + 1, round(high * length))))
        return spans[0], spans[1]

    def overlap(self, other: Box) -> float:
        """Intersection over union, in [0, 1]."""
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        across = min(self.right, other.right) - max(self.left, other.left)
        shared = max(0.0, down) * max(0.0, across)
        return shared / (self.area + other.area - shared)

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Top, left, bottom, right."""
        return self.top, self.left, self.bottom, self.right

    @property
    def area(self) -> float:
        """Share of the picture."""
        return (self.bottom - self.top) * (self.right - self.left)


WHOLE = Box()


@dataclass(frozen=True, slots=True)
class LocaliserSettings:
    """Everything needed to rebuild the network: every stage halves the picture once more."""

    size: int = 128
    stem: int = 16
    channels: tuple[int, ...] = (32, 64, 96)
    scales: int = 3

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LocaliserSettings:
        """Lists become tuples."""
        return cls(**frozen(values))


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
        return self.layers(x)[:, 0]

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

    def find(self, luminance: NDArray[Any] | Tensor) -> Box | None:
        """The region's box in one picture (rows, columns), or None where none is seen."""
        return box_of(self.maps(luminance)[0])


def box_of(region: NDArray[np.floating]) -> Box | None:
    """The box around a region map (rows, columns) in [0, 1]; None if it is (nearly) empty.

    Its edges leave one per cent of the region's mass outside each: a stray pixel moves nothing.
    """
    inside = np.where(region > _SURE, region, 0.0).astype(np.float64)
    if inside.mean() < _LEAST:
        return None
    (top, bottom), (left, right) = (_span(inside.sum(axis)) for axis in (1, 0))
    return Box(top, left, bottom, right)


def _span(mass: NDArray[np.float64]) -> tuple[float, float]:
    """Where the mass starts and ends, in fractions, interpolated between pixels."""
    cumulative = np.concatenate([[0.0], mass.cumsum() / mass.sum()])
    edges = np.linspace(0, 1, len(cumulative))
    low, high = np.interp([_TAIL, 1 - _TAIL], cumulative, edges)
    return float(low), float(high)


def save_localiser(folder: Path, network: Localiser, record: dict[str, Any]) -> dict[str, Any]:
    """Write weights and settings into a checkpoint folder; returns what the settings file says."""
    folder.mkdir(parents=True, exist_ok=True)
    data = save({k: v.cpu().contiguous() for k, v in network.state_dict().items()})
    values = {
        "network": asdict(network.settings),
        **record,
        "weights_sha256": hashlib.sha256(data).hexdigest(),
    }
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
