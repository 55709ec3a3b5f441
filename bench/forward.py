"""How dear is one forward? Ours beside torchvision's ResNet-18 and ResNet-50, same input size.

    python -m bench.forward

Every contender runs once per round in shuffled order inside one process on one thread; medians of
CPU time, because the machines are noisy. The last line is JSON: name -> figure.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import resnet18, resnet50

from imaging.settings import Settings
from models.checkpoint import find_checkpoint, load_checkpoint
from models.network import MultiScaleResNet, parameter_count

ROUNDS = 30


def main() -> None:
    """Print the table and the JSON line."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    settings = Settings.from_environment()
    _, card = load_checkpoint(find_checkpoint(settings.weights, settings.model_name))
    contenders = {
        "ours": (MultiScaleResNet(card.network), torch.randn(1, 1, card.size, card.size)),
        "resnet18": (resnet18(), torch.randn(1, 3, card.size, card.size)),
        "resnet50": (resnet50(), torch.randn(1, 3, card.size, card.size)),
    }
    runs = {name: _runner(network.eval(), x) for name, (network, x) in contenders.items()}
    times = measure(runs)
    ours = statistics.median(times["ours"])
    print(f"input {card.size} x {card.size}, batch 1, 1 thread, eager float32, {ROUNDS} rounds")
    for name, (network, x) in contenders.items():
        ratio = statistics.median(times[name]) / ours
        print(
            f"{name:10s} {parameter_count(network) / 1e6:6.2f} M parameters "
            f"{flops(network, x) / 1e9:6.2f} GFLOP  {ratio:5.2f} x ours"
        )
    network, x = contenders["ours"]
    figures = {
        "vs_resnet18": round(ours / statistics.median(times["resnet18"]), 3),
        "vs_resnet50": round(ours / statistics.median(times["resnet50"]), 3),
        "parameters": parameter_count(network),
        "flops": flops(network, x),
    }
    print(json.dumps(figures))


def _runner(network: nn.Module, x: Tensor) -> Callable[[], Tensor]:
    def run() -> Tensor:
        with torch.inference_mode():
            return network(x)

    return run


def measure(runs: dict[str, Callable[[], Tensor]]) -> dict[str, list[float]]:
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
