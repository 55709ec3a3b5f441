"""The film generator: shapes, seeds, the flow itself; and the shipped examples once more."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from imaging.dicom import read_image
from imaging.errors import ModelError
from imaging.settings import ROOT
from models.data.dataset import read_manifest
from models.synthesis.generator import (
    DETAIL_SIDE,
    DetailFlow,
    FilmBasis,
    FilmGenerator,
    SampleSettings,
    flow_loss,
    guide,
    integrate,
    positions,
)
from models.synthesis.near_copy import MEASURES, Similarity
from models.synthesis.synthesize import (
    COLUMNS,
    ROWS,
    Fit,
    Library,
    SynthesisSettings,
    develop,
    lung_frame,
    measure,
    normalise,
    read_back,
    read_library,
    write_examples,
)

EXAMPLES = ROOT / "examples"
FEW_STEPS = SampleSettings(steps=2)


@pytest.fixture
def library() -> Library:
    """Twelve made-up films of twelve patients."""
    films = torch.rand(12, 1, 192, 192, generator=torch.Generator().manual_seed(0)) * 2 - 1
    patients = tuple(f"P{i}" for i in range(12))
    usable, label = torch.ones(12, dtype=torch.bool), torch.arange(12) % 3
    return Library(films.half(), usable, films[..., ::3, ::3], label, patients)


def test_basis_restores_films_it_spans() -> None:
    films = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    basis = FilmBasis(side=8, rank=7)  # eight films less their mean
    basis.fit(films)
    torch.testing.assert_close(basis.decode(basis.encode(films)), films, atol=1e-4, rtol=0)


def test_latents_are_white() -> None:
    films = torch.rand(200, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    basis = FilmBasis(side=8, rank=10)
    basis.fit(films)
    latents = basis.encode(films)
    torch.testing.assert_close(latents.T @ latents / 200, torch.eye(10), atol=1e-3, rtol=0)


def test_integrating_a_straight_field_ends_on_the_target() -> None:
    target, noise = torch.ones(3, 5), torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    end = integrate(lambda x, t: (target - x) / (1 - t[:, None]).clamp_min(0.05), noise, steps=20)
    torch.testing.assert_close(end, target)


def test_loss_is_zero_for_the_true_velocity() -> None:
    data = torch.full((4, 6), 0.5)  # one point: the velocity is (data - x) / (1 - t) exactly
    loss = flow_loss(
        lambda x, t: (data - x) / (1 - t[:, None]), data, torch.Generator().manual_seed(0)
    )
    assert float(loss) == pytest.approx(0, abs=1e-6)


def test_guidance_moves_away_from_any() -> None:
    field = guide(lambda x, t, label: label.float(), torch.tensor([1]), 2.0)
    assert field(torch.zeros(1), torch.zeros(1)).tolist() == [-1.0]  # 3 + 2 * (1 - 3)


def test_untrained_detail_flow_points_to_the_condition() -> None:
    film, condition = torch.zeros(1, 1, 16, 16), torch.ones(1, 1, 16, 16)
    network = DetailFlow(widths=(8, 8, 8), embedding=8)
    arguments = (torch.zeros(1), torch.tensor([0]), condition, positions(16, 16))
    torch.testing.assert_close(network(film, *arguments), condition)


def test_same_seed_same_film() -> None:
    torch.manual_seed(0)
    model = FilmGenerator(rank=4).eval()
    label = torch.tensor([2])
    one, two = (model.sample(label, torch.Generator().manual_seed(3), FEW_STEPS) for _ in range(2))
    assert one["detail"].shape == (1, 1, DETAIL_SIDE, DETAIL_SIDE)
    assert one["film"].shape == (1, 1, 192, 192)
    torch.testing.assert_close(one["film"], two["film"], rtol=0, atol=0)


def test_fit_goes_on_from_its_work_folder(library: Library, tmp_path: Path) -> None:
    short = SynthesisSettings(rank=4, crop=16, coarse_steps=1, detail_steps=1, fine_steps=1)
    short = replace(short, coarse_batch=2, detail_batch=2, fine_batch=2)
    first = Fit(library, short, tmp_path).run().state_dict()
    again = Fit(library, short, tmp_path).run().state_dict()
    for name, value in first.items():
        torch.testing.assert_close(again[name], value, rtol=0, atol=0)


def test_lung_frame_leaves_a_margin() -> None:
    mask = np.zeros((224, 224), bool)
    mask[50:150, 60:160] = True
    assert lung_frame(mask) == pytest.approx((47, 173, 37, 158))


def test_normalise_fills_the_range() -> None:
    film = normalise(torch.arange(4000.0).reshape(1, 40, 100))
    assert float(film.min()) < -1 < 1 < float(film.max())


def test_developed_film_is_twelve_bit_and_says_synthetic() -> None:
    pixels = develop(torch.zeros(1, 192, 192), seed=0)
    assert pixels.shape == (ROWS, COLUMNS)
    assert pixels.dtype == np.uint16
    assert pixels.max() <= 4095
    corner = pixels[-60:-20, 20:200]
    assert corner.max() > 3800
    assert np.median(corner) < 2500


def test_written_examples_read_back(tmp_path: Path) -> None:
    settings = SynthesisSettings(picks=(("viral", 5),))
    pixels = [develop(torch.linspace(-1, 1, 192).expand(1, 192, 192), seed=5)]
    figures = {"found": torch.full((1, 3), 0.5), "real": torch.rand(4, 3)}
    write_examples(pixels, figures, settings, tmp_path)
    image = read_image(tmp_path / "synthetic_01_viral.dcm")
    np.testing.assert_array_equal(image.luminance_values(0), pixels[0])
    report = json.loads((tmp_path / "provenance.json").read_text())
    assert set(report["examples"][0]["highest_correlation"]) == set(MEASURES)


def test_copy_of_a_training_film_is_refused(library: Library) -> None:
    smooth = F.interpolate(library.whole[..., ::8, ::8], (192, 192), mode="bicubic")
    library = replace(library, aligned=smooth.half(), whole=smooth[..., ::3, ::3])
    with pytest.raises(ModelError, match="Examples 1 are too close"):
        measure([develop(smooth[0], seed=0)], library, SynthesisSettings(references=4))


def shipped() -> list[Path]:
    """Every example in the repository."""
    return sorted(EXAMPLES.glob("*.dcm"))


def test_provenance_names_every_shipped_example() -> None:
    report = json.loads((EXAMPLES / "provenance.json").read_text())
    assert [e["file"] for e in report["examples"]] == [p.name for p in shipped()]
    assert sum(p.stat().st_size for p in shipped()) < 14e6


@pytest.mark.slow
@pytest.mark.timeout(1800)  # a minute on an idle core
def test_no_shipped_example_is_a_near_copy(data: Path) -> None:
    folder = data / "kermany_cxr"
    films = read_manifest(folder / "manifest.csv", folder / "images")
    films = tuple(f for f in films if f.split in ("train", "val"))
    library = read_library(films, folder / "lung_masks")
    children = [p for p in shipped() if p.name < "synthetic_09"]
    pixels = [read_image(p).luminance_values(0).astype(np.uint16) for p in children]
    similarity = Similarity.of(library.aligned, library.whole)
    found = similarity.best(torch.cat([read_back(p) for p in pixels]))
    limits = json.loads((EXAMPLES / "provenance.json").read_text())["real_neighbours"]["99"]
    assert (found <= torch.tensor([limits[name] for name in MEASURES])).all()
