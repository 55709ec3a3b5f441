"""Several installed models: header and pixels pick the one that fits, or nobody answers."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from imaging.entities import Answer, Status
from imaging.errors import CheckpointError
from imaging.settings import Settings
from models.assess import assess_bytes
from models.checkpoint import load_checkpoint, save_checkpoint
from models.classifier import Classifier
from models.gate import GateVerdict
from models.panel import NONE_FITS, Panel
from tests.factories import make_dicom_bytes, make_film_bytes


class PickyGate:
    """Lets bright pictures pass only."""

    def examine(self, luminance: np.ndarray) -> GateVerdict:
        bright = bool(luminance.mean() > 100)
        reason = "" if bright else "Too dark."
        return GateVerdict(bright, "fits" if bright else "foreign", reason, -float(bright), 0.0)


@pytest.fixture(scope="module")
def panel(checkpoint_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Panel:
    """The tiny chest model, and the same networks sold as a model for brain MRI."""
    weights = tmp_path_factory.mktemp("panel")
    shutil.copytree(checkpoint_folder, weights / "chest")
    networks, card = load_checkpoint(checkpoint_folder)
    scope = replace(card.scope, modalities=("MR",), body_parts=("BRAIN",), views=())
    save_checkpoint(weights / "brain", networks, replace(card, name="brain-mri", scope=scope))
    return Panel.load(Settings(home=weights, weights=weights))


def test_the_header_picks_the_model(panel: Panel) -> None:
    assert len(panel.classifiers) == 2
    chest = assess_bytes(make_dicom_bytes(), "a", panel).assessment
    brain = assess_bytes(
        make_dicom_bytes(Modality="MR", BodyPartExamined="BRAIN", ViewPosition=""), "b", panel
    ).assessment
    assert chest.model and brain.model
    assert (chest.model.name, brain.model.name) == ("paediatric-cxr", "brain-mri")
    assert chest.findings and brain.findings


def test_where_none_fits_the_reader_is_told_why(panel: Panel) -> None:
    verdict = assess_bytes(make_dicom_bytes(Modality="US"), "a", panel).assessment
    assert verdict.status is Status.REFUSED and verdict.answer is Answer.UNSUITABLE
    assert verdict.messages[0] == NONE_FITS
    assert sum("US image" in message for message in verdict.messages) == 2
    assert not verdict.findings


def test_the_pixels_decide_where_the_header_is_silent(checkpoint_folder: Path) -> None:
    networks, card = load_checkpoint(checkpoint_folder)
    picky = Classifier(networks, replace(card, name="bright"), gate=PickyGate())  # type: ignore[arg-type]
    panel = Panel([Classifier(networks, replace(card, name="any")), picky])
    ramp = np.add.outer(np.arange(40), np.arange(50)).astype(np.uint8)
    for pixels, name in ((ramp, "any"), (ramp + 150, "bright")):
        found = assess_bytes(make_film_bytes(pixels), "x", panel).assessment
        assert found.model is not None and found.model.name == name


def test_a_gate_that_refuses_gives_its_sentence(checkpoint_folder: Path) -> None:
    networks, card = load_checkpoint(checkpoint_folder)
    panel = Panel([Classifier(networks, card, gate=PickyGate())])  # type: ignore[arg-type]
    dark = np.add.outer(np.arange(40), np.arange(50)).astype(np.uint8)
    found = assess_bytes(make_film_bytes(dark), "x", panel).assessment
    assert found.status is Status.REFUSED and found.messages == ("Too dark.",)


def test_a_named_model_stands_alone(panel: Panel, checkpoint_folder: Path) -> None:
    settings = Settings(home=checkpoint_folder, weights=checkpoint_folder.parent, model_name="tiny")
    assert [c.card.name for c in Panel.load(settings).classifiers] == ["paediatric-cxr"]
    assert panel.named("brain-mri").card.name == "brain-mri"
    assert panel.named("unknown") is panel.first


def test_a_gate_the_card_names_must_be_there(checkpoint_folder: Path, tmp_path: Path) -> None:
    networks, card = load_checkpoint(checkpoint_folder)
    save_checkpoint(tmp_path / "m", networks, replace(card, gate_sha256="0" * 64))
    with pytest.raises(CheckpointError, match="scope gate"):
        Classifier.load(tmp_path / "m")
