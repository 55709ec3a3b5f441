"""The same workflows as the pages, from a terminal.

    python cli.py classify scans/ more.zip film.dcm --csv out.csv --overlays overlays/
    python cli.py inspect film.dcm --json
    python cli.py examples my-folder
    python cli.py explain scans/ --method fused --out maps/
    python cli.py model
    python cli.py export STUDY_UID --as sr,sc,gsps,map,pdf,fhir,csv --out folder
    python cli.py results JOB_ID|all --as csv,parquet,xlsx,sr,pdf,html --out folder
    python cli.py audit verify
    python cli.py account add NAME --reader "Dr Name"
    python cli.py reference add STUDY_UID
    python cli.py worth --arrivals 12 --minutes 4

Research use - not for diagnosis.
"""

from __future__ import annotations

import csv
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imaging import commands, release
from imaging.apart import Reader
from imaging.display import overlay_png
from imaging.entities import RESEARCH_USE, FileOutcome
from imaging.errors import AssistantError, NotFoundError, SettingsError
from imaging.export.columns import classify_columns
from imaging.export.rows import ResultRow, result_row
from imaging.export.tables_out import text_cells
from imaging.ingest import Candidate, walk
from imaging.settings import ROOT, Settings
from models import inspection, selection, worth
from models.explain import commands as cases
from models.explain import terminal
from models.results import results

if TYPE_CHECKING:
    from models.explain.explainer import Explainers

EXAMPLES = ROOT / "examples"

app = typer.Typer(no_args_is_help=True, add_completion=False, help=RESEARCH_USE)
app.add_typer(commands.audit, name="audit")
app.add_typer(commands.account, name="account")
app.add_typer(cases.reference, name="reference")
app.command()(terminal.explain)
app.command("inspect")(inspection.inspect_file)
app.command()(commands.truth)
app.command()(commands.delete)
app.command()(release.deidentify)
app.command()(worth.worth)
app.command()(results)


@app.command()
def classify(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders, archives, a DICOMDIR.")],
    table: Annotated[Path, typer.Option("--csv", help="Table to write, one row per image.")],
    overlays: Annotated[
        Path | None, typer.Option(help="Folder for an explanation picture per answered image.")
    ] = None,
    model: Annotated[str, typer.Option(help="Installed model; the default if empty.")] = "",
) -> None:
    """Classify images; ends with 0 when the run finished, even if files were refused."""
    # torch takes a second to import: `--help` and `examples` go without it.
    from models.assess import assess_candidate
    from models.explain.explainer import Explainers
    from models.panel import Panel

    settings = Settings.from_environment()
    panel = Panel.load(replace(settings, model_name=model or settings.model_name))
    explainers = Explainers(panel) if overlays else None
    cards = [classifier.card for classifier in panel.classifiers]
    names = [name for c in cards for name in (*(f.code for f in c.findings), *c.classes)]
    columns = classify_columns(dict.fromkeys(names))  # a finding and a class may be the same
    counts: Counter[str] = Counter()
    reader = Reader()
    try:
        with table.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow([column.name for column in columns])
            for candidate in walk(paths):
                outcome = assess_candidate(candidate, panel, read=reader.read)
                writer.writerow(text_cells(_row(candidate, outcome), columns))
                counts[outcome.assessment.status.value] += 1
                if overlays and explainers and outcome.assessment.findings:
                    _write_overlay(candidate, outcome, explainers, overlays)
    except OSError as exc:
        raise SettingsError(f"The table {table.name} cannot be written there.") from exc
    finally:
        reader.close()
    summary = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))
    typer.echo(f"{counts.total()} files: {summary}. {RESEARCH_USE}.")


def _row(candidate: Candidate, outcome: FileOutcome) -> ResultRow:
    """One result; probabilities are missing where the network gave no answer."""
    file, assessment = outcome.instance or outcome.document, outcome.assessment
    because = selection.because(outcome.instance, assessment)
    return result_row(candidate.path, assessment, file, selection=because)


def _write_overlay(
    candidate: Candidate, outcome: FileOutcome, explainers: Explainers, folder: Path
) -> None:
    """Write `<SOP Instance UID>.png`: the film, why the leading finding, a colour bar."""
    from imaging.dicom import read_image
    from models.explain.methods import METHODS

    image = read_image(candidate.read(), file_name=candidate.path)
    lead, model = outcome.assessment.findings[0], outcome.assessment.model
    explainer = explainers.of(model.name if model else "")
    attribution = explainer.attribute(explainer.look(image.luminance_values(0)), lead.code)
    folder.mkdir(parents=True, exist_ok=True)
    asked = attribution.model
    method = METHODS[attribution.method].label
    caption = f"{method}: {lead.label} - {asked.name} {asked.version} ({asked.short_hash})"
    picture = overlay_png(
        image.display_values(0), attribution.values, method=caption, seen=attribution.view.edges
    )
    (folder / f"{outcome.assessment.sop_instance_uid}.png").write_bytes(picture)


@app.command()
def examples(folder: Annotated[Path, typer.Argument(help="Where to put them.")]) -> None:
    """Copy the synthetic example films (no patients) to a folder."""
    films = sorted(EXAMPLES.glob("*.dcm"))
    if not films:
        raise NotFoundError("This installation came without example films.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for film in films:
            shutil.copy(film, folder / film.name)
    except OSError as exc:
        raise SettingsError(f"The folder {folder.name} cannot be written.") from exc
    typer.echo(f"{len(films)} synthetic films written. {RESEARCH_USE}.")


@app.command()
def model(name: Annotated[str, typer.Argument(help="Installed model.")] = "") -> None:
    """Print a model's card."""
    from models.checkpoint import CARD, find_checkpoint

    typer.echo((find_checkpoint(Settings.from_environment().weights, name) / CARD).read_text())


@app.command()
def export(
    study: Annotated[str, typer.Argument(help="Study Instance UID, as the worklist knows it.")],
    out: Annotated[Path, typer.Option(help="Folder to write to; made when missing.")],
    formats: Annotated[
        str, typer.Option("--as", help="Comma-separated.")
    ] = "sr,sc,gsps,map,pdf,fhir,csv",
) -> None:
    """Write a stored study's review as DICOM objects, report, FHIR and tables."""
    from imaging.deliver import deliver, write_files
    from imaging.export import FORMATS, LEFT_OUT
    from imaging.store import Repository
    from models.explain.explainer import Explainers
    from models.maps import attribution_maps
    from models.panel import Panel

    wanted = tuple(part.strip() for part in formats.split(",") if part.strip())
    if not wanted or set(wanted) - set(FORMATS):
        raise SettingsError(f"--as takes some of {','.join(FORMATS)}.")
    settings = Settings.from_environment()
    repository = Repository.open(settings.home, settings.database)
    maps = attribution_maps(repository.study(study), repository, Explainers(Panel.load(settings)))
    files = deliver(repository, study, wanted, maps=maps, account="terminal")
    write_files(files, out)
    for file in files:
        if file.name == LEFT_OUT:
            typer.echo(file.content.decode(), err=True)
    typer.echo(f"{len(files)} files written. {RESEARCH_USE}.")


def main() -> None:
    """Run a command; a failure is one sentence and exit code 2, never a traceback."""
    try:
        app()
    except AssistantError as exc:
        sys.exit(_complain(str(exc)))


def _complain(sentence: str) -> int:
    typer.echo(sentence, err=True)
    return 2


if __name__ == "__main__":
    main()
