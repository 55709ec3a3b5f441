"""The same workflows as the pages, from a terminal.

    python cli.py classify scans/ more.zip film.dcm --csv out.csv --overlays overlays/
    python cli.py classify s3://bucket/films --csv out.csv --engine ray --address auto
    python cli.py queue films/ && python cli.py work --processes 2
    python cli.py inspect film.dcm --json
    python cli.py render film.dcm --out film.png
    python cli.py examples my-folder
    python cli.py explain scans/ --method fused --out maps/
    python cli.py model
    python cli.py export STUDY_UID --as sr,sc,gsps,map,pdf,html,fhir,csv --out folder
    python cli.py results JOB_ID|all --as csv,parquet,xlsx,sr,pdf,html --out folder
    python cli.py audit verify
    python cli.py backup /mnt/backups
    python cli.py verify /mnt/backups/lightbox-20261129-190000.backup
    python cli.py restore FILE --into FOLDER
    python cli.py encrypt && python cli.py key list
    python cli.py account add NAME --reader "Dr Name"
    python cli.py reference add STUDY_UID
    python cli.py train my-data/task.toml
    python cli.py worth --arrivals 12 --minutes 4

Research use - not for diagnosis.
"""

from __future__ import annotations

import imaging.telemetry  # noqa: F401

# isort: split

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from imaging.commands import backups, deidentify, encryption, records, render
from imaging.commands.terminal import in_words
from imaging.entities import RESEARCH_USE
from imaging.errors import AssistantError, NotFoundError, SettingsError
from imaging.host.rights import restrict_process
from imaging.language import _, sentence
from imaging.language.environment import speak_as_the_terminal
from imaging.settings import Settings, shipped_folder
from models.commands import classify, explain, queue, train, waiting_times
from models.commands import reference as cases
from models.commands.results import results
from models.inference import scope_report

EXAMPLES = shipped_folder("examples")

app = typer.Typer(no_args_is_help=True, add_completion=False, help=RESEARCH_USE)
app.add_typer(records.audit, name="audit")
app.add_typer(records.account, name="account")
app.add_typer(encryption.key, name="key")
app.add_typer(cases.reference, name="reference")
app.command()(classify.classify)
app.command()(queue.queue)
app.command()(queue.work)
app.command()(explain.explain)
app.command("inspect")(scope_report.inspect_file)
app.command()(render.render)
app.command()(backups.backup)
app.command()(backups.verify)
app.command()(backups.restore)
app.command()(encryption.encrypt)
app.command()(encryption.decrypt)
app.command("backup-key")(backups.make_key)
app.command()(records.truth)
app.command()(records.delete)
app.command()(deidentify.deidentify)
app.command()(waiting_times.worth)
app.command()(train.train)
app.command()(results)


@app.command()
def examples(folder: Annotated[Path, typer.Argument(help="Where to put them.")]) -> None:
    """Copy the synthetic example images (no patients) to a folder."""
    films = sorted(EXAMPLES.glob("*.dcm"))
    if not films:
        raise NotFoundError("This installation came without example images. Install it again.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for film in films:
            shutil.copy(film, folder / film.name)
    except OSError as exc:
        raise SettingsError(f"The folder {folder.name} cannot be written.") from exc
    written = _("{count} synthetic images written.").format(count=len(films))
    typer.echo(f"{written} {_(RESEARCH_USE)}.")


@app.command()
def model(name: Annotated[str, typer.Argument(help="Installed model.")] = "") -> None:
    """Print a model's card, or without a name those of all that are installed (JSON each)."""
    from models.checkpoint.installed import CARD, find_checkpoint, installed_checkpoints
    from models.checkpoint.sealing import identity_of

    weights = Settings.from_environment().weights
    first = find_checkpoint(weights, name)
    for folder in (first,) if name else installed_checkpoints(weights):
        identity_of(folder)  # refuses what is not as it was sealed
        typer.echo((folder / CARD).read_text())


@app.command()
def export(
    study: Annotated[str, typer.Argument(help="Study Instance UID, as the worklist knows it.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; made when missing.")],
    formats: Annotated[
        str, typer.Option("--as", help="Comma-separated.")
    ] = "sr,sc,gsps,map,pdf,html,fhir,csv",
) -> None:
    """Write a stored study's review as DICOM objects, report, FHIR and tables."""
    from imaging.delivery.study import changes_of, deliver, write_files
    from imaging.export import FORMATS, LEFT_OUT
    from imaging.store.opening.opening import open_store
    from models.explain.maps import attribution_maps
    from models.explain.methods.explainer import Explainers
    from models.inference.classifier_registry import ClassifierRegistry

    wanted = tuple(part.strip() for part in formats.split(",") if part.strip())
    if not wanted or set(wanted) - set(FORMATS):
        raise SettingsError(f"--as takes some of {','.join(FORMATS)}.")
    settings = Settings.from_environment()
    repository = open_store(settings)
    maps = attribution_maps(
        repository.studies.get(study), repository, Explainers(ClassifierRegistry.load(settings))
    )
    files = deliver(repository, study, wanted, maps=maps, account="terminal")
    write_files(files, out)
    for file in files:
        if file.name == LEFT_OUT:
            typer.echo(file.content.decode(), err=True)
    for change in changes_of(repository, study):
        typer.echo(sentence(change.discreet), err=True)
    written = _("{count} files written.").format(count=len(files))
    typer.echo(f"{written} {_(RESEARCH_USE)}.")


def main() -> None:
    """Run a command; a failure is one sentence and exit code 2, never a traceback."""
    restrict_process()
    speak_as_the_terminal()
    try:
        in_words(typer.main.get_command(app))()
    except AssistantError as exc:
        sys.exit(_complain(sentence(str(exc))))


def _complain(words: str) -> int:
    typer.echo(words, err=True)
    return 2


if __name__ == "__main__":
    main()
