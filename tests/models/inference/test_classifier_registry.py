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
    assert [card.name for card in panel.cards] == ["brain-mri", "paediatric-cxr"]
    settings = Settings(home=checkpoint_folder, weights=checkpoint_folder.parent, model_name="tiny")
    assert [card.name for card in ClassifierRegistry.load(settings).cards] == ["paediatric-cxr"]
    assert panel.named("brain-mri").card.name == panel.card("brain-mri").name == "brain-mri"
    assert panel.named("").card.name == panel.card().name == "brain-mri"


def test_what_is_gone_is_nobody_else(panel: ClassifierRegistry) -> None:
    """Another network's map, card or population must not stand beside its answers."""
    for ask in (panel.named, panel.card):
        with pytest.raises(CheckpointError, match="not installed any more"):
            ask("gone")


def test_only_what_is_asked_for_is_loaded(panel: ClassifierRegistry) -> None:
    fresh = ClassifierRegistry([panel.named(card.name) for card in panel.cards])
    assert not fresh._loaded
    fresh.named("brain-mri")
    assert list(fresh._loaded) == ["brain-mri"]


def test_a_gate_the_card_names_must_be_there(checkpoint_folder: Path, tmp_path: Path) -> None:
    networks, card = load_checkpoint(checkpoint_folder)
    save_checkpoint(tmp_path / "m", networks, replace(card, gate_sha256="0" * 64))
    with pytest.raises(CheckpointError, match="scope gate"):
        Classifier.load(tmp_path / "m")
