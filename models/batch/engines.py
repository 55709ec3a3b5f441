"""Who judges files: processes of this computer, or actors of a Ray cluster; by name."""

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
    """What runs the pipeline; the answers are the same."""

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
    """Those who judge, one for each thread, with their networks loaded.

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
    made: list[FileProcessor] = []
    if engine is Engine.LOCAL:
        if address:
            raise SettingsError("An address belongs to a cluster; add --engine ray.")
        made += [WorkerProcess(settings) for _ in range(max(1, workers))]
    else:
        from models.batch.ray_pool import RayPool  # Ray is optional

        cluster = RayPool(settings, address=address, actors=workers)
        made += [cluster] * cluster.size
    try:
        for judge in made:
            judge.start()
        made[0].ready()
        yield made
    finally:
        for judge in dict.fromkeys(made):
            judge.close()
