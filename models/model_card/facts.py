"""Model facts: what was measured about a checkpoint, read from the files beside its weights.

The model page, the model card and the README take every figure from `read_facts`, so that they
cannot differ. Nothing is computed here; `make evaluate` computes.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from models.checkpoint.sealing import read_card
from models.model_card.elsewhere import grade_figures, hospital_figures
from models.model_card.figure import Figure, Figures
from models.model_card.figures import (
    ConformalFigures,
    Contender,
    CorruptionLevel,
    ExplanationFigures,
    FilmAnswer,
    FindingFigures,
    GateFigures,
    GateKind,
    Member,
    MethodFigures,
    ModelFacts,
    ReliabilityBin,
    RobustnessFigures,
    RocPoint,
    SelectivePoint,
    SplitFigures,
    Subset,
)
from models.model_card.joint import joint_figures
from models.model_card.localisation import localisation_figures
from models.model_card.sides import side_figures
from models.model_card.starts import start_figures
from models.model_card.trials import fill_figures, planted_figures
from models.network.checkpoint import EVALUATION
from models.network.gate import SETTINGS

T = TypeVar("T")

ELSEWHERE, SIDES, STARTS, JOINT = "elsewhere.json", "sides.json", "starts.json", "joint.json"
SPLIT, ROBUSTNESS, SHORTCUTS, GATE, ACCURACY, EXPLANATIONS, LOCALISATION, PLANTED, FILL = (
    "test.json",
    "robustness.json",
    "shortcuts.json",
    "gate.json",
    "accuracy.json",
    "explanations.json",
    "localisation.json",
    "planted.json",
    "fill.json",
)
GATE_SHARES = ("passed", "refused_foreign", "refused_views")


def read_facts(folder: Path) -> ModelFacts:
    """Read what was measured about an installed checkpoint.

    Parameters
    ----------
    folder : Path
        Checkpoint folder; its figures lie below ``evaluation/``. Any file may be missing.

    Raises
    ------
    CheckpointError
        If the card is missing or cannot be read.
    """
    card = read_card(folder)
    reader = _Reader(folder / EVALUATION, card.weights_sha256, gate=_gate_hash(folder))
    p_lead = f"p_{card.findings[0].code}"
    return ModelFacts(
        card=card,
        split=reader.read_stamped(SPLIT, _split),
        roc=reader.read_table("test_roc.csv", SPLIT, _floats(RocPoint)),
        reliability=reader.read_table("test_reliability.csv", SPLIT, _floats(ReliabilityBin)),
        selective=reader.read_table("test_selective.csv", SPLIT, _floats(SelectivePoint)),
        films=tuple(
            film
            for film in reader.read_table("test.csv", SPLIT, lambda r: _film(r, p_lead))
            if film
        ),
        robustness=reader.read_stamped(ROBUSTNESS, _robustness),
        shortcuts=reader.read_stamped(SHORTCUTS, _rows(_subset)) or (),
        gate=reader.read_stamped(GATE, _gate),
        contenders=reader.read_stamped(ACCURACY, _rows(_contender)) or (),
        explanations=reader.read_stamped(EXPLANATIONS, _explanations),
        localisation=reader.read_stamped(LOCALISATION, localisation_figures),
        sides=reader.read_stamped(SIDES, side_figures),
        planted=reader.read_stamped(PLANTED, planted_figures),
        fills=reader.read_stamped(FILL, fill_figures) or (),
        hospitals=reader.read_stamped(ELSEWHERE, hospital_figures) or (),
        joint=reader.read_stamped(JOINT, joint_figures),
        starts=reader.read_stamped(STARTS, start_figures) or (),
        foreign=tuple(reader.foreign),
        unstamped=tuple(reader.unstamped),
        unreadable=tuple(reader.unreadable),
    )


class _Reader:
    """Reads the files of one folder and notes which are foreign, unstamped or unreadable."""

    def __init__(self, folder: Path, weights_sha256: str, *, gate: str) -> None:
        self._folder, self._weights, self._gate = folder, weights_sha256, gate
        self.foreign, self.unstamped, self.unreadable = list[str](), list[str](), list[str]()
        self._stamps: dict[str, str] = {}

    def read_stamped(self, name: str, make: Callable[[dict[str, Any]], T]) -> T | None:
        """A JSON file; None when it is missing or unreadable."""
        return self._try_reading(name, lambda path: self._read_json(path, make))

    def read_table(
        self, name: str, stamp: str, make: Callable[[dict[str, str]], T]
    ) -> tuple[T, ...]:
        """A CSV file; the JSON file `stamp` beside it says which weights it belongs to."""

        def read(path: Path) -> tuple[T, ...]:
            with path.open(newline="") as stream:
                rows = tuple(make(row) for row in csv.DictReader(stream))
            if stamp not in self._stamps:
                self._try_reading(
                    stamp, lambda json_path: self._read_json(json_path, lambda _values: None)
                )
            self._note_stamp(name, self._stamps.get(stamp, ""))
            return rows

        return self._try_reading(name, read) or ()

    def _read_json(self, path: Path, make: Callable[[dict[str, Any]], T]) -> T:
        values = json.loads(path.read_text())
        record = make(values)
        self._stamps[path.name] = str(values.get("weights_sha256", ""))
        self._note_stamp(path.name, self._stamps[path.name])
        return record

    def _note_stamp(self, name: str, weights_sha256: str) -> None:
        """Remember a file that is not known to be about these weights."""
        expected = self._gate if name == GATE else self._weights
        notes = self.foreign if weights_sha256 else self.unstamped
        if weights_sha256 != expected and name not in notes:
            notes.append(name)

    def _try_reading(self, name: str, read: Callable[[Path], T]) -> T | None:
        """Read a file; a missing one is nothing, a spoilt one is noted."""
        try:
            return read(self._folder / name)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            if name not in self.unreadable:
                self.unreadable.append(name)
            return None


def _gate_hash(folder: Path) -> str:
    """SHA-256 of the installed scope gate's weights; empty without one."""
    try:
        return str(json.loads((folder / SETTINGS).read_text())["weights_sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _figures(stored: Mapping[str, Any] | None) -> Figures:
    return {name: Figure.of(value) for name, value in (stored or {}).items() if value is not None}


def _optional(stored: Any) -> Figure | None:
    return None if stored is None else Figure.of(stored)


def _floats(cls: type[T]) -> Callable[[dict[str, str]], T]:
    """Makes a dataclass of numbers from a row; further columns are left alone."""
    names = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    return lambda row: cls(**{name: float(row[name]) for name in names})


def _rows(make: Callable[[dict[str, Any]], T]) -> Callable[[dict[str, Any]], tuple[T, ...]]:
    return lambda values: tuple(make(row) for row in values["rows"])


def _split(values: dict[str, Any]) -> SplitFigures:
    conformal = values.get("conformal")
    return SplitFigures(
        split=values.get("split", "test"),
        films=int(values["films"]),
        findings=tuple(
            FindingFigures(
                f["code"], bool(f["exploratory"]), f.get("among", ""), _figures(f["figures"])
            )
            for f in values["findings"]
        ),
        subsets=tuple(_subset(row) for row in values.get("subsets", ())),
        members=tuple(
            Member(m.get("seed"), _figures(m["figures"])) for m in values.get("members", ())
        ),
        conformal=_conformal(conformal) if conformal else None,
        answers={name: int(count) for name, count in values.get("answers", {}).items()},
        refused=int(values.get("refused", 0)),
        answered=_figures(values.get("answered")),
        grades=grade_figures(values.get("grades")),
        disagreement=_optional((values.get("disagreement") or {}).get("auc_for_wrong_calls")),
    )


def _conformal(values: dict[str, Any]) -> ConformalFigures:
    return ConformalFigures(
        float(values["error_rate"]),
        _figures(values["coverage"]),
        _optional(values.get("unsure_share")),
        _optional(values.get("accuracy_answered")),
    )


def _subset(row: dict[str, Any]) -> Subset:
    """A subset of `test.json`, or a row of `shortcuts.json` (figures beside the name)."""
    beside = {name: row[name] for name in ("auc", "accuracy") if name in row}
    return Subset(
        name=row["name"],
        description=row.get("description", ""),
        films=int(row["films"]),
        figures=_figures(row.get("figures", beside)),
        split=row.get("split", ""),
        baseline=bool(row.get("baseline", False)),
        detail="_size_" in row["name"],
    )


def _film(row: dict[str, str], column: str) -> FilmAnswer | None:
    """A row of `test.csv`; None for a film that was refused, which has no probability."""
    if row[column] == "":
        return None
    spread = row.get("disagreement")
    return FilmAnswer(
        file=row["file"],
        label=row["label"],
        probability=float(row[column]),
        answer=row.get("answer") or "",
        disagreement=float(spread) if spread else None,
    )


def _robustness(values: dict[str, Any]) -> RobustnessFigures:
    bounds = (values.get(name) for name in ("clean_auc_low", "clean_auc_high"))
    return RobustnessFigures(
        split=values.get("split", "test"),
        films=int(values["films"]),
        clean_auc=Figure(float(values["clean_auc"]), *bounds),
        levels=tuple(_corruption(row) for row in values["rows"]),
    )


def _corruption(row: dict[str, Any]) -> CorruptionLevel:
    return CorruptionLevel(
        corruption=row["corruption"],
        label=row.get("label", row["corruption"]),
        level=float(row["level"]),
        unit=row["unit"],
        films=int(row["films"]),
        auc=Figure(*(float(row[name]) for name in ("auc", "auc_low", "auc_high"))),
        flip_rate=float(row["flip_rate"]),
        mean_change=float(row["mean_change"]),
        refused=int(row.get("refused", 0)),
    )


def _gate(values: dict[str, Any]) -> GateFigures:
    return GateFigures(
        auroc=Figure.of(values["auroc"]),
        shares=_figures({name: values.get(name) for name in GATE_SHARES}),
        kinds=tuple(
            GateKind(k["kind"], int(k["images"]), k.get("expected", ""), Figure.of(k["refused"]))
            for k in values["kinds"]
        ),
    )


def _contender(row: dict[str, Any]) -> Contender:
    seeds, forward = row.get("seeds", 1), row.get("forward_vs_ours")
    return Contender(
        network=row["network"],
        seeds=seeds if isinstance(seeds, int) else len(seeds),
        auc=Figure.of(row["auc"]),
        accuracy=Figure.of(row["accuracy"]),
        forward=None if forward is None else float(forward),
    )


def _explanations(values: dict[str, Any]) -> ExplanationFigures:
    methods = tuple(_method(row) for row in values["methods"])
    ordered = sorted(methods, key=lambda m: m.gain.value, reverse=True)
    return ExplanationFigures(
        default=values["default"],
        open_masks=int(values["open_masks"]),
        methods=tuple(ordered),
        verdicts={name: int(count) for name, count in values["verdicts"].items()},
    )


def _method(row: dict[str, Any]) -> MethodFigures:
    return MethodFigures(
        method=row["method"],
        films=int(row["films"]),
        share=_optional(row["share"]),
        uniform=_optional(row["uniform"]),
        pointing=_optional(row["pointing"]),
        gain=Figure.of(row["gain"]),
        behind=_optional(row.get("behind")),
        masks=int(row.get("masks", 0)),
        wide=_optional(row.get("wide")),
        wide_pointing=_optional(row.get("wide_pointing")),
        layers={name: float(value) for name, value in row["layers"].items()},
        itself=float(row["itself"]),
        random_labels=None if row["random_labels"] is None else float(row["random_labels"]),
        sane=bool(row["sane"]),
    )
