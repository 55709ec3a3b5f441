"""Processors of files by name: processes of this computer, or actors of a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer

from imaging.errors import SettingsError
from imaging.settings import Settings
from models.batch.process_pool import FileProcessor, WorkerProcess


class Engine(StrEnum):
    """Runs the pipeline, one way or another; the answers are the same."""

    LOCAL = "local"
    RAY = "ray"


EngineOption = Annotated[Engine, typer.Option(help="Processes of this computer, or a Ray cluster.")]
AddressOption = Annotated[
    str, typer.Option(help="Of the cluster: auto, host:port, ray://host:port; none starts one.")
]


@contextmanager
def open_processors(
    settings: Settings, *, engine: Engine, workers: int, address: str = ""
) -> Iterator[Sequence[FileProcessor]]:
    """Start the processors, one for each thread, and load their networks.

    Parameters
    ----------
    workers : int
        Processes or actors; 0 leaves it to the cluster: one for each of its processors.

    Raises
    ------
    SettingsError
        If an address is given to the local engine, Ray is missing, or no cluster answers.
    CheckpointError
        If the networks cannot be loaded.
    """
    processors: list[FileProcessor] = []
    if engine is Engine.LOCAL:
        if address:
            raise SettingsError("An address belongs to a cluster; add --engine ray.")
        processors += [WorkerProcess(settings) for _ in range(max(1, workers))]
    else:
        from models.batch.ray_pool import RayPool  # Ray is optional

        pool = RayPool(settings, address=address, actors=workers)
        processors += [pool] * pool.size
    try:
        for processor in processors:
            processor.start()
        processors[0].ready()
        yield processors
    finally:
        for processor in dict.fromkeys(processors):
            processor.close()
