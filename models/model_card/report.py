"""Write the figures people read - README block, model card, list of tries - from what is stored.

    python -m models.model_card.report            # after `make evaluate`
    python -m models.model_card.report --check    # exit 1 when a page is out of date

Nothing here is typed by hand: every figure comes through `models.model_card.facts`, as on the model
page.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from imaging.settings import ROOT
from models.checkpoint.routing_table import read_routing
from models.model_card import benchmarks
from models.model_card.card_elsewhere import hospitals_table
from models.model_card.card_page import card_page, figures_table, headline, problems
from models.model_card.facts import read_facts
from models.model_card.figures import ModelFacts
from models.model_card.routing import replace_routing
from models.network.checkpoint import installed_checkpoints
from models.training import experiments

START, END = "<!-- figures:start -->", "<!-- figures:end -->"
WEIGHTS = ROOT / "models" / "weights"


def main(
    check: Annotated[bool, typer.Option(help="Only compare; write nothing.")] = False,
) -> None:
    """Bring README and model cards up to date."""
    stale = [path for path, text in pages() if not path.exists() or path.read_text() != text]
    if check:
        complaints = [f"out of date: {path.relative_to(ROOT)}" for path in stale]
        complaints += [line for facts in read_installed() for line in problems(facts)]
        for complaint in complaints:
            typer.echo(complaint, err=True)
        sys.exit(bool(complaints))
    for path, text in pages():
        path.write_text(text)


def read_installed() -> list[ModelFacts]:
    """Read what was measured about every shipped checkpoint."""
    return [read_facts(folder) for folder in installed_checkpoints(WEIGHTS)]


def pages() -> list[tuple[Path, str]]:
    """Every generated page: (path, text it should have)."""
    all_facts = read_installed()
    readme, train = ROOT / "README.md", ROOT / "docs" / "train-your-own.md"
    panel = ROOT / "docs" / "panel.md"
    result = [(ROOT / "docs" / f"model-card-{f.card.name}.md", card_page(f)) for f in all_facts]
    result.append((ROOT / "docs" / "experiments.md", experiments.page()))
    if train.exists():
        result.append((train, benchmarks.replace_table(train.read_text())))
    if panel.exists():
        result.append((panel, replace_routing(panel.read_text(), read_routing(WEIGHTS))))
    return [*result, (readme, replace_figures(readme.read_text(), all_facts))]


def replace_figures(text: str, all_facts: Sequence[ModelFacts]) -> str:
    """The text with its marked block replaced by the figures of the checkpoints."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    block = "\n".join(_figures(facts) for facts in all_facts)
    return f"{before}{START}\n{block}\n{END}{after}"


def _figures(facts: ModelFacts) -> str:
    """A checkpoint's figures; where other hospitals were measured, never without them."""
    beside = f"\n{hospitals_table(facts)}\n" if facts.hospitals else ""
    return f"{headline(facts)}{figures_table(facts)}\n{beside}"


if __name__ == "__main__":
    typer.run(main)
