"""Framing: the box is where the region is, and what lies around it cannot move the answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from imaging.errors import CheckpointError, SettingsError
from models.data.dataset import Film
from models.data.framed_films import FramedFilms
from models.data.framing import Framing
from models.explain.base.subject import on_film
from models.explain.methods.explainer import Explainer
from models.inference.classifier import Classifier
from models.network.checkpoint import load_checkpoint, save_checkpoint
from models.network.localiser import (
    SETTINGS,
    WEIGHTS,
    Localiser,
    LocaliserSettings,
    copy_localiser,
    load_localiser,
    save_localiser,
)
from models.rules.crop_box import WHOLE, CropBox, FramingSettings, box_of
from models.training import train_localiser

SMALL = LocaliserSettings(size=32, stem=4, channels=(8, 8, 8), scales=2)


class Oracle(Localiser):
    """Finds what is brighter than a fixed level; knows nothing."""

    def maps(self, luminance: NDArray | torch.Tensor) -> NDArray[np.float32]:
        """The bright part."""
        return (np.asarray(luminance) > 100).astype(np.float32)[None]


def framed(checkpoint_folder: Path, *, margin: float = 0.0) -> Classifier:
    """The tiny chest model with an oracle before it."""
    networks, card = load_checkpoint(checkpoint_folder)
    return Classifier(networks, card, framing=Framing(Oracle(SMALL), FramingSettings(margin)))


def lit(shape: tuple[int, int] = (60, 50), *, top: int = 12, left: int = 10) -> NDArray[np.float32]:
    """A dark picture with a textured bright rectangle of 30 x 20 pixels."""
    film = np.zeros(shape, np.float32)
    film[top : top + 30, left : left + 20] = np.random.default_rng(3).uniform(120, 250, (30, 20))
    return film


def test_a_box_grows_within_the_picture_and_finds_its_pixels() -> None:
    box = CropBox(0.1, 0.4, 0.5, 0.9)
    grown = box.grow(0.5)
    assert (grown.top, grown.right) == (0, 1)
    assert grown.bottom == pytest.approx(0.7) and grown.left == pytest.approx(0.15)
    assert box.pixels((100, 10)) == (slice(10, 50), slice(4, 9))
    assert CropBox(1.0, 1.0, 1.0, 1.0).pixels((7, 7)) == (slice(6, 7), slice(6, 7))
    inside = box.within(grown)
    assert inside.top == pytest.approx(0.1 / 0.7) and box.within(box) == WHOLE
    assert box.overlap(box) == pytest.approx(1) and box.overlap(CropBox(0.6, 0, 1, 1)) == 0


def test_the_box_of_a_map_ignores_stray_pixels() -> None:
    region = np.zeros((50, 100), np.float32)
    region[10:40, 20:60] = 1
    clean = box_of(region)
    region[48, 95] = 1
    stray = box_of(region)
    assert clean is not None and stray is not None
    for found in (clean, stray):
        edges = (found.top, found.left, found.bottom, found.right)
        assert edges == pytest.approx((0.2, 0.2, 0.8, 0.6), abs=0.02)
    assert box_of(np.zeros((8, 8), np.float32)) is None
    assert box_of(np.full((8, 8), 0.4, np.float32)) is None


def test_what_surrounds_the_region_does_not_move_the_answer(checkpoint_folder: Path) -> None:
    classifier = framed(checkpoint_folder)
    plain = classifier.predict(lit())
    padded = classifier.predict(lit((200, 90), top=120, left=50))
    assert np.allclose(plain.probabilities, padded.probabilities, atol=1e-6)
    whole = Classifier(*load_checkpoint(checkpoint_folder))
    assert not np.allclose(
        whole.predict(lit()).probabilities,
        whole.predict(lit((200, 90), top=120, left=50)).probabilities,
        atol=1e-6,
    )


def test_a_known_view_is_not_looked_for(checkpoint_folder: Path) -> None:
    classifier = framed(checkpoint_folder)
    view = classifier.framing.view(lit())
    assert np.allclose(
        classifier.predict(lit(), view=view).probabilities, classifier.predict(lit()).probabilities
    )
    assert not np.allclose(
        classifier.predict(lit(), view=WHOLE).probabilities, classifier.predict(lit()).probabilities
    )


def test_the_attribution_lies_where_the_network_looked(checkpoint_folder: Path) -> None:
    classifier = framed(checkpoint_folder)
    explainer = Explainer(classifier)
    found = explainer.attribute(explainer.look(lit()), "pneumonia", "integrated_gradients")
    rows, columns = found.view.pixels((found.values.shape[0], found.values.shape[1]))
    outside = found.values.copy()
    outside[rows, columns] = 0
    assert found.values.any() and not outside.any()
    assert found.view.top == pytest.approx(0.2, abs=0.02)
    assert on_film(torch.ones(8, 8), CropBox(0, 0.5, 1, 1)).tolist() == [[0] * 8 + [1] * 8] * 8


def test_films_are_cut_to_their_view_and_its_context(tmp_path: Path) -> None:
    Image.fromarray(lit().astype(np.uint8)).save(tmp_path / "film.png")
    Image.fromarray(lit() > 0).save(tmp_path / "mask.png")
    film = Film(tmp_path / "film.png", "a", "p", "train", region=tmp_path / "mask.png")
    framing = Framing(Oracle(SMALL), FramingSettings(margin=0.0))
    bare = FramedFilms.load([film], framing, side=40)
    assert bare.regions.mean() > 0.95 and np.allclose(bare.views, [[0, 0, 1, 1]])
    wide = FramedFilms.load([film], framing, side=40, context=0.2)
    top, left, bottom, right = wide.views[0]
    assert (top, left, bottom, right) == pytest.approx((1 / 7, 1 / 7, 6 / 7, 6 / 7), abs=0.05)
    assert wide.regions[0, 20, 20] == 1 and wide.regions[0, 0, 0] == 0
    whole = FramedFilms.load([film], Framing(), side=40, context=0.2)
    assert np.allclose(whole.views, [[0, 0, 1, 1]]) and whole.regions.mean() < 0.5


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Film, ...]]:
    """A localiser trained on 40 painted films, each with one bright disc of its own place."""
    folder = tmp_path_factory.mktemp("discs")
    rng, films = np.random.default_rng(0), []
    for number in range(60):
        down, across = np.mgrid[:64, :64]
        centre = rng.integers(20, 44, 2)
        disc = (down - centre[0]) ** 2 + (across - centre[1]) ** 2 < 14**2
        pixels = rng.integers(40, 90, (64, 64)) + 120 * disc
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
        Image.fromarray(disc).save(folder / f"{number}-mask.png")
        split = "train" if number < 40 else "val"
        mask = folder / f"{number}-mask.png"
        films.append(Film(folder / f"{number}.png", "disc", str(number), split, region=mask))
    run = train_localiser.LocaliserRun(tuple(films), seed=0)
    run.fit(16)
    save_localiser(folder / "w", run.average, {"validation": run.validate()})
    return folder / "w", tuple(films)


@pytest.mark.slow
def test_it_learns_where_a_disc_is(learnt: tuple[Path, tuple[Film, ...]]) -> None:
    _, values = load_localiser(learnt[0])
    assert values["validation"]["plain_mean"] > 0.7


@pytest.mark.slow
def test_a_localiser_is_kept_whole(
    learnt: tuple[Path, tuple[Film, ...]], checkpoint_folder: Path, tmp_path: Path
) -> None:
    """Copied with its record; bound to the card by its hash; refused when altered or exchanged."""
    networks, card = load_checkpoint(checkpoint_folder)
    named = copy_localiser(learnt[0], tmp_path / "m")
    save_checkpoint(tmp_path / "m", networks, replace(card, localiser_sha256=named))
    assert Classifier.load(tmp_path / "m").framing.localiser is not None
    assert load_localiser(tmp_path / "m")[1] == load_localiser(learnt[0])[1]
    save_localiser(tmp_path / "m", Localiser(SMALL), {})
    with pytest.raises(CheckpointError, match="not the one its card names"):
        Classifier.load(tmp_path / "m")
    (tmp_path / "m" / WEIGHTS).write_bytes(b"altered")
    with pytest.raises(CheckpointError, match="damaged"):
        Classifier.load(tmp_path / "m")
    (tmp_path / "m" / SETTINGS).unlink()
    with pytest.raises(CheckpointError, match="damaged"):
        Classifier.load(tmp_path / "m")


def test_a_task_without_masks_needs_no_localiser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIGHTBOX_DATA", str(tmp_path))
    (tmp_path / "manifest.csv").write_text("file,label,patient_id,split\n")
    from tests.models.training.test_train import TASK

    (tmp_path / "task.toml").write_text(TASK)
    with pytest.raises(SettingsError, match="no region masks"):
        train_localiser.main(tmp_path / "task.toml", tmp_path / "w", 1, 0)


def test_a_mirrored_localiser_frames_the_mirrored_film_as_the_film() -> None:
    """By both askings; the weights are the same, and training sees one."""
    torch.manual_seed(0)
    plain = Localiser(SMALL).eval()
    both = Localiser(replace(SMALL, mirrored=True)).eval()
    both.load_state_dict(plain.state_dict())
    x = torch.randn(2, 1, SMALL.size, SMALL.size)
    with torch.inference_mode():
        assert torch.allclose(both(x.flip(-1)).flip(-1), both(x), atol=1e-5)
        assert not torch.allclose(plain(x.flip(-1)).flip(-1), plain(x), atol=1e-3)
        assert torch.equal(both.train()(x), plain.train()(x))
