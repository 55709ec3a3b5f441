"""The examples of adults: what their headers say, and that none is too like a real film."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from imaging.dicom import read_image
from imaging.errors import ModelError
from imaging.settings import ROOT, Settings
from models.batch.file_worker import FileWorker
from models.checkpoint.installed import installed_checkpoints
from models.inference.assessor import Assessor
from models.synthesis.adults import AdultSettings, Drawn, both_knees, measure, write_films
from models.synthesis.generator import FILM_SIDE, FilmBasis
from models.synthesis.near_copy import MEASURES

EXAMPLES = ROOT / "examples"
CHEST, KNEES = (EXAMPLES / f"synthetic_{name}.dcm" for name in ("09_adult", "10_knees"))
SETTINGS = AdultSettings(rank=3, references=4)


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    """Components of eight smooth made-up pictures."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.randn(8, 1, 12, 12, generator=generator)
    films = torch.nn.functional.interpolate(coarse, (FILM_SIDE, FILM_SIDE), mode="bicubic")
    basis = FilmBasis(side=FILM_SIDE, rank=SETTINGS.rank)
    basis.fit(films)
    return Drawn(films, tuple("abcdefgh"), basis, SETTINGS.spread)


def test_a_seed_is_a_picture(drawn: Drawn) -> None:
    assert torch.equal(drawn.picture(3), drawn.picture(3))
    assert not torch.equal(drawn.picture(3), drawn.picture(4))


def test_a_picture_that_is_a_real_film_is_refused(drawn: Drawn) -> None:
    with pytest.raises(ModelError, match="too close to a real film"):
        measure(drawn, drawn.films[2], SETTINGS)


def test_the_right_knee_hangs_at_the_left(drawn: Drawn) -> None:
    bright, dark = torch.ones(1, FILM_SIDE, FILM_SIDE), -torch.ones(1, FILM_SIDE, FILM_SIDE)
    film = both_knees(bright, dark)[0]
    middle = film.shape[1] // 2
    assert film[:, :middle].mean() > film[:, middle:].mean()


def test_both_films_are_written_with_their_provenance(drawn: Drawn, tmp_path: Path) -> None:
    pictures = {name: drawn.picture(at) for at, name in enumerate(("chest", "right", "left"))}
    row = dict.fromkeys(MEASURES, 0.5)
    figures = {key: {"films": 8, "highest_correlation": row, "limit": row} for key in pictures}
    write_films(pictures, figures, SETTINGS, tmp_path)
    report = json.loads((tmp_path / "provenance.json").read_text())
    assert [e["file"] for e in report["examples"]] == [CHEST.name, KNEES.name]


def test_the_headers_are_those_of_their_networks() -> None:
    chest, knees = (read_image(path).instance for path in (CHEST, KNEES))
    assert (chest.patient.age_years, chest.acquisition.body_part) == (40, "CHEST")
    assert (knees.patient.age_years, knees.acquisition.body_part) == (60, "KNEE")
    assert knees.acquisition.laterality == "B" and knees.acquisition.view_position == "AP"
    assert chest.acquisition.synthetic and knees.acquisition.synthetic


def test_none_is_a_near_copy() -> None:
    report = json.loads((EXAMPLES / "provenance.json").read_text())
    found = [e["near_copy"] for e in report["examples"] if "near_copy" in e]
    assert [sorted(parts) for parts in found] == [["chest"], ["left", "right"]]
    for figures in (part for parts in found for part in parts.values()):
        assert all(figures["highest_correlation"][m] <= figures["limit"][m] for m in MEASURES)


def test_the_network_of_adults_reads_the_adults_chest() -> None:
    settings = Settings.from_environment()
    if "adult-tb" not in {folder.name for folder in installed_checkpoints(settings.weights)}:
        pytest.skip("the network of adults' chests is not installed")
    said = FileWorker(Assessor.load(settings)).judge(CHEST.read_bytes(), CHEST.name).assessment
    assert said.model is not None and said.model.name == "adult-tb" and said.findings
