"""Whoever gave films that a network saw, or was measured on, is named on its card."""

from __future__ import annotations

from pathlib import Path

import pytest

from imaging.settings import ROOT
from models.checkpoint.card import ModelCard
from models.model_card.credits import CREDITS, credits_of
from models.network.checkpoint import CARD, installed_checkpoints


@pytest.mark.parametrize("folder", installed_checkpoints(ROOT / "models" / "weights"), ids=str)
def test_every_set_behind_an_installed_model_is_credited(folder: Path) -> None:
    card = ModelCard.read(folder / CARD)
    named = credits_of(card)
    assert set(named) <= set(CREDITS.values())  # none by its bare folder
    if card.name == "adult-tb":  # its trunk saw the children, its figures are Montgomery's
        kept = {CREDITS[name] for name in ("kermany_cxr", "montgomery_tb", "nih_adult_weak")}
        assert set(named) == kept and all("Candemir" in c for c in named if "Montgomery" in c)
