"""A pile of uploaded films worked off in a plain and in an encrypted data folder, side by side.

    python -m bench.encrypted
    python -m bench.encrypted --films 8 --rounds 3

2048 x 2048 films of 12 bits, raw: the most bytes to encrypt. Each side keeps the files as an upload
does, then decodes, answers and stores them, as for a reader who waits. The processes are warm and
the sides take turns within a round, the first one by turns too; the figure is the median of the
rounds' ratios, so that what else the computer does weighs on both. The goal is 1.05 at most.
Ends with one line of JSON: seconds encrypted / seconds plain, and those of keeping the files alone.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from bench.films import write_films
from imaging.settings import Settings
from imaging.store.encryption.sqlite_file import is_plain
from imaging.store.opening.opening import open_store
from models.batch.process_pool import WorkerProcess
from models.batch.worker import drain

PLAIN, ENCRYPTED = "plain", "encrypted"


def work_off(
    settings: Settings, files: list[tuple[str, bytes]], processors: list[WorkerProcess]
) -> tuple[float, float]:
    """Seconds until all files are kept, and until all are answered, in a fresh data folder."""
    with closing(open_store(settings)) as store:
        if is_plain(settings.home / "lightbox.db") is settings.encryption:
            raise SystemExit("the data folder is not what it was to be")
        start = time.perf_counter()
        job = store.jobs.add(files, account="bench")
        kept = time.perf_counter() - start
        drain(store, settings, processors=processors)
        done = time.perf_counter() - start
        counts = {status.value: n for status, n in store.jobs.progress(job).counts.items()}
    if counts != {"ok": len(files)}:
        raise SystemExit(f"films were not answered: {counts}")
    shutil.rmtree(settings.home)
    return kept, done


def main(
    films: Annotated[int, typer.Option(help="Films a round.")] = 48,
    rounds: Annotated[int, typer.Option(help="Rounds, of both sides each.")] = 7,
    processes: Annotated[int, typer.Option(help="Workers; 0: one a processor.")] = 0,
) -> None:
    """Compare the two."""
    base = Settings.from_environment()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        paths = write_films(scratch / "films", "raw", films)
        files = [(path.name, path.read_bytes()) for path in paths]
        sides = {
            side: replace(base, home=scratch / side, database="", encryption=side == ENCRYPTED)
            for side in (PLAIN, ENCRYPTED)
        }
        processors = [WorkerProcess(base) for _ in range(processes or os.cpu_count() or 1)]
        for settings in sides.values():
            work_off(settings, files[: 2 * len(processors)], processors)  # warm
        keeping, whole = [], []
        for number in range(rounds):
            order = (PLAIN, ENCRYPTED) if number % 2 else (ENCRYPTED, PLAIN)
            seconds = {side: work_off(sides[side], files, processors) for side in order}
            keeping.append(seconds[ENCRYPTED][0] / seconds[PLAIN][0])
            whole.append(seconds[ENCRYPTED][1] / seconds[PLAIN][1])
            words = ", ".join(f"{side} {seconds[side][1]:.2f} s" for side in sides)
            print(f"round {number + 1}: {words}, ratio {whole[-1]:.3f}", flush=True)
        for processor in processors:
            processor.close()
    figures = {
        "encrypted_per_plain": round(median(whole), 3),
        "keeping_encrypted_per_plain": round(median(keeping), 3),
        "lowest": round(min(whole), 3),
        "highest": round(max(whole), 3),
        "films": films,
        "rounds": rounds,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    typer.run(main)
