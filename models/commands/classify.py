"""`cli.py classify`: a table with one row per file, the same by every engine. No store."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imaging.entities import RESEARCH_USE, Status
from imaging.errors import SettingsError
from imaging.export.batch.columns import Column, classify_columns
from imaging.export.batch.rows import result_row
from imaging.export.batch.tables import text_cells
from imaging.intake.expand import walk
from imaging.intake.queued import read_queued
from imaging.language import _
from imaging.settings import Settings
from imaging.study import FileOutcome
from models.batch.engines import AddressOption, Engine, EngineOption, open_processors
from models.batch.ordered import PendingFile, map_ordered, spool
from models.batch.process_pool import CHUNK, FileProcessor
from models.checkpoint.installed import find_checkpoint, installed_checkpoints
from models.checkpoint.sealing import read_card
from models.commands.options import OutsidePopulation
from models.commands.outcome_counts import OutcomeCounts
from models.inference import image_selection

if TYPE_CHECKING:
    from models.explain.methods.explainer import Explainers


def classify(
    paths: Annotated[
        list[str], typer.Argument(help="Files, folders, archives, a DICOMDIR, addresses (s3://).")
    ],
    table: Annotated[Path, typer.Option("--csv", help="Table to write, one row per image.")],
    overlays: Annotated[
        Path | None, typer.Option(help="Folder for an explanation picture per answered image.")
    ] = None,
    model: Annotated[str, typer.Option(help="Installed model; the default if empty.")] = "",
    outside_population: OutsidePopulation = False,
    engine: EngineOption = Engine.LOCAL,
    address: AddressOption = "",
    workers: Annotated[
        int, typer.Option(min=0, help="Processes or actors; one for each processor at most.")
    ] = 0,
) -> None:
    """Classify images; ends with 0 when the run finished, even if files were refused."""
    settings = Settings.from_environment()
    settings = replace(
        settings,
        model_name=model or settings.model_name,
        outside_population=outside_population,
    )
    columns = classify_columns(dict.fromkeys(_names(settings)))
    with spool(walk(paths)) as files:
        files, enough = _count_processes(files)
        count = workers or (enough if engine is Engine.LOCAL else 0)
        with open_processors(settings, engine=engine, workers=count, address=address) as processors:
            pictures = _Pictures.into(overlays, settings)
            counts = _write(table, columns, files, processors, pictures)
    typer.echo(" ".join([*counts.lines(), f"{_(RESEARCH_USE)}."]))


def _names(settings: Settings) -> Iterator[str]:
    """Codes of findings and classes of the models that may be asked; one may be both."""
    first = find_checkpoint(settings.weights, settings.model_name)
    folders = (first,) if settings.model_name else installed_checkpoints(settings.weights)
    for folder in folders:
        card = read_card(folder)
        yield from (*(f.code for f in card.findings), *card.classes)


def _count_processes(files: Iterator[PendingFile]) -> tuple[Iterator[PendingFile], int]:
    """Return the same files, and how many processes are worth starting for them."""
    most = os.cpu_count() or 1
    head = list(islice(files, CHUNK * most))
    return chain(head, files), min(most, -(-len(head) // CHUNK))


def _write(
    table: Path,
    columns: Sequence[Column],
    files: Iterator[PendingFile],
    processors: Sequence[FileProcessor],
    pictures: _Pictures | None,
) -> OutcomeCounts:
    """Write the table as files are judged; returns how many of each status there were."""
    counts = OutcomeCounts()
    try:
        with table.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow([column.name for column in columns])
            for pending_file, outcome in map_ordered(files, processors):
                assessment, file = outcome.assessment, outcome.instance or outcome.document
                counts.add(pending_file.path, assessment.status.value)
                if assessment.status is Status.HELPER:
                    continue
                because = image_selection.because(outcome.instance, assessment)
                row = result_row(pending_file.path, assessment, file, selection=because)
                writer.writerow(text_cells(row, columns))
                if pictures and assessment.findings:
                    pictures.write(pending_file, outcome)
    except OSError as exc:
        raise SettingsError(f"The table {table.name} cannot be written there.") from exc
    return counts


class _Pictures:
    """Writes `<SOP Instance UID>.png`: the film and, where its map is reliable, the reason."""

    def __init__(self, folder: Path, explainers: Explainers) -> None:
        self._folder, self._explainers = folder, explainers

    @classmethod
    def into(cls, folder: Path | None, settings: Settings) -> _Pictures | None:
        """None where no folder is named: explaining needs torch, which answering does not."""
        if folder is None:
            return None
        from models.explain.methods.explainer import Explainers
        from models.inference.classifier_registry import ClassifierRegistry

        return cls(folder, Explainers(ClassifierRegistry.load(settings)))

    def write(self, pending_file: PendingFile, outcome: FileOutcome) -> None:
        """Write one picture."""
        from imaging.decoding import read_image
        from models.explain.checks.receipt import make_receipt
        from models.explain.maps import draw_map

        task = pending_file.task
        image = read_image(read_queued(task.location, task.key), file_name=pending_file.path)
        said = outcome.assessment
        lead, model = said.primary or said.findings[0], said.model
        explainer = self._explainers.of(model.name if model else "")
        subject = explainer.look(image.luminance_values(0), outcome.assessment)
        attribution = explainer.attribute(subject, lead.code)
        self._folder.mkdir(parents=True, exist_ok=True)
        verdict = make_receipt(explainer, subject, attribution).verdict
        picture = draw_map(image, attribution, verdict, finding=lead.label)
        (self._folder / f"{outcome.assessment.sop_instance_uid}.png").write_bytes(picture)
