"""From a receipt's measures to one of three words, by a rule that is shown beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from imaging.errors import CheckpointError
from imaging.settings import Settings
from models.checkpoint.card import ModelCard
from models.network.checkpoint import installed_checkpoints

RECEIPTS = "receipts.json"  # beside the weights: written by `models.evaluation.calibrate_receipts`
WELL_SUPPORTED, WEAK, NOT_RELIABLE = "well supported", "weak", "not reliable"
VERDICTS = (WELL_SUPPORTED, WEAK, NOT_RELIABLE)

# Sentences, not codes: the pages translate them, the terminal and the record print them.
UNFAITHFUL = "The answer does not depend on the marked area more than on random areas."
BARELY_FAITHFUL = "The answer depends only a little on the marked area."
REMOVAL_SAYS_NOTHING = (
    "Whether the answer depends on the marked area could not be tested: with all of it "
    "removed, the AI still suspects the finding."
)
UNSTABLE = "The map changes when the image changes by next to nothing."
SHAKY = "The map changes somewhat when the image changes by next to nothing."
STABILITY_UNKNOWN = "Whether the map is stable was not measured, because the method is slow."
AT_ODDS = "Other kinds of method mark other areas."
STAYS = "The map of the mirrored image marks the same side of the picture, not the same area."
STAYS_PARTLY = "The map of the mirrored image marks partly other areas."
CONSTANT = "The map shows little but what the map of every image shows."
HARDLY_OWN = "Much of the map is what the map of every image shows."
PLANTED_MISSED = "This method does not find disease that was planted into normal images."
OTHER_SIDE = "Other kinds of method see most of the evidence on the other side."
NOT_CALLED = "The AI does not suspect this finding, so there is little to point at."
LUNGS_UNSEEN = "The lungs were not surely found, so it cannot be said on which side the map lies."
NOT_STUDIED = (
    "The limits of this test were set on other patients than this one; beyond them no map is "
    "well supported."
)
OUTSIDE = "The lungs hold no more of the evidence than their size alone would give them."
ON_MARKERS = "Much of the evidence lies on what looks like a written marker."
AT_BORDER = "Much of the evidence lies at the border of the view."
INCOMPLETE = "The map does not add up to the answer."
NOTHING = "The map is empty."


@dataclass(frozen=True, slots=True)
class VerdictRule:
    """Every threshold of the verdict.

    The defaults are for a model that nobody calibrated: the answer must hang on the map more than
    was found for the shipped one. A map below a ``least_`` limit is not reliable, but for
    ``least_agreement``; one below another limit, or beyond a ``most_``, is weak. ``mean_maps``
    holds, by method, the mean map of many films over patches, and ``blind`` the methods that miss
    planted disease.
    """

    least_gain: float = 0.35  # `Faithfulness.relative`
    good_gain: float = 0.5
    least_stability: float = 0.6  # worst rank correlation over five tiny changes
    good_stability: float = 0.75
    least_mirror: float = 0.4  # rank correlation with the mirrored film's map, mirrored back
    good_mirror: float = 0.6
    least_own: float = 0.3  # share of the map that is not the mean map of many films
    good_own: float = 0.5
    least_agreement: float = 0.2  # best rank correlation with a method of another kind
    most_marked: float = 0.1  # share on markers beyond their own size
    most_border: float = 0.25  # share at the border beyond its own size
    most_incomplete: float = 0.2  # completeness error, of the change from blurred film to film
    calibrated: bool = False
    blind: tuple[str, ...] = ()
    mean_maps: Mapping[str, Sequence[Sequence[float]]] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> VerdictRule:
        """Inverse of `as_dict`; raises `TypeError` for a name that is unknown."""
        return cls(**{**values, "blind": tuple(values.get("blind", ()))})

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def limits(self) -> dict[str, Any]:
        """The thresholds alone."""
        values = {name: value for name, value in self.as_dict().items() if name != "mean_maps"}
        return values | {"blind": list(self.blind)}


@dataclass(frozen=True, slots=True)
class Measures:
    """Measures that a verdict looks at; None where something was not measured.

    ``outside`` is the lungs' share of the evidence minus the lungs' share of the view, turned
    round: positive when the lungs hold less than their size would give them. ``marked`` and
    ``border`` are the shares there minus those of a map that is the same everywhere. ``same_side``
    is False where the evidence lies mostly in one lung and methods of another kind see it in the
    other.
    """

    gain: float | None
    stability: float | None = None
    mirror: float | None = None
    own: float | None = None
    blind: bool = False
    same_side: bool | None = None
    called: bool = True
    agreement: float | None = None
    outside: float | None = None
    marked: float | None = None
    border: float | None = None
    incomplete: float | None = None
    empty: bool = False
    lungs_seen: bool = True
    studied: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """One of `VERDICTS`, and why it is not the best of them; no reasons when it is."""

    name: str
    reasons: tuple[str, ...] = ()

    @property
    def reliable(self) -> bool:
        """False when the map should not be looked at."""
        return self.name != NOT_RELIABLE


def judge(measures: Measures, rule: VerdictRule) -> Verdict:
    """Apply the rule: any reason against believing a map, then any against believing it fully."""
    against = tuple(_list_objections(measures, rule))
    if against:
        return Verdict(NOT_RELIABLE, against)
    doubts = tuple(_list_doubts(measures, rule))
    return Verdict(WEAK, doubts) if doubts else Verdict(WELL_SUPPORTED)


def _list_objections(m: Measures, rule: VerdictRule) -> list[str]:
    if m.empty:
        return [NOTHING]
    return _select_sentences(
        (UNFAITHFUL, _is_below(m.gain, rule.least_gain)),
        (UNSTABLE, _is_below(m.stability, rule.least_stability)),
        (STAYS, _is_below(m.mirror, rule.least_mirror)),
        (CONSTANT, _is_below(m.own, rule.least_own)),
    )


def _list_doubts(m: Measures, rule: VerdictRule) -> list[str]:
    return _select_sentences(
        (BARELY_FAITHFUL, _is_below(m.gain, rule.good_gain)),
        (REMOVAL_SAYS_NOTHING, m.gain is None),
        (SHAKY, _is_below(m.stability, rule.good_stability)),
        (STABILITY_UNKNOWN, m.stability is None),
        (STAYS_PARTLY, _is_below(m.mirror, rule.good_mirror)),
        (HARDLY_OWN, _is_below(m.own, rule.good_own)),
        (PLANTED_MISSED, m.blind),
        (OTHER_SIDE, m.same_side is False),
        (NOT_CALLED, not m.called),
        (LUNGS_UNSEEN, not m.lungs_seen),
        (NOT_STUDIED, not m.studied),
        (AT_ODDS, _is_below(m.agreement, rule.least_agreement)),
        (OUTSIDE, _is_above(m.outside, 0.0)),
        (ON_MARKERS, _is_above(m.marked, rule.most_marked)),
        (AT_BORDER, _is_above(m.border, rule.most_border)),
        (INCOMPLETE, _is_above(m.incomplete, rule.most_incomplete)),
    )


def _select_sentences(*sentences: tuple[str, bool]) -> list[str]:
    return [sentence for sentence, holds in sentences if holds]


def _is_below(value: float | None, limit: float) -> bool:
    return value is not None and value < limit


def _is_above(value: float | None, limit: float) -> bool:
    return value is not None and value > limit


def read_rule(folder: Path, card: ModelCard) -> VerdictRule:
    """The rule beside a model's weights; the careful default without one, or with another model's.

    Raises
    ------
    CheckpointError
        If the file is damaged.
    """
    path = folder / RECEIPTS
    if not path.exists():
        return VerdictRule()
    try:
        values = json.loads(path.read_text())
        if values["weights_sha256"] != card.weights_sha256:
            return VerdictRule()
        return VerdictRule.from_dict(values["rule"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise CheckpointError(
            f"The rule for explanations of the model '{folder.name}' is damaged; reinstall the "
            "model."
        ) from exc


def installed_rule(card: ModelCard, weights: Path | None = None) -> VerdictRule:
    """The rule of an installed model, or the careful default.

    Parameters
    ----------
    card : ModelCard
    weights : Path, optional
        Folder of the models; by default that of the installation.
    """
    for folder in installed_checkpoints(weights or Settings.from_environment().weights):
        if folder.name == card.name:
            return read_rule(folder, card)
    return VerdictRule()
