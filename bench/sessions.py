"""Do twenty readers notice a batch? The real server, Streamlit's own protocol, the shipped model.

    python -m bench.sessions

Every session is a reader of its own: opens the worklist, filters it, opens a study,
writes a note, and thinks in between. Measured is a page action, from what was pressed until the
page is drawn (without the browser's part); and an upload, from the drop of one film until its
answer is stored. `p95_ratio` is the 95th percentile of twenty sessions while a job runs over the
same twenty sessions without one, in turn, several rounds of each, so that the worklist grows for
both alike; `p95_ratio_single` is over one session alone on the idle server. What is fetched again
by itself, a job's progress among it, is fetched here too.

Last, where a Chromium is installed, one reader on an idle server goes from study to study by key:
`next_study_p95_ms` until the next is ready, panel and film painted in the browser (what that means
is said in `bench.reading_ways`), and `next_study_before_p95_ms` the same, on the same films, of
the tree at `--before` (empty: left out). The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import dcmread
from pydicom.uid import generate_uid

from bench.performance_page import write_section
from bench.reading import BEFORE, checked_out, run_ways
from bench.reading_ward import write_ward
from bench.visitor import Visitor
from imaging.jobs import JobKind
from imaging.settings import ROOT
from imaging.store import Repository
from tests.browser.lightbox import cookie_of, find_chromium, serve

SESSIONS, FILMS = 20, 5000  # films a round
ROUNDS, SECONDS, UPLOADS = 3, 20.0, 2
WARM, ALONE = 5.0, 12.0  # seconds
THINK = (4.0, 12.0)  # seconds between two actions of a session: shorter than a film is looked at
STEPS = 30  # to the next study
STEPPED = {"normal": 12, "suspected": 12, "prior": 4, "unnamed": 4}  # more studies than steps
SEEDED = 20  # studies on the worklist from the start: one for each reader
RESULT = ROOT / "bench" / "results" / "sessions.json"


@dataclass
class Times:
    """Seconds of page actions, by what was done."""

    actions: dict[str, list[float]] = field(default_factory=dict)
    failures: int = 0

    def add(self, name: str, seconds: float) -> None:
        """Add one action."""
        self.actions.setdefault(name, []).append(seconds)

    @property
    def all(self) -> list[float]:
        """Of all kinds."""
        return [seconds for times in self.actions.values() for seconds in times]

    def percentile(self, percent: float) -> float:
        """Over all kinds, in seconds."""
        return float(np.percentile(self.all, percent))


def main() -> int:
    """Print the tables and the JSON line; keep the figures of a run at full size."""
    parser = argparse.ArgumentParser(description="See the module.")
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    parser.add_argument("--films", type=int, default=FILMS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--before", default=BEFORE, metavar="REV")
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = run(Path(folder), arguments.sessions, arguments.films, arguments.seconds)
        if find_chromium() is not None and arguments.steps:
            figures |= step_through(Path(folder) / "ward", arguments.steps, arguments.before)
    whole = (SESSIONS, FILMS, SECONDS, STEPS)
    if (arguments.sessions, arguments.films, arguments.seconds, arguments.steps) == whole:
        RESULT.write_text(json.dumps(figures, indent=1) + "\n")
        write_section("sessions", table(figures))
    print(json.dumps(figures))
    return 0


def run(folder: Path, sessions: int, films: int, seconds: float) -> dict[str, object]:
    """Serve, fill the worklist, measure."""
    home = folder / "home"
    films_of(folder / "seeds", SEEDED)
    for number in range(ROUNDS):
        films_of(folder / f"batch{number}", films)
    os.environ["LIGHTBOX_ROOTS"] = str(folder)
    with serve(home, ROOT / "models" / "weights") as address:
        repository = Repository.open(home)
        try:
            return asyncio.run(measure(address, repository, folder, sessions, seconds))
        finally:
            repository.close()


def films_of(folder: Path, count: int) -> None:
    """Write films of studies of their own: the synthetic examples with some noise, half as wide."""
    folder.mkdir()
    noise = np.random.default_rng(count)
    originals = [dcmread(path) for path in sorted((ROOT / "examples").glob("*.dcm"))]
    pictures = [film.pixel_array[::2, ::2] for film in originals]
    for number in range(count):
        film = originals[number % len(originals)]
        pixels = pictures[number % len(originals)]
        pixels = pixels + noise.integers(0, 8, pixels.shape, dtype=np.uint16)
        film.PixelData = np.minimum(pixels, 2**film.BitsStored - 1).astype("<u2").tobytes()
        film.Rows, film.Columns = pixels.shape
        for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            setattr(film, name, generate_uid())
        film.PatientID = f"SYNTHETIC-{folder.name}-{number}"
        film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID
        film.save_as(folder / f"film{number:05d}.dcm")


async def measure(
    address: str, repository: Repository, folder: Path, sessions: int, seconds: float
) -> dict[str, object]:
    """Every phase in turn."""
    async with Visitor(address, cookie_of(address)) as first:
        await first.go("")  # the server loads its networks
    await wait_for_files(repository, queue(repository, folder / "seeds"), SEEDED)
    uids = repository.worklist.study_uids()
    await readers(address, uids, sessions, WARM)  # imports, caches, worker processes
    alone = await readers(address, uids, 1, ALONE, think=(0.3, 0.6))
    idle, during, quiet, busy, rates = Times(), Times(), list[float](), list[float](), list[float]()
    for number in range(ROUNDS):
        quiet += [await first_answer(address, repository, folder) for _ in range(UPLOADS)]
        await readers(address, uids, sessions, seconds, into=idle)
        job_id = queue(repository, folder / f"batch{number}")
        await wait_for_files(repository, job_id, 1)
        start = time.monotonic()
        await readers(address, uids, sessions, seconds, into=during)
        rates.append(repository.jobs.progress(job_id).done / (time.monotonic() - start))
        busy += [await first_answer(address, repository, folder) for _ in range(UPLOADS)]
        if repository.jobs.progress(job_id).finished:
            raise RuntimeError("the job was done before it was measured; give it more --films")
        repository.jobs.cancel(job_id)
    phases = {"alone": alone, "idle": idle, "during": during}
    return report(phases, quiet, busy, statistics.median(rates))


def queue(repository: Repository, folder: Path) -> str:
    """Queue a folder of the server, as the page does; returns the job's id."""
    return repository.jobs.open(JobKind.FOLDER, str(folder))


async def wait_for_files(repository: Repository, job_id: str, files: int) -> None:
    """Return when so many files of a job have their outcome."""
    while repository.jobs.progress(job_id).done < files:
        await asyncio.sleep(0.2)


async def readers(
    address: str,
    uids: Sequence[str],
    count: int,
    seconds: float,
    *,
    think: tuple[float, float] = THINK,
    into: Times | None = None,
) -> Times:
    """So many sessions at once, for so long; adds to `into`."""
    times, end = Times() if into is None else into, time.monotonic() + seconds

    async def read(number: int) -> None:
        chance = random.Random(number)
        async with Visitor(address, cookie_of(address)) as visitor:
            await asyncio.sleep(chance.uniform(0, think[1]))
            turns = (
                turn
                for n in itertools.count(1)
                for turn in day(visitor, uids[number], n, at_a_study=number % 2 == 1)
            )
            while time.monotonic() < end:
                name, action = next(turns)
                times.add(name, await action())
                await asyncio.sleep(chance.uniform(*think))
            times.failures += visitor.failures

    await asyncio.gather(*(read(number) for number in range(count)))
    return times


def day(
    visitor: Visitor, uid: str, round_: int, *, at_a_study: bool
) -> list[tuple[str, Callable[[], Coroutine[Any, Any, float]]]]:
    """Actions that a reader repeats, by name; some begin at a study, others at the list."""
    note = f"field-{uid}-note"
    actions: list[tuple[str, Callable[[], Coroutine[Any, Any, float]]]] = [
        ("open the worklist", lambda: visitor.go("triage")),
        ("filter the worklist", lambda: visitor.set("find", ("synthetic", "zzz")[round_ % 2])),
        ("unread only", lambda: visitor.set("unread", bool(round_ % 2))),
        ("open a study", lambda: visitor.go("review", study=uid)),
        ("write a note", lambda: visitor.set(note, f"seen {round_} times")),
        ("hide identity", lambda: visitor.set("hide_identity", bool(round_ % 2))),
    ]
    return actions[3:] + actions[:3] if at_a_study else actions


async def first_answer(address: str, repository: Repository, folder: Path) -> float:
    """Seconds from the drop of a film nobody has seen until its answer is stored."""
    place = folder / f"upload{time.monotonic_ns()}"
    films_of(place, 1)
    film = next(place.iterdir()).read_bytes()
    async with Visitor(address, cookie_of(address)) as visitor:
        await visitor.go("")
        start = time.perf_counter()
        await visitor.drop("intake-upload", "upload.dcm", film)
        job_id = visitor.query["job"]
        while not repository.jobs.progress(job_id).finished:
            await asyncio.sleep(0.01)
        return time.perf_counter() - start


def step_through(folder: Path, steps: int, before: str) -> dict[str, object]:
    """How long the next study takes on an idle server, in a browser; today and before."""
    write_ward(folder, STEPPED)
    times = {"next_study": run_ways(ROOT, str(folder), "--next", str(steps))}
    if before:
        with checked_out(before) as tree:
            times["next_study_before"] = run_ways(tree, str(folder), "--next", str(steps))
    for name, seconds in times.items():
        print(f"{name:22s}{_pair(seconds):>16s}")
    return {
        f"{name}_p{percent}_ms": round(1000 * float(np.percentile(seconds, percent)))
        for name, seconds in times.items()
        for percent in (50, 95)
    }


def report(
    phases: dict[str, Times], uploads: Sequence[float], busy: Sequence[float], rate: float
) -> dict[str, object]:
    """Print what was measured; returns the figures."""
    names = sorted({name for times in phases.values() for name in times.actions})
    print("median / 95th percentile of a page action, milliseconds")
    print(f"{'':22s}" + "".join(f"{phase:>16s}" for phase in phases))
    for name in names:
        row = (times.actions.get(name, [float("nan")]) for times in phases.values())
        print(f"{name:22s}" + "".join(f"{_pair(value):>16s}" for value in row))
    print(f"{'all':22s}" + "".join(f"{_pair(value.all):>16s}" for value in phases.values()))
    print(f"{'actions':22s}" + "".join(f"{len(value.all):16d}" for value in phases.values()))
    p95 = {phase: times.percentile(95) for phase, times in phases.items()}
    first, answered = statistics.median(uploads), statistics.median(busy)
    return {
        "p95_ratio": round(p95["during"] / p95["idle"], 2),
        "p95_ratio_single": round(p95["during"] / p95["alone"], 2),
        "interactive_first_answer_ratio": round(answered / first, 2),
        "p95_ms": {phase: round(1000 * value) for phase, value in p95.items()},
        "p50_ms": {phase: round(1000 * value.percentile(50)) for phase, value in phases.items()},
        "first_answer_ms": {"idle": round(1000 * first), "during": round(1000 * answered)},
        "actions": {phase: len(times.all) for phase, times in phases.items()},
        "failures": sum(times.failures for times in phases.values()),
        "job_files_per_second": round(rate, 1),
        "load_average_at_the_end": round(os.getloadavg()[1], 1),
    }


def table(figures: dict[str, Any]) -> str:
    """The figures as docs/performance.md shows them."""
    rows = ["| | median | 95th percentile | actions |", "|---|---|---|---|"]
    for phase, words in (
        ("alone", "one reader, no job"),
        ("idle", f"{SESSIONS} readers, no job"),
        ("during", f"{SESSIONS} readers, a job runs"),
    ):
        middle, high = figures["p50_ms"][phase], figures["p95_ms"][phase]
        rows.append(f"| {words} | {middle} ms | {high} ms | {figures['actions'][phase]} |")
    rows.append("")
    rows.append(
        f"p95_ratio {figures['p95_ratio']}: so many times as long is the 95th percentile of "
        f"{SESSIONS} readers while a job runs; it is {figures['p95_ratio_single']} times that of "
        f"one reader alone without a job. An uploaded film is answered after "
        f"{figures['interactive_first_answer_ratio']} times as long as without a job, which went "
        f"on at {figures['job_files_per_second']} films a second. Failures: {figures['failures']}."
    )
    if "next_study_p95_ms" in figures:
        rows += ["", "The next study, panel and film painted in the browser (idle server):"]
        for name, words in (("next_study", "today"), ("next_study_before", "before")):
            if f"{name}_p95_ms" in figures:
                middle, high = figures[f"{name}_p50_ms"], figures[f"{name}_p95_ms"]
                rows.append(f"- {words}: median {middle} ms, 95th percentile {high} ms")
    return "\n".join(rows)


def _pair(seconds: Sequence[float]) -> str:
    middle, high = np.percentile(seconds, (50, 95))
    return f"{1000 * middle:.0f} / {1000 * high:.0f}"


if __name__ == "__main__":
    sys.exit(main())
