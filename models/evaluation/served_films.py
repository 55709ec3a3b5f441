"""Answers of a model as it serves: the file worker's own, and the numbers behind them.

A film goes from file to answer by the very code that answers a doctor - reader, header, gate,
framing, inputs, graphs, calibration (`models.batch.file_worker`, `models.inference.assessor`).
Nothing is computed beside it; the members' logits, which an answer does not hold, are kept as they
come out of the networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from imaging.entities import Assessment, Status
from imaging.errors import CheckpointError
from imaging.jobs import Task
from imaging.settings import EAGER, Settings
from models.batch.file_worker import FileWorker
from models.inference.answers import Prediction
from models.inference.assessor import Assessor, PreparedFilm, ServedModel
from models.inference.loading import Batch, Networks

CHUNK = 8  # films in memory together, as the worker is handed them


@dataclass(frozen=True, slots=True, eq=False)
class ServedFilm:
    """One film's answer; `prediction` has the numbers behind it, None where it was refused."""

    assessment: Assessment
    prediction: Prediction | None

    @property
    def answered(self) -> bool:
        """True where the networks gave an answer."""
        return self.prediction is not None


class KeptLogits:
    """Networks that keep the logits of their members."""

    def __init__(self, networks: Networks) -> None:
        self._networks, self.engine = networks, networks.engine
        self.logits: list[Batch] = []

    def members(self, x: Batch) -> Batch:
        """As the networks', and keeps it."""
        logits = self._networks.members(x)
        self.logits.append(logits)
        return logits

    def gate(self, x: Batch) -> tuple[Batch, Batch]:
        """As the networks'."""
        return self._networks.gate(x)

    def region(self, x: Batch) -> Batch:
        """As the networks'."""
        return self._networks.region(x)


class Serving:
    """One model as it serves, alone.

    Parameters
    ----------
    model : ServedModel
    """

    def __init__(self, model: ServedModel) -> None:
        self.card, self.answers = model.card, model.answers
        self._networks = KeptLogits(model.networks)
        self._assessor = Assessor((replace(model, networks=self._networks),))
        self._worker = FileWorker(self._assessor)

    @classmethod
    def load(cls, folder: Path, settings: Settings) -> Serving:
        """A checkpoint as these settings would have it serve.

        Raises
        ------
        CheckpointError, SettingsError
            As `ServedModel.load`.
        """
        model = ServedModel.load(
            folder,
            error_rate=settings.error_rate,
            eager=settings.engine == EAGER,
            precision=settings.precision,
        )
        return cls(model)

    @property
    def engine(self) -> str:
        """Name of the engine that computes the networks."""
        return self._assessor.engine

    @property
    def size(self) -> int:
        """Side of its largest input, pixels."""
        return self._assessor.size

    def answer_files(self, paths: Sequence[Path]) -> Iterator[ServedFilm]:
        """Answer films of these files, in their order.

        Raises
        ------
        CheckpointError
            If one is no film that can be read: what the model was made from is not whole.
        """
        for start in range(0, len(paths), CHUNK):
            yield from self._answer_chunk(paths[start : start + CHUNK])

    def _answer_chunk(self, paths: Sequence[Path]) -> Iterator[ServedFilm]:
        tasks = [Task("", i, path.name, location=str(path)) for i, path in enumerate(paths)]
        self._networks.logits.clear()
        results = self._worker.run(tasks, at=lambda _place: None)
        first: dict[str, Assessment] = {}
        for path, result in zip(paths, results, strict=True):
            outcome = result.outcome
            if outcome is None or outcome.assessment.status in (Status.ERROR, Status.DOCUMENT):
                raise CheckpointError(f"{path.name} of the model's data is no film to be read.")
            first.setdefault(result.sha256, outcome.assessment)
        films = dict(zip(first, self._join_predictions(list(first.values())), strict=True))
        yield from (films[result.sha256] for result in results)

    def answer_pictures(self, pictures: Sequence[PreparedFilm]) -> list[ServedFilm]:
        """Answer films that were read already, such as changed copies of one, together."""
        self._networks.logits.clear()
        return self._join_predictions(self._assessor.judge(pictures))

    def _join_predictions(self, assessments: Sequence[Assessment]) -> list[ServedFilm]:
        """The answers with the members' logits of those that were not refused, in their order."""
        logits = iter([p for batch in self._networks.logits for p in self.answers.to(batch)])
        films = [
            ServedFilm(assessment, next(logits, None) if assessment.findings else None)
            for assessment in assessments
        ]
        if any(f.prediction and f.prediction.findings != f.assessment.findings for f in films):
            raise CheckpointError("Answers and the logits behind them do not belong together.")
        return films
