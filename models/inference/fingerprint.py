"""Digest of all that an answer depends on beside the file's bytes. Loads no network."""

from __future__ import annotations

import hashlib
import json

from imaging.settings import EAGER, FP32, Settings
from models.checkpoint.installed import find_checkpoint, installed_checkpoints
from models.checkpoint.sealing import identity_of
from models.inference.onnx_networks import ENGINE, has_graphs
from models.inference.precision_networks import admission

READING = "4"  # counts up when films are read or condensed otherwise than before


def fingerprint(settings: Settings, *, reduced: bool = True) -> str:
    """SHA-256 (hex) over the installed models' identities, the error rate, engine and reading.

    Low precision stands for itself: the record of its gate goes in, and with it the graph's hash.

    Raises
    ------
    CheckpointError
        If none is installed, one is not as it was sealed, or may not serve in the precision asked
        for.
    """
    first = find_checkpoint(settings.weights, settings.model_name)
    folders = (first,) if settings.model_name else installed_checkpoints(settings.weights)
    low = settings.precision
    gates = tuple((low, admission(folder, low).seal) for folder in folders) if low != FP32 else ()
    eager = settings.engine == EAGER
    parts = [
        [identity_of(folder), ENGINE if has_graphs(folder) and not eager else "torch fp32"]
        for folder in folders
    ]
    asked = ["outside population"] if settings.outside_population else []
    served = [READING, settings.error_rate, reduced, parts, *gates, *asked]
    text = json.dumps(served, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
