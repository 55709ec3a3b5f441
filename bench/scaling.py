"""Films a second and cost by engine and number of workers, with every row stored.

    python -m bench.scaling                             # 240 films: about five minutes
    python -m bench.scaling --films 48 --no-store
    python -m bench.scaling --price 0.04                # what a vCPU costs an hour
    python -m bench.scaling --page                      # write docs/scaling.md anew

Films of 2048 x 2048, 12 bits, JPEG Lossless, stay in a folder; each engine works off the same job
into a store of its own (SQLite), and all must write the same answers. Networks are loaded before
the clock starts. Ends with one line of JSON, stored as ``bench/results/scaling.json`` and quoted in
``docs/scaling.md``.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.films import write_films
from bench.scaling_page import write_page
from imaging.jobs import JobKind
from imaging.settings import ROOT, Settings
from imaging.store import Repository
from models.batch.process_pool import FileProcessor, WorkerProcess
from models.batch.ray_pool import RayPool
from models.commands.queue import work_off

_STORED = ROOT / "bench" / "results" / "scaling.json"
_ENCODING = "jpegll"
_RUNS = (("local", 1), ("local", 2), ("ray", 1), ("ray", 2))
Answers = list[tuple[Any, ...]]


def main(
    films: Annotated[int, typer.Option(min=2, help="Generated films.")] = 240,
    price: Annotated[float, typer.Option(help="Assumed price of a vCPU-hour, in dollars.")] = 0.04,
    store: Annotated[bool, typer.Option(help="Keep the figures and write the page.")] = True,
    page: Annotated[bool, typer.Option("--page", help="Only write the page.")] = False,
) -> None:
    """Measure every engine, compare the rows, print."""
    if page:
        write_page(json.loads(_STORED.read_text(encoding="utf-8")))
        return
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "films"
        size = sum(p.stat().st_size for p in write_films(source, _ENCODING, films)) / films
        runs, answers = [], list[Answers]()
        for engine, workers in _RUNS:
            home = Path(folder) / f"{engine}-{workers}"
            run, rows = _run(engine, workers, source, home)
            runs.append(run)
            answers.append(rows)
            print(f"{engine:5} {workers}: {run['films_per_second']:.2f} films a second")
    if any(rows != answers[0] for rows in answers):
        raise SystemExit("the engines do not say the same")
    figures = {
        "films": films,
        "processors": os.cpu_count() or 1,
        "machine": platform.machine(),
        "encoding": _ENCODING,
        "bytes_per_film": round(size),
        "price": price,
        "runs": runs,
    }
    if store:
        _STORED.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        write_page(figures)
    print(json.dumps({f"{r['engine']}_{r['workers']}": r["films_per_second"] for r in runs}))


def _run(engine: str, workers: int, source: Path, home: Path) -> tuple[dict[str, Any], Answers]:
    """Figures of one engine, and all rows that it stored."""
    settings = Settings(home=home)
    Repository.open(home).close()  # the tables themselves do not count
    empty = _database_bytes(home)
    processors = _processors(engine, workers, settings)
    try:
        for processor in processors:
            processor.start()
            processor.ready()
        with closing(Repository.open(home)) as repository:
            job = repository.jobs.open(JobKind.FOLDER, str(source))
            started = time.perf_counter()
            done = work_off(repository, settings, processors)
            seconds = time.perf_counter() - started
            answers = _answers(repository, job)
    finally:
        for processor in dict.fromkeys(processors):
            processor.close()
    rows = _database_bytes(home) - empty
    figures = {
        "engine": engine,
        "workers": workers,
        "films_per_second": round(done / seconds, 3),
        "database_bytes_per_film": round(rows / done),
    }
    return figures, answers


def _processors(engine: str, workers: int, settings: Settings) -> Sequence[FileProcessor]:
    if engine == "local":
        return [WorkerProcess(settings) for _ in range(workers)]
    cluster = RayPool(settings, actors=workers)
    return [cluster] * workers


def _answers(repository: Repository, job: str) -> Answers:
    """Rows without times."""
    rows: Answers = []
    for file in repository.jobs.get(job).files:
        (assessment,) = repository.studies.get(file.study_instance_uid).assessments
        scores = assessment and (
            assessment.probabilities,
            assessment.answer,
            assessment.disagreement,
        )
        rows.append((file.position, file.file_name, file.status, file.message, scores))
    return rows


def _database_bytes(home: Path) -> int:
    return sum(path.stat().st_size for path in home.glob("lightbox.db*"))


if __name__ == "__main__":
    typer.run(main)
