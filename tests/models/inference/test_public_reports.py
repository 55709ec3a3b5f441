"""Public bug reports about whom and what a network reads (docs/dicom.md), asked of what ships."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as PilImage
from pydicom import dcmread
from pydicom.dataset import Dataset

from imaging.dicom import read_image
from imaging.entities import Answer, Assessment, Status
from imaging.intake.decode_process import DecodedFilm, read_for_triage
from imaging.settings import ROOT, Settings
from models.inference.assessor import Assessor
from models.inference.classifier import Classifier
from models.rules.gate_rules import REASONS
from tests.imaging.dicom.test_anatomy_codes import item

EXAMPLE = ROOT / "examples" / "synthetic_04_normal.dcm"
SQUASHED = 0.02  # of a probability: what resampling a film may move


@cache
def assessor() -> Assessor:
    """The networks that ship."""
    return Assessor.load(Settings.from_environment())


def assess(content: bytes) -> Assessment:
    """What the networks that ship make of a file."""
    reading = read_for_triage(content, "film.dcm", enough=0)
    assert isinstance(reading, DecodedFilm)
    return assessor().assess([reading])[0]


def example(**attributes: Any) -> Dataset:
    """The synthetic film with other attributes; None removes one."""
    ds = dcmread(EXAMPLE)
    for keyword, value in attributes.items():
        if value is None and keyword in ds:
            delattr(ds, keyword)
        elif value is not None:
            setattr(ds, keyword, value)
    return ds


def to_bytes(ds: Dataset) -> bytes:
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def drawn_with(aspect: float, write: Callable[[Dataset, float], None]) -> bytes:
    """The same film by pixels of another shape: `aspect` times as high as wide."""
    ds = example(ImagerPixelSpacing=None, PixelSpacing=None)
    pixels = ds.pixel_array.astype(np.float32)
    rows, columns = pixels.shape
    # keep the finer side, as a scanner would: rows are merged, or columns
    size = (columns, round(rows / aspect)) if aspect > 1 else (round(columns * aspect), rows)
    squashed: NDArray[np.float32] = np.asarray(
        PilImage.fromarray(pixels).resize(size, PilImage.Resampling.BILINEAR)
    )
    ds.Rows, ds.Columns = squashed.shape
    ds.PixelData = np.rint(squashed).astype("<u2").tobytes()
    write(ds, aspect)
    return to_bytes(ds)


def by_spacing(ds: Dataset, aspect: float) -> None:
    ds.PixelSpacing = [f"{0.2 * aspect:.6f}", "0.2"]


def by_imager_spacing(ds: Dataset, aspect: float) -> None:
    ds.ImagerPixelSpacing = [f"{0.2 * aspect:.6f}", "0.2"]


def by_ratio(ds: Dataset, aspect: float) -> None:
    ds.PixelAspectRatio = [round(1000 * aspect), 1000]


# -- 26: pixels that are not square


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.floats(0.3, 3.5), st.sampled_from([by_spacing, by_imager_spacing, by_ratio]))
def test_the_shape_of_pixels_does_not_move_the_answer(
    aspect: float, write: Callable[[Dataset, float], None]
) -> None:
    square, other = assess(to_bytes(example())), assess(drawn_with(aspect, write))
    assert other.primary and square.primary, other.messages
    assert other.primary.probability == pytest.approx(square.primary.probability, abs=SQUASHED)


def test_a_film_is_too_long_by_its_lengths_not_by_its_pixels() -> None:
    ds = example(ImagerPixelSpacing=None)
    by_ratio(ds, 4.0)  # as many pixels as before, each four times as high as wide
    assessment = assess(to_bytes(ds))
    assert assessment.messages == (REASONS["long"],) and not assessment.findings


def test_both_gates_judge_lengths(shipped_classifier: Classifier) -> None:
    image = read_image(drawn_with(3.5, by_spacing))
    gate, luminance = shipped_classifier.gate, image.luminance_values()
    assert gate is not None and image.pixel_aspect == pytest.approx(3.5, abs=0.01)
    assert gate.examine(luminance, pixel_aspect=image.pixel_aspect).suitable
    assert gate.examine(luminance).kind == "long"


# -- 14 and 15: view and body part by code alone


@pytest.mark.parametrize("code", [("399348003", "SCT"), ("R-10214", "SRT"), ("R-10206", "SNM3")])
def test_a_view_told_by_code_alone_is_read(code: tuple[str, str]) -> None:
    assessment = assess(to_bytes(example(ViewPosition=None, ViewCodeSequence=[item(*code)])))
    assert assessment.status is Status.OK and assessment.findings


@pytest.mark.parametrize(
    ("code", "alone"),
    [
        (("85562004", "SCT"), "reads this part of the body: HAND"),
        (("T-D9200", "SRT"), "This AI was tested on"),  # a knee's network answers for no child
    ],
)
@pytest.mark.parametrize("stated", [None, "CHEST"])
def test_a_film_coded_as_another_part_is_not_suitable(
    code: tuple[str, str], alone: str, stated: str | None
) -> None:
    film = example(BodyPartExamined=stated, AnatomicRegionSequence=[item(*code)])
    assessment = assess(to_bytes(film))
    assert assessment.answer is Answer.UNSUITABLE and not assessment.findings
    expected = "The header names several parts of the body" if stated else alone
    assert expected in assessment.messages[0]
    assert not any("Ask about this region" in message for message in assessment.messages)


def test_a_film_coded_as_chest_is_read_without_a_word() -> None:
    region = [item("51185008", "SCT", "Chest")]
    film = example(BodyPartExamined=None, AnatomicRegionSequence=region)
    assert assess(to_bytes(film)).status is Status.OK


# -- the inputs themselves


@pytest.mark.parametrize(
    "folder",
    [
        "14-view-code-sequence",
        "15-anatomic-region-sequence",
        "26-non-square-pixels-and-the-network",
    ],
)
def test_the_inputs_of_the_reports_are_answered(folder: str, data: Path) -> None:
    files = sorted((data / "reports" / folder).glob("*.dcm"))
    assert files
    for file in files:
        assessment = assess(file.read_bytes())
        assert assessment.status is Status.OK, (file.name, assessment.messages)
        assert assessment.primary and assessment.primary.probability > 0.99


@pytest.mark.slow
def test_no_adult_is_answered_by_the_network_of_children(data: Path) -> None:
    files = sorted((data / "rsna_adult" / "dicom").glob("*.dcm"))
    assert files
    for file in files:
        assessment = assess(file.read_bytes())
        assert assessment.model is not None
        assert assessment.model.name == "adult-tb" or not assessment.findings
