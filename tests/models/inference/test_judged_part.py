"""An answer keeps the part of the film it is about, and every explanation of it looks there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.dicom import read_image
from imaging.entities import Assessment, Instance
from imaging.intake import decode_process
from imaging.intake.decode_process import DecodedFilm
from imaging.jobs import Task
from imaging.review.records import Call, ReadFinding, Review, Stage
from imaging.settings import Settings
from imaging.store import Repository
from imaging.store.reference_cases import SiteCase
from imaging.study import FileOutcome, StudyRecord
from models.batch.ordered import PendingFile
from models.checkpoint.installed import find_checkpoint
from models.commands import classify
from models.data.framing import Framing
from models.explain.base.subject import Subject, look
from models.explain.cases.reference import features_of
from models.explain.cases.site_cases import add_study
from models.explain.contact_sheet import picture_pairs
from models.explain.maps import attribution_maps
from models.explain.methods.explainer import Attribution, Explainer, Explainers
from models.inference.assessor import Assessor, ServedModel
from models.inference.classifier import Classifier
from models.inference.classifier_registry import ClassifierRegistry
from models.inference.loading import Batch, Networks
from models.inference.model_input import ModelInput
from models.rules.crop_box import WHOLE, CropBox, box_of
from tests.factories import make_dicom_bytes

SIDE = 32
ELSEWHERE = CropBox(0.1, 0.2, 0.55, 0.8)  # nothing finds this by itself


class BrightPart:
    """Networks whose localiser finds the brighter part of a film."""

    def __init__(self, networks: Networks) -> None:
        self._networks, self.engine = networks, networks.engine

    def members(self, x: Batch) -> Batch:
        """As the networks'."""
        return self._networks.members(x)

    def gate(self, x: Batch) -> tuple[Batch, Batch]:
        """As the networks'."""
        return self._networks.gate(x)

    def region(self, x: Batch) -> Batch:
        """One where an input is brighter than most of it."""
        return (x[:, 0] > 1.2).astype(np.float32)


def lit(top: int, left: int) -> bytes:
    """A film with a bright rectangle of 20 x 24 pixels."""
    pixels = np.random.default_rng(2).integers(0, 900, (64, 64)).astype(np.uint16)
    pixels[top : top + 20, left : left + 24] += 3000
    return make_dicom_bytes(pixels, SOPInstanceUID=f"1.2.{top}.{left}")


def read(content: bytes) -> DecodedFilm:
    """A film as the worker reads it."""
    found = decode_process.read_for_triage(content, "film.dcm", enough=0)
    assert isinstance(found, DecodedFilm)
    return found


@pytest.fixture
def framing_model(tiny_settings: Settings) -> ServedModel:
    """The tiny ensemble behind a localiser."""
    model = ServedModel.load(find_checkpoint(tiny_settings.weights))
    return replace(model, networks=BrightPart(model.networks), region_size=SIDE)


@pytest.fixture
def answer(tiny_settings: Settings) -> Assessment:
    """What the served network says about a film, as if it had looked at a part of its own."""
    (found,) = Assessor.load(tiny_settings).assess([read(make_dicom_bytes())])
    return replace(found, view=ELSEWHERE.edges)


@pytest.fixture
def image_luminance() -> NDArray[np.float32]:
    return read_image(make_dicom_bytes()).luminance_values(0)


def test_the_answer_keeps_the_box_it_was_given_about(framing_model: ServedModel) -> None:
    films = [read(lit(4, 6)), read(lit(30, 34)), read(make_dicom_bytes(Modality="US"))]
    first, second, refused = Assessor((framing_model,)).assess(films)
    for film, found in zip(films, (first, second), strict=False):
        region = ModelInput.of(film.luminance, size=SIDE).input(SIDE)[0] > 1.2
        box = box_of(region.astype(np.float32))
        assert box and found.view == box.grow(framing_model.card.framing.margin).edges
    assert first.view != second.view and refused.view is None


def test_a_model_without_a_localiser_looked_at_the_whole_film(tiny_settings: Settings) -> None:
    (found,) = Assessor.load(tiny_settings).assess([read(make_dicom_bytes())])
    assert found.findings and found.view == WHOLE.edges


def test_the_explanation_looks_at_the_very_part_that_was_judged(
    tiny_classifier: Classifier, answer: Assessment, image_luminance: NDArray[np.float32]
) -> None:
    explainer = Explainer(tiny_classifier)
    subject = explainer.look(image_luminance, answer)
    assert subject.view == ELSEWHERE
    assert np.array_equal(subject.x, look(tiny_classifier, image_luminance, ELSEWHERE).x)
    found = explainer.attribute(subject, "pneumonia", "grad_cam")
    outside = found.values.copy()
    outside[found.view.pixels((outside.shape[0], outside.shape[1]))] = 0
    assert found.view == ELSEWHERE and found.values.any() and not outside.any()


def test_an_older_record_and_another_networks_are_looked_for_anew(
    tiny_classifier: Classifier,
    answer: Assessment,
    image_luminance: NDArray[np.float32],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    anew = CropBox(0.0, 0.0, 0.5, 0.5)
    monkeypatch.setattr(Framing, "around", lambda self, region: anew)
    explainer = Explainer(tiny_classifier)
    other = replace(tiny_classifier.card.identity, weights_sha256="f" * 64)
    for unknown in (None, replace(answer, view=None), replace(answer, model=other)):
        assert explainer.look(image_luminance, unknown).view == anew
    assert explainer.look(image_luminance, answer).view == ELSEWHERE


class Watching(Explainer):
    """Keeps where it looked."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__(classifier)
        self.views: list[CropBox] = []

    def attribute(
        self,
        subject: Subject,
        target: str,
        method: str = "",
        *,
        on_progress: Callable[[float], None] | None = None,
    ) -> Attribution:
        """As the explainer, by a quick method."""
        self.views.append(subject.view)
        return super().attribute(subject, target, "grad_cam", on_progress=on_progress)


class OneExplainer(Explainers):
    """The same explainer for every model."""

    def __init__(self, panel: ClassifierRegistry, explainer: Explainer) -> None:
        super().__init__(panel)
        self._only = explainer

    def of(self, name: str) -> Explainer:
        """That explainer."""
        return self._only


@dataclass
class OneStudy:
    """A store with one study of one film, which notes the cases it is given."""

    record: StudyRecord
    added: list[SiteCase] = field(default_factory=list)

    @property
    def part(self) -> OneStudy:
        """Any part of the store."""
        return self

    studies = originals = cases = part

    def get(self, study_instance_uid: str) -> StudyRecord:
        """That study."""
        return self.record

    def content(self, sha256: str) -> bytes:
        """That film."""
        return make_dicom_bytes()

    def add(self, cases: Sequence[SiteCase], *, account: str) -> None:
        """Note them."""
        self.added += cases


@pytest.fixture
def explainer(tiny_classifier: Classifier) -> Watching:
    return Watching(tiny_classifier)


@pytest.fixture
def explainers(tiny_panel: ClassifierRegistry, explainer: Watching) -> Explainers:
    return OneExplainer(tiny_panel, explainer)


@pytest.fixture
def instance() -> Instance:
    return read(make_dicom_bytes()).instance


@pytest.fixture
def shelf(instance: Instance, answer: Assessment) -> OneStudy:
    """The film, its answer, and a reader's signature."""
    uid, now = instance.identity.study_instance_uid, datetime.now(UTC)
    said = ReadFinding("pneumonia", True, Call.ACCEPTED)
    review = Review(uid, 1, Stage.FINAL, "anna", "Dr A", now, (said,))
    return OneStudy(StudyRecord(uid, (instance,), (answer,), (review,), now))


def test_exported_maps_are_of_the_judged_part(shelf: OneStudy, explainers: Explainers) -> None:
    (found,) = attribution_maps(shelf.record, cast(Repository, shelf), explainers)
    assert found.seen == ELSEWHERE.edges


def test_contact_sheets_are_of_the_judged_part(
    shelf: OneStudy, explainers: Explainers, explainer: Watching
) -> None:
    assert picture_pairs(cast(Repository, shelf), explainers)("1") is not None
    first, *tested = explainer.views  # the map, then what its receipt asks for
    assert first == ELSEWHERE
    edges = {(round(view.top, 6), round(view.bottom, 6)) for view in tested}
    assert edges == {(ELSEWHERE.top, ELSEWHERE.bottom)}


def test_reference_cases_are_of_the_judged_part(
    shelf: OneStudy, explainers: Explainers, image_luminance: NDArray[np.float32]
) -> None:
    add_study(explainers, cast(Repository, shelf), "1", account="anna")
    classifier = explainers.of("").classifier
    x = look(classifier, image_luminance, ELSEWHERE).x
    assert shelf.added[0].features == features_of(classifier, x).astype("<f2").tobytes()


def test_pictures_of_classify_are_of_the_judged_part(
    tmp_path: Path,
    instance: Instance,
    answer: Assessment,
    explainers: Explainers,
    explainer: Watching,
) -> None:
    (tmp_path / "film.dcm").write_bytes(make_dicom_bytes())
    task = Task("", 0, "film.dcm", str(tmp_path / "film.dcm"))
    pictures = classify._Pictures(tmp_path / "out", explainers)
    pictures.write(PendingFile("film.dcm", task), FileOutcome("film.dcm", answer, instance))
    first, *tested = explainer.views  # the map, then what its receipt asks for
    assert first == ELSEWHERE
    assert {(round(v.top, 6), round(v.bottom, 6)) for v in tested} == {
        (ELSEWHERE.top, ELSEWHERE.bottom)
    }
