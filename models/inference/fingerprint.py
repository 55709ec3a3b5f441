"""Digest of all that an answer depends on beside the file's bytes. Loads no network."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from imaging.settings import EAGER, FP32, Settings
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import CARD, find_checkpoint, installed_checkpoints
from models.inference.onnx_networks import ENGINE, has_graphs
from models.inference.precision_networks import admission

READING = "4"  # counts up when films are read or condensed otherwise than before


def fingerprint(settings: Settings, *, reduced: bool = True) -> str:
    """SHA-256 (hex) over the installed models' hashes, the error rate, the engine, the reading.

    Low precision stands for itself: the record of its gate goes in, and with it the graph's hash.

    Raises
    ------
    CheckpointError
        If none is installed, or one may not serve in the precision asked for.
    """
    first = find_checkpoint(settings.weights, settings.model_name)
    folders = (first,) if settings.model_name else installed_checkpoints(settings.weights)
    cards = tuple((folder / CARD, (folder / CARD).stat().st_mtime_ns) for folder in folders)
    low = settings.precision
    gates = tuple((low, admission(folder, low).seal) for folder in folders) if low != FP32 else ()
    eager = settings.engine == EAGER
    outside = settings.outside_population
    return _digest(cards, settings.error_rate, reduced, gates, eager, outside)


@lru_cache(maxsize=8)
def _digest(
    cards: tuple[tuple[Path, int], ...],
    error_rate: float,
    reduced: bool,
    gates: tuple[tuple[str, str], ...],
    eager: bool,
    outside: bool,
) -> str:
    parts = []
    for path, _ in cards:
        card = ModelCard.read(path)
        engine = ENGINE if has_graphs(path.parent) and not eager else "torch fp32"
        weights = [card.weights_sha256, card.gate_sha256, card.localiser_sha256]
        points = [f.operating_point for f in card.findings]
        parts.append([*weights, card.temperature, list(card.bias), points, engine])
    asked = ["outside population"] if outside else []  # what was stored before stays as it is
    text = json.dumps([READING, error_rate, reduced, parts, *gates, *asked], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
