"""Whether the pile's length costs memory: 500, 5,000 and 50,000 small files, one job each.

    python -m bench.triage_memory
    python -m bench.triage_memory --most 5000

Every tenth file is a film that is answered, the others are noise that the gate refuses, so that
fifty thousand rows take minutes. Resident memory of the parent and of its processes together,
sampled all along; each length in a fresh parent. Ends with one line of JSON: MiB by length;
with all lengths it is stored as ``bench/results/triage_memory.json`` and in docs/performance.md.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from bench.films import base_values, film_bytes
from bench.performance_page import write_section
from imaging.jobs import JobKind
from imaging.settings import ROOT, Settings
from imaging.store import Repository
from models.batch.worker import drain

LENGTHS = (500, 5_000, 50_000)
_STORED = Path(__file__).parent / "results" / "triage_memory.json"
CURVE = (10, 25, 50, 75, 100)  # per cent of the time a pile took
_EVERY = 1.0  # seconds


def write_pile(folder: Path, count: int) -> None:
    """Small files with UIDs of their own."""
    folder.mkdir()
    draw = np.random.default_rng(1)
    film = base_values(256).astype(np.uint16)
    noise = draw.integers(0, 4096, (64, 64)).astype(np.uint16)
    for number in range(count):
        base = film if number % 10 == 0 else noise
        values = np.minimum(base + (number % 97), 4095).astype(np.uint16)
        (folder / f"{number:06}.dcm").write_bytes(film_bytes("raw", values, number))


def resident(pid: int) -> float:
    """MiB of a process and all below it."""
    total, open_pids = 0.0, [pid]
    while open_pids:
        current = open_pids.pop()
        try:
            status = Path(f"/proc/{current}/status").read_text()
            children = [
                task.joinpath("children").read_text().split()
                for task in Path(f"/proc/{current}/task").iterdir()
            ]
        except OSError:
            continue
        total += next(
            (int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0
        )
        open_pids += [int(child) for some in children for child in some]
    return total / 1024


def work(folder: str, home: str) -> None:
    """In the fresh parent: queue the folder and work it off."""
    settings = replace(Settings.from_environment(), home=Path(home))
    store = Repository.open(settings.home)
    job = store.jobs.open(JobKind.FOLDER, folder)
    files = sorted(Path(folder).iterdir())
    for at in range(0, len(files), 500):
        store.jobs.add_files(job, [(f.name, str(f)) for f in files[at : at + 500]])
    store.jobs.end_listing(job)
    del files
    drain(store, settings, processes=2)
    counts = store.jobs.progress(job).counts
    print(json.dumps({status.value: n for status, n in counts.items()}), flush=True)
    store.close()


def measure(count: int) -> dict[str, float]:
    """MiB of one length: its peak, and along its way."""
    with tempfile.TemporaryDirectory() as scratch:
        write_pile(Path(scratch) / "pile", count)
        code = "import sys; from bench.triage_memory import work; work(*sys.argv[1:])"
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-c", code, f"{scratch}/pile", f"{scratch}/home"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        samples: list[float] = []
        outputs: list[str] = []
        waiter = threading.Thread(target=lambda: outputs.append(process.communicate()[0]))
        waiter.start()
        while waiter.is_alive():
            samples.append(resident(process.pid))
            waiter.join(_EVERY)
        if process.returncode or sum(json.loads(outputs[0]).values()) != count:
            raise SystemExit(f"the pile of {count} did not end well")
        return {
            "peak": round(max(samples), 1),
            **{f"at_{p}": round(samples[max(0, len(samples) - 2) * p // 100], 1) for p in CURVE},
            "seconds": round(time.perf_counter() - start, 1),
        }


def main(most: Annotated[int, typer.Option(help="Longest pile.")] = LENGTHS[-1]) -> None:
    """Measure each length."""
    lengths = [n for n in LENGTHS if n <= most]
    by_count = {}
    for count in lengths:
        by_count[count] = measure(count)
        print(count, by_count[count], flush=True)
    flat: dict[str, float] = {f"{k}_{n}": v for n, f in by_count.items() for k, v in f.items()}
    flat |= {"growth": round(by_count[lengths[-1]]["peak"] / by_count[lengths[0]]["peak"], 2)}
    if lengths[-1] == LENGTHS[-1]:
        _STORED.write_text(json.dumps(flat, indent=1) + "\n", encoding="utf-8")
        ways = " | ".join(f"after {p} %" for p in CURVE)
        rows = [f"| files | peak MiB | {ways} |", "|---" * (2 + len(CURVE)) + "|"]
        for n, f in by_count.items():
            rows.append(
                f"| {n} | {f['peak']} | " + " | ".join(f"{f[f'at_{p}']}" for p in CURVE) + " |"
            )
        write_section("memory", "\n".join(rows))
    print(json.dumps(flat))


if __name__ == "__main__":
    typer.run(main)
