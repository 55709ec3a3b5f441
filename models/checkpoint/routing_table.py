"""The stored table of which installed network reads what, and whether it is of these networks.

`models.evaluation.routing` writes it beside the checkpoints. No torch.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.checkpoint.card import ModelCard
from models.checkpoint.installed import CARD, installed_checkpoints

TABLE = "routing.json"
WAYS = ("with its header", "without a header", "age typed, no header")
MOST_WRONG = 0.005  # share of the answered films that may be another network's, or nobody's


@dataclass(frozen=True, slots=True)
class Stamp:
    """What of a checkpoint decides the way of a film: SHA-256 (hex) of scope, gate, localiser."""

    scope_sha256: str
    gate_sha256: str
    localiser_sha256: str


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """The stored table.

    Attributes
    ----------
    rows : tuple of dict
        Of each kind of film and each way: ``kind``, ``way``, ``films``, ``went`` (network's name,
        "refused" or "asked for the age" -> films) and ``wrong``.
    films, answered, wrong : int
        Over all rows; wrong ones are among the answered.
    every : int
        One film in so many of each set was followed.
    current : bool
        Whether it is of the checkpoints that are installed.
    """

    rows: tuple[dict[str, Any], ...]
    films: int
    answered: int
    wrong: int
    every: int
    current: bool


def stamp_of(folder: Path) -> Stamp:
    """The stamp of an installed checkpoint."""
    card = ModelCard.read(folder / CARD)
    scope = json.dumps(asdict(card.scope), sort_keys=True)
    return Stamp(
        hashlib.sha256(scope.encode()).hexdigest(), card.gate_sha256, card.localiser_sha256
    )


def read_routing(weights: Path) -> RoutingTable | None:
    """The table that lies beside the checkpoints; None where there is none that can be read."""
    try:
        stored = json.loads((weights / TABLE).read_text(encoding="utf-8"))
        stamps = {
            folder.name: asdict(stamp_of(folder)) for folder in installed_checkpoints(weights)
        }
        return RoutingTable(
            rows=tuple(stored["rows"]),
            films=stored["films"],
            answered=stored["answered"],
            wrong=stored["wrong"],
            every=stored["every"],
            current=stored["models"] == stamps,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
