"""Where maps point, on planted films: networks that see the disc beside baselines that do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.data.marked_films import BOXES, MarkedFilm
from models.evaluation.evaluate_localisation import (
    LOT,
    LUNGS,
    MEAN_MAP,
    Row,
    blob,
    measure_films,
    set_facts,
)
from models.explain.methods.explainer import Explainer
from models.inference.classifier import Classifier
from models.model_card.localisation import localisation_figures
from tests.planted import BRIGHT, RADIUS, planted_film


@pytest.fixture(scope="module")
def explainer(planted_folder: Path) -> Explainer:
    return Explainer(Classifier.load(planted_folder))


@pytest.fixture
def films(tmp_path: Path) -> list[MarkedFilm]:
    """Two films with the disc on the right of the picture, one with it on the left."""
    made = []
    for number, mirrored in enumerate((False, False, True)):
        pixels = planted_film(side=128, seed=number)
        pixels = pixels[:, ::-1] if mirrored else pixels
        path = tmp_path / f"{number}.png"
        Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(path)
        across = 1 - BRIGHT[1] if mirrored else BRIGHT[1]
        reach = RADIUS * 1.2
        box = (across - reach, BRIGHT[0] - reach, across + reach, BRIGHT[0] + reach)
        made.append(MarkedFilm(path, BOXES, "Lung Opacity", (box,)))
    return made


@pytest.fixture
def rows(explainer: Explainer, films: list[MarkedFilm], tmp_path: Path) -> tuple[Row, ...]:
    return measure_films(tmp_path / "rows.csv", explainer, explainer.card.findings[0], films)


def test_a_network_that_sees_the_disc_points_at_it_and_baselines_do_not(
    rows: tuple[Row, ...],
) -> None:
    by_method = {m: [r for r in rows if r.method == m] for m in {r.method for r in rows}}
    for method in ("fused", "integrated_gradients", "occlusion"):
        assert all(row.hit and row.right_side and row.density > 3 for row in by_method[method])
        assert min(row.mirror for row in by_method[method]) > 0.7
    assert [row.side for row in by_method["fused"]] == ["right", "right", "left"]
    assert all(row.called == 1 and row.change < 0.1 for row in rows if row.method == "fused")
    assert by_method[LUNGS][0].density == pytest.approx(1, abs=0.05)
    assert np.mean([row.hit for row in by_method[LOT]]) < 0.3
    left = by_method[MEAN_MAP][2]  # the mean of the two others, whose disc is on the right
    assert not left.hit and left.right_side == 0


def test_the_stored_figures_are_those_of_the_rows(
    explainer: Explainer, rows: tuple[Row, ...]
) -> None:
    facts = {"default": explainer.default, "sets": [set_facts(explainer, rows)]}
    (one,) = localisation_figures(facts).sets
    fused = next(m for m in one.methods if m.method == "fused")
    assert (one.films, one.called, fused.hit.value) == (3, 3, 1)
    assert (fused.left_films, fused.right_films) == (1, 2) and fused.mirror is not None
    lot = next(m for m in one.methods if m.method == LOT)
    assert lot.mirror is None


def test_a_stopped_run_goes_on(
    explainer: Explainer,
    films: list[MarkedFilm],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lead, path = explainer.card.findings[0], tmp_path / "rows.csv"
    first = measure_films(path, explainer, lead, films[:2])
    asked: list[str] = []
    attribute = Explainer.attribute

    def count(self: Explainer, *args: object, **kwargs: object) -> object:
        asked.append(str(args[2] if len(args) > 2 else ""))
        return attribute(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Explainer, "attribute", count)
    again = measure_films(path, explainer, lead, films)
    assert {row.film for row in again} == {"0.png", "1.png", "2.png"}
    kept = [row for row in again if row.film != "2.png"]
    assert repr(kept) == repr(list(first))  # as text: no two NaN are equal
    assert asked.count("occlusion") == 2  # the new film, as it is and mirrored


def test_a_place_drawn_by_lot_lies_in_the_lungs() -> None:
    lungs = np.zeros((64, 64), np.float32)
    lungs[10:50, 40:60] = 1
    lot = np.random.default_rng(3)
    peaks = [np.unravel_index(int(blob(lungs, lot).argmax()), lungs.shape) for _ in range(20)]
    assert all(lungs[place] for place in peaks) and len(set(peaks)) > 10
