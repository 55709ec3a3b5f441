"""The model card: everything about a checkpoint that is not a weight, as readable JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from imaging.entities import ModelIdentity
from imaging.errors import CheckpointError
from models.findings import FindingSpec
from models.network import NetworkSettings

CARD_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Scope:
    """What the network was built for. Header values are compared in upper case.

    ``age_years`` is the closed range (years) the training population spans.
    """

    population: str
    modalities: tuple[str, ...]
    body_parts: tuple[str, ...]
    views: tuple[str, ...]
    age_years: tuple[float, float]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Scope:
        """Lists become tuples."""
        plain: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return cls(**plain)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Model facts that travel with the weights (after Mitchell et al., FAT* 2019).

    Attributes
    ----------
    network : NetworkSettings
        Architecture.
    classes : tuple of str
        Order of the logits.
    findings : tuple of FindingSpec
        Answers, each with its operating point.
    size : int
        Side of the network's square input, pixels; `preprocess` maps any film there.
    input_range : tuple of float
        Values `preprocess` can produce.
    scope : Scope
        Intended population, modality, body part and views.
    temperature, bias
        ``softmax(logits / temperature + bias)`` is calibrated (fitted on validation).
    training : dict
        Data (title, licence, citation, SHA-256, counts) and the settings used.
    limits : tuple of str
        What the network cannot be trusted with, in plain sentences.
    metrics : dict
        Split name -> figures with 95 % intervals, written by `models.evaluate`.
    weights_sha256 : str
        SHA-256 (hex) of the weights file.
    """

    name: str
    version: str
    title: str
    network: NetworkSettings
    classes: tuple[str, ...]
    findings: tuple[FindingSpec, ...]
    size: int
    scope: Scope
    temperature: float
    bias: tuple[float, ...]
    training: dict[str, Any]
    limits: tuple[str, ...] = ()
    metrics: dict[str, Any] = field(default_factory=dict)
    input_range: tuple[float, float] = (-(3**0.5), 3**0.5)
    weights_sha256: str = ""

    @property
    def identity(self) -> ModelIdentity:
        """Name, version and hash for the screen and the record."""
        return ModelIdentity(self.name, self.version, self.weights_sha256)

    def write(self, path: Path) -> None:
        """Write the card as JSON."""
        path.write_text(json.dumps({"format": CARD_FORMAT, **asdict(self)}, indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> ModelCard:
        """Read a card.

        Raises
        ------
        CheckpointError
            If the card is missing, not JSON, of another format or incomplete.
        """
        try:
            values = json.loads(path.read_text())
            if values.pop("format") != CARD_FORMAT:
                raise CheckpointError("The model card was written by another version of Lightbox.")
            values["network"] = NetworkSettings.from_dict(values["network"])
            values["findings"] = tuple(FindingSpec.from_dict(f) for f in values["findings"])
            values["scope"] = Scope.from_dict(values["scope"])
            values["classes"] = tuple(values["classes"])
            values["bias"] = tuple(values["bias"])
            values["limits"] = tuple(values["limits"])
            values["input_range"] = tuple(values["input_range"])
            return cls(**values)
        except FileNotFoundError as exc:
            raise CheckpointError(f"The model '{path.parent.name}' has no card.") from exc
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            raise CheckpointError(
                f"The card of the model '{path.parent.name}' cannot be read; reinstall the model."
            ) from exc
