"""Several installed models: all of them loaded, or the one that is named."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from imaging.errors import CheckpointError
from imaging.settings import Settings
from models.inference.classifier import Classifier
from models.inference.classifier_registry import ClassifierRegistry
from models.network.checkpoint import load_checkpoint, save_checkpoint


@pytest.fixture(scope="module")
def panel(checkpoint_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> ClassifierRegistry:
    """The tiny chest model, and the same networks sold as a model for brain MRI."""
    weights = tmp_path_factory.mktemp("panel")
    shutil.copytree(checkpoint_folder, weights / "chest")
    networks, card = load_checkpoint(checkpoint_folder)
    scope = replace(card.scope, modalities=("MR",), body_parts=("BRAIN",), views=())
    save_checkpoint(weights / "brain", networks, replace(card, name="brain-mri", scope=scope))
    return ClassifierRegistry.load(Settings(home=weights, weights=weights))


def test_a_named_model_stands_alone(panel: ClassifierRegistry, checkpoint_folder: Path) -> None:
    assert [c.card.name for c in panel.classifiers] == ["brain-mri", "paediatric-cxr"]
    settings = Settings(home=checkpoint_folder, weights=checkpoint_folder.parent, model_name="tiny")
    assert [c.card.name for c in ClassifierRegistry.load(settings).classifiers] == [
        "paediatric-cxr"
    ]
    assert panel.named("brain-mri").card.name == "brain-mri"
    assert panel.named("unknown") is panel.first


def test_a_gate_the_card_names_must_be_there(checkpoint_folder: Path, tmp_path: Path) -> None:
    networks, card = load_checkpoint(checkpoint_folder)
    save_checkpoint(tmp_path / "m", networks, replace(card, gate_sha256="0" * 64))
    with pytest.raises(CheckpointError, match="scope gate"):
        Classifier.load(tmp_path / "m")
