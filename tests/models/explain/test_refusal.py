"""Refusals: the field that rules a picture out, what would let it pass, and what looks foreign."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.dicom import Image, read_image
from imaging.settings import ROOT
from models.explain.probes.refusal import UNDONE, explain_refusal
from models.inference.classifier import Classifier
from tests.factories import make_dicom_bytes

EXAMPLE = ROOT / "examples" / "synthetic_05_bacterial.dcm"


@pytest.fixture(scope="module")
def film() -> Image:
    """A synthetic film that the shipped gate lets pass."""
    return read_image(EXAMPLE)


def refusal_of(classifier: Classifier, film: Image, luminance: NDArray[np.float32]):  # type: ignore[no-untyped-def]
    return explain_refusal(classifier, film.instance, luminance)


def test_the_field_that_rules_it_out_is_named(shipped_classifier: Classifier) -> None:
    content = make_dicom_bytes(Modality="CT", BodyPartExamined="HEAD", PatientName="SECRET^NAME")
    image = read_image(content)
    found = explain_refusal(shipped_classifier, image.instance, image.luminance_values(0))
    assert [(m.keyword, m.found) for m in found.header] == [
        ("Modality", "CT"),
        ("BodyPartExamined", "HEAD"),
    ]
    assert "CHEST" in found.header[1].expected and "SECRET" not in repr(found)
    assert found.gate is None and found.foreign is None


def test_a_film_that_fits_has_no_reason(shipped_classifier: Classifier, film: Image) -> None:
    found = refusal_of(shipped_classifier, film, film.luminance_values(0))
    assert found.header == () and found.gate is not None and found.gate.suitable
    assert found.foreign is None and found.would_pass == ()


@pytest.mark.parametrize("undo", ["exchanged", "upside down"])
def test_what_would_let_it_pass_is_said(
    shipped_classifier: Classifier, film: Image, undo: str
) -> None:
    """Doing it twice is doing nothing, so the spoilt film passes once it is undone."""
    spoilt = UNDONE[undo](film.luminance_values(0))
    found = refusal_of(shipped_classifier, film, spoilt)
    assert found.gate is not None and not found.gate.suitable
    assert undo in found.would_pass


def test_quarter_turns_undo_each_other(film: Image) -> None:
    luminance = film.luminance_values(0)
    right, left = (UNDONE[f"to the {side}"] for side in ("right", "left"))
    assert np.array_equal(left(right(luminance)), luminance)


def test_a_foreign_patch_is_pointed_at(shipped_classifier: Classifier, film: Image) -> None:
    """Stripes that no chest has, in one corner: refused for them, and the map peaks there."""
    luminance = film.luminance_values(0).copy()
    rows, columns = luminance.shape
    patch = (slice(rows // 8, rows // 2), slice(columns // 2, columns * 7 // 8))
    stripes = (np.indices(luminance.shape).sum(0) // 24) % 2
    luminance[patch] = np.where(stripes, luminance.max(), luminance.min())[patch]
    found = refusal_of(shipped_classifier, film, luminance)
    assert found.foreign is not None
    row, column = np.unravel_index(found.foreign.argmax(), found.foreign.shape)
    size = len(found.foreign)
    assert 1 / 8 <= (row + 0.5) / size <= 1 / 2 and 1 / 2 <= (column + 0.5) / size <= 7 / 8


def test_a_blank_picture_needs_no_map(shipped_classifier: Classifier, film: Image) -> None:
    blank = np.full((300, 300), 0.5, np.float32)
    blank[0, 0] = 1.0
    found = refusal_of(shipped_classifier, film, blank)
    assert found.gate is not None and found.gate.kind == "blank"


def test_unwanted_work_stops(shipped_classifier: Classifier, film: Image) -> None:
    def stop(_done: float) -> None:
        raise InterruptedError

    turned = UNDONE["upside down"](film.luminance_values(0))
    with pytest.raises(InterruptedError):
        explain_refusal(shipped_classifier, film.instance, turned, on_progress=stop)


def test_a_model_without_a_gate_has_header_reasons_only(
    tiny_classifier: Classifier, film: Image
) -> None:
    other = replace(film.instance.acquisition, view_position="LATERAL")
    instance = replace(film.instance, acquisition=other)
    found = explain_refusal(tiny_classifier, instance, film.luminance_values(0))
    assert [m.keyword for m in found.header] == ["ViewPosition"]
