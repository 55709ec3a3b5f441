"""The door to explanations: right shape, progress, stopping, threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.explain.base.baselines import blur
from models.explain.methods.explainer import Explainer
from models.explain.methods.registry import methods_for
from models.inference.classifier import Classifier
from models.network.preprocess import preprocess

POOLED = methods_for(evidence=False)  # methods for a network that pools before it decides

Film = NDArray[np.float32]


@pytest.fixture
def film() -> Film:
    return np.random.default_rng(5).random((48, 60)).astype(np.float32)


@pytest.fixture
def explainer(tiny_classifier: Classifier) -> Explainer:
    return Explainer(tiny_classifier)


def hooks(explainer: Explainer) -> int:
    modules = [m for network in explainer._networks for m in network.modules()]
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in modules)


@pytest.mark.parametrize("method", POOLED)
def test_every_method_gives_a_signed_grid(explainer: Explainer, film: Film, method: str) -> None:
    result = explainer.attribute(explainer.look(film), "pneumonia", method)
    assert result.values.shape == (32, 32) and result.values.dtype == np.float32
    assert np.isfinite(result.values).all() and np.ptp(result.values) > 0
    assert (result.target, result.method) == ("pneumonia", method)
    assert result.model == explainer.card.identity


def test_integrated_gradients_add_up(explainer: Explainer, film: Film) -> None:
    """Completeness (Sundararajan 2017): the sum is the difference to the baseline's answer."""
    x = preprocess(film, size=32)
    ends = explainer.log_odds(torch.cat([x, blur(x)]), "pneumonia").mean(0)
    total = explainer.attribute(
        explainer.look(film), "pneumonia", "integrated_gradients"
    ).values.sum()
    assert total == pytest.approx(float(ends[0] - ends[1]), rel=0.05, abs=0.01)


def test_complementary_targets_have_opposite_evidence(explainer: Explainer, film: Film) -> None:
    """Normal is exactly "not pneumonia", so that its log-odds are the negative."""
    for_it = explainer.attribute(explainer.look(film), "pneumonia", "occlusion").values
    against = explainer.attribute(explainer.look(film), "normal", "occlusion").values
    assert np.allclose(for_it, -against, atol=1e-4)


def test_targets_are_findings_then_classes(explainer: Explainer) -> None:
    assert explainer.targets == ("pneumonia", "bacterial", "viral", "normal")


class UnwantedError(Exception):
    """Raised by a reader who no longer wants to know."""


@pytest.mark.parametrize("method", POOLED)
def test_progress_rises_to_one(explainer: Explainer, film: Film, method: str) -> None:
    told: list[float] = []
    explainer.attribute(explainer.look(film), "pneumonia", method, on_progress=told.append)
    assert told[0] == 0 and told[-1] == 1
    assert told == sorted(told) and len(set(told)) > 1


@pytest.mark.parametrize("method", POOLED)
def test_what_a_reader_stops_leaves_nothing_behind(
    explainer: Explainer, film: Film, method: str
) -> None:
    def stop(share: float) -> None:
        told.append(share)
        if len(told) == 2:
            raise UnwantedError

    told: list[float] = []
    before = explainer.attribute(explainer.look(film), "pneumonia", method)
    with pytest.raises(UnwantedError):
        explainer.attribute(explainer.look(film), "pneumonia", method, on_progress=stop)
    assert len(told) == 2 and hooks(explainer) == 0
    again = explainer.attribute(explainer.look(film), "pneumonia", method)
    assert np.array_equal(again.values, before.values)


@pytest.mark.parametrize("method", POOLED)
def test_nobody_waits_for_a_slow_map(explainer: Explainer, film: Film, method: str) -> None:
    """Another reader's quick maps come while any one is still being made."""
    begun, go_on = threading.Event(), threading.Event()

    def linger(_share: float) -> None:
        begun.set()
        assert go_on.wait(timeout=60)

    subject = explainer.look(film)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(explainer.attribute, subject, "viral", method, on_progress=linger)
        assert begun.wait(timeout=60)
        try:
            for quick in (name for name in POOLED if not POOLED[name].slow):
                pool.submit(explainer.attribute, subject, "viral", quick).result(timeout=60)
        finally:
            go_on.set()
        assert np.array_equal(
            slow.result(timeout=60).values, explainer.attribute(subject, "viral", method).values
        )


def test_threads_do_not_meet_each_others_hooks(explainer: Explainer, film: Film) -> None:
    films = [film, film[::-1].copy(), film**2]
    alone = [explainer.attribute(explainer.look(f), "viral").values for f in films]
    with ThreadPoolExecutor(3) as pool:
        together = list(
            pool.map(lambda f: explainer.attribute(explainer.look(f), "viral").values, films * 4)
        )
    assert all(np.array_equal(alone[i % 3], values) for i, values in enumerate(together))


def test_explaining_leaves_the_classifier_alone(
    tiny_classifier: Classifier, explainer: Explainer, film: Film
) -> None:
    before = tiny_classifier.predict(film).logits
    explainer.attribute(explainer.look(film), "pneumonia", "integrated_gradients")
    assert np.array_equal(tiny_classifier.predict(film).logits, before)


@pytest.mark.parametrize(("target", "method"), [("gout", "grad_cam"), ("viral", "magic")])
def test_unknown_names_are_a_misuse(
    explainer: Explainer, film: Film, target: str, method: str
) -> None:
    with pytest.raises(ValueError, match="unknown"):
        explainer.attribute(explainer.look(film), target, method)


def test_two_classes_can_be_weighed_against_each_other(explainer: Explainer, film: Film) -> None:
    """Log-odds of one class against one other are the difference of two logits."""
    x = preprocess(film, size=32)
    logits = explainer.classifier.logits(x)
    bacterial, viral = (explainer.card.classes.index(c) for c in ("bacterial", "viral"))
    found = explainer.log_odds(x, "bacterial|viral")
    assert np.allclose(found, (logits[..., bacterial] - logits[..., viral]).numpy(), atol=1e-6)


@pytest.mark.parametrize(
    "target", ["viral|viral", "viral|", "|viral", "viral|gout", "viral|pneumonia"]
)
def test_nothing_is_weighed_against_itself(explainer: Explainer, target: str) -> None:
    if target == "viral|":
        assert explainer._targets.sides(target) == explainer._targets.sides("viral")
        return
    with pytest.raises(ValueError, match="unknown target"):
        explainer._targets.sides(target)
