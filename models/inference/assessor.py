"""The decision: which installed model answers for a film, or why none does; in batches.

Each model checks the header against its scope, then the pixels against its gate, then looks for
the part of the film it reads; `models.inference.choosing` says which of those that refuse nothing
answers, or why none does. Each network runs once a batch, and only on films that got so far: one
that no film needs is not even loaded, and what is taken from a film for one gate serves all gates
of that size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.entities import Assessment, Instance, TypedFacts
from imaging.intake.decode_process import DecodedFilm
from imaging.settings import EAGER, FP32, Settings
from imaging.typed_facts import with_typed
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import find_checkpoint, installed_checkpoints
from models.checkpoint.sealing import read_card
from models.inference.answers import DEFAULT_ERROR_RATE, Answers
from models.inference.assessments import (
    BLANK,
    FROM_PHOTOGRAPH,
    LOST,
    make_answer,
    make_refusal,
    without_promises,
)
from models.inference.choosing import Candidate, Choice, Reached, choose
from models.inference.loading import Networks, insist_on_part, networks_of, part_settings
from models.inference.model_input import ModelInput
from models.inference.scope import ScopeVerdict, check_scope
from models.rules import gate_rules
from models.rules.crop_box import WHOLE, CropBox, box_of
from models.rules.gate_rules import GateScale


@dataclass(frozen=True, slots=True, eq=False)
class ServedModel:
    """One checkpoint as it serves.

    Attributes
    ----------
    gate_size, region_size : int
        Sides of the inputs; 0 where the checkpoint has no gate or localiser.
    """

    card: ModelCard
    answers: Answers
    networks: Networks
    scale: GateScale | None = None
    gate_size: int = 0
    region_size: int = 0

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        error_rate: float = DEFAULT_ERROR_RATE,
        eager: bool = False,
        precision: str = FP32,
    ) -> ServedModel:
        """Load a checkpoint: its graphs, or by torch where it has none or `eager` says so.

        In another `precision` than fp32 only if that passed the parity gate.

        Raises
        ------
        CheckpointError
            If it cannot be used.
        SettingsError
            If its card has no thresholds for `error_rate`.
        """
        card = read_card(folder)
        gate, localiser = part_settings(folder, "gate"), part_settings(folder, "localiser")
        insist_on_part(card.gate_sha256, gate, "scope gate", folder)
        insist_on_part(card.localiser_sha256, localiser, "localiser", folder)
        return cls(
            card=card,
            answers=Answers(card, error_rate=error_rate),
            networks=networks_of(folder, card, error_rate, eager=eager, precision=precision),
            scale=GateScale(**gate["scale"]) if card.gate_sha256 else None,
            gate_size=int(gate["size"]) if card.gate_sha256 else 0,
            region_size=int(localiser["network"]["size"]) if card.localiser_sha256 else 0,
        )

    @property
    def largest(self) -> int:
        """Side of its largest input."""
        return max(self.card.size, self.gate_size, self.region_size)


@dataclass(frozen=True, slots=True, eq=False)
class PreparedFilm:
    """A film as it is kept until the networks are asked.

    Attributes
    ----------
    instance : Instance
    remarks, refusals : tuple of str
        As `DecodedFilm`.
    picture : ModelInput
    typed : TypedFacts or None
        What a reader typed of a film without a header; it is checked as a header would be.
    tint : float or None
        As `DecodedFilm`.
    """

    instance: Instance
    remarks: tuple[str, ...]
    refusals: tuple[str, ...]
    picture: ModelInput
    typed: TypedFacts | None = None
    tint: float | None = None


@dataclass(slots=True, eq=False)
class _Case:
    """State of one film with one model."""

    verdict: ScopeVerdict
    reached: Reached
    kind: str = ""
    score: float = 0.0
    distance: float = 0.0
    view: CropBox = WHOLE

    @property
    def open(self) -> bool:
        return not self.verdict.refusals

    def refuse(self, reason: str, reached: Reached) -> None:
        self.verdict, self.reached = replace(self.verdict, refusals=(reason,)), reached

    def warn(self, reason: str) -> None:
        self.verdict = replace(self.verdict, warnings=(*self.verdict.warnings, reason))


@dataclass(frozen=True, eq=False)
class Assessor:
    """All installed models; read-only, for one thread at a time.

    Attributes
    ----------
    models : tuple of ServedModel
        In their order of preference.
    outside_population : bool
        As `Settings.outside_population`: what would say that a film shows another patient than
        the model was made for (header or gate) warns, and no answer promises anything. What
        cannot be looked at (a doubtful file, a blank picture, no lungs) is refused all the same.
    """

    models: tuple[ServedModel, ...]
    outside_population: bool = False
    _size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_size", max(m.largest for m in self.models))

    @classmethod
    def load(cls, settings: Settings, *, eager: bool = False) -> Assessor:
        """Load the installed models, or the one that `LIGHTBOX_MODEL` names.

        Raises
        ------
        CheckpointError
            If one of them cannot be loaded, or none is installed.
        """
        first = find_checkpoint(settings.weights, settings.model_name)
        folders = (first,) if settings.model_name else installed_checkpoints(settings.weights)
        load = partial(
            ServedModel.load,
            error_rate=settings.error_rate,
            eager=eager or settings.engine == EAGER,
            precision=settings.precision,
        )
        return cls(tuple(load(folder) for folder in folders), settings.outside_population)

    @property
    def engine(self) -> str:
        """What computes the networks, for the record."""
        return ", ".join(dict.fromkeys(m.networks.engine for m in self.models))

    @property
    def size(self) -> int:
        """Side of the largest input any model takes."""
        return self._size

    def assess(self, readings: Sequence[DecodedFilm]) -> list[Assessment]:
        """`prepare` and `judge` several films at once.

        Raises
        ------
        ValueError
            If one could not be decoded.
        """
        return self.judge([self.prepare(reading) for reading in readings])

    def prepare(self, reading: DecodedFilm) -> PreparedFilm:
        """Keep of a film what the networks need.

        Raises
        ------
        ValueError
            If it could not be decoded.
        """
        if reading.trouble is not None:
            raise ValueError("a film that could not be decoded cannot be assessed")
        geometry = reading.instance.geometry
        picture = ModelInput.of(
            reading.luminance,
            size=self._size,
            reverse=reading.reversed,
            shape=(geometry.rows, geometry.columns),
            pixel_aspect=reading.pixel_aspect,
        )
        return PreparedFilm(
            reading.instance, reading.remarks, reading.refusals, picture, tint=reading.tint
        )

    def judge(self, films: Sequence[PreparedFilm]) -> list[Assessment]:
        """Have the models assess each film."""
        outside = self.outside_population
        inputs = _Inputs(films)
        columns = [_check_films(model, films, inputs, outside=outside) for model in self.models]
        choices = [
            self._choose(film, [column[i] for column in columns]) for i, film in enumerate(films)
        ]
        assessments: list[Assessment | None] = [None] * len(films)
        for m, (model, cases) in enumerate(zip(self.models, columns, strict=True)):
            places = [i for i, c in enumerate(choices) if c.at == m and c.refused is None]
            if not places:
                continue
            x = np.stack([films[i].picture.input(model.card.size, cases[i].view) for i in places])
            predictions = model.answers.to(model.networks.members(x))
            for i, prediction in zip(places, predictions, strict=True):
                warnings = films[i].remarks + cases[i].verdict.warnings
                answer = make_answer(films[i].instance, prediction, model.answers, warnings)
                answer = replace(
                    answer,
                    engine=model.networks.engine,
                    view=cases[i].view.edges,
                    choice=choices[i].note,
                )
                if outside or cases[i].verdict.outside:
                    answer = without_promises(answer)
                made = films[i].instance.derivation
                if made is not None and not made.is_region:
                    answer = without_promises(answer, FROM_PHOTOGRAPH)
                assessments[i] = answer
        return [
            assessment or self._refuse(films[i], choices[i])
            for i, assessment in enumerate(assessments)
        ]

    def _choose(self, film: PreparedFilm, cases: Sequence[_Case]) -> Choice:
        candidates = [
            Candidate(model.card, case.verdict, case.reached, case.kind, case.score, case.distance)
            for model, case in zip(self.models, cases, strict=True)
        ]
        instance = with_typed(film.instance, film.typed)
        return choose(instance, candidates, outside=self.outside_population)

    def _refuse(self, film: PreparedFilm, choice: Choice) -> Assessment:
        """No answer; the network that came nearest speaks."""
        model = self.models[choice.at].card.identity
        refusal = make_refusal(film.instance, model, choice.refused or ())
        return replace(refusal, engine=self.engine)


class _Inputs:
    """What gates and localisers take from whole films, made once for all of one size."""

    def __init__(self, films: Sequence[PreparedFilm]) -> None:
        self._films = films
        self._made: dict[tuple[int, int], NDArray[np.float32]] = {}

    def of(self, places: Sequence[int], size: int) -> NDArray[np.float32]:
        """Inputs of some films: (films, 1, size, size)."""
        for i in places:
            if (i, size) not in self._made:
                self._made[i, size] = self._films[i].picture.input(size)
        return np.stack([self._made[i, size] for i in places])


def _check_films(
    model: ServedModel, films: Sequence[PreparedFilm], inputs: _Inputs, *, outside: bool
) -> list[_Case]:
    """Check each film by header, gate and localiser of one model."""
    verdicts = [_check_header(model, film, outside=outside) for film in films]
    cases = [_Case(v, Reached.HEADER if v.refusals else Reached.OPEN) for v in verdicts]
    pictures = [film.picture for film in films]
    for case, picture in zip(cases, pictures, strict=True):
        if case.open and picture.blank:
            case.refuse(BLANK, Reached.PIXELS)
    places = [i for i, case in enumerate(cases) if case.open]
    if places and model.scale is not None:
        logits, distances = model.networks.gate(inputs.of(places, model.gate_size))
        for row, i in enumerate(places):
            verdict = gate_rules.judge_picture(
                logits[row].astype(np.float64),
                float(distances[row]),
                model.scale,
                pictures[i].kind,
            )
            cases[i].score, cases[i].kind = verdict.score, verdict.kind
            cases[i].distance = verdict.distance
            if not verdict.suitable and outside:
                cases[i].warn(verdict.reason)
            elif not verdict.suitable:
                cases[i].refuse(verdict.reason, Reached.PIXELS)
        places = [i for i in places if cases[i].open]
    if places and model.region_size:
        regions = model.networks.region(inputs.of(places, model.region_size))
        for i, region in zip(places, regions, strict=True):
            box = box_of(region)
            if box is None:
                cases[i].refuse(LOST, Reached.REGION)
            else:
                cases[i].view = box.grow(model.card.framing.margin)
    return cases


def _check_header(model: ServedModel, film: PreparedFilm, *, outside: bool) -> ScopeVerdict:
    """Check the header, and add what is wrong with the file itself."""
    instance = with_typed(film.instance, film.typed)
    verdict = check_scope(instance, model.card.scope, outside_population=outside, tint=film.tint)
    return replace(verdict, refusals=film.refusals + verdict.refusals)
