"""Which network reads what: every film of every task through all installed networks, and outliers.

    LIGHTBOX_WEIGHTS=... python -m models.evaluation.routing             # about four minutes
    python -m models.evaluation.routing --every 10                       # a tenth of each set

A film goes the way it goes in service (`models.inference.assessor`), three times: with the header
it would have, without one, and without one but with its age typed. A routing is wrong where a
network answers a film that its own scope would refuse by what is truly shown: a knee answered by a
chest's network, an adult by one of children. What is refused, or asked for an age, is not wrong,
and the share that is wrong is of the films that were answered: nobody relies on the others.

`routing.json` and `routing.csv.gz` lie beside the checkpoints, stamped with what decides the way of
a film: scope, gate and localiser of each. The networks' answers themselves are not computed.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from tqdm import tqdm

from imaging.documents import Document
from imaging.entities import Acquisition, Instance, Patient, SourceKind, TypedFacts
from imaging.errors import AssistantError, SettingsError
from imaging.intake import decode_process
from imaging.settings import Settings
from models.batch.file_worker import ENOUGH
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import installed_checkpoints
from models.checkpoint.routing_table import TABLE, WAYS, Stamp, stamp_of
from models.evaluation.packed_csv import write_packed
from models.inference.assessor import Assessor, PreparedFilm, ServedModel
from models.inference.choosing import asks_for_age
from models.inference.loading import Batch, Networks
from models.inference.scope import check_scope

FILMS = "routing.csv.gz"
WITH, WITHOUT, TYPED = WAYS
ADULT_CHESTS = ("fuji9000_cr_mono1_10bit.dcm", "rsna_pa_mono2_8bit.dcm")
REFUSED, ASKED = "refused", "asked for the age"
CHILD, KNEE_AGE, ADULT = 3.0, 60.0, 45.0  # where a set tells no age of its films, only of whom
CHUNK = 8  # films at once


@dataclass(frozen=True, slots=True)
class RoutedFilm:
    """A film with what it truly shows.

    Attributes
    ----------
    kind : str
        What it is, in words: "child's chest".
    file : str
        Below the data folder.
    shows : Acquisition
        Modality, body part, view, laterality; an empty modality: no film at all.
    age : float or None
        Years; that of its set where no film's own is known.
    own_age : bool
        False where the header would not have it: then the age is of the set.
    """

    kind: str
    file: str
    shows: Acquisition
    age: float | None
    own_age: bool = True


@dataclass(frozen=True, slots=True)
class Routed:
    """Where a film went: a network's name, `REFUSED` or `ASKED`, and to whom it belongs."""

    kind: str
    file: str
    way: str
    belongs: str
    went: str

    @property
    def wrong(self) -> bool:
        """True where a network answered that is not for this film."""
        return self.went not in (REFUSED, ASKED, *self.belongs.split(" / "))


def films(data: Path) -> Iterator[RoutedFilm]:
    """All films that may tell something: test and validation films, and whatever is no film."""
    chest, knee = Acquisition("DX", "CHEST", "PA"), Acquisition("DX", "KNEE", "PA")
    for row in _rows(data / "kermany_cxr/manifest.csv"):
        if row["split"] in ("val", "test"):
            file = f"kermany_cxr/images/{row['file']}"
            yield RoutedFilm("child's chest", file, replace(chest, view_position="AP"), CHILD)
    for row in _rows(data / "shenzhen_tb/manifest.csv"):
        yield _chest(f"shenzhen_tb/{row['file']}", chest, row["age"])
    for row in _rows(data / "montgomery_tb/manifest.csv"):
        yield RoutedFilm(
            "adult's chest", f"montgomery_tb/{row['file']}", chest, ADULT, own_age=False
        )
    for row in _rows(data / "nih_adult_weak/labels.csv"):
        yield _chest(
            f"nih_adult_weak/images/{row['file']}",
            replace(chest, view_position=row["view"]),
            row["age"],
        )
    for row in _rows(data / "rsna_adult/labels.csv"):
        yield _chest(
            f"rsna_adult/dicom/{row['file']}", replace(chest, view_position=row["view"]), row["age"]
        )
    for row in _rows(data / "covid_masks/labels.csv"):
        view = row["view"] if row["view"] in ("AP", "PA") else ""
        shown = replace(chest, view_position=view)
        yield _chest(f"covid_masks/images/{row['image']}", shown, row["age"])
    for row in _rows(data / "knee_kl/manifest.csv"):
        if row["split"] == "val":
            file = f"knee_kl/{row['file']}"
            yield RoutedFilm("knee", file, replace(knee, laterality=row["side"]), KNEE_AGE)
    for row in _rows(data / "brain_mri_tumour/labels.csv"):
        file = f"brain_mri_tumour/images/{row['file']}"
        yield RoutedFilm("brain MR", file, Acquisition("MR", "BRAIN"), ADULT)
    for path in sorted((data / "dicom").rglob("*.dcm")):
        if "broken" not in path.parts:
            file = path.relative_to(data).as_posix()
            kind = "adult's chest, as DICOM" if path.name in ADULT_CHESTS else "other DICOM"
            yield RoutedFilm(kind, file, Acquisition(), None)


def _chest(file: str, shows: Acquisition, age: str) -> RoutedFilm:
    years = float(age) if age else ADULT
    kind = "adult's chest" if years >= 16 else "chest of 6 to 15 years"
    return RoutedFilm(kind if years > 6.5 else "child's chest", file, shows, years, bool(age))


def _rows(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


class Routes:
    """All installed networks, which judge films and answer none.

    Parameters
    ----------
    settings : Settings
        Which networks are installed, and where the films lie.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.data is None:
            raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the research data.")
        self._data = settings.data
        loaded = Assessor.load(settings)
        self._remembered = [_Remembered(model.networks, model.card) for model in loaded.models]
        self._models: tuple[ServedModel, ...] = tuple(
            replace(model, networks=networks)
            for model, networks in zip(loaded.models, self._remembered, strict=True)
        )
        self._assessor = Assessor(self._models)

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """The networks' cards."""
        return tuple(model.card for model in self._models)

    def follow(self, chunk: Sequence[RoutedFilm]) -> list[Routed]:
        """Where some films go, each in its three ways; what cannot be decoded goes nowhere."""
        prepared: list[tuple[RoutedFilm, str, str, PreparedFilm]] = []
        for one in chunk:
            film = self._read(self._data / one.file)
            if film is not None:
                belongs = " / ".join(self._belongs(one, film)) or "none"
                prepared += [(one, belongs, way, changed) for way, changed in _ways(one, film)]
        for networks in self._remembered:
            networks.forget()
        assessments = self._assessor.judge([film for *_, film in prepared])
        routed = []
        for (one, belongs, way, _film), said in zip(prepared, assessments, strict=True):
            nowhere = ASKED if asks_for_age(said.messages) else REFUSED
            went = said.model.name if said.findings and said.model else nowhere
            routed.append(Routed(one.kind, one.file, way, belongs, went))
        return routed

    def _belongs(self, one: RoutedFilm, film: PreparedFilm) -> Iterator[str]:
        """The networks whose own scope takes what is truly shown; of a DICOM file what it says."""
        truth = film.instance
        if one.shows.modality:
            truth = replace(
                truth,
                source=SourceKind.DICOM,
                patient=Patient(age_years=one.age),
                acquisition=one.shows,
            )
        if truth.source is SourceKind.FILM or not truth.acquisition.body_part:
            return
        for card in self.cards:
            if not check_scope(truth, card.scope, tint=film.tint).refusals:
                yield card.name

    def _read(self, path: Path) -> PreparedFilm | None:
        try:
            read = decode_process.read_for_triage(
                path.read_bytes(), path.name, enough=ENOUGH * self._assessor.size
            )
        except AssistantError:
            return None
        if isinstance(read, Document) or read.trouble is not None:
            return None
        return self._assessor.prepare(read)


def _ways(one: RoutedFilm, film: PreparedFilm) -> Iterator[tuple[str, PreparedFilm]]:
    """A film with its header, without one, and without one but with its age typed."""
    own, silent = film.instance, _silenced(film.instance)
    if own.source is SourceKind.FILM and one.shows.modality:
        shown = replace(one.shows, image_type=("ORIGINAL", "PRIMARY"))
        age = one.age if one.own_age else None
        own = replace(
            own,
            source=SourceKind.DICOM,
            patient=Patient(age_years=age),
            acquisition=shown,
        )
    yield WITH, replace(film, instance=own)
    yield WITHOUT, replace(film, instance=silent)
    if one.age is not None:
        yield TYPED, replace(film, instance=silent, typed=TypedFacts(age_years=one.age))


def _silenced(instance: Instance) -> Instance:
    return replace(
        instance, source=SourceKind.FILM, patient=Patient(), acquisition=Acquisition(), typed=None
    )


class _Remembered:
    """Networks that judge the same picture once, however often it comes, and answer nothing."""

    def __init__(self, networks: Networks, card: ModelCard) -> None:
        self._networks, self.engine = networks, networks.engine
        self._answers, self._classes = card.answers, len(card.classes)
        self._known: dict[bytes, Any] = {}

    def forget(self) -> None:
        """Begin with other pictures."""
        self._known.clear()

    def members(self, x: Batch) -> Batch:
        """No answer: (answers, batch, classes), all zero."""
        return np.zeros((self._answers, len(x), self._classes), np.float32)

    def gate(self, x: Batch) -> tuple[Batch, Batch]:
        """As the networks'."""
        rows = self._once(x, lambda new: list(zip(*self._networks.gate(new), strict=True)))
        return np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows])

    def region(self, x: Batch) -> Batch:
        """As the networks'."""
        return np.stack(self._once(x, lambda new: list(self._networks.region(new))))

    def _once(self, x: Batch, ask: Any) -> list[Any]:
        keys = [hashlib.sha1(row.tobytes(), usedforsecurity=False).digest() for row in x]
        new = {key: i for i, key in enumerate(keys) if key not in self._known}
        if new:
            self._known.update(zip(new, ask(x[list(new.values())]), strict=True))
        return [self._known[key] for key in keys]


def summary(routed: Iterable[Routed]) -> list[dict[str, Any]]:
    """Rows of the table: of each kind and way, how many went where, and how many wrongly."""
    groups: dict[tuple[str, str], list[Routed]] = {}
    for one in routed:
        groups.setdefault((one.kind, one.way), []).append(one)
    return [
        {
            "kind": kind,
            "way": way,
            "films": len(group),
            "went": dict(Counter(one.went for one in group).most_common()),
            "wrong": sum(one.wrong for one in group),
        }
        for (kind, way), group in groups.items()
    ]


def table(routed: Sequence[Routed], stamps: Mapping[str, Stamp], *, every: int) -> dict[str, Any]:
    """All that `routing.json` holds."""
    wrong = [one for one in routed if one.wrong]
    answered = sum(one.went not in (REFUSED, ASKED) for one in routed)
    return {
        "models": {name: asdict(stamp) for name, stamp in stamps.items()},
        "every": every,
        "films": len(routed),
        "answered": answered,
        "wrong": len(wrong),
        "rows": summary(routed),
        "wrongly": [asdict(one) for one in wrong[:200]],
    }


def main(
    every: Annotated[int, typer.Option(min=1, help="Take each n-th film of a set.")] = 1,
) -> None:
    """Follow all films, and write the table beside the checkpoints."""
    settings = Settings.from_environment()
    routes = Routes(settings)
    assert settings.data is not None
    chosen = list(films(settings.data))[::every]
    routed: list[Routed] = []
    for at in tqdm(range(0, len(chosen), CHUNK)):
        routed += routes.follow(chosen[at : at + CHUNK])
    stamps = {f.name: stamp_of(f) for f in installed_checkpoints(settings.weights)}
    result = table(routed, stamps, every=every)
    (settings.weights / TABLE).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    with write_packed(settings.weights / FILMS) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("kind", "file", "way", "belongs", "went"))
        writer.writerows((o.kind, o.file, o.way, o.belongs, o.went) for o in routed)
    for row in result["rows"]:
        went = ", ".join(f"{name} {count}" for name, count in row["went"].items())
        typer.echo(f"{row['kind']}, {row['way']}: {row['films']} -> {went}; wrong {row['wrong']}")
    typer.echo(f"{result['wrong']} wrong of {result['answered']} answered ({len(routed)} followed)")


if __name__ == "__main__":
    typer.run(main)
