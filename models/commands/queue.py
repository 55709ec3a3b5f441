"""`cli.py queue` and `cli.py work`: jobs of the shared store, worked off without a browser.

Several computers share a queue by sharing the store: the same PostgreSQL in `LIGHTBOX_DATABASE`.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from imaging.commands.records import TERMINAL, open_repository
from imaging.entities import RESEARCH_USE
from imaging.errors import AssistantError, SettingsError
from imaging.intake.folder_scan import FolderScanner
from imaging.jobs import NORMAL, JobKind
from imaging.language import _
from imaging.locations import is_address
from imaging.settings import Settings
from imaging.store import Repository
from models.batch.engines import AddressOption, Engine, EngineOption, open_processors
from models.batch.process_pool import FileProcessor
from models.batch.worker import Worker, drain, release_dead_claims

_LOOK = 0.5  # seconds between two looks for files that are still being found


def queue(
    source: Annotated[str, typer.Argument(help="A folder, or an address such as s3://bucket.")],
    priority: Annotated[int, typer.Option(help="A higher number goes first.")] = NORMAL,
) -> None:
    """Add a folder: its files stay where they are and are read from there by who works."""
    repository = open_repository()
    job_id = repository.jobs.open(
        JobKind.FOLDER, _folder(source), account=TERMINAL, priority=priority
    )
    typer.echo(job_id)


def work(
    processes: Annotated[
        int, typer.Option(min=0, help="Processes or actors; one for each processor without.")
    ] = 0,
    engine: EngineOption = Engine.LOCAL,
    address: AddressOption = "",
    stay: Annotated[bool, typer.Option("--stay", help="Wait for more until stopped.")] = False,
) -> None:
    """Work off the jobs of the store; several computers may, each file is judged once."""
    settings, repository = Settings.from_environment(), open_repository()
    count = processes or (os.cpu_count() or 1 if engine is Engine.LOCAL else 0)
    with open_processors(settings, engine=engine, workers=count, address=address) as processors:
        if stay:
            logging.basicConfig(level=logging.WARNING)
            _stay(Worker(repository, settings, processors=processors))
            return
        done = work_off(repository, settings, processors)
    repository.close()
    typer.echo(_("{count} files worked off.").format(count=done) + f" {_(RESEARCH_USE)}.")


def work_off(
    repository: Repository,
    settings: Settings,
    processors: Sequence[FileProcessor],
    *,
    on_results: Callable[[int], None] | None = None,
) -> int:
    """Find the files of open jobs and judge all that wait; returns how many.

    Raises
    ------
    AssistantError
        If the files of a job cannot be found; what was found is worked off first. The job ends
        with the reason among its outcomes, unless it was the store that failed.
    """
    troubles: list[AssistantError] = []

    def find() -> None:
        try:
            jobs = [job for job in repository.jobs.listings() if job.kind is not JobKind.WATCH]
        except AssistantError as exc:
            troubles.append(exc)
            return
        folder_scanner = FolderScanner(repository, lambda: None)
        for job in jobs:
            try:
                if reason := folder_scanner.attempt(job, tries=1):
                    troubles.append(SettingsError(reason))
            except AssistantError as exc:
                troubles.append(exc)

    finder = threading.Thread(target=find, daemon=True)
    finder.start()
    total = 0
    while True:
        finding = finder.is_alive()
        release_dead_claims(repository)
        done = drain(repository, settings, processors=processors, on_results=on_results)
        total += done
        if not done and not finding:
            break
        if not done:
            finder.join(_LOOK)
    if troubles:
        raise troubles[0]
    return total


def _stay(worker: Worker) -> None:
    """Work until the process is told to end, and finish the chunks in hand."""
    ended = threading.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, lambda *_: ended.set())
    worker.start()
    while not ended.is_set():
        time.sleep(_LOOK)
    worker.stop()


def _folder(source: str) -> str:
    """The folder as it is stored; whoever has a terminal may queue what it can read."""
    if is_address(source):
        return source.rstrip("/")
    try:
        folder = Path(source).expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as exc:
        raise SettingsError("This folder does not exist.") from exc
    if not folder.is_dir():
        raise SettingsError("This is no folder; give the folder that holds the files.")
    return str(folder)
