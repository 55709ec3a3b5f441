"""Write a checkpoint's serving graphs: ``python -m models.graphs.export [--model NAME]``.

Needed once after a checkpoint was assembled or its gate was trained; a checkpoint without graphs
is served by torch. The graphs are compared with torch before they are kept.
"""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from struct import unpack
from typing import Annotated

import numpy as np
import onnx
import onnx_ir
import torch
import typer
from onnxscript import optimizer
from torch import Tensor, nn

from imaging.errors import CheckpointError
from imaging.settings import Settings
from models.checkpoint import installed
from models.graphs.folding import fold_network
from models.inference.classifier import Classifier
from models.inference.onnx_networks import GATE, LOCALISER, MEMBERS, RECORD, OnnxNetworks, sha256_of
from models.inference.torch_networks import TorchNetworks
from models.network import gate as gates
from models.network import localiser
from models.network.gate import Gate, describe

TOLERANCE = 1e-4  # between the two engines, of logits, distances and region maps
_SHAPE = 16  # numbers: more than a shape has are weights


class _Gate(nn.Module):
    """Gate network and distance in one."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.network = gate.network
        self.feature_mean, self.feature_whitening = (
            nn.Parameter(t, requires_grad=False)
            for t in (gate.distance.mean, gate.distance.whitening)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits, features = describe(self.network, x)
        white = nn.functional.linear(features - self.feature_mean, self.feature_whitening)
        return logits, white.square().mean(1).sqrt()


class _Localiser(nn.Module):
    """Region map in [0, 1]."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x).sigmoid()


def export(folder: Path) -> dict[str, str]:
    """Write the graphs of one checkpoint; returns what `graphs.json` says.

    Raises
    ------
    CheckpointError
        If a graph does not say what torch says.
    """
    classifier = Classifier.load(folder)
    parts: list[tuple[str, nn.Module, int, str]] = [
        (MEMBERS, classifier.trained, classifier.card.size, installed.WEIGHTS)
    ]
    if classifier.gate is not None:
        parts.append((GATE, _Gate(classifier.gate), classifier.gate.size, gates.WEIGHTS))
    if classifier.framing.localiser is not None:
        network = classifier.framing.localiser
        parts.append((LOCALISER, _Localiser(network), network.settings.size, localiser.WEIGHTS))
    record: dict[str, str] = {}
    installed.break_seal(folder)
    for name, module, size, weights in parts:
        _write(folder / name, module, size, folder / weights)
        record |= {name: sha256_of(folder / name), weights: sha256_of(folder / weights)}
    (folder / RECORD).write_text(json.dumps(record, indent=1) + "\n")
    _compare(folder, classifier)
    return record


def _write(path: Path, module: nn.Module, size: int, weights: Path) -> None:
    """Trace the module, and let its tensors point into the weights file."""
    example = torch.zeros(2, 1, size, size)
    module = fold_network(module.eval(), example).to(memory_format=torch.contiguous_format)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about itself
        logging.disable(logging.WARNING)
        program = torch.onnx.export(
            module,
            (example,),
            input_names=["x"],
            dynamo=True,
            optimize=False,  # it would fold norms into weights, which then are no checkpoint's
            verbose=False,
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=4096)},),
        )
        logging.disable(logging.NOTSET)
    if program is None:
        raise CheckpointError("The networks cannot be written as graphs.")
    _tidy(program.model)
    graph = program.model_proto
    del graph.metadata_props[:]
    for node in graph.graph.node:
        del node.metadata_props[:]  # source lines of the machine it was made on
        node.doc_string = ""
    _point(graph, weights)
    path.write_bytes(graph.SerializeToString())


def _tidy(model: onnx_ir.Model) -> None:
    """Fold what the exporter wrote of shapes; `optimize_ir` would fold norms into weights too."""
    optimizer.inline(model)
    optimizer.fold_constants(model, input_size_limit=_SHAPE, output_size_limit=_SHAPE)
    optimizer.remove_unused_nodes(model)


def _point(graph: onnx.ModelProto, weights: Path) -> None:
    """Replace every tensor that lies in the weights file by its place there."""
    data = weights.read_bytes()
    (length,) = unpack("<Q", data[:8])
    places = json.loads(data[8 : 8 + length])
    places.pop("__metadata__", None)
    spans = {}
    for place in places.values():
        begin, end = (8 + length + offset for offset in place["data_offsets"])
        spans[data[begin:end], tuple(place["shape"])] = (begin, end - begin)
    for tensor in graph.graph.initializer:
        span = spans.get((onnx.numpy_helper.to_array(tensor).tobytes(), tuple(tensor.dims)))
        if span is None:
            continue
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", weights.name), ("offset", span[0]), ("length", span[1])):
            tensor.external_data.add(key=key, value=str(value))


def _compare(folder: Path, classifier: Classifier) -> None:
    """Refuse graphs that do not say what torch says, on noise of several batch sizes."""
    ours, reference = OnnxNetworks(folder), TorchNetworks(classifier)
    draw = np.random.default_rng(0)
    worst = 0.0
    for batch in (1, 3):
        pairs = [(ours.members, reference.members, classifier.card.size)]
        if classifier.gate is not None:
            pairs.append((ours.gate, reference.gate, classifier.gate.size))  # type: ignore[arg-type]
        if classifier.framing.localiser is not None:
            size = classifier.framing.localiser.settings.size
            pairs.append((ours.region, reference.region, size))
        for graph, network, size in pairs:
            x = draw.standard_normal((batch, 1, size, size)).astype(np.float32)
            for a, b in zip(_as_tuple(graph(x)), _as_tuple(network(x)), strict=True):
                worst = max(worst, float(np.abs(a - b).max()))
    if worst > TOLERANCE:
        raise CheckpointError(
            f"The serving graphs differ from torch by {worst:g}; they cannot serve."
        )


def _as_tuple(output: object) -> tuple[np.ndarray, ...]:
    return output if isinstance(output, tuple) else (np.asarray(output),)


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
) -> None:
    """Write the serving graphs of an installed model."""
    folder = installed.find_checkpoint(Settings.from_environment().weights, model)
    export(folder)
    typer.echo(f"Graphs of {folder.name} written; they say what torch says.")


if __name__ == "__main__":
    typer.run(main)
