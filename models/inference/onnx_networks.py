"""The networks of a checkpoint as ONNX graphs, run by ONNX Runtime.

A graph file holds no weights: its tensors point into the checkpoint's safetensors files, so that
graph and training share one copy and one hash. `models.graphs.export` writes them.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from imaging.errors import CheckpointError
from models.checkpoint.installed import GRAPHS as RECORD

MEMBERS, GATE, LOCALISER = "members.onnx", "gate.onnx", "localiser.onnx"
ENGINE = "onnxruntime fp32"

Batch = NDArray[np.float32]


def has_graphs(folder: Path) -> bool:
    """True when graphs were written for this checkpoint."""
    return (folder / RECORD).exists()


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class OnnxNetworks:
    """The networks of one checkpoint: batches in, figures out. One thread each call.

    Parameters
    ----------
    folder : Path
        The checkpoint.

    Raises
    ------
    CheckpointError
        If a graph, or the weights it points into, are not the ones that were written together.
    """

    engine = ENGINE

    def __init__(self, folder: Path) -> None:
        self._folder, self._record = folder, _check_files(folder)
        self._sessions: dict[str, Any] = {}

    def members(self, x: Batch) -> NDArray[np.float32]:
        """Every member's logits of inputs (batch, 1, size, size): (members, batch, classes)."""
        return self._graph(MEMBERS).run(None, {"x": x})[0]

    def gate(self, x: Batch) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The gate's logits (batch, classes) and distances (batch,)."""
        logits, distance = self._graph(GATE).run(None, {"x": x})
        return logits, distance

    def region(self, x: Batch) -> NDArray[np.float32]:
        """Probability of the region: (batch, rows', columns'), in [0, 1]."""
        return self._graph(LOCALISER).run(None, {"x": x})[0]

    def _graph(self, name: str) -> Any:
        """A graph of the checkpoint, made ready when the first film needs it."""
        if name not in self._record:
            raise ValueError(f"this checkpoint has no {name}")
        if name not in self._sessions:
            self._sessions[name] = session(self._folder / name)
        return self._sessions[name]


def session(path: Path) -> onnxruntime.InferenceSession:
    """A graph ready to run on one processor, by one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _check_files(folder: Path) -> dict[str, str]:
    """Compare files with their record; returns file name -> SHA-256 of what graphs are made of."""
    try:
        record: dict[str, str] = json.loads((folder / RECORD).read_text())
        for name, expected in record.items():
            if sha256_of(folder / name) != expected:
                raise ValueError(name)
    except (OSError, ValueError) as exc:
        raise CheckpointError(
            f"The weights or graphs of the model '{folder.name}' are damaged or were altered; "
            "write the graphs anew (python -m models.graphs.export) or reinstall the model."
        ) from exc
    return record
