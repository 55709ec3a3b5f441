"""`cli.py results`: a batch's results from a terminal, as tables, reports and a summary."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imaging.commands.records import TERMINAL, open_repository
from imaging.delivery.batch import FORMATS, MOST_TOP, TOP, Wish, export_batch
from imaging.delivery.batch_rows import ALL, Batch, job_batch, stored_batch
from imaging.entities import RESEARCH_USE
from imaging.errors import SettingsError
from imaging.export.batch.rows import WAITING
from imaging.export.batch.summary import PicturePair, Pictures
from imaging.language import _, sentence
from imaging.settings import Settings
from imaging.store import Repository
from models.inference.image_selection import because


def results(
    batch: Annotated[str, typer.Argument(help="Id of a job, or 'all' for all that is stored.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; made when missing.")],
    formats: Annotated[str, typer.Option("--as", help="Comma-separated.")] = ",".join(FORMATS),
    names: Annotated[
        bool,
        typer.Option("--names", help=("Include patient names; file names are given either way.")),
    ] = False,
    top: Annotated[
        int, typer.Option(min=0, max=MOST_TOP, help="Most urgent studies in the summary.")
    ] = TOP,
) -> None:
    """Write a batch's results: tables, one structured report per study, a summary."""
    wanted = tuple(part.strip() for part in formats.split(",") if part.strip())
    if not wanted or set(wanted) - set(FORMATS):
        raise SettingsError(f"--as takes some of {','.join(FORMATS)}.")
    repository, wish = open_repository(), Wish(wanted, names, top)
    exported = export_batch(
        repository,
        _batch(repository, batch),
        wish,
        out,
        account=TERMINAL,
        pictures=_pictures(repository) if wish.pictures else _none,
    )
    for line in exported.left_out:
        typer.echo(sentence(line), err=True)
    waiting = dict(exported.summary.statuses).get(WAITING, 0)
    written = ", ".join(path.name for path in exported.files)
    counts = _("{files} files of {studies} studies: {written}.").format(
        files=exported.summary.files, studies=exported.summary.studies, written=written
    )
    still = _("{count} of them are still waiting for the AI.").format(count=waiting)
    typer.echo(" ".join([counts, *([still] if waiting else []), f"{_(RESEARCH_USE)}."]))


def _batch(repository: Repository, wanted: str) -> Batch:
    """The job of that id, or everything; raises `NotFoundError`."""
    if wanted == ALL:
        return stored_batch(repository, because)
    return job_batch(repository, repository.jobs.get(wanted), because)


def _pictures(repository: Repository) -> Pictures:
    """Explanations by the installed models."""
    # torch takes a second to import: tables alone go without it.
    from models.explain.contact_sheet import picture_pairs
    from models.explain.methods.explainer import Explainers
    from models.inference.classifier_registry import ClassifierRegistry

    return picture_pairs(
        repository, Explainers(ClassifierRegistry.load(Settings.from_environment()))
    )


def _none(_study_instance_uid: str) -> PicturePair | None:
    return None
