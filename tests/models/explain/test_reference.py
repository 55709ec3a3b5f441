"""Reference cases on disk: what the command computes, tied to the weights, and no picture."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from imaging.errors import CheckpointError
from imaging.settings import ROOT
from models.checkpoint.card import ModelCard
from models.data.dataset import Film, ManifestColumns, read_luminance, select
from models.evaluation.build_reference import (
    Measured,
    build,
    film_facts,
    link_measures,
    measure_films,
    rank_within,
)
from models.explain.base.lung_measures import CONCEPTS
from models.explain.cases.reference import Reference, percentile
from models.explain.cases.reference_file import ARRAYS, FACTS, load_reference, save_reference
from models.explain.cases.similar import similar
from models.explain.methods.explainer import Explainer
from models.inference.classifier import Classifier
from models.training.config import films_of
from tests.factories import make_film_bytes

SHIPPED = ROOT / "models/weights/paediatric-cxr"


@pytest.fixture(scope="module")
def shipped() -> Reference:
    reference = load_reference(SHIPPED, ModelCard.read(SHIPPED / "card.json"))
    assert reference is not None
    return reference


def made_films(folder: Path, count: int) -> list[Film]:
    """Noise films on disk, brighter ones "bacterial", two of each patient."""
    rng, films = np.random.default_rng(2), []
    for i in range(count):
        path = folder / f"{i}.png"
        values = rng.integers(0, 256, (40, 40)) ** (0.6 + 0.2 * (i % 3))
        path.write_bytes(make_film_bytes((values / values.max() * 255).astype(np.uint8)))
        films.append(
            Film(path, ("normal", "bacterial", "viral")[i % 3], f"patient {i // 2}", "train")
        )
    return films


def made(classifier: Classifier, folder: Path) -> Reference:
    films = made_films(folder, 24)
    known = Measured.joined([film_facts(classifier, f) for f in films[:18]])
    asked = Measured.joined([film_facts(classifier, f) for f in films[18:]])
    known, asked = (with_measures(films) for films in (known, asked))
    return build(classifier, known, asked)


def with_measures(films: Measured) -> Measured:
    """The tiny model sees no lungs; made-up measures stand in for theirs."""
    shape = (len(films.names), len(CONCEPTS))
    return replace(films, measures=np.random.default_rng(0).random(shape).astype(np.float32))


@pytest.mark.slow
def test_it_is_read_back_as_it_was_built(tiny_classifier: Classifier, tmp_path: Path) -> None:
    reference = made(tiny_classifier, tmp_path)
    save_reference(tmp_path / "model", reference)
    back = load_reference(tmp_path / "model", tiny_classifier.card)
    assert back is not None and back.names == reference.names and back.links == reference.links
    for name in ("labels", "patients", "probabilities", "measures", "vectors", "nearest"):
        assert np.array_equal(getattr(back, name), getattr(reference, name)), name
    assert np.array_equal(back.projection.matrix, reference.projection.matrix)
    assert back.case(4) == reference.case(4) and back.case(4).label == "bacterial"


@pytest.mark.slow
def test_every_film_finds_itself_after_the_round_trip(
    tiny_classifier: Classifier, tmp_path: Path
) -> None:
    save_reference(tmp_path / "model", made(tiny_classifier, tmp_path))
    back = load_reference(tmp_path / "model", tiny_classifier.card)
    assert back is not None
    explainer = Explainer(tiny_classifier)
    for name in back.names[:4]:
        subject = explainer.look(read_luminance(tmp_path / name))
        first = similar(explainer, subject, back)[0]
        assert first.case.name == name and first.distance == pytest.approx(0, abs=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("owner", ["weights_sha256", "localiser_sha256"])
def test_another_models_cases_are_refused(
    tiny_classifier: Classifier, tmp_path: Path, owner: str
) -> None:
    save_reference(tmp_path, made(tiny_classifier, tmp_path))
    change: dict[str, Any] = {owner: "f" * 64}
    foreign = replace(tiny_classifier.card, **change)
    with pytest.raises(CheckpointError, match="other weights"):
        load_reference(tmp_path, foreign)


@pytest.mark.slow
def test_damage_is_noticed_and_absence_is_no_error(
    tiny_classifier: Classifier, tmp_path: Path
) -> None:
    assert load_reference(tmp_path, tiny_classifier.card) is None
    save_reference(tmp_path, made(tiny_classifier, tmp_path))
    content = bytearray((tmp_path / ARRAYS).read_bytes())
    content[-1] ^= 1
    (tmp_path / ARRAYS).write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        load_reference(tmp_path, tiny_classifier.card)
    (tmp_path / FACTS).write_text("{")
    with pytest.raises(CheckpointError, match="damaged"):
        load_reference(tmp_path, tiny_classifier.card)


def test_a_stopped_build_goes_on(
    tiny_classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films, work = made_films(tmp_path, 5), tmp_path / "work"
    monkeypatch.setattr("models.evaluation.build_reference._CHUNK", 2)
    whole = measure_films(tiny_classifier, films, work)
    assert len(list(work.glob("*.npz"))) == 3
    (work / "000002.npz").unlink()  # as if it had been stopped there
    shutil.copy(work / "000004.npz", tmp_path / "kept.npz")
    films[4].path.unlink()  # not read again
    again = measure_films(tiny_classifier, films, work)
    assert np.array_equal(again.features, whole.features) and len(again.names) == 5


def test_the_rank_of_a_value() -> None:
    known = np.array([1, 2, 2, 3, np.nan], np.float32)
    assert [percentile(known, v) for v in (0, 1, 2, 2.5, 9)] == [0, 12.5, 50, 75, 100]


def test_readings_place_a_film_among_the_training_films(shipped: Reference) -> None:
    case = next(c for c in map(shipped.case, range(len(shipped))) if c.measures)
    assert case.measures is not None
    darker = {**case.measures, "brightness": -1.0}
    found = {r.name: r for r in shipped.readings(darker)}
    assert tuple(found) == CONCEPTS
    assert found["brightness"].percentile == 0 and found["brightness"].outlying
    column = shipped.measures[:, CONCEPTS.index("tilt")]
    share = 100 * np.nanmean(column <= np.float32(case.measures["tilt"]))
    assert found["tilt"].percentile == pytest.approx(share, abs=0.1)


@pytest.mark.slow
def test_a_measure_that_only_the_label_ties_to_the_score_says_so() -> None:
    """Both follow the label, but within a label they are independent; the other one is not."""
    rng, truth = np.random.default_rng(0), np.arange(400) % 2 == 1
    score = truth + 0.3 * rng.normal(size=400)
    by_label = truth + 0.3 * rng.normal(size=400)
    values = np.tile(by_label[:, None], len(CONCEPTS)).astype(np.float32)
    values[:, -1] = score
    films = Measured(
        names=np.arange(400).astype(str),
        labels=truth.astype(str),
        patients=(np.arange(400) // 2).astype(str),
        features=np.zeros((400, 1, 1), np.float32),
        probabilities=np.zeros((400, 3), np.float32),
        scores=score.astype(np.float32),
        measures=values,
    )
    found = link_measures(films, truth)
    first, last = found[CONCEPTS[0]], found[CONCEPTS[-1]]
    assert first.score.low > 0.5 and first.truth.low > 0.5
    assert first.within.low < 0 < first.within.high
    assert last.within.value == pytest.approx(1)
    assert rank_within(-score, score, truth) == pytest.approx(-1)


def test_without_lungs_nothing_is_linked(tiny_classifier: Classifier, tmp_path: Path) -> None:
    films = made_films(tmp_path, 12)
    known = Measured.joined([film_facts(tiny_classifier, f) for f in films])
    assert np.isnan(known.measures).all()
    reference = build(tiny_classifier, known, known)
    assert reference.links == {} and reference.case(0).measures is None
    assert reference.facts["without_lungs"] == 12


def test_the_shipped_cases_are_the_training_films(shipped: Reference) -> None:
    card = ModelCard.read(SHIPPED / "card.json")
    assert len(shipped) == card.training["data"]["films"]["train"] == shipped.facts["films"]
    assert len(shipped.nearest) == card.training["data"]["films"]["val"]
    assert len(set(shipped.names)) == len(shipped)


def test_no_picture_is_shipped() -> None:
    """A film's numbers are fewer than the pixels of the smallest thumbnail one could recognise."""
    arrays = load_file(SHIPPED / ARRAYS)
    films = len(arrays["labels"])
    per_film = sum(a[0].size for a in arrays.values() if a.ndim == 2 and len(a) == films)
    assert per_film < 16 * 16
    assert (SHIPPED / ARRAYS).stat().st_size < 4_000_000
    assert not {"images", "pixels"} & set(json.loads((SHIPPED / FACTS).read_text()))


def test_the_command_computes_what_is_stored(
    data: Path, shipped: Reference, shipped_classifier: Classifier
) -> None:
    card = shipped_classifier.card
    columns = ManifestColumns.from_dict(card.training["columns"])
    films = select(films_of(card.training["data"], columns, data), "train")
    for film in films[:: len(films) // 4][:5]:
        found, at = film_facts(shipped_classifier, film), shipped.names.index(film.path.name)
        assert shipped.classes[shipped.labels[at]] == film.label
        assert np.allclose(found.probabilities[0], shipped.probabilities[at], atol=1e-4)
        assert np.allclose(found.measures[0], shipped.measures[at], atol=1e-4, rtol=1e-4)
        assert np.allclose(shipped.projection(found.features)[0], shipped.vectors[at], atol=1e-3)
