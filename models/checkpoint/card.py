"""The model card: everything about a checkpoint that is not a weight, as readable JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from imaging.entities import ModelIdentity
from imaging.errors import CheckpointError
from models.checkpoint.network_settings import NetworkSettings
from models.immutable import lists_to_tuples
from models.rules.calibration import Temperature
from models.rules.conformal import ConformalRule
from models.rules.crop_box import FramingSettings
from models.rules.findings import FindingSpec

CARD_FORMAT = 2


@dataclass(frozen=True, slots=True)
class Scope:
    """Films a network was built for. Header values are compared in upper case.

    ``age_years`` is the closed range (years) the training population spans; a known age further
    than ``age_margin_years`` outside it is not suitable, a nearer one warns. An empty ``views``
    means that the view does not matter; ``one_sided`` that pictures of one side of the body, which
    DICOM marks with a laterality, were studied too. ``region_mm`` is the range (millimetres) of
    the sides of regions that were cut out by hand, for a network that learned from such; a whole
    film, with a side beyond ``largest_mm``, is then not answered as one of them. Both are empty
    where whole films were studied, and in cards from before.
    """

    population: str
    modalities: tuple[str, ...]
    body_parts: tuple[str, ...]
    views: tuple[str, ...]
    age_years: tuple[float, float]
    one_sided: bool = False
    age_margin_years: float = 0.5
    region_mm: tuple[float, ...] = ()
    largest_mm: float = 0.0

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Scope:
        """Lists become tuples."""
        return cls(**lists_to_tuples(values))


@dataclass(frozen=True, slots=True)
class Published:
    """Figures of others for the same question; on other films or terms, see ``films``.

    ``figures`` maps the names of stored figures ("auc", "accuracy", ...) to values. ``asked`` where
    nobody measured them: they are what is asked of a test.
    """

    source: str
    finding: str
    films: str
    figures: dict[str, float]
    asked: bool = False


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Model facts that travel with the weights (after Mitchell et al., FAT* 2019).

    Attributes
    ----------
    network : NetworkSettings
        Architecture, the same for all members.
    classes : tuple of str
        Order of the logits.
    findings : tuple of FindingSpec
        Answers, each with its operating point.
    members : int
        Networks in the ensemble; one answer costs as many forwards.
    size : int
        Side of the network's square input, pixels; `preprocess` maps any film there.
    input_range : tuple of float
        Values `preprocess` can produce.
    scope : Scope
        Intended population, modality, body part and views.
    temperature, bias
        ``softmax(logits / temperature + bias)`` is calibrated (fitted on validation); of a
        multi-label model ``sigmoid``, and every class has its own temperature.
    conformal : tuple of ConformalRule
        Thresholds of "unsure", one rule per error rate (fitted on validation).
    training : dict
        Data (title, licence, citation, SHA-256, counts) and, per member, the settings used.
    limits : tuple of str
        What the network cannot be trusted with, in plain sentences.
    published : tuple of Published
        Figures from the literature, to be read beside the measured ones.
    weights_sha256 : str
        SHA-256 (hex) of the weights file.
    gate_sha256 : str
        SHA-256 (hex) of the weights of the scope gate; empty when the model has none.
    framing : FramingSettings
        How a film is cut to the region its localiser finds.
    localiser_sha256 : str
        SHA-256 (hex) of the localiser's weights; empty when the networks see whole films.
    fill_sha256 : str
        SHA-256 (hex) of the weights of the lung fill; empty when the model has none.
    grades : str
        Name of the scale where classes are grades in order, the lowest first; else empty.
    exploratory_because : dict of str to tuple of str
        Why findings (by code) count as exploratory by rule (`models.rules.baseline_rule`), beside
        those that say so themselves.
    files_sha256 : str
        SHA-256 (hex) over all files of the checkpoint, this card among them, where
        `models.checkpoint.sealing.read_card` read it; never written.
    """

    name: str
    version: str
    title: str
    network: NetworkSettings
    classes: tuple[str, ...]
    findings: tuple[FindingSpec, ...]
    size: int
    scope: Scope
    temperature: Temperature
    bias: tuple[float, ...]
    conformal: tuple[ConformalRule, ...]
    training: dict[str, Any]
    members: int = 1
    limits: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()
    input_range: tuple[float, float] = (-(3**0.5), 3**0.5)
    weights_sha256: str = ""
    gate_sha256: str = ""
    framing: FramingSettings = field(default_factory=FramingSettings)
    localiser_sha256: str = ""
    fill_sha256: str = ""
    grades: str = ""
    exploratory_because: dict[str, tuple[str, ...]] = field(default_factory=dict)
    files_sha256: str = ""

    @property
    def answers(self) -> int:
        """Answers to one film that may differ: of every network, or of every head of it."""
        return self.members * max(1, self.network.heads)

    def explores(self, finding: FindingSpec) -> bool:
        """True for a finding that is shown with a caution and sets no priority."""
        return finding.exploratory or bool(self.exploratory_because.get(finding.code))

    @property
    def multi_label(self) -> bool:
        """True where a film may show several classes, or none of them."""
        return self.network.multi_label

    @property
    def identity(self) -> ModelIdentity:
        """Name, version and hashes for the screen and the record."""
        return ModelIdentity(self.name, self.version, self.weights_sha256, self.files_sha256)

    def write(self, path: Path) -> None:
        """Write the card as JSON."""
        values = {k: v for k, v in asdict(self).items() if k != "files_sha256"}
        path.write_text(json.dumps({"format": CARD_FORMAT, **values}, indent=2) + "\n")

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
            values.pop("files_sha256", None)
            values["network"] = NetworkSettings.from_dict(values["network"])
            values["findings"] = tuple(FindingSpec.from_dict(f) for f in values["findings"])
            values["scope"] = Scope.from_dict(values["scope"])
            values["framing"] = FramingSettings(**values.get("framing", {}))
            values["published"] = tuple(Published(**p) for p in values.get("published", ()))
            values["classes"] = tuple(values["classes"])
            values["bias"] = tuple(values["bias"])
            if isinstance(values["temperature"], list):
                values["temperature"] = tuple(values["temperature"])
            values["conformal"] = tuple(ConformalRule(**r) for r in values["conformal"])
            values["exploratory_because"] = {
                code: tuple(why) for code, why in values.get("exploratory_because", {}).items()
            }
            values["limits"] = tuple(values["limits"])
            values["input_range"] = tuple(values["input_range"])
            return cls(**values)
        except FileNotFoundError as exc:
            raise CheckpointError(f"The model '{path.parent.name}' has no card.") from exc
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
            raise CheckpointError(
                f"The card of the model '{path.parent.name}' cannot be read; reinstall the model."
            ) from exc
