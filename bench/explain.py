"""What does a reason cost? Every attribution method in plain forwards, and beside pytorch-grad-cam.

    pip install -r requirements-bench.txt
    python -m bench.explain

One plain forward is what the answer itself costs: the networks as they serve (normalisation folded,
channels-last, no graph), every member, one film. pytorch-grad-cam explains the first of these same
networks, beside our Grad-CAM at that one network. All contenders run once per
round in shuffled order inside one process on one thread; medians of CPU time, because the machines
are noisy. Memory is what a fresh process grows by at its highest. The last line is JSON:
name -> figure; a figure that could not be taken is null, and its reason stands above.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import multiprocessing
import random
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imaging.errors import SettingsError
from imaging.optional import import_optional
from imaging.settings import Settings
from models.explain.base.subject import Subject
from models.explain.checks.sanity import with_networks
from models.explain.methods.explainer import Explainer
from models.inference.classifier import Classifier
from models.network.checkpoint import find_checkpoint
from models.network.network import fold_norms

ROUNDS, SLOW_ROUNDS = 25, 7
TEDIOUS = ("occlusion", "superpixels")  # seconds a map: fewer rounds
FORWARD, RECEIPT = "forward", "receipt"
ONE_FORWARD, ONE_CAM, OTHERS = "one member: forward", "one member: grad_cam", "pytorch-grad-cam"

Run = Callable[[], object]


def main() -> None:
    """Print the table and the JSON line."""
    torch.set_num_threads(1)
    explainer, subject = prepare()
    lead = explainer.card.findings[0].code
    quick, slow = our_runs(explainer, subject, lead), {}
    for name in TEDIOUS:
        slow[name] = quick.pop(name)
    quick |= other_runs(explainer, subject, lead)
    slow |= receipt_runs(explainer, subject, lead)
    costs = relative_times(quick, ROUNDS) | relative_times(
        {FORWARD: quick[FORWARD]} | slow, SLOW_ROUNDS
    )
    size, members = explainer.card.size, explainer.card.members
    print(f"input {size} x {size}, {members} members, 1 thread, float32, plain forwards = 1")
    for name, cost in costs.items():
        print(f"{name:26s} {cost:8.2f}")
    faster = costs[OTHERS] / costs[ONE_CAM] if OTHERS in costs else None
    figures = {
        "first_map_forwards": round_figure(
            costs[FORWARD] + costs["grad_cam"]
        ),  # the answer and a map
        "vs_pytorch_grad_cam": round_figure(faster),
        "receipt_forwards": round_figure(costs.get(RECEIPT)),
        "ig20_forwards": round_figure(costs["integrated_gradients"]),
        "ig20_extra_mb": round_figure(run_in_process(extra_memory)),
        "methods": {name: round_figure(costs[name]) for name in explainer.methods},
        "members": members,
    }
    print(json.dumps(figures))


def prepare() -> tuple[Explainer, Subject]:
    """The shipped model's explainer and a film of noise."""
    settings = Settings.from_environment()
    explainer = Explainer(
        Classifier.load(find_checkpoint(settings.weights, settings.model_name or "paediatric-cxr"))
    )
    film = np.random.default_rng(0).random((1024, 1024), np.float32)
    return explainer, explainer.look(film)


def our_runs(explainer: Explainer, subject: Subject, target: str) -> dict[str, Run]:
    """A plain forward, and every method."""
    runs: dict[str, Run] = {
        FORWARD: lambda: explainer.classifier.logits(subject.x),
    }
    return runs | {
        name: partial(explainer.attribute, subject, target, name) for name in explainer.methods
    }


def other_runs(explainer: Explainer, subject: Subject, target: str) -> dict[str, Run]:
    """pytorch-grad-cam and our Grad-CAM, both at the first member alone."""
    try:
        library = import_optional("pytorch_grad_cam", feature="the comparison", package="grad-cam")
    except SettingsError as exc:
        print(exc)
        return {}
    grad_cam = library.GradCAM

    trained = explainer.classifier.private_network().networks[0]
    single = Explainer(with_networks(explainer.classifier, [trained]))
    network = fold_norms(trained)  # its weights must take gradients, or their hooks see none
    cam = grad_cam(model=network, target_layers=[network.stages[-1]])
    with single.models(target) as models:
        sides = models[0].sides

    def answer(logits: torch.Tensor) -> torch.Tensor:
        return logits[sides[0]].logsumexp(0) - logits[sides[1]].logsumexp(0)

    return {
        ONE_FORWARD: lambda: single.classifier.logits(subject.x),
        ONE_CAM: lambda: single.attribute(subject, target, "grad_cam"),
        OTHERS: lambda: cam(input_tensor=subject.x, targets=[answer]),
    }


def receipt_runs(explainer: Explainer, subject: Subject, target: str) -> dict[str, Run]:
    """The whole receipt under a map of the default method."""
    if importlib.util.find_spec("models.explain.checks.receipt") is None:
        print("the receipt is not written yet")
        return {}
    make = importlib.import_module("models.explain.checks.receipt").make_receipt
    attribution = explainer.attribute(subject, target)
    return {RECEIPT: lambda: make(explainer, subject, attribution)}


def relative_times(runs: dict[str, Run], rounds: int) -> dict[str, float]:
    """Median CPU time of every run over that of a plain forward; a first round only warms up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name in random.Random(number).sample(sorted(runs), len(runs)):
            started = time.process_time()
            runs[name]()
            if number:
                times[name].append(time.process_time() - started)
    unit = statistics.median(times[FORWARD])
    return {name: statistics.median(values) / unit for name, values in times.items()}


def run_in_process(measure: Callable[[], float | None]) -> float | None:
    """Take a measure in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure)


def extra_memory() -> float | None:
    """Megabytes that Integrated Gradients take at their highest, beyond what answers take."""
    torch.set_num_threads(1)
    explainer, subject = prepare()
    reset = Path("/proc/self/clear_refs")
    if not reset.exists():
        print("the memory's peak is only known on Linux")
        return None
    for _warm_up in range(3):
        explainer.classifier.logits(subject.x)
    before = _memory("VmRSS")
    reset.write_text("5")  # the highest mark starts anew (man 5 proc)
    explainer.attribute(subject, explainer.card.findings[0].code, "integrated_gradients")
    return _memory("VmHWM") - before


def _memory(field: str) -> float:
    """A field of this process's status, in megabytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    values = dict(line.split(":", 1) for line in lines)
    return int(values[field].split()[0]) * 1024 / 1e6


def round_figure(value: Any) -> float | None:
    """Three figures are more than the noise allows."""
    return None if value is None else float(f"{value:.3g}")


if __name__ == "__main__":
    main()
