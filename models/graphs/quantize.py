"""Graphs whose convolutions compute in eight bits: static quantisation by ONNX Runtime.

Weights are rounded to seven of the eight bits (``reduce_range``). With all eight, processors
without VNNI add pairs of products in 16 bits and saturate, so that the same graph would say
different things on different computers, and a comparison on one would prove nothing for another.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

Batch = NDArray[np.float32]
_METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}
_PERCENTILE = 99.999  # of a layer's values, where that is the method
_AT_ONCE = 4  # inputs, while ranges are found: every layer's values are held


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to quantise. Linear layers and sums stay in fp32 with all.

    Attributes
    ----------
    ranges : str
        How a layer's range follows from the values it was seen to give: "minmax", "entropy" or
        "percentile".
    spared : int
        Convolutions stay in fp32 until the picture has been halved more than so many times: 1
        spares the stem, 2 the first stage too.
    downsampling : bool
        Whether those that halve it, or read what was halved by a mean, are quantised.
    """

    ranges: str = "minmax"
    spared: int = 1
    downsampling: bool = True

    @property
    def name(self) -> str:
        """For tables and records."""
        spared = {0: "nothing", 1: "stem"}.get(self.spared, f"stem, {self.spared - 1} stage(s)")
        return f"{self.ranges}; fp32: {spared}{'' if self.downsampling else ', downsampling'}"


def quantize(graph: Path, target: Path, inputs: Batch, recipe: Recipe) -> None:
    """Write a graph with quantised convolutions: weights per channel, activations per layer.

    Parameters
    ----------
    graph : Path
        In fp32, with one input "x".
    target : Path
        The new graph, which holds its weights.
    inputs : numpy.ndarray
        (films, 1, size, size), of *training* films: ranges are fitted to them.
    recipe : Recipe
    """
    with tempfile.TemporaryDirectory() as folder, _silence():
        whole, folded = Path(folder) / "whole.onnx", Path(folder) / "folded.onnx"
        onnx.save(onnx.load(graph), whole)  # with its weights: later steps look for them beside it
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(folded)  # norms are in the convolutions there
        onnxruntime.InferenceSession(whole, options, providers=["CPUExecutionProvider"])
        quantize_static(
            folded,
            target,
            _Inputs(inputs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=list(find_spared(onnx.load(folded).graph, recipe)),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=_METHODS[recipe.ranges],
            extra_options={"CalibPercentile": _PERCENTILE},
        )


def find_spared(graph: onnx.GraphProto, recipe: Recipe) -> Iterator[str]:
    """Find convolutions that stay in fp32, by name: from how often the picture was halved."""
    halvings: dict[str, int] = {}  # of each tensor
    means: set[str] = set()
    for node in graph.node:
        strides = [tuple(a.ints) for a in node.attribute if a.name == "strides"]
        halves = any(max(stride) > 1 for stride in strides)
        level = max((halvings.get(name, 0) for name in node.input), default=0) + halves
        halvings.update(dict.fromkeys(node.output, level))
        if node.op_type != "Conv":
            means.update(node.output if halves else ())
            continue
        changes = halves or node.input[0] in means
        if level <= recipe.spared or (changes and not recipe.downsampling):
            yield node.name


class _Inputs(CalibrationDataReader):
    """Hands the inputs out, a few at a time."""

    def __init__(self, inputs: Batch) -> None:
        self._rest = iter(np.array_split(inputs, -(-len(inputs) // _AT_ONCE)))

    def get_next(self) -> dict[str, Batch] | None:
        """The next few; None at the end."""
        batch = next(self._rest, None)
        return None if batch is None else {"x": batch}


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """The quantiser prints how far it is, and advises what is done already."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
