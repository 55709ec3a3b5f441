"""Write the figures people read - README block and model card - from the stored evaluation.

    python -m models.report            # after models.evaluate
    python -m models.report --check    # exit 1 when a page is out of date

Nothing here is typed by hand: every number comes from the installed cards.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from imaging.entities import RESEARCH_USE
from imaging.settings import ROOT
from models.card import ModelCard
from models.checkpoint import CARD, installed_checkpoints

START, END = "<!-- figures:start -->", "<!-- figures:end -->"
WEIGHTS = ROOT / "models" / "weights"
LABELS = {
    "auc": "AUC",
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ece": "Expected calibration error (15 bins)",
    "brier": "Brier score",
}


def main(
    check: Annotated[bool, typer.Option(help="Only compare; write nothing.")] = False,
) -> None:
    """Bring README and model cards up to date."""
    stale = [path for path, text in pages() if not path.exists() or path.read_text() != text]
    if check:
        for path in stale:
            typer.echo(f"out of date: {path.relative_to(ROOT)}", err=True)
        sys.exit(bool(stale))
    for path, text in pages():
        path.write_text(text)


def pages() -> list[tuple[Path, str]]:
    """Every generated page: (path, text it should have)."""
    cards = [ModelCard.read(folder / CARD) for folder in installed_checkpoints(WEIGHTS)]
    readme = ROOT / "README.md"
    result = [(ROOT / "docs" / f"model-card-{c.name}.md", card_page(c)) for c in cards]
    return [*result, (readme, with_figures(readme.read_text(), cards))]


def with_figures(text: str, cards: list[ModelCard]) -> str:
    """The text with its marked block replaced by the cards' figures."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    block = "\n".join(figures_table(card) for card in cards)
    return f"{before}{START}\n{block}\n{END}{after}"


def figures_table(card: ModelCard) -> str:
    """Markdown table of the test figures of one card."""
    lines = []
    for split, measured in card.metrics.items():
        lines += [
            f"`{card.name}` {card.version} (weights `{card.identity.short_hash}`), "
            f"{measured['films']} films of the {split} split, 95 % bootstrap intervals:",
            "",
            "| figure | value | 95 % interval |",
            "|---|---|---|",
        ]
        for finding in measured["findings"]:
            lines += [_line(finding, name, e) for name, e in finding["figures"].items()]
        lines.append("")
    return "\n".join(lines)


def _line(finding: dict[str, Any], name: str, estimate: dict[str, float]) -> str:
    among = f" among {finding['among']}" if finding.get("among") else ""
    note = " (exploratory)" if finding["exploratory"] else ""
    return (
        f"| {finding['code']}{among}{note}: {LABELS[name]} | {estimate['value']:.3f} "
        f"| {estimate['low']:.3f} to {estimate['high']:.3f} |"
    )


def card_page(card: ModelCard) -> str:
    """The model card as a page (headings after Mitchell et al., FAT* 2019)."""
    data, settings = card.training["data"], card.training["settings"]
    findings = "\n".join(
        f"- **{f.label}** (`{f.code}`): classes {', '.join(f.members)}; operating point "
        f"{f.operating_point:.3f}, chosen on validation films ({f.rule}"
        f"{f' {f.target}' if f.rule == 'sensitivity' else ''})"
        f"{'; exploratory: not reliable from a film alone' if f.exploratory else ''}."
        for f in card.findings
    )
    scope = card.scope
    limits = "\n".join(f"- {limit}" for limit in card.limits)
    return f"""# {card.title}

*{RESEARCH_USE}.* This page is written by `python -m models.report`
from the card that travels with the weights.

| | |
|---|---|
| model | `{card.name}` {card.version} |
| weights SHA-256 | `{card.weights_sha256}` |
| network | `MultiScaleResNet` {card.network.as_dict()} |
| input | {card.size} x {card.size} pixels, one channel, {card.input_range[0]:.2f} to \
{card.input_range[1]:.2f} after `preprocess` |
| calibration | temperature {card.temperature:.3f}, class biases \
{", ".join(f"{b:+.2f}" for b in card.bias)}, fitted on plain and stressed validation films |

## Intended population

{scope.population}. Modalities {", ".join(scope.modalities)}; body part \
{", ".join(scope.body_parts)}; views {", ".join(scope.views)}; age {scope.age_years[0]:g} to \
{scope.age_years[1]:g} years. Anything else is refused or answered with a warning.

## Answers

{findings}

## Training data

{data["title"]}. Licence: {data["licence"]}. {data["citation"]}

{data["films"]["train"]} training and {data["films"]["val"]} validation films, grouped by patient.
SHA-256 over all films and labels: `{data["sha256"]}`. Seed {settings["seed"]}, at most \
{settings["epochs"]} epochs; epoch {card.training["selected_epoch"]["epoch"]} was chosen on \
validation films.
{_origin(card)}
## Figures

{figures_table(card)}
## Limits

{limits}
"""


def _lineage(training: dict[str, Any], depth: int = 0) -> list[str]:
    """What the run started from, and what that started from, as an indented list."""
    lines = []
    for origin in training.get("origin") or []:
        settings, selected = origin["settings"], origin["selected_epoch"]
        what = (
            f"{settings['epochs']} epochs, seed {settings['seed']}, peak rate "
            f"{settings['learning_rate']}, augmentation probability "
            f"{origin['augmentation']['probability']}"
            if settings["epochs"]
            else "the mean of the weights below, not trained further"
        )
        lines.append(
            f"{'  ' * depth}- `{origin['weights_sha256'][:12]}`: {what}; validation AUC "
            f"{selected['auc']:.4f} plain, {selected['auc_stressed']:.4f} stressed"
        )
        lines += _lineage(origin, depth + 1)
    return lines


def _origin(card: ModelCard) -> str:
    """The lineage of the weights as a paragraph; empty when they were trained in one run."""
    lines = _lineage(card.training)
    if not lines:
        return ""
    return "\n".join(
        ["\nStarted from (each run's own augmentation stressed its films):\n", *lines, ""]
    )


if __name__ == "__main__":
    typer.run(main)
