"""Measure the scope gate on a mixture of films it should pass and pictures it should refuse.

    export LIGHTBOX_DATA=...
    python -m models.evaluation.evaluate_gate --model paediatric-cxr

Below ``<checkpoint>/evaluation/``: ``gate.csv.gz`` (one row per picture of the mixture; wrong views
of the test films are named by their transform) and ``gate.json`` (AUROC, and the share refused of
every kind, with 95 % bootstrap intervals). Every file goes through the same reader as a doctor's,
and then to the gate by torch (`Gate.examine`); how many test films its serving graph refuses,
`models.evaluation.evaluate` says.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from imaging.dicom import read_image
from imaging.entities import SourceKind
from imaging.errors import AssistantError, SettingsError
from imaging.settings import Settings
from models import metrics
from models.checkpoint.installed import measured
from models.data import gate_data
from models.data.dataset import ManifestColumns, read_luminance, select
from models.data.whole_films import WAYS, compose_whole
from models.evaluation.packed_csv import write_packed
from models.network.checkpoint import find_checkpoint
from models.network.gate import Gate, GateVerdict
from models.rules.gate_rules import WHOLE
from models.training.config import films_of
from models.training.train_gate import GateSettings, folder_films

PAINT_SEED = 1_000_003  # never used in training
PAINTED, PAINT_SIDE = 700, 160
PASS, REFUSE = "pass", "refuse"
_TRANSFORMS = ("inverted", "turned", "sideways", "cropped")


@dataclass(frozen=True, slots=True)
class Item:
    """One picture of the mixture.

    Attributes
    ----------
    source : str
        First folder of the file below the data folder, or "painted".
    file : str
        Relative to the data folder; the number and recipe of a painted picture.
    kind : str
        What it is, and the row of the result it counts in.
    expected : str
        "pass" or "refuse".
    transform : str
        What is done to the file first: "", "invert", "rot180", "rot90", "rot270", or
        "crop TOP LEFT HEIGHT WIDTH" in shares of the picture, or "WAY SEED OTHER": a whole film
        composed of it and another (`models.data.whole_films`).
    """

    source: str
    file: str
    kind: str
    expected: str
    transform: str = ""


def main(
    model: Annotated[str, typer.Option(help="Installed model; the first if empty.")] = "",
) -> None:
    """Evaluate the scope gate of an installed model."""
    settings = Settings.from_environment()
    if settings.data is None:
        raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the pictures.")
    folder = find_checkpoint(settings.weights, model)
    gate = Gate.load(folder)
    items = tuple(mixture(gate.settings, settings.data))
    target = measured(folder)
    target.mkdir(exist_ok=True)
    pictures = Pictures(settings.data)
    verdicts = [gate.examine(pictures.luminance(item)) for item in tqdm(items)]
    write_verdicts(target / "gate.csv.gz", items, verdicts)
    figures = {"weights_sha256": gate.settings["weights_sha256"], **measure(items, verdicts)}
    (target / "gate.json").write_text(json.dumps(figures, indent=2) + "\n")
    for row in figures["kinds"]:
        typer.echo(
            f"{row['kind']}: {row['images']} pictures, refused {row['refused']['value']:.4f}"
        )
    typer.echo(f"AUROC {figures['auroc']['value']:.4f}")


def mixture(settings: Mapping[str, Any], base: Path) -> Iterator[Item]:
    """The mixture of a gate, from what its settings say about the data."""
    gate = GateSettings.from_dict(settings["settings"])
    films = films_of(settings["data"], ManifestColumns.from_dict(settings["columns"]), base)
    tests = [f.path.relative_to(base).as_posix() for f in select(films, "test")]
    yield from (_item(file, gate.test_kind, PASS) for file in tests)
    for folders, expected in ((gate.companions, PASS), (gate.outliers, REFUSE)):
        for kind, name in folders.items():
            held_out = select(folder_films(base / name, columns=gate.group_columns), "held")
            for film in held_out:
                yield _item(film.path.relative_to(base).as_posix(), kind, expected)
    if gate.dicom:
        yield from dicom_items(base, gate.dicom, settings["scope"])
    for number in range(PAINTED):
        recipe = gate_data.PAINTERS[number % len(gate_data.PAINTERS)].__name__
        yield Item("painted", f"{number} {recipe}", "procedural", REFUSE)
    for kind in _TRANSFORMS:
        yield from (_item(file, kind, REFUSE, transform_of(kind, file)) for file in tests)
    if gate.composed:
        for file, other in zip(tests, [*tests[1:], *tests[:1]], strict=True):
            yield _item(file, WHOLE, REFUSE, whole_of(file, other))


def _item(file: str, kind: str, expected: str, transform: str = "") -> Item:
    return Item(Path(file).parts[0], file, kind, expected, transform)


def transform_of(kind: str, file: str) -> str:
    """The transform of a test film, drawn by a hash of its name where there is a choice."""
    draw = int(hashlib.sha256(f"{kind} {file}".encode()).hexdigest()[:8], 16)
    if kind == "cropped":
        box = gate_data.crop_box(np.random.default_rng(draw))
        return "crop " + " ".join(f"{v:.4f}" for v in box)
    return {"inverted": "invert", "turned": "rot180", "sideways": ("rot90", "rot270")[draw % 2]}[
        kind
    ]


def whole_of(file: str, other: str) -> str:
    """The transform by which test films become a whole film, drawn by a hash of their names."""
    draw = int(hashlib.sha256(f"{WHOLE} {file}".encode()).hexdigest()[:8], 16)
    return f"{WAYS[draw % len(WAYS)]} {draw} {other}"


def dicom_items(base: Path, name: str, scope: Mapping[str, Sequence[str]]) -> Iterator[Item]:
    """Distinct single-frame DICOM pictures whose header says that they do not fit the task.

    A film without a header (a PNG under a DICOM name) says nothing and is left out.
    """
    digests: set[str] = set()
    for path in sorted((base / name).rglob("*.dcm")):
        try:
            image = read_image(path)
            luminance = image.luminance_values(0)
        except AssistantError:
            continue
        digest = hashlib.sha256(luminance.tobytes()).hexdigest()
        acquisition, frames = image.instance.acquisition, image.instance.geometry.frames
        fits = acquisition.modality in scope["modalities"] and any(
            part in acquisition.body_part.upper() for part in scope["body_parts"]
        )
        stated = image.instance.source is SourceKind.DICOM and frames == 1
        if stated and not fits and digest not in digests:
            digests.add(digest)
            kind = f"dicom_{acquisition.modality.lower() or 'unknown'}"
            yield _item(path.relative_to(base).as_posix(), kind, REFUSE)


class Pictures:
    """The pictures behind the items; painted ones are painted once."""

    def __init__(self, base: Path) -> None:
        self._base = base
        self._painted = gate_data.paint(PAINTED, side=PAINT_SIDE, seed=PAINT_SEED)

    def luminance(self, item: Item) -> NDArray[np.float32]:
        """(rows, columns), float32, after the item's transform."""
        if item.source == "painted":
            return self._painted[int(item.file.split()[0])].astype(np.float32)
        luminance = read_luminance(self._base / item.file)
        way, *_rest = item.transform.split() or [""]
        if way in WAYS:
            return self._whole(luminance, item.transform)
        return apply_transform(luminance, item.transform)

    def _whole(self, luminance: NDArray[np.float32], transform: str) -> NDArray[np.float32]:
        """The whole film that `whole_of` named, in eight bits."""
        way, seed, other = transform.split(maxsplit=2)
        films = (gate_data.unit(luminance), gate_data.unit(read_luminance(self._base / other)))
        return 255 * compose_whole(*films, way, np.random.default_rng(int(seed)))


def apply_transform(luminance: NDArray[np.float32], transform: str) -> NDArray[np.float32]:
    """Apply the transform an `Item` names to (rows, columns)."""
    name, *numbers = transform.split() or [""]
    if name == "invert":
        return luminance.min() + luminance.max() - luminance
    if name.startswith("rot"):
        return np.rot90(luminance, int(name[3:]) // 90)
    if name == "crop":
        top, left, height, width = map(float, numbers)
        return gate_data.cut(luminance, (top, left, height, width))
    return luminance


def write_verdicts(path: Path, items: Sequence[Item], verdicts: Sequence[GateVerdict]) -> None:
    """One row per picture: what it is and what the gate said."""
    header = ["source", "file", "kind", "expected", "suitable", "kind_found", "score", "distance"]
    with write_packed(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        for item, v in zip(items, verdicts, strict=True):
            row = [item.source, item.file, item.kind, item.expected, v.suitable, v.kind]
            writer.writerow([*row, f"{v.score:.6f}", f"{v.distance:.6f}"])


def measure(items: Sequence[Item], verdicts: Sequence[GateVerdict]) -> dict[str, Any]:
    """AUROC of the score, and the shares passed and refused, with 95 % bootstrap intervals."""
    kinds = np.array([item.kind for item in items])
    outside = np.array([item.expected == REFUSE for item in items])
    refused = np.array([not v.suitable for v in verdicts], float)
    score = np.array([v.score for v in verdicts])
    rows = [
        {
            "kind": str(kind),
            "images": int((kinds == kind).sum()),
            "expected": REFUSE if outside[kinds == kind].all() else PASS,
            "refused": asdict(metrics.bootstrap(_mean, refused[kinds == kind])),
        }
        for kind in dict.fromkeys(kinds)
    ]
    views = np.isin(kinds, (*_TRANSFORMS, WHOLE))
    return {
        "images": len(items),
        "auroc": asdict(metrics.bootstrap(metrics.roc_auc, outside, score, resamples=500)),
        "kinds": rows,
        "passed": asdict(metrics.bootstrap(_mean, 1 - refused[~outside])),
        "refused_foreign": asdict(metrics.bootstrap(_mean, refused[outside & ~views])),
        "refused_views": asdict(metrics.bootstrap(_mean, refused[views])),
    }


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean())


if __name__ == "__main__":
    typer.run(main)
