"""How dear is an answer? Ours beside torchvision's ResNet-18 and ResNet-50, same input size.

    python -m bench.forward

``ours`` is one forward of one member as trained, like torchvision's. ``answer`` is all that happens
between a decoded film of 1,024 x 1,024 pixels and the answer on the page: gate, resizing and
equalising, every member (normalisation folded), calibration, "unsure". Every contender runs once
per round in shuffled order inside one process on one thread; medians of CPU time, because the
machines are noisy. The last line is JSON: name -> figure.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import resnet18, resnet50

from imaging.settings import Settings
from models.inference.classifier import Classifier
from models.network.checkpoint import find_checkpoint
from models.network.network import freeze

ROUNDS = 30


def main() -> None:
    """Print the table and the JSON line."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    settings = Settings.from_environment()
    classifier = Classifier.load(find_checkpoint(settings.weights, settings.model_name))
    size = classifier.card.size
    grey, colour = torch.randn(1, 1, size, size), torch.randn(1, 3, size, size)
    contenders: dict[str, tuple[nn.Module, Tensor]] = {
        "ours": (classifier.private_network().networks[0], grey),
        "resnet18": (resnet18(), colour),
        "resnet50": (resnet50(), colour),
    }
    runs = {name: _runner(freeze(network), x) for name, (network, x) in contenders.items()}
    runs["answer"] = _answer(classifier)
    times = {name: statistics.median(values) for name, values in measure(runs).items()}
    print(f"input {size} x {size}, batch 1, 1 thread, eager float32, {ROUNDS} rounds")
    for name, (network, x) in contenders.items():
        print(
            f"{name:10s} {parameter_count(network) / 1e6:6.2f} M parameters "
            f"{flops(network, x) / 1e9:6.2f} GFLOP  {times[name] / times['ours']:5.2f} x ours"
        )
    ratio = times["answer"] / times["ours"]
    print(f"answer     of {classifier.card.members} members  {ratio:5.2f} x ours")
    network, x = contenders["ours"]
    figures = {
        "vs_resnet18": round(times["ours"] / times["resnet18"], 3),
        "vs_resnet50": round(times["ours"] / times["resnet50"], 3),
        "answer_vs_resnet18": round(times["answer"] / times["resnet18"], 3),
        "members": classifier.card.members,
        "parameters": parameter_count(network),
        "flops": flops(network, x),
    }
    print(json.dumps(figures))


def parameter_count(network: nn.Module) -> int:
    """Count the trainable parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def _answer(classifier: Classifier) -> Callable[[], object]:
    film = np.random.default_rng(0).random((1024, 1024), np.float32)

    def run() -> object:
        verdict = classifier.gate.examine(film) if classifier.gate else None
        return verdict, classifier.predict(film)

    return run


def _runner(network: nn.Module, x: Tensor) -> Callable[[], object]:
    def run() -> Tensor:
        with torch.inference_mode():
            return network(x)

    return run


def measure(runs: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """CPU seconds of every run, per name; the first round only warms up."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for round_number in range(ROUNDS + 1):
        for name in random.Random(round_number).sample(sorted(runs), len(runs)):
            started = time.process_time()
            runs[name]()
            if round_number:
                times[name].append(time.process_time() - started)
    return times


def flops(network: nn.Module, x: Tensor) -> int:
    """Floating-point operations of one forward (a multiply-add counts two)."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(x)
    return counter.get_total_flops()


if __name__ == "__main__":
    main()
