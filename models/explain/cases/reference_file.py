"""Reference cases on disk: numbers in safetensors beside the weights, what they mean in JSON.

`python -m models.evaluation.build_reference` writes them. Parsed, never unpickled, and tied by
hashes to the weights they were made with.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from imaging.errors import CheckpointError
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import break_seal
from models.explain.base.lung_measures import CONCEPTS, Link
from models.explain.cases.reference import Projection, Reference
from models.metrics import Estimate

ARRAYS, FACTS = "reference.safetensors", "reference.json"


def save_reference(folder: Path, reference: Reference) -> None:
    """Write both files into a checkpoint folder."""
    data = save(
        {
            "vectors": reference.vectors.astype(np.float16),
            "labels": reference.labels.astype(np.uint8),
            "patients": reference.patients.astype(np.int32),
            "probabilities": reference.probabilities,
            "measures": reference.measures,
            "mean": reference.projection.mean,
            "matrix": reference.projection.matrix.astype(np.float16),
            "nearest": reference.nearest,
            "names": np.frombuffer("\n".join(reference.names).encode(), np.uint8),
        }
    )
    facts = {
        "weights_sha256": reference.weights_sha256,
        "localiser_sha256": reference.localiser_sha256,
        "arrays_sha256": hashlib.sha256(data).hexdigest(),
        "classes": list(reference.classes),
        "concepts": list(CONCEPTS),
        **reference.facts,
        "links": {name: asdict(link) for name, link in reference.links.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    break_seal(folder)
    (folder / ARRAYS).write_bytes(data)
    (folder / FACTS).write_text(json.dumps(facts, indent=2) + "\n")


def load_reference(folder: Path, card: ModelCard) -> Reference | None:
    """Read what `save_reference` wrote; None where the model came without reference cases.

    Raises
    ------
    CheckpointError
        If they are damaged, or belong to other weights than the card's.
    """
    if not (folder / FACTS).exists():
        return None
    try:
        facts = json.loads((folder / FACTS).read_text())
        data = (folder / ARRAYS).read_bytes()
        if hashlib.sha256(data).hexdigest() != facts.pop("arrays_sha256"):
            raise ValueError("checksum")
        owners = facts.pop("weights_sha256"), facts.pop("localiser_sha256")
        is_ours = owners == (card.weights_sha256, card.localiser_sha256)
        if not is_ours or tuple(facts.pop("concepts")) != CONCEPTS:
            raise CheckpointError(
                f"The reference cases of the model '{card.name}' were made with other weights or "
                "another version of Lightbox; they are not used."
            )
        return _reference(owners, facts, load(data))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as exc:
        raise CheckpointError(
            f"The reference cases of the model '{card.name}' are damaged; reinstall the model."
        ) from exc


def _reference(
    owners: tuple[str, str], facts: dict[str, Any], arrays: dict[str, NDArray]
) -> Reference:
    links = {name: _link(values) for name, values in facts.pop("links").items()}
    return Reference(
        weights_sha256=owners[0],
        localiser_sha256=owners[1],
        classes=tuple(facts.pop("classes")),
        names=tuple(arrays["names"].tobytes().decode().split("\n")),
        labels=arrays["labels"].astype(np.int64),
        patients=arrays["patients"].astype(np.int64),
        probabilities=arrays["probabilities"],
        measures=arrays["measures"],
        vectors=arrays["vectors"].astype(np.float32),
        projection=Projection(arrays["mean"], arrays["matrix"].astype(np.float32)),
        nearest=arrays["nearest"],
        links=links,
        facts=facts,
    )


def _link(values: Mapping[str, Mapping[str, float]]) -> Link:
    return Link(**{name: Estimate(**estimate) for name, estimate in values.items()})
