"""The parity gate: a model's answers to films in fp32 and in low precision, side by side."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.entities import Assessment
from imaging.errors import CheckpointError
from imaging.intake.decode_process import DecodedFilm
from imaging.settings import INT8
from models.checkpoint.installed import GRAPHS
from models.graphs.quantize import Recipe, quantize
from models.inference.assessor import Assessor, ServedModel
from models.inference.loading import Networks
from models.inference.onnx_networks import MEMBERS, sha256_of
from models.inference.precision_networks import (
    ENGINES,
    GRAPH_OF,
    Admission,
    LowPrecisionNetworks,
    Parity,
    admit,
    thresholds_of,
    withdraw,
)

RECIPES = (
    Recipe("minmax", spared=1),
    Recipe("percentile", spared=1),
    Recipe("minmax", spared=2),
    Recipe("minmax", spared=2, downsampling=False),
    Recipe("minmax", spared=3),
)
CALIBRATION = 64  # training films that a layer's range is taken from
CHUNK = 8  # films
_TIMES = 9  # that the networks' times are taken, in turn
Batch = NDArray[np.float32]
Readings = Iterable[Sequence[DecodedFilm]]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try at the gate, as it is stored.

    Attributes
    ----------
    parity : Parity
    faster : float
        Time of the members in fp32 over theirs in low precision, side by side, one thread.
    megabytes : float
        Of the graph with all that it holds.
    passed : bool
    """

    recipe: str
    parity: Parity
    faster: float
    megabytes: float
    passed: bool


class RecordingNetworks:
    """Networks that keep what the members were shown: the inputs exactly as they serve."""

    def __init__(self, networks: Networks) -> None:
        self._networks, self.engine = networks, networks.engine
        self.inputs: list[Batch] = []

    def members(self, x: Batch) -> Batch:
        """As the networks', and remembers."""
        self.inputs.append(x)
        return self._networks.members(x)

    def gate(self, x: Batch) -> tuple[Batch, Batch]:
        """As the networks'."""
        return self._networks.gate(x)

    def region(self, x: Batch) -> Batch:
        """As the networks'."""
        return self._networks.region(x)


def assess(model: ServedModel, readings: Readings) -> list[Assessment]:
    """Assess films by one model, through gate, view and calibration."""
    assessor = Assessor((model,))
    return [assessment for chunk in readings for assessment in assessor.assess(chunk)]


def compare(reference: Sequence[Assessment], low: Sequence[Assessment]) -> Parity:
    """Compare two engines' answers to the same films."""
    pairs = list(zip(reference, low, strict=True))
    moved = [
        abs(a.primary.probability - b.primary.probability)
        for a, b in pairs
        if a.primary is not None and b.primary is not None
    ]
    changed = sum(_without_figures(a) != _without_figures(b) for a, b in pairs)
    return Parity(len(pairs), len(moved), max(moved, default=0.0), changed)


def try_recipes(
    folder: Path,
    model: ServedModel,
    kind: str,
    *,
    train: Callable[[], Readings],
    validation: Callable[[], Readings],
    complete: bool = True,
    recipes: Sequence[Recipe] = RECIPES,
    say: Say = lambda _: None,
) -> list[Attempt]:
    """Try one kind until a recipe passes; admit that one, or withdraw what was admitted before.

    Parameters
    ----------
    folder : Path
        The checkpoint, with serving graphs.
    model : ServedModel
        It, in fp32.
    kind : str
        "int8" or "bf16".
    train, validation : callable
        Films to take ranges from, and films to be compared on; read anew by each call.
    complete : bool
        Whether those are all validation films there are. If not, nothing is admitted.
    recipes : sequence of Recipe
        For int8; bf16 has none to choose from.
    say : callable
        Gets the figures of each attempt, in a line.

    Raises
    ------
    CheckpointError
        If this computer cannot compute the kind.
    """
    recording = RecordingNetworks(model.networks)
    assess(replace(model, networks=recording), train())
    if not recording.inputs:
        raise CheckpointError(f"The model '{folder.name}' answers none of its training films.")
    inputs = np.concatenate(recording.inputs)
    reference = assess(model, validation())
    attempts: list[Attempt] = []
    with tempfile.TemporaryDirectory() as scratch:
        for recipe in recipes if kind == INT8 else (None,):
            graph = folder / MEMBERS
            if recipe is not None:
                graph = Path(scratch) / GRAPH_OF[kind]
                quantize(folder / MEMBERS, graph, inputs, recipe)
            networks = LowPrecisionNetworks(folder, kind, graph)
            parity = compare(reference, assess(replace(model, networks=networks), validation()))
            faster = _measure_speedup(model.networks, networks, inputs[:CHUNK])
            name = recipe.name if recipe is not None else "bf16 throughout"
            size = graph.stat().st_size / 1e6
            attempts.append(Attempt(name, parity, faster, round(size, 1), parity.passes))
            say(_describe(attempts[-1]))
            if not parity.passes:
                continue
            if complete:
                _install(folder, graph, _make_record(folder, model, kind, graph, attempts[-1]))
            return attempts
    withdraw(folder, kind)
    return attempts


def _without_figures(assessment: Assessment) -> tuple[object, ...]:
    return assessment.status, assessment.messages, assessment.answer, assessment.conformal_set


def _measure_speedup(reference: Networks, low: Networks, x: Batch) -> float:
    """Ratio of the medians of times taken in turn."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(_TIMES):
        for networks, seconds in zip((reference, low), times, strict=True):
            start = time.perf_counter()
            networks.members(x)
            seconds.append(time.perf_counter() - start)
    return round(float(np.median(times[0]) / np.median(times[1])), 2)


def _make_record(
    folder: Path, model: ServedModel, kind: str, graph: Path, attempt: Attempt
) -> Admission:
    return Admission(
        kind=kind,
        engine=ENGINES[kind],
        recipe=attempt.recipe,
        graph_sha256=sha256_of(graph),
        made_from=json.loads((folder / GRAPHS).read_text()),
        thresholds=thresholds_of(model.card, model.answers.rule.error_rate),
        parity=attempt.parity,
        date=today(),
    )


def _install(folder: Path, graph: Path, record: Admission) -> None:
    """Put graph and record beside the checkpoint, the record last."""
    target = folder / GRAPH_OF[record.kind]
    if graph != target:
        target.write_bytes(graph.read_bytes())
    admit(folder, record)


def _describe(attempt: Attempt) -> str:
    parity, word = attempt.parity, "passed" if attempt.passed else "failed"
    return (
        f"{word}: {attempt.recipe}; {parity.films} films, {parity.answered} answered, largest "
        f"difference {parity.largest:.5f}, {parity.changed} changed, "
        f"{attempt.faster:g} times as fast"
    )


def today() -> str:
    """ISO 8601, UTC."""
    return datetime.now(UTC).date().isoformat()
