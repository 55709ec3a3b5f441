"""Terminal commands on the site's own reference cases; they share the pages' workflow."""

from __future__ import annotations

from typing import Annotated

import typer

from imaging.commands.records import TERMINAL, open_repository
from imaging.language import _, ngettext
from imaging.settings import Settings

reference = typer.Typer(no_args_is_help=True, help="The site's own signed reference cases.")


@reference.command()
def add(
    study: Annotated[str, typer.Argument(help="Study Instance UID of a study signed off.")],
) -> None:
    """Compare later images with those of this study."""
    # torch takes a second to import: `--help` and `list` go without it.
    from models.explain.cases.site_cases import add_study
    from models.explain.methods.explainer import Explainers
    from models.inference.classifier_registry import ClassifierRegistry

    explainers = Explainers(ClassifierRegistry.load(Settings.from_environment()))
    count = add_study(explainers, open_repository(), study, account=TERMINAL)
    said = ngettext(
        "{count} image is a reference case now.", "{count} images are reference cases now.", count
    )
    typer.echo(said.format(count=count))


@reference.command()
def remove(study: Annotated[str, typer.Argument(help="Study Instance UID.")]) -> None:
    """Compare with the images of this study no more; the study stays."""
    open_repository().cases.remove(study, account=TERMINAL)
    typer.echo(_("The study holds no reference cases any more."))


@reference.command("list")
def list_cases() -> None:
    """Print study, image and weights of every case, tab-separated."""
    for case in open_repository().cases.all():
        fields = (case.study_instance_uid, case.sop_instance_uid, case.weights_sha256[:12])
        typer.echo("\t".join(fields))
