"""Is a map this film's own: not what every map shows, and turning with the film."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.explain.base.subject import Subject
from models.explain.checks.constant import mean_patches, own_share
from models.explain.checks.mirror import mirror_agreement, mirrored
from models.explain.checks.receipt import make_receipt
from models.explain.checks.verdict import CONSTANT, STAYS, VerdictRule
from models.explain.methods.explainer import Explainer
from models.inference.classifier import Classifier
from models.rules.crop_box import CropBox
from tests.planted import planted_film

SIZE = 64


@pytest.fixture(scope="module")
def explainer(planted_classifier: Classifier) -> Explainer:
    return Explainer(planted_classifier)


def maps(count: int = 40) -> list[np.ndarray]:
    """Maps that have a bright left half in common."""
    lot = np.random.default_rng(0)
    left = (np.arange(SIZE) < SIZE // 2).astype(float)[None]
    return [left + 0.3 * lot.standard_normal((SIZE, SIZE)) for _ in range(count)]


def test_the_mean_map_has_nothing_of_its_own_and_another_map_has() -> None:
    mean = mean_patches(maps())
    left = np.repeat((np.arange(SIZE) < SIZE // 2)[None], SIZE, 0).astype(float)
    assert own_share(left, mean) < 0.02
    assert own_share(left.T, mean) > 0.98
    assert own_share(-left, mean) == 1.0  # the reverse is no mean map
    assert own_share(np.ones((SIZE, SIZE)), mean) == 0.0
    assert 0.02 < own_share(maps(1)[0] + left.T, mean) < 0.98


def test_maps_count_alike_whatever_their_size() -> None:
    one, other = maps(2)
    assert np.allclose(mean_patches([one, other]), mean_patches([1000 * one, other]))


def test_a_mirrored_film_is_cut_where_its_mirror_image_was() -> None:
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    region = np.arange(12, dtype=np.float32).reshape(3, 4)
    subject = Subject(x[0, 0].numpy(), x, CropBox(0.1, 0.2, 0.9, 0.7), (40, 60), region)
    turned = mirrored(subject)
    assert turned.view.edges == pytest.approx((0.1, 0.3, 0.9, 0.8))
    assert torch.equal(turned.x, x.flip(-1)) and turned.region is not None
    assert np.array_equal(turned.region, region[:, ::-1])
    assert mirrored(turned).view.edges == pytest.approx(subject.view.edges)


def test_a_map_turns_with_the_disc_and_one_that_stays_is_found_out(
    explainer: Explainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = explainer.look(planted_film())
    map_ = explainer.attribute(subject, "pneumonia")
    assert mirror_agreement(explainer, subject, map_).correlation > 0.6
    # a method that draws the same whatever it is shown
    monkeypatch.setattr(explainer, "attribute", lambda *_args, **_kwargs: map_)
    assert mirror_agreement(explainer, subject, map_).correlation < 0.4
    receipt = make_receipt(explainer, subject, map_, rule=VerdictRule())
    assert STAYS in receipt.verdict.reasons and not receipt.verdict.reliable


def test_a_map_that_every_film_has_is_found_out(explainer: Explainer) -> None:
    subject = explainer.look(planted_film())
    map_ = explainer.attribute(subject, "pneumonia")
    mean = {"fused": mean_patches([map_.inner]).tolist()}
    receipt = make_receipt(explainer, subject, map_, rule=VerdictRule(mean_maps=mean))
    assert receipt.own == pytest.approx(0, abs=1e-6)
    assert CONSTANT in receipt.verdict.reasons and not receipt.verdict.reliable
    assert receipt.as_dict()["own_share"] == receipt.own
    assert "mean_maps" not in receipt.as_dict()["rule"]
