"""A file on the served way, in this process: read, judged and written down by what serves.

The fixture `judge` has one file worked off by the file worker; `take_in` queues it, has it claimed
and worked off, and has the outcome stored. The networks are those of a weights folder, or
figures that a test sets (`FixedNetworks`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imaging.entities import Job, Status
from imaging.errors import ConflictError
from imaging.jobs import Result, Task
from imaging.settings import Settings
from imaging.store import Repository
from imaging.study import FileOutcome
from models.batch.file_worker import FileWorker, Known
from models.batch.worker import drain
from models.checkpoint.card import ModelCard
from models.inference.answers import Answers
from models.inference.assessor import Assessor, ServedModel
from models.inference.outcomes import failed_outcome
from models.rules.gate_rules import CLASSES, GateScale

Batch = NDArray[np.float32]
SIDE = 32  # of every input of a `fixed_model`, pixels


class Judge(Protocol):
    """See `ServedFiles.judge`."""

    def __call__(
        self,
        content: bytes | Path,
        *,
        file_name: str = ...,
        models: Sequence[ServedModel] = ...,
        **settings: Any,
    ) -> FileOutcome: ...


class TakeIn(Protocol):
    """See `ServedFiles.take_in`."""

    def __call__(
        self,
        repository: Repository,
        content: bytes,
        *,
        file_name: str = ...,
        account: str = ...,
        **settings: Any,
    ) -> FileOutcome: ...


class ServedFiles:
    """Has files worked off as a batch does, one at a time.

    Parameters
    ----------
    settings : Settings
        Which models are installed; a call may change single fields.
    folder : Path
        Where files that come as bytes are laid down.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._workers: dict[Settings, FileWorker] = {}

    def judge(
        self,
        content: bytes | Path,
        *,
        file_name: str = "film.dcm",
        models: Sequence[ServedModel] = (),
        **settings: Any,
    ) -> FileOutcome:
        """What the file worker makes of one file.

        Parameters
        ----------
        content : bytes or Path
            The file, or where it lies.
        models : sequence of ServedModel
            The installed models, instead of those of the settings.
        **settings
            Fields of `Settings` that differ.
        """
        if isinstance(content, bytes):
            place = self._folder / "judged"
            place.write_bytes(content)
        else:
            place = content
        if models:
            outside = replace(self._settings, **settings).outside_population
            worker = FileWorker(Assessor(tuple(models), outside))
        else:
            worker = self._worker(settings)
        (result,) = worker.run([Task("", 0, file_name, str(place))], at=lambda _: None)
        assert result.outcome is not None
        return result.outcome

    def take_in(
        self,
        repository: Repository,
        content: bytes,
        *,
        file_name: str = "film.dcm",
        account: str = "",
        **settings: Any,
    ) -> FileOutcome:
        """What becomes of one file that is handed in; its film and its answer are stored.

        Returns
        -------
        FileOutcome
            As the file's row in its job tells it: what the store refuses is an error.
        """
        worker = _InThisProcess(self._worker(settings))
        job_id = repository.jobs.add([(file_name, content)], account=account)
        networks = replace(self._settings, **settings)
        assert drain(repository, networks, jobs=[job_id], processors=[worker]) == 1
        (result,) = worker.results
        assert result.outcome is not None, "these bytes had been answered before"
        return _as_stored(repository.jobs.get(job_id), result.outcome)

    def _worker(self, changes: dict[str, Any]) -> FileWorker:
        settings = replace(self._settings, **changes)
        if settings not in self._workers:
            self._workers[settings] = FileWorker(Assessor.load(settings))
        return self._workers[settings]


class _InThisProcess:
    """A file worker without a process of its own (see `process_pool.FileProcessor`)."""

    reduced = True

    def __init__(self, worker: FileWorker) -> None:
        self._worker = worker
        self.results: list[Result] = []

    def run(self, tasks: Sequence[Task], known: Known) -> list[Result]:
        """Work off a chunk."""
        self.results += self._worker.run(tasks, known=known, at=lambda _: None)
        return self.results

    def start(self) -> None:
        """It is loaded."""

    def ready(self) -> None:
        """It is loaded."""

    def close(self) -> None:
        """Nothing is open."""


def _as_stored(job: Job, outcome: FileOutcome) -> FileOutcome:
    """The outcome, unless the store had another word."""
    (row,) = job.files
    if row.status is Status.ERROR and outcome.assessment.status is not Status.ERROR:
        return failed_outcome(row.file_name, ConflictError(row.message))
    said = replace(outcome.assessment, status=row.status or outcome.assessment.status)
    if row.message and row.message != " ".join(said.messages):
        said = replace(said, messages=(row.message,))
    return replace(outcome, assessment=said)


@dataclass(slots=True)
class FixedNetworks:
    """Networks set by hand; each figure is a function of one film's input (1, side, side).

    Attributes
    ----------
    against : callable
        The gate's log odds against a film; above zero it is refused as foreign.
    lungs : callable
        Probability of the lungs over the film: (rows, columns) in [0, 1].
    favours : callable
        The logit of the leading finding's first class; the others' are 0.
    """

    against: Callable[[Batch], float] = lambda film: -1.0
    lungs: Callable[[Batch], Batch] = lambda film: np.ones_like(film[0])
    favours: Callable[[Batch], float] = lambda film: 1.0
    engine: str = "by hand"

    def members(self, x: Batch) -> Batch:
        """(2 members, batch, 3 classes), both of one mind."""
        logits = np.zeros((2, len(x), 3), np.float32)
        logits[:, :, 1] = [self.favours(film) for film in x]
        return logits

    def gate(self, x: Batch) -> tuple[Batch, Batch]:
        """(batch, classes) and (batch,); nothing but that it is foreign speaks against a film."""
        logits = np.full((len(x), len(CLASSES)), -100, np.float32)
        logits[:, 0] = 0
        logits[:, CLASSES.index("foreign")] = [self.against(film) for film in x]
        return logits, np.full(len(x), -100, np.float32)

    def region(self, x: Batch) -> Batch:
        """(batch, rows, columns)."""
        return np.stack([self.lungs(film) for film in x])


def fixed_model(card: ModelCard, networks: FixedNetworks | None = None) -> ServedModel:
    """A model with a gate and a localiser, of networks that are set by hand."""
    return ServedModel(
        card=replace(card, size=SIDE),
        answers=Answers(card),
        networks=networks or FixedNetworks(),
        scale=GateScale(),
        gate_size=SIDE,
        region_size=SIDE,
    )
