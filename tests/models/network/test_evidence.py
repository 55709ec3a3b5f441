"""The network whose answer is a sum over places: exact, local, the same for a mirrored film."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from models.checkpoint.network_settings import NetworkSettings
from models.explain.base.targets import log_odds
from models.explain.methods.evidence import cell_evidence
from models.network.ensemble import Ensemble, fuse
from models.network.evidence import EvidenceNetwork
from models.network.network import build_network, fold_norms

SETTINGS = NetworkSettings(
    classes=3,
    stem=8,
    channels=(16, 16),
    depths=(1, 1),
    scales=2,
    reduction=4,
    regions=1,
    heads=3,
    lead=(1, 2),
)
SIZE = 64


@pytest.fixture
def network() -> EvidenceNetwork:
    """Random weights everywhere, so that no unit is the identity."""
    torch.manual_seed(4)
    made = build_network(SETTINGS)
    assert isinstance(made, EvidenceNetwork)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.weight, 1, 0.3)
            torch.nn.init.normal_(module.bias, 0, 0.3)
    for head in made.classifier.children():
        torch.nn.init.normal_(head.get_parameter("weight"), 0, 1)
    return made.eval()


def films(count: int = 3) -> Tensor:
    return torch.randn(count, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("sides", [([1, 2], [0]), ([0], [1, 2]), ([1], [2]), ([2], [0, 1])])
def test_the_cells_add_up_to_the_log_odds_of_the_fused_answer(
    network: EvidenceNetwork, sides: tuple[list[int], list[int]]
) -> None:
    with torch.inference_mode():
        cells, level = cell_evidence(network.evidence(films()), sides)
        fused = fuse(Ensemble([network])(films()))
    assert cells.shape[-1] >= 16
    total = cells.sum(dim=(1, 2)) + level
    assert total == pytest.approx(log_odds(fused, sides), abs=1e-5)
    assert cells.flatten(1).std(1).min() > 0


def test_a_mirrored_film_gives_the_mirrored_evidence_and_the_same_answer(
    network: EvidenceNetwork,
) -> None:
    with torch.inference_mode():
        cells, _level = cell_evidence(network.evidence(films()), ([1, 2], [0]))
        mirrored, _level = cell_evidence(network.evidence(films().flip(-1)), ([1, 2], [0]))
        answers = network(films()), network(films().flip(-1))
    assert torch.allclose(cells, mirrored.flip(-1), atol=1e-5)
    assert torch.allclose(*answers, atol=1e-5)
    assert not torch.allclose(cells, cells.flip(-1), atol=1e-3)


def test_asked_once_it_answers_for_the_film_as_it_is(network: EvidenceNetwork) -> None:
    once = build_network(replace(SETTINGS, both_sides=False))
    once.load_state_dict(network.state_dict())
    assert isinstance(once.eval(), EvidenceNetwork)
    with torch.inference_mode():
        here, there = once.answers(films()), once.answers(films().flip(-1))
        assert torch.allclose(here.mean(0), network.head(network.trunk(films(), 0), 0), atol=1e-5)
    assert not torch.allclose(here, there, atol=1e-3)


def test_what_all_of_the_lungs_say_alike_is_no_places(network: EvidenceNetwork) -> None:
    with torch.inference_mode():
        given = network.evidence(films(1))
        cells, level = cell_evidence(given, ([1, 2], [0]))
        raised = given._replace(cells=given.cells + torch.tensor([-3.0, 0, 0]).reshape(3, 1, 1))
        same, higher = cell_evidence(raised, ([1, 2], [0]))
    assert torch.allclose(cells, same, atol=1e-5) and float(higher - level) == pytest.approx(3)
    lungs = given.lungs > 0.5
    inside = cells[lungs] if lungs.any() else cells
    assert 0.3 < float((inside > 0).float().mean()) < 0.7


def test_a_cell_sees_a_part_of_the_film_only(network: EvidenceNetwork) -> None:
    before, changed = films(1), films(1)
    changed[..., :8, :8] += 3
    with torch.inference_mode():
        moved = (
            (network.evidence(before).cells - network.evidence(changed).cells).abs().amax((0, 1, 2))
        )
    assert moved[:4, :4].max() > 1e-3
    assert moved[8:, 8:].max() < 1e-6


def test_heads_answer_each_for_itself(network: EvidenceNetwork) -> None:
    with torch.inference_mode():
        answers = network.answers(films())
        assert answers.shape == (3, 3, 3) and answers.std(0).min() > 1e-4
        assert torch.allclose(Ensemble([network])(films()), answers)
        assert torch.allclose(fold_norms(network).answers(films()), answers, atol=1e-4)
        assert network.embed(films()).shape == (3, 16)


def test_a_cut_trunk_gives_the_answer_to_the_film_as_it_is(network: EvidenceNetwork) -> None:
    with torch.inference_mode():
        whole = network.head(network.trunk(films(), 0), 0)
        later = network.head(network.trunk(films(), 1), 1)
        mirrored = network.head(network.trunk(films().flip(-1), 1), 1)
    assert torch.allclose(whole, later, atol=1e-5)
    assert not torch.allclose(whole, mirrored, atol=1e-3)
