"""The members of a checkpoint in low precision, which serve only what passed the parity gate.

A record beside the checkpoint says which graph was compared with the fp32 one, on how many films,
and what it changed; `models.graphs.precision_gate` writes it. Gate and localiser stay in fp32: they
take less than a tenth of the networks' time, and decide which films are refused.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import CheckpointError, SettingsError
from imaging.optional import import_optional
from imaging.settings import BF16, INT8
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import GRAPHS, break_seal
from models.inference.onnx_networks import MEMBERS, OnnxNetworks, has_graphs, session, sha256_of

RECORD = "precision.json"
ENGINES = {INT8: "onnxruntime int8", BF16: "openvino bf16"}
GRAPH_OF = {INT8: "members.int8.onnx", BF16: MEMBERS}  # OpenVINO rounds the fp32 graph itself
LIMIT = 0.005  # of the leading finding's probability, as `bench.triage_parity`
LEAST = 60  # films answered by both: fewer show nothing
COMMAND = "python -m models.graphs.precision_gate --kind {kind}"


@dataclass(frozen=True, slots=True)
class Parity:
    """Changes that low precision made.

    Attributes
    ----------
    films, answered : int
        Films shown to both, and films that both answered.
    largest : float
        Largest difference of the leading finding's calibrated probability.
    changed : int
        Films whose status, reasons, answer or conformal set is another.
    """

    films: int
    answered: int
    largest: float
    changed: int

    @property
    def passes(self) -> bool:
        """Whether it may serve."""
        return self.answered >= LEAST and self.largest <= LIMIT and self.changed == 0


@dataclass(frozen=True, slots=True)
class Admission:
    """The record of a gate that was passed: low precision may serve these very networks.

    Attributes
    ----------
    kind, engine, recipe : str
        "int8" or "bf16", what computes it, and how it was made.
    graph_sha256 : str
        SHA-256 (hex) of the low-precision graph.
    made_from : dict
        What `graphs.json` said: SHA-256 of the fp32 graphs and of all weights.
    thresholds : str
        Of calibration, operating points and the rule of "unsure", see `thresholds_of`.
    parity : Parity
    date : str
        ISO 8601.
    seal : str
        SHA-256 (hex) of the rest. Against slips and edits, not against forgers.
    """

    kind: str
    engine: str
    recipe: str
    graph_sha256: str
    made_from: dict[str, str]
    thresholds: str
    parity: Parity
    date: str
    seal: str = field(default="")

    def with_seal(self) -> Admission:
        """The same with its seal."""
        return replace(self, seal=_digest({**asdict(self), "seal": ""}))


class LowPrecisionNetworks(OnnxNetworks):
    """As `OnnxNetworks`, with members in low precision. Asks for no record, see `load_admitted`.

    Parameters
    ----------
    folder : Path
        The checkpoint, with its fp32 graphs.
    kind : str
        "int8" or "bf16".
    graph : Path
        Of the members.

    Raises
    ------
    CheckpointError
        If graphs or weights are not those written together, or this computer lacks the kind.
    """

    def __init__(self, folder: Path, kind: str, graph: Path) -> None:
        super().__init__(folder)
        self.engine = ENGINES[kind]
        self._sessions[MEMBERS] = session(graph) if kind == INT8 else _OpenVino(graph)


def load_admitted(
    folder: Path, kind: str, card: ModelCard, error_rate: float
) -> LowPrecisionNetworks:
    """Load a checkpoint's networks in low precision, if the parity gate let them.

    Raises
    ------
    CheckpointError
        If no record says so, or it was made for other graphs, weights or thresholds.
    """
    record = admission(folder, kind)
    graph = folder / GRAPH_OF[kind]
    try:
        same = record.made_from == json.loads((folder / GRAPHS).read_text())
        same = same and sha256_of(graph) == record.graph_sha256
    except (OSError, ValueError) as exc:
        raise CheckpointError(_explain_refusal(folder, kind, "its graphs cannot be read")) from exc
    if not same:
        raise CheckpointError(
            _explain_refusal(folder, kind, "it was compared with other graphs or weights")
        )
    if record.thresholds != thresholds_of(card, error_rate):
        raise CheckpointError(_explain_refusal(folder, kind, "it was compared at other thresholds"))
    return LowPrecisionNetworks(folder, kind, graph)


def admission(folder: Path, kind: str) -> Admission:
    """The record of a passed gate. Looks at no graph, see `load_admitted`.

    Raises
    ------
    CheckpointError
        If there is none, it was edited, or what it says would not pass.
    """
    if not has_graphs(folder):
        raise CheckpointError(_explain_refusal(folder, kind, "it has no serving graphs"))
    try:
        values = _records(folder)[kind]
        record = Admission(**{**values, "parity": Parity(**values["parity"])})
    except KeyError as exc:
        raise CheckpointError(
            _explain_refusal(folder, kind, "it has not passed the parity gate")
        ) from exc
    except (OSError, ValueError, TypeError) as exc:
        raise CheckpointError(_explain_refusal(folder, kind, "its record cannot be read")) from exc
    if record.seal != record.with_seal().seal or (record.kind, record.engine) != (
        kind,
        ENGINES[kind],
    ):
        raise CheckpointError(_explain_refusal(folder, kind, "its record was altered"))
    if not record.parity.passes:
        raise CheckpointError(_explain_refusal(folder, kind, "it has not passed the parity gate"))
    return record


def admit(folder: Path, record: Admission) -> None:
    """Keep the record of a passed gate.

    Raises
    ------
    ValueError
        If it was not passed.
    """
    if not record.parity.passes:
        raise ValueError("the gate was not passed")
    _keep(folder, {**_records(folder), record.kind: asdict(record.with_seal())})


def withdraw(folder: Path, kind: str) -> None:
    """Take record and graph of a kind away."""
    _keep(folder, {k: v for k, v in _records(folder).items() if k != kind})
    if GRAPH_OF[kind] != MEMBERS:
        (folder / GRAPH_OF[kind]).unlink(missing_ok=True)


def thresholds_of(card: ModelCard, error_rate: float) -> str:
    """SHA-256 (hex) of all that lies between logits and an answer."""
    points = [finding.operating_point for finding in card.findings]
    rules = [asdict(rule) for rule in card.conformal]
    return _digest([card.temperature, list(card.bias), points, rules, error_rate])


def lacks_bf16() -> str:
    """Why bf16 is not possible on this computer, in one sentence; "" if it is."""
    try:
        openvino = _import_openvino()
    except SettingsError as exc:
        return str(exc)
    if "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return ""
    return "This computer's processor does not compute in bf16; OpenVINO would use fp32 unasked."


def _import_openvino() -> Any:
    """Import OpenVINO; the one import of it."""
    return import_optional("openvino", feature="computing in bf16")


class _OpenVino:
    """A graph run by OpenVINO in bf16, by one thread; called as a session of ONNX Runtime is."""

    def __init__(self, graph: Path) -> None:
        if lack := lacks_bf16():
            raise CheckpointError(lack)
        openvino = _import_openvino()
        options = {
            "INFERENCE_PRECISION_HINT": "bf16",
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # processes beside each other would share one processor
        }
        self._compiled = openvino.Core().compile_model(graph, "CPU", options)
        if self._compiled.get_property("INFERENCE_PRECISION_HINT") != openvino.Type.bf16:
            raise CheckpointError("OpenVINO does not compute this model in bf16.")

    def run(self, _: None, feed: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Logits as the only output."""
        return [self._compiled(feed["x"])[0]]


def _records(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    records: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return records


def _keep(folder: Path, records: dict[str, Any]) -> None:
    break_seal(folder)
    if records:
        (folder / RECORD).write_text(json.dumps(records, indent=1) + "\n")
    else:
        (folder / RECORD).unlink(missing_ok=True)


def _digest(values: Any) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _explain_refusal(folder: Path, kind: str, why: str) -> str:
    return (
        f"The model '{folder.name}' does not serve in {kind}: {why}. Run "
        f"`{COMMAND.format(kind=kind)}`, or unset LIGHTBOX_PRECISION."
    )
