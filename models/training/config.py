"""Task files: one TOML table becomes one frozen `TaskConfig` with every knob of a training run."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import SettingsError
from models.checkpoint.card import ModelCard, Published, Scope
from models.data.augment import AugmentSettings
from models.data.companions import Companion, Elsewhere
from models.data.dataset import CACHE_SIZE, Film, ManifestColumns, class_truth, read_manifest
from models.data.planted import PlantedSettings
from models.data.regions import RegionSettings
from models.network.network import NetworkSettings
from models.rules.baseline_rule import UNMEASURED
from models.rules.calibration import Temperature, sigmoid, softmax
from models.rules.conformal import ConformalRule
from models.rules.crop_box import FramingSettings
from models.rules.findings import FindingSpec, Labels, finding_probabilities, split_label


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Knobs of the training loop."""

    size: int = 160  # side of the network's input, pixels
    cache: int = CACHE_SIZE  # side of the squashed films in memory; a small input needs less
    early_size: int = 96  # side during the first share of epochs
    early_share: float = 0.5  # that share
    epochs: int = 16
    batch: int = 32
    learning_rate: float = 2e-3  # peak of the cosine
    warm_up: float = 0.1  # share of steps the rate rises
    weight_decay: float = 0.05  # L2, decoupled (AdamW); not on norms and biases
    label_smoothing: float = 0.05
    lead: float = 0.0  # weight of the leading finding's own loss beside the classes'
    ordinal: float = 0.0  # weight of the squared distance between grades; classes are in order
    average: float = 0.998  # decay of the moving average of weights
    clip: float = 5.0  # largest gradient norm
    patience: int = 8  # epochs without a better validation AUC before an early stop
    balance: float = 1.0  # largest weight that evens out class and acquisition; 1 leaves them
    trainable: str = ""  # train only parameters whose name starts so; all else stays as it is
    seed: int = 0


@dataclass(frozen=True, slots=True)
class EvidenceSettings:
    """Knobs of training an `EvidenceNetwork`; counts are films of each batch beside the task's.

    ``planted`` of them get opacities (`models.data.planted`), ``disguised`` of those the traces of
    planting alone; ``normals`` and ``abnormals`` are companions as they are. ``cells`` weighs the
    cells' own cross-entropy where it is known what they show, ``quiet`` that of films without
    disease among them. ``mirrored`` weighs a loss for equal maps of a film and its mirror image;
    with it every film is shown both ways.
    """

    planted: int = 24
    disguised: float = 0.33
    normals: int = 8
    abnormals: int = 6
    cells: float = 1.0
    quiet: float = 0.3
    found: float = 4.0  # how much more a cell with disease counts than one without
    companion_weight: float = 0.6  # of films that are not the task's own, in the films' loss
    mirrored: float = 0.0
    seen: float = 1.6  # density of an opacity times this is the chance to be called, at most one


@dataclass(frozen=True, slots=True)
class TaskConfig:
    """A task: what is told apart, for whom, from which data, and how it is trained."""

    name: str
    version: str
    title: str
    classes: tuple[str, ...]
    findings: tuple[FindingSpec, ...]
    scope: Scope
    data: dict[str, str]
    limits: tuple[str, ...]
    published: tuple[Published, ...]
    network: NetworkSettings
    train: TrainSettings
    augment: AugmentSettings
    regions: RegionSettings
    framing: FramingSettings
    columns: ManifestColumns
    evidence: EvidenceSettings = field(default_factory=EvidenceSettings)
    planted: PlantedSettings = field(default_factory=PlantedSettings)
    companions: tuple[Companion, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    localiser_epochs: int = 12
    grades: str = ""  # name of the scale where classes are grades in order
    shares: tuple[float, ...] = ()  # of the classes among films that will be read, in any unit

    def films(self, data: Path) -> tuple[Film, ...]:
        """Read the task's manifest, whose paths are relative to the folder `data`."""
        return films_of(self.data, self.columns, data)

    @property
    def size(self) -> int:
        """Side of the network's input, pixels."""
        return self.train.size

    @property
    def multi_label(self) -> bool:
        """True where a film may show several classes, or none of them."""
        return self.network.multi_label

    def truth(self, films: Sequence[Film]) -> Labels:
        """What films show, as `models.data.dataset.class_truth` gives it."""
        labels = [film.label for film in films]
        return class_truth(labels, self.classes, multi_label=self.multi_label)

    def score(self, logits: NDArray[np.float64], finding: FindingSpec) -> NDArray[np.float64]:
        """Probability of a finding before calibration: (films, classes) -> (films,)."""
        probabilities = sigmoid(logits) if self.multi_label else softmax(logits)
        return finding_probabilities(probabilities, self.classes, finding)

    def lead_score(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """`score` of the leading finding."""
        return self.score(logits, self.findings[0])

    def as_dict(self) -> dict[str, Any]:
        """The knobs of a training run as plain values, for the record."""
        knobs = ["network", "train", "augment", "regions", "framing", "columns"]
        if self.network.heads:
            knobs += ["evidence", "planted"]
        record: dict[str, Any] = {name: asdict(getattr(self, name)) for name in knobs}
        if self.companions:
            record["companions"] = [asdict(companion) for companion in self.companions]
        if self.elsewhere:
            record["elsewhere"] = [asdict(hospital) for hospital in self.elsewhere]
        return record

    def card(
        self,
        *,
        findings: tuple[FindingSpec, ...],
        calibration: tuple[Temperature, tuple[float, ...]],
        conformal: tuple[ConformalRule, ...],
        training: dict[str, Any],
    ) -> ModelCard:
        """Write the card of trained networks (without the weights' hash)."""
        return ModelCard(
            name=self.name,
            version=self.version,
            title=self.title,
            network=self.network,
            classes=self.classes,
            findings=findings,
            size=self.size,
            scope=self.scope,
            limits=self.limits,
            published=self.published,
            temperature=calibration[0],
            bias=calibration[1],
            conformal=conformal,
            training=training,
            framing=self.framing,
            grades=self.grades,
            exploratory_because=(
                {finding.code: (UNMEASURED,) for finding in findings} if self.elsewhere else {}
            ),
        )


def films_of(data: dict[str, Any], columns: ManifestColumns, base: Path) -> tuple[Film, ...]:
    """The films of a task file's or a card's ``data`` table, whose paths start at `base`."""
    regions = base / data["regions"] if data.get("regions") else None
    return read_manifest(
        base / data["manifest"], base / data["images"], columns=columns, regions=regions
    )


def read_config(path: Path, *, change: Sequence[str] = ()) -> TaskConfig:
    """Read a task file.

    Parameters
    ----------
    path : Path
        TOML.
    change : sequence of str
        Settings to override in TOML's notation: ``NAME=VALUE`` of the training table, or
        ``TABLE.NAME=VALUE`` of another.

    Raises
    ------
    SettingsError
        If the file is missing, not TOML, or names an unknown or lacks a required setting.
    """
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text())
        classes = tuple(values["classes"])
        for name, value in tomllib.loads("\n".join(change)).items():
            table, new = (name, value) if isinstance(value, dict) else ("train", {name: value})
            values[table] = {**values.get(table, {}), **new}
        return TaskConfig(
            name=values["name"],
            version=values["version"],
            title=values["title"],
            classes=classes,
            findings=tuple(FindingSpec.from_dict(f) for f in values["findings"]),
            scope=Scope.from_dict(values["scope"]),
            data=values["data"],
            limits=tuple(values.get("limits", ())),
            published=tuple(Published(**p) for p in values.get("published", ())),
            network=_network(classes, values),
            train=TrainSettings(**values.get("train", {})),
            augment=AugmentSettings(**values.get("augment", {})),
            regions=RegionSettings(**values.get("regions", {})),
            framing=FramingSettings(**values.get("framing", {})),
            columns=ManifestColumns.from_dict(values.get("columns", {})),
            evidence=EvidenceSettings(**values.get("evidence", {})),
            planted=PlantedSettings(**values.get("planted", {})),
            companions=tuple(Companion.from_dict(c) for c in values.get("companions", ())),
            localiser_epochs=int(values.get("localiser", {}).get("epochs", 12)),
            elsewhere=tuple(Elsewhere.from_dict(e) for e in values.get("elsewhere", ())),
            grades=values.get("grades", "Grade" if _ordinal(values) else ""),
            shares=_shares(classes, values),
        )
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as exc:
        raise SettingsError(f"The task file {path.name} is not usable: {exc}.") from exc


def _ordinal(values: dict[str, Any]) -> bool:
    """True for a task file whose classes are grades in order."""
    return bool(values.get("train", {}).get("ordinal"))


def _shares(classes: tuple[str, ...], values: dict[str, Any]) -> tuple[float, ...]:
    """How frequent the classes are where the model is used, in their order; empty if not said."""
    said: dict[str, float] = values.get("shares", {})
    if said and (values.get("multi_label") or set(said) != set(classes) or min(said.values()) <= 0):
        raise SettingsError(
            "The table [shares] gives every class a number above zero, and has no place in a "
            "multi-label task; name all classes there, or take the table out."
        )
    return tuple(float(said[name]) for name in classes) if said else ()


def _network(classes: tuple[str, ...], values: dict[str, Any]) -> NetworkSettings:
    """The network's shape; heads of evidence weigh by the odds of the leading finding."""
    if any(split_label(name) != (name,) for name in classes):
        raise SettingsError(
            "The name of a class is empty, begins or ends with a space or holds a semicolon; "
            "a semicolon stands between the classes of one film. Rename it."
        )
    several = bool(values.get("multi_label", False))
    shape = NetworkSettings.from_dict(
        {"classes": len(classes), "multi_label": several, **values.get("network", {})}
    )
    if several and any(len(finding["members"]) != 1 for finding in values["findings"]):
        raise SettingsError(
            "In a multi-label task every finding has one class of its own among its members; "
            "give a class of its own to what should be found as a whole."
        )
    if several and _ordinal(values):
        raise SettingsError(
            "Grades are in order and exclude each other, so a multi-label task has none; "
            "take ordinal out of [train], or multi_label out of the task."
        )
    if not shape.heads:
        return shape
    members = values["findings"][0]["members"]
    return replace(shape, lead=tuple(classes.index(member) for member in members))
