"""Checkpoints: what was saved comes back, and anything altered is refused in one sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from imaging.errors import CheckpointError
from models.inference.classifier import Classifier
from models.network.checkpoint import CARD, WEIGHTS, find_checkpoint, load_checkpoint


@pytest.fixture
def folder(checkpoint_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint_folder, tmp_path / "weights" / "copy"))


def test_round_trip(folder: Path, tiny_classifier: Classifier) -> None:
    film = np.random.default_rng(1).random((50, 40), np.float32)
    again = Classifier.load(folder)
    assert again.card == tiny_classifier.card
    assert np.array_equal(again.predict(film).logits, tiny_classifier.predict(film).logits)


def test_one_flipped_byte_is_noticed(folder: Path) -> None:
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (folder / WEIGHTS).write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged or were altered"):
        load_checkpoint(folder)


@pytest.mark.parametrize("missing", [WEIGHTS, CARD])
def test_a_missing_file_is_named(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(CheckpointError, match="has no"):
        load_checkpoint(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 99}'])
def test_a_broken_card_is_refused(folder: Path, text: str) -> None:
    (folder / CARD).write_text(text)
    with pytest.raises(CheckpointError):
        load_checkpoint(folder)


def test_weights_of_another_network_do_not_fit(folder: Path) -> None:
    card = json.loads((folder / CARD).read_text())
    card["network"]["stem"] = 6
    (folder / CARD).write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match="do not fit"):
        load_checkpoint(folder)


def test_no_model_installed(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="No model is installed"):
        find_checkpoint(tmp_path)


def test_an_unknown_name_lists_the_known(folder: Path) -> None:
    with pytest.raises(CheckpointError, match="there is: copy"):
        find_checkpoint(folder.parent, "other")
