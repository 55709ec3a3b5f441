"""How dear is an answer? Ours beside torchvision's ResNet-18 and ResNet-50.

    python -m bench.forward

Two comparisons, each on one thread. Networks as trained, by torch, at the model's input size:
``vs_resnet18`` and ``vs_resnet50``. And what a doctor waits for, by the engine that serves (ONNX
Runtime): ``answer_vs_resnet18`` is all that happens between a decoded film (a synthetic example)
and the answer - resizing and equalising, localiser, gate, every network, calibration, "unsure" -
over one forward of ResNet-18 at 224 x 224 pixels in the same engine. Every contender runs once per
round in shuffled order inside one process; medians of CPU time, because the machines are noisy.
The last line is JSON: name -> figure.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import resnet18, resnet50

from imaging.intake import decode_process
from imaging.intake.decode_process import DecodedFilm
from imaging.settings import ROOT, Settings
from models.inference.assessor import Assessor
from models.inference.classifier import Classifier
from models.inference.onnx_networks import session
from models.network.checkpoint import find_checkpoint
from models.network.network import freeze

RESNET_SIDE = 224  # pixels
ROUNDS = 30


def main() -> None:
    """Print the table and the JSON line."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    settings = Settings.from_environment()
    classifier = Classifier.load(
        find_checkpoint(settings.weights, settings.model_name or "paediatric-cxr")
    )
    size = classifier.card.size
    grey, colour = torch.randn(1, 1, size, size), torch.randn(1, 3, size, size)
    contenders: dict[str, tuple[nn.Module, Tensor]] = {
        "ours": (classifier.private_network().networks[0], grey),
        "resnet18": (resnet18(), colour),
        "resnet50": (resnet50(), colour),
    }
    runs = {name: _runner(freeze(network), x) for name, (network, x) in contenders.items()}
    with TemporaryDirectory() as folder:
        runs["served resnet18"] = _served_resnet18(Path(folder))
    runs["answer"] = _answer(settings)
    times = {name: statistics.median(values) for name, values in measure(runs).items()}
    print(f"input {size} x {size}, batch 1, 1 thread, eager float32, {ROUNDS} rounds")
    for name, (network, x) in contenders.items():
        print(
            f"{name:10s} {parameter_count(network) / 1e6:6.2f} M parameters "
            f"{flops(network, x) / 1e9:6.2f} GFLOP  {times[name] / times['ours']:5.2f} x ours"
        )
    ratio = times["answer"] / times["served resnet18"]
    print(f"the whole answer, served: {ratio:5.2f} x ResNet-18 at {RESNET_SIDE}, served")
    network, x = contenders["ours"]
    figures = {
        "vs_resnet18": round(times["ours"] / times["resnet18"], 3),
        "vs_resnet50": round(times["ours"] / times["resnet50"], 3),
        "answer_vs_resnet18": round(ratio, 3),
        "members": classifier.card.members,
        "parameters": parameter_count(network),
        "flops": flops(network, x),
    }
    print(json.dumps(figures))


def parameter_count(network: nn.Module) -> int:
    """Count the trainable parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def _answer(settings: Settings) -> Callable[[], object]:
    """All that is done for a decoded film, as a worker process does it."""
    assessor = Assessor.load(settings)
    film = min((ROOT / "examples").glob("*.dcm"))
    reading = decode_process.read_for_triage(film.read_bytes(), film.name, enough=0)
    if not isinstance(reading, DecodedFilm):
        raise ValueError("the film of the bench cannot be read")
    (answer,) = assessor.judge([assessor.prepare(reading)])
    if not answer.findings:
        raise ValueError("the film of the bench must be answered, not refused")
    return lambda: assessor.judge([assessor.prepare(reading)])


def _served_resnet18(folder: Path) -> Callable[[], object]:
    """One forward of ResNet-18 by ONNX Runtime, as our graphs run."""
    path = folder / "resnet18.onnx"
    example = torch.randn(1, 3, RESNET_SIDE, RESNET_SIDE)
    torch.onnx.export(resnet18().eval(), (example,), path, input_names=["x"], dynamo=True)
    graph, x = session(path), example.numpy()
    return lambda: graph.run(None, {"x": x})


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
