"""Similar cases and measures on the page: said in words, with the model's name, in tables."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from imaging.review.records import Call, ReadFinding, Review, Stage
from imaging.settings import ROOT, Settings
from imaging.store import Repository
from models.explain.base.lung_measures import CONCEPTS, Link, LungMeasures
from models.explain.cases.reference_file import ARRAYS, FACTS
from models.metrics import Estimate
from pages.ui.explain import measure_labels
from tests.pages.conftest import PATIENCE, keep_film, words
from tests.served import TakeIn


def part(which: str, uid: str) -> None:
    """A page with one part on it."""
    from pages.ui import resources, session
    from pages.ui.explain import measures, similar
    from pages.ui.review import film_wall

    session.set_account(resources.repository().accounts.alone("Dr Test"))
    record = resources.repository().studies.get(uid)
    image, answer = film_wall.load(record.instances[0]), record.assessments[0]
    assert answer is not None
    {"similar": similar.render_similar, "concepts": measures.render_concepts}[which](image, answer)


def drawn(which: str, uid: str) -> AppTest:
    """The part once its work in the background is done."""
    page = AppTest.from_function(part, default_timeout=PATIENCE, args=(which, uid)).run()
    end = time.monotonic() + PATIENCE
    while not page.table and not page.info and not page.error:
        assert not page.exception and time.monotonic() < end, "the work stands still"
        time.sleep(0.1)
        page.run()
    assert not page.exception
    return page


@pytest.fixture
def shipped(home: Path, take_in: TakeIn, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A store with two example films that the shipped model answered; its weights installed."""
    monkeypatch.delenv("LIGHTBOX_WEIGHTS")
    assert Settings.from_environment().weights == ROOT / "models/weights"
    store = Repository.open(home)
    for name in ("synthetic_01_normal.dcm", "synthetic_05_bacterial.dcm"):
        content = (ROOT / "examples" / name).read_bytes()
        take_in(store, content, file_name=name, weights=ROOT / "models/weights")
    return store


def uids(store: Repository) -> list[str]:
    return [item.study_instance_uid for item in store.worklist.page().items]


def sign(store: Repository, uid: str, *, present: bool) -> None:
    stated = ReadFinding("pneumonia", present, Call.ACCEPTED)
    now = datetime.now(UTC)
    store.reviews.add(Review(uid, 0, Stage.FINAL, "anna", "Dr Anna", now, findings=(stated,)))


@pytest.mark.slow
def test_similar_cases_come_as_labels_and_distances(shipped: Repository) -> None:
    page = drawn("similar", uids(shipped)[0])
    table = page.table[0].value
    assert len(table) == 6 and set(table["True label"]) <= {"normal", "bacterial", "viral"}
    assert [float(d) for d in table["Distance"]] == sorted(float(d) for d in table["Distance"])
    assert not any(">" in score.replace("\\>", "") for score in table.iloc[:, 2])  # no quotations
    assert "Labels of the 20 nearest training images" in words(page)
    assert "Model paediatric-cxr" in words(page) and "Kermany" in words(page)


@pytest.mark.slow
def test_a_signed_study_becomes_a_case_that_others_find(shipped: Repository) -> None:
    first, second = uids(shipped)
    sign(shipped, first, present=True)
    page = drawn("similar", first)
    next(b for b in page.button if b.label == "Add to our reference cases").click().run()
    assert [case.study_instance_uid for case in shipped.cases.all()] == [first]
    page = drawn("similar", second)
    assert "Pneumonia present" in words(page) and "Dr Anna" in words(page)
    assert "data:image/png" in words(page)


@pytest.mark.slow
def test_an_unsigned_study_cannot_be_added(shipped: Repository) -> None:
    page = drawn("similar", uids(shipped)[0])
    assert not [b for b in page.button if "reference cases" in b.label]


@pytest.mark.slow
def test_measures_come_with_their_place_and_what_the_score_goes_with(shipped: Repository) -> None:
    page = drawn("concepts", uids(shipped)[0])
    rows = [row for table in page.table for row in table.value.to_dict("records")]
    assert len(rows) == 16 and all("%" in row["Training images below"] for row in rows)
    assert all("[" in row["Correlation with the score, same label"] for row in rows)
    assert "Model paediatric-cxr" in words(page)


def test_a_model_without_reference_cases_says_so(store: Repository, take_in: TakeIn) -> None:
    uid = keep_film(store, take_in)
    for which in ("similar", "concepts"):
        assert "came without reference cases" in words(drawn(which, uid))


def test_reference_cases_of_other_weights_are_not_used(
    store: Repository,
    take_in: TakeIn,
    checkpoint_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(checkpoint_folder, tmp_path / "weights" / "tiny")
    for name in (FACTS, ARRAYS):
        shutil.copy(ROOT / "models/weights/paediatric-cxr" / name, tmp_path / "weights" / "tiny")
    monkeypatch.setenv("LIGHTBOX_WEIGHTS", str(tmp_path / "weights"))
    uid = keep_film(store, take_in)
    for which in ("similar", "concepts"):
        page = drawn(which, uid)
        assert "other weights" in page.error[0].value and not page.table


def outlier(name: str, percentile: float, link: Link) -> str:
    return measure_labels.remark(LungMeasures(name, 0.1, percentile, link))


def test_what_stands_out_is_said_with_what_the_score_does() -> None:
    up, down, none = Estimate(0.4, 0.3, 0.5), Estimate(-0.4, -0.5, -0.3), Estimate(0.0, -0.1, 0.1)
    said = outlier("brightness", 1.6, Link(up, up, none))
    assert said.startswith("The image is darker than 98 % of the training images.")
    assert "score lower" in said and "not among images with the same diagnosis" in said
    said = outlier("opacity_left_lower", 99.96, Link(up, up, up))
    assert said.startswith("Left lower zone: whiter than in 99 % of the training images.")
    assert "higher, even among images with the same diagnosis (r = +0.40 [+0.30, +0.50])" in said
    assert "score lower, even" in outlier("contrast", 99, Link(down, down, down))
    assert "does not go with this" in outlier("tilt", 2, Link(none, none, none))


def test_every_measure_has_words() -> None:
    named = [name for names in measure_labels.groups().values() for name in names]
    assert sorted(named) == sorted(CONCEPTS) == sorted(measure_labels.measure_words())
    for words_for in measure_labels.measure_words().values():
        assert "{percent}" in words_for.high and "{percent}" in words_for.low
