"""A pile of films, worked off by Lightbox and by the loop one would write: films a second.

    python -m bench.triage                    # about eight minutes
    python -m bench.triage --films 16 --rounds 1

2048 x 2048 films of 12 bits in four encodings. The naive loop reads with pydicom, applies its
LUTs, takes percentiles, interpolates and asks an eager DenseNet-121, film by film, with all
processors. Lightbox does what it does for a queued folder: it hashes, decodes, gates, finds the
lungs, asks the networks, calibrates, and stores every row with the film's header and its audit
lines; once with the very same DenseNet-121 in the place of its networks, once as it ships. Both
sides run in turn, medians are compared. The processes are warm; `first_row_s` is the time from
queueing to the first stored row.

A bound is processors / (decode + inference), both timed alone in one process: no hash, no row, no
picture made small. ``of_bound`` is what the raw films reach of it, by the networks as they ship.
Ends with one line of JSON: how many times the naive rate; at the full size it is stored as
``bench/results/triage.json`` and written into ``docs/performance.md``.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import torch
import typer
from pydicom import dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from torch.nn import functional as F

from bench.films import write_films
from bench.performance_page import write_section
from imaging.intake import decode_process
from imaging.jobs import JobKind
from imaging.settings import Settings
from imaging.store import Repository
from models.batch.file_worker import ENOUGH
from models.batch.process_pool import CHUNK, WorkerProcess
from models.batch.worker import drain
from models.checkpoint.card import ModelCard
from models.checkpoint.installed import CARD, WEIGHTS, break_seal, find_checkpoint
from models.inference import onnx_networks
from models.inference.assessor import Assessor

ENCODINGS = {"raw": "raw", "j2k": "j2k", "jpegll": "jpegll", "htj2k": "htj2k"}
FULL = 64
_STORED = Path(__file__).parent / "results" / "triage.json"
_SIDE = 224  # of the DenseNet's input, as in torchxrayvision


def densenet() -> torch.nn.Module:
    """DenseNet-121 for one channel and three classes, weights as they fall."""
    from torchvision.models import densenet121

    torch.manual_seed(0)
    network = densenet121(weights=None, num_classes=3)
    network.features.conv0 = torch.nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    return network.eval()


def naive(network: torch.nn.Module, path: Path) -> np.ndarray:
    """One film as a user would do it today."""
    ds = dcmread(path)
    values = apply_voi_lut(apply_modality_lut(ds.pixel_array, ds), ds).astype(np.float32)
    low, high = np.percentile(values, (1, 99))
    x = torch.from_numpy(np.clip((values - low) / (high - low), 0, 1).astype(np.float32))
    x = F.interpolate(x[None, None], (_SIDE, _SIDE), mode="bilinear", antialias=True)
    with torch.inference_mode():
        return network(x).softmax(1).numpy()


def same_model(folder: Path, settings: Settings) -> Settings:
    """An installation whose network is that DenseNet-121; gate, lungs and card are the shipped."""
    shipped = find_checkpoint(settings.weights, "paediatric-cxr")
    target = folder / "weights" / shipped.name
    shutil.copytree(shipped, target)
    break_seal(target)
    (target / WEIGHTS).unlink()
    card = ModelCard.read(target / CARD)
    replace(card, size=_SIDE, members=1).write(target / CARD)

    class Members(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = densenet()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.network(x)[None]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Members().eval(),
            (torch.zeros(2, 1, _SIDE, _SIDE),),
            str(target / onnx_networks.MEMBERS),
            input_names=["x"],
            dynamo=True,
            external_data=False,
            verbose=False,
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=4096)},),
        )
    record = json.loads((target / onnx_networks.RECORD).read_text())
    record.pop(WEIGHTS)
    record[onnx_networks.MEMBERS] = onnx_networks.sha256_of(target / onnx_networks.MEMBERS)
    (target / onnx_networks.RECORD).write_text(json.dumps(record))
    return replace(settings, weights=folder / "weights", model_name="")


class Ours:
    """Warm worker processes, and a fresh store for every run; insists on answers if `answered`."""

    def __init__(
        self, settings: Settings, scratch: Path, processes: int, *, answered: bool = True
    ) -> None:
        self._settings, self._scratch, self._answered = settings, scratch, answered
        self._processors = [WorkerProcess(settings) for _ in range(processes)]
        self._runs = 0
        self.first_row = 0.0

    def run(self, files: list[Path]) -> float:
        """Films a second, from queueing to the last stored row."""
        self._runs += 1
        home = self._scratch / f"home-{self._runs}"
        store = Repository.open(home)
        try:
            start = time.perf_counter()
            job = store.jobs.open(JobKind.FOLDER, "bench")
            store.jobs.add_files(job, [(f.name, str(f)) for f in files])
            firsts: list[float] = []

            def note_time(_: int) -> None:
                firsts.append(time.perf_counter() - start)

            drain(store, self._settings, processors=self._processors, on_results=note_time)
            seconds = time.perf_counter() - start
            self.first_row = firsts[0]
            counts = {s.value: n for s, n in store.jobs.progress(job).counts.items()}
            if self._answered and counts != {"ok": len(files)}:
                raise SystemExit(f"films were not answered: {counts}")
        finally:
            store.close()
            shutil.rmtree(home)
        return len(files) / seconds

    def close(self) -> None:
        """End the processes."""
        for processor in self._processors:
            processor.close()


def seconds_alone(settings: Settings, files: list[Path]) -> float:
    """Decode and inference of one film, timed alone in this process: their sum in seconds."""
    assessor = Assessor.load(settings)
    model, enough, times = assessor.models[0], ENOUGH * assessor.size, []
    for at in range(0, len(files), CHUNK):
        decoding, pictures = 0.0, []
        for path in files[at : at + CHUNK]:
            content = path.read_bytes()
            start = time.perf_counter()
            item = decode_process.read_for_triage(content, "", enough=enough, sha256="0")
            decoding += time.perf_counter() - start
            pictures.append(assessor.prepare(item).picture)  # type: ignore[arg-type]
        inputs = {
            size: np.stack([p.input(size) for p in pictures])
            for size in {model.card.size, model.gate_size, model.region_size}
        }
        start = time.perf_counter()
        model.networks.gate(inputs[model.gate_size])
        model.networks.region(inputs[model.region_size])
        model.networks.members(inputs[model.card.size])
        times.append((decoding + time.perf_counter() - start) / len(pictures))
    return median(times[1:] or times)


def main(
    films: Annotated[int, typer.Option(help="Films of each encoding for Lightbox.")] = FULL,
    rounds: Annotated[int, typer.Option(help="Rounds.")] = 3,
    processes: Annotated[int, typer.Option(help="Of Lightbox; 0: one a processor.")] = 0,
) -> None:
    """Compare the pipeline with the naive loop."""
    processes = processes or os.cpu_count() or 1
    settings = replace(Settings.from_environment(), home=Path("unused"))
    network = densenet()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        homes = {"ours": settings, "same_model": same_model(scratch, settings)}
        sides = {
            name: Ours(home_settings, scratch / name, processes)
            for name, home_settings in homes.items()
        }
        for short, encoding in ENCODINGS.items():
            files = write_films(scratch / short, encoding, films)
            rates = _race(sides, network, files, rounds)
            for name, home_settings in homes.items():
                figures[f"{name}_{short}"] = round(rates[name] / rates["naive"], 2)
                bound = processes / seconds_alone(home_settings, files)
                figures[f"{name}_{short}_bound"] = round(bound / rates["naive"], 2)
            words = ", ".join(f"{name} {rate:.1f}" for name, rate in rates.items())
            print(f"{short:7} films a second: {words}", flush=True)
            if short == "raw":
                figures["of_bound"] = round(figures["ours_raw"] / figures["ours_raw_bound"], 3)
                figures["first_row_s"] = round(sides["ours"].first_row, 2)
            shutil.rmtree(scratch / short)
        for side in sides.values():
            side.close()
    figures["processes"] = processes
    if films >= FULL:
        _STORED.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        write_section("triage", _table(figures))
    print(json.dumps(figures))


def _race(
    sides: dict[str, Ours], network: torch.nn.Module, files: list[Path], rounds: int
) -> dict[str, float]:
    """Median rate of each side, in turn."""
    few = files[: max(6, len(files) // 6)]
    for path in few[:2]:
        naive(network, path)
    for side in sides.values():
        side.run(files[: min(len(files), 16)])  # warm
    runs: dict[str, Callable[[], float]] = {n: lambda s=s: s.run(files) for n, s in sides.items()}  # type: ignore[misc]
    runs["naive"] = lambda: _naive_rate(network, few)
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            rates[name].append(run())
    return {name: median(values) for name, values in rates.items()}


def _naive_rate(network: torch.nn.Module, files: list[Path]) -> float:
    start = time.perf_counter()
    for path in files:
        naive(network, path)
    return len(files) / (time.perf_counter() - start)


def _table(results: dict[str, Any]) -> str:
    """The figures as docs/performance.md shows them."""
    rows = ["| | " + " | ".join(ENCODINGS) + " |", "|---|" + "---|" * len(ENCODINGS)]
    for name, label in (
        ("same_model", "the same DenseNet-121, our pipeline / naive"),
        ("ours", "our networks as they ship / naive"),
    ):
        for end, words in (("", ""), ("_bound", ", bound")):
            cells = " | ".join(f"{results[f'{name}_{s}{end}']}" for s in ENCODINGS)
            rows.append(f"| {label}{words} | {cells} |")
    rows.append("")
    rows.append(
        f"The bound is processors / (decode + inference); raw films reach "
        f"{results['of_bound']:.0%} of it with the networks as they ship. First row after "
        f"{results['first_row_s']} s, processes warm; {results['processes']} processes."
    )
    return "\n".join(rows)


if __name__ == "__main__":
    typer.run(main)
