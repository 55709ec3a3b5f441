"""Draw an adult's chest and a film of two knees, and prove that neither repeats a real film.

    python -m models.synthesis.adults --out examples
    python -m models.synthesis.adults --sheet runs/synthesis/adults.png    # candidates, by seed

Simpler than the children's films (`models.synthesis.synthesize`): what is drawn is a random point
in the space of principal components of real films, no flow and no networks; so they are softer.
Two knees are two such pictures on one ground, mirrored at their edges to make the shafts. Fitted to
the Shenzhen set's normal training films of adults, and to training crops of the Osteoarthritis
Initiative of grade 0 (right) and 3 (left); the near-copy rule is that of the other examples. Takes
a minute on one CPU core.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor
from torch.nn import functional as F

from imaging.dicom.synthetic import write_synthetic_film
from imaging.errors import ModelError, SettingsError
from imaging.rendering import png_bytes
from imaging.settings import Settings
from models.data.dataset import Film, load_luminance
from models.synthesis.generator import FILM_SIDE, FilmBasis
from models.synthesis.near_copy import MEASURES, Similarity, near_copies, real_neighbours
from models.synthesis.synthesize import develop, normalise

CHEST_SHAPE = (700, 716)  # rows and columns of an adult's film
KNEE = 288  # side of a joint's picture on the film of both, pixels
KNEES_SHAPE = (472, 720)


@dataclass(frozen=True, slots=True)
class AdultSettings:
    """Every knob of a run; seeds were chosen by eye among those the networks accept."""

    rank: int = 48  # principal components kept of each set
    spread: float = 0.8  # of the drawn point, in standard deviations
    most: int = 600  # films of a set
    percentile: float = 99.0
    references: int = 200
    chest_seed: int = 28
    right_seed: int = 1
    left_seed: int = 4


@dataclass(frozen=True, slots=True)
class Drawn:
    """A set's films, (films, 1, side, side), and pictures drawn like them."""

    films: Tensor
    patients: tuple[str, ...]
    basis: FilmBasis
    spread: float

    def picture(self, seed: int) -> Tensor:
        """(1, side, side) in about [-1, 1]."""
        latent = torch.randn(
            1, len(self.basis.scale), generator=torch.Generator().manual_seed(seed)
        )
        drawn = self.basis.decode(latent * self.spread)
        return F.interpolate(drawn, (FILM_SIDE, FILM_SIDE), mode="bicubic", align_corners=False)[0]


def read_set(rows: list[tuple[Path, str]], settings: AdultSettings) -> Drawn:
    """Fit the components of a set: (file, patient) of each film."""
    step = max(1, len(rows) // settings.most)
    rows = rows[::step][: settings.most]
    films = [Film(path, "", patient, "train") for path, patient in rows]
    pixels = torch.from_numpy(load_luminance(films, size=FILM_SIDE)).float()
    films_of = torch.stack([normalise(one[None]) for one in pixels])
    basis = FilmBasis(side=FILM_SIDE, rank=settings.rank)
    basis.fit(films_of)
    return Drawn(films_of, tuple(patient for _p, patient in rows), basis, settings.spread)


def chests(data: Path, settings: AdultSettings) -> Drawn:
    """Normal training films of adults of the Shenzhen set."""
    with (data / "shenzhen_tb/manifest.csv").open(encoding="utf-8") as stream:
        rows = [
            (data / "shenzhen_tb" / row["file"], row["patient_id"])
            for row in csv.DictReader(stream)
            if (row["split"], row["label"], row["adult"]) == ("train", "normal", "1")
        ]
    return read_set(rows, settings)


def knees(data: Path, settings: AdultSettings, *, side: str, grade: str) -> Drawn:
    """Training crops of one side and one grade."""
    with (data / "knee_kl/manifest.csv").open(encoding="utf-8") as stream:
        rows = [
            (data / "knee_kl" / row["file"], row["patient_id"])
            for row in csv.DictReader(stream)
            if (row["split"], row["side"], row["kl"]) == ("train", side, grade)
        ]
    return read_set(rows, settings)


def both_knees(right: Tensor, left: Tensor) -> Tensor:
    """Two joints on one film, the right one at its left: (1, rows, columns) in about [-1, 1]."""
    rows, columns = KNEES_SHAPE
    film = torch.full((1, rows, columns), -1.1)
    top = (rows - KNEE) // 2
    for at, joint in ((columns // 4, right), (3 * columns // 4, left)):
        square = F.interpolate(joint[None], (KNEE, KNEE), mode="bicubic", align_corners=False)[0]
        limb = F.pad(square, (0, 0, top, rows - top - KNEE), mode="reflect")
        edge = torch.linspace(0, 1, KNEE)
        fade = (torch.minimum(edge, 1 - edge) / 0.06).clamp(0, 1)
        start = at - KNEE // 2
        film[:, :, start : start + KNEE] = -1.1 + (limb + 1.1) * fade
    return film


def measure(drawn: Drawn, picture: Tensor, settings: AdultSettings) -> dict[str, Any]:
    """How like the picture is to the films it was fitted to, and what is allowed.

    Raises
    ------
    ModelError
        If it is a near copy of one.
    """
    similarity = Similarity.of(drawn.films, drawn.films)
    generator = torch.Generator().manual_seed(0)
    real = real_neighbours(
        similarity, drawn.patients, count=settings.references, generator=generator
    )
    found = similarity.best(picture[None])
    if near_copies(found, real, settings.percentile).any():
        raise ModelError("The picture is too close to a real film; choose another seed.")
    limit = torch.quantile(real, settings.percentile / 100, dim=0)
    return {
        "films": len(drawn.films),
        "highest_correlation": _name(found[0]),
        "limit": _name(limit),
    }


def _name(row: Tensor) -> dict[str, float]:
    return {name: round(float(v), 4) for name, v in zip(MEASURES, row, strict=True)}


def main(
    out: Annotated[Path, typer.Option(help="Where the examples go.")] = Path("examples"),
    sheet: Annotated[Path | None, typer.Option(help="Only write a sheet of candidates.")] = None,
) -> None:
    """Draw both films, check them, and add them to the examples and their provenance."""
    torch.set_num_threads(1)
    data, settings = Settings.from_environment().data, AdultSettings()
    if data is None:
        raise SettingsError("Set LIGHTBOX_DATA to the folder that holds the research data.")
    sets = {
        "chest": chests(data, settings),
        "right": knees(data, settings, side="R", grade="0"),
        "left": knees(data, settings, side="L", grade="3"),
    }
    if sheet is not None:
        _write_sheet(sets, sheet)
        return
    seeds = {
        "chest": settings.chest_seed,
        "right": settings.right_seed,
        "left": settings.left_seed,
    }
    pictures = {name: one.picture(seeds[name]) for name, one in sets.items()}
    figures = {name: measure(one, pictures[name], settings) for name, one in sets.items()}
    write_films(pictures, figures, settings, out)


def write_films(
    pictures: dict[str, Tensor],
    figures: dict[str, dict[str, Any]],
    settings: AdultSettings,
    out: Path,
) -> None:
    """Write the two DICOM files, and their entries into ``provenance.json``."""
    chest = develop(pictures["chest"], seed=settings.chest_seed, shape=CHEST_SHAPE)
    write_synthetic_film(
        chest,
        path=out / "synthetic_09_adult.dcm",
        number=9,
        description="Synthetic chest film of an adult, normal-like",
        view_position="PA",
        patient_age="040Y",
        pixel_spacing=(0.5, 0.5),
        burned_in=True,
    )
    knee = develop(
        both_knees(pictures["right"], pictures["left"]),
        seed=settings.right_seed,
        shape=KNEES_SHAPE,
    )
    write_synthetic_film(
        knee,
        path=out / "synthetic_10_knees.dcm",
        number=10,
        description="Synthetic film of both knees",
        view_position="AP",
        patient_age="060Y",
        body_part="KNEE",
        laterality="B",
        pixel_spacing=(0.42, 0.42),  # 12 cm of each knee
        burned_in=True,
    )
    entries = [
        {
            "file": "synthetic_09_adult.dcm",
            "class": "normal-like, adult",
            "fitted_to": "Shenzhen set (NLM and Shenzhen No. 3 Hospital), normal training films",
            "near_copy": {"chest": figures["chest"]},
        },
        {
            "file": "synthetic_10_knees.dcm",
            "class": "right knee like grade 0, left knee like grade 3",
            "fitted_to": "OAI crops of Chen et al., doi:10.17632/56rmx5bjcr, training films",
            "near_copy": {"right": figures["right"], "left": figures["left"]},
        },
    ]
    place = out / "provenance.json"
    report = json.loads(place.read_text()) if place.exists() else {"examples": []}
    ours = {entry["file"] for entry in entries}
    kept = [entry for entry in report["examples"] if entry["file"] not in ours]
    report |= {"examples": [*kept, *entries], "adults": asdict(settings)}
    place.write_text(json.dumps(report, indent=2) + "\n")


def _write_sheet(sets: dict[str, Drawn], path: Path) -> None:
    """A row of each set, ten seeds from 0."""
    rows = [torch.cat([one.picture(seed) for seed in range(10)], 2) for one in sets.values()]
    values = ((torch.cat(rows, 1) + 1.1) / 2.2 * 255).clamp(0, 255).byte()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png_bytes(values[0].numpy()))


if __name__ == "__main__":
    typer.run(main)
