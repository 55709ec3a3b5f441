"""The model card as a Markdown page: the card in words, and every stored figure as a table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from imaging.entities import RESEARCH_USE
from models.model_card import card_explanations as maps
from models.model_card import card_localisation as places
from models.model_card.card_elsewhere import grades_section, hospitals_section
from models.model_card.card_sides import sides_section
from models.model_card.credits import credits_of
from models.model_card.elsewhere import GradeFigures
from models.model_card.figure import Figure, Figures, format_figure
from models.model_card.figures import ModelFacts, SplitFigures, Subset
from models.model_card.joint import joint_section
from models.model_card.starts import starts_section
from models.model_card.trials import FILL_NOTE, PLANTED_NOTE

LABELS = {
    "auc": "AUC",
    "accuracy": "Accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "ece": "Expected calibration error (15 bins)",
    "ece_noise_floor": "Calibration error of a perfect model",
    "brier": "Brier score",
    "nll": "Negative log-likelihood",
}
_COLUMNS = ("auc", "accuracy", "sensitivity", "specificity")
_ABSENT = "Not measured."


def problems(facts: ModelFacts) -> list[str]:
    """Why stored figures must not be shown as those of the installed weights; empty if they may."""
    kinds = (
        ("measured on other weights", facts.foreign),
        ("does not say on which weights it was measured", facts.unstamped),
        ("cannot be read", facts.unreadable),
    )
    return [f"{facts.card.name}: {name} {what}" for what, names in kinds for name in names]


def figures_table(facts: ModelFacts) -> str:
    """Markdown table of the figures of every finding."""
    if facts.split is None:
        return _ABSENT
    rows = []
    for finding in facts.split.findings:
        among = f" among {finding.among}" if finding.among else ""
        note = " (exploratory)" if finding.exploratory else ""
        rows += [
            [f"{finding.code}{among}{note}: {LABELS.get(name, name)}", f.text, f.interval]
            for name, f in finding.figures.items()
        ]
    return _table(["figure", "value", "95 % interval"], rows)


def card_page(facts: ModelFacts) -> str:
    """The model card as a page (headings after Mitchell et al., FAT* 2019)."""
    sections = (
        ("Intended population", _population(facts)),
        ("Answers", _answers(facts)),
        ("Training data", _training(facts)),
        ("Figures", headline(facts) + figures_table(facts)),
        *([("Grades", grades_section(grades))] if (grades := _grades(facts)) else []),
        ("Other hospitals, beside whole-image numbers", hospitals_section(facts)),
        ("When it is unsure", _unsure(facts)),
        ("Each network or head alone", _members(facts)),
        ("Subgroups", _subsets(facts.split.subsets if facts.split else ())),
        ("Not a shortcut", _subsets([s for s in facts.shortcuts if not s.detail])),
        ("Robustness", _robustness(facts)),
        ("Explanations", _explanations(facts)),
        ("Does it point at the disease?", _localisation(facts)),
        ("On the side that readers named, and in the lungs elsewhere", sides_section(facts.sides)),
        *([("Evidence at the joint line", joint_section(facts.joint))] if facts.joint else []),
        ("Trials whose right answer is known", _trials(facts)),
        ("Scope gate", _gate(facts)),
        *([("Where training began", starts_section(facts.starts))] if facts.starts else []),
        ("Beside other networks", _contenders(facts)),
        ("Beside published figures", _published_figures(facts)),
        ("Limits", "\n".join(f"- {limit}" for limit in facts.card.limits)),
    )
    return (
        "\n\n".join([_head(facts), *(f"## {title}\n\n{text}" for title, text in sections)]) + "\n"
    )


def _grades(facts: ModelFacts) -> GradeFigures | None:
    return facts.split.grades if facts.split else None


def _published_figures(facts: ModelFacts) -> str:
    """Figures from the literature below ours, finding by finding."""
    rows = []
    for finding, publications in facts.published:
        ours = [finding.figures.get(name) for name in _COLUMNS]
        texts = ["" if figure is None else figure.text for figure in ours]
        rows.append([finding.code, "this model", "the test split above", *texts])
        for p in publications:
            texts = [format_figure(p.figures[n]) if n in p.figures else "" for n in _COLUMNS]
            rows.append([finding.code, p.source, p.films, *texts])
    names = [LABELS[name] for name in _COLUMNS]
    return _table(["finding", "source", "films", *names], rows) if rows else "None."


def _head(facts: ModelFacts) -> str:
    card = facts.card
    biases = ", ".join(f"{b:+.2f}" for b in card.bias)
    each = card.temperature if isinstance(card.temperature, tuple) else (card.temperature,)
    temperature = ", ".join(f"{value:.3f}" for value in each)
    shares = card.training.get("shares", [])
    parts = ", ".join(
        f"{name} {share / sum(shares):.3f}"
        for name, share in zip(card.classes, shares, strict=False)
    )
    among = f", for films of which {parts}" if shares else ""
    kind = "EvidenceNetwork" if card.network.heads else "MultiScaleResNet"
    rows = [
        ["model", f"`{card.name}` {card.version}"],
        ["SHA-256 of all files (`models/checkpoint/sealing.py`)", f"`{card.identity.sha256}`"],
        ["weights SHA-256", f"`{card.weights_sha256}`"],
        ["networks", f"{card.members} x `{kind}` {card.network.as_dict()}"],
        [
            "input",
            f"{card.size} x {card.size} pixels, one channel, {card.input_range[0]:.2f} to "
            f"{card.input_range[1]:.2f} after `preprocess`",
        ],
        [
            "calibration",
            f"temperature {temperature}, class biases {biases}, fitted on plain and "
            f"stressed validation films{among}",
        ],
    ]
    if card.localiser_sha256:
        margin = f"{100 * card.framing.margin:g} %"
        box = f"the box that its localiser finds, and {margin} of its sides around it"
        rows.append(["view", f"{box} (localiser SHA-256 `{card.localiser_sha256}`)"])
    return "\n".join(
        [
            f"# {card.title}\n",
            f"*{RESEARCH_USE}.* This page is written by `python -m models.model_card.report`",
            "from card and evaluation, which travel with the weights; the app draws the same.\n",
            _table(["", ""], rows),
        ]
    )


def headline(facts: ModelFacts) -> str:
    """Name the weights and films that the figures are of, and any doubt about that."""
    card, split = facts.card, facts.split
    films = (
        f", {split.films} films of the {split.split} split{_refused_note(split)}, 95 % bootstrap "
        "intervals"
        if split
        else ""
    )
    doubts = "".join(f"**{line}**\n\n" for line in problems(facts))
    identity = f"`{card.name}` {card.version} (files `{card.identity.short_hash}`)"
    return f"{doubts}{identity}{films}:\n\n"


def _refused_note(split: SplitFigures) -> str:
    """Count of films that the figures leave out, and why."""
    if not split.refused:
        return ""
    return f" ({split.refused} of them refused as unsuitable, which no figure counts)"


def _population(facts: ModelFacts) -> str:
    scope = facts.card.scope
    return (
        f"{scope.population}. Modalities {', '.join(scope.modalities)}; body part "
        f"{', '.join(scope.body_parts)}; views {', '.join(scope.views)}; age "
        f"{scope.age_years[0]:g} to {scope.age_years[1]:g} years. Anything else is refused: "
        f"a known age further than {scope.age_margin_years:g} years outside, another body part or "
        "view, in words or by code. What the header is silent on is answered with a warning."
    )


def _answers(facts: ModelFacts) -> str:
    return "\n".join(
        f"- **{f.label}** (`{f.code}`): classes {', '.join(f.members)}; operating point "
        f"{f.operating_point:.3f}, chosen on validation films ({f.rule}"
        f"{f' {f.target}' if f.rule == 'sensitivity' else ''})"
        f"{'; exploratory: not reliable from a film alone' if facts.card.explores(f) else ''}."
        for f in facts.card.findings
    )


def _training(facts: ModelFacts) -> str:
    data, films = facts.card.training["data"], facts.card.training["data"].get("films", {})
    lines = [
        f"{data['title']}. Licence: {data['licence']}. {data['citation']}\n",
        f"{films.get('train', 0)} training and {films.get('val', 0)} validation films, grouped by "
        f"patient. SHA-256 over all films and labels: `{data.get('sha256', '')}`.\n",
        *(f"Further films of: {credit}.\n" for credit in credits_of(facts.card)),
        "Networks, and what each started from:\n",
        *(line for m in facts.card.training.get("members", ()) for line in _lineage(m, 0)),
    ]
    return "\n".join(lines)


def _lineage(member: Mapping[str, Any], depth: int) -> Iterator[str]:
    """Lineage of a network, and what it started from, as an indented list."""
    knobs = member.get("train") or member.get("settings") or {}
    hash_ = f"`{member['weights_sha256'][:12]}`: " if "weights_sha256" in member else ""
    chosen = ", ".join(
        f"{name.removeprefix('auc').strip('_').replace('_', ' ') or 'plain'} {value:.4f}"
        for name, value in (member.get("selected_epoch") or {}).items()
        if name.startswith("auc") and not math.isnan(value)
    )
    how = (
        f"{knobs['epochs']} epochs at most, seed {knobs.get('seed')}, peak rate "
        f"{knobs.get('learning_rate')}"
        if knobs.get("epochs")
        else "the mean of the weights below, not trained further"
    )
    yield f"{'  ' * depth}- {hash_}{how}" + (f"; validation AUC {chosen}" if chosen else "")
    for origin in member.get("origin") or ():
        yield from _lineage(origin, depth + 1)


def _unsure(facts: ModelFacts) -> str:
    conformal = facts.split.conformal if facts.split else None
    if facts.split is None or conformal is None:
        return _ABSENT
    answered = {f"not refused, {name}": figure for name, figure in facts.split.answered.items()}
    named = answered | {f"coverage, {name}": f for name, f in conformal.coverage.items()}
    rest = {
        "unsure": conformal.unsure_share,
        "accuracy where it answers": conformal.accuracy_answered,
        "AUC of disagreement for wrong calls": facts.split.disagreement,
    }
    rows = [[n, f.text, f.interval] for n, f in {**named, **rest}.items() if f is not None]
    counts = ", ".join(f"{n} {name}" for name, n in facts.split.answers.items())
    return (
        f"Prediction sets aim to miss the truth in at most {100 * conformal.error_rate:g} % of "
        f"films.\n\n{_table(['share of films', 'value', '95 % interval'], rows)}"
        + (f"\n\nAnswers: {counts}." if counts else "")
    )


def _members(facts: ModelFacts) -> str:
    members = facts.split.members if facts.split else ()
    rows = [["" if m.seed is None else str(m.seed), *_cells(m.figures)] for m in members]
    return _table(["seed", *(LABELS[name] for name in _COLUMNS)], rows) if rows else _ABSENT


def _subsets(subsets: Sequence[Subset]) -> str:
    """Subgroups and shortcut rows; trivial predictors are marked."""
    rows = [
        [
            f"{s.title}{' (trivial predictor)' if s.baseline else ''}",
            s.split,
            str(s.films),
            *_cells(s.figures),
            s.description,
        ]
        for s in subsets
    ]
    names = ["films used", "split", "films", *(LABELS[name] for name in _COLUMNS), "what was done"]
    return _table(names, rows) if rows else _ABSENT


def _robustness(facts: ModelFacts) -> str:
    if facts.robustness is None:
        return _ABSENT
    rows = [
        [
            v.label,
            v.text,
            str(v.films),
            str(v.refused) if v.refused else "",
            v.auc.whole,
            format_figure(v.flip_rate),
            format_figure(v.mean_change),
        ]
        for v in facts.robustness.worst()
    ]
    counts = ["change", "worst level", "films", "refused beside these"]
    names = [*counts, "AUC", "changed calls", "mean change of probability"]
    r = facts.robustness
    return (
        f"{r.films} films of the {r.split} split; AUC of the same films untouched "
        f"{r.clean_auc.whole}.\n\n{_table(names, rows)}"
    )


def _gate(facts: ModelFacts) -> str:
    if facts.gate is None:
        return _ABSENT
    gate = facts.gate
    named = {"AUROC": gate.auroc, **{n.replace("_", " "): f for n, f in gate.shares.items()}}
    rows = [[name, "", "", f.text, f.interval] for name, f in named.items()]
    rows += [
        [
            f"refused: {k.kind.replace('_', ' ')}",
            str(k.images),
            k.expected,
            k.refused.text,
            k.refused.interval,
        ]
        for k in gate.kinds
    ]
    table = _table(["share", "pictures", "should", "value", "95 % interval"], rows)
    return (
        f"{table}\n\nThe gate sees pixels, no ages: a patient whose age was not studied is refused "
        "by the header, whatever the gate says."
    )


def _contenders(facts: ModelFacts) -> str:
    rows = [
        [
            c.network,
            str(c.seeds),
            c.auc.whole,
            c.accuracy.whole,
            "" if c.forward is None else format_figure(c.forward),
        ]
        for c in facts.contenders
    ]
    names = ["network, same recipe", "seeds", "AUC", "Accuracy", "cost of one forward, ours = 1"]
    return _table(names, rows) if rows else _ABSENT


def _cells(figures: Figures) -> list[str]:
    return [figures.get(name, Figure(float("nan"))).whole for name in _COLUMNS]


def _explanations(facts: ModelFacts) -> str:
    figures = facts.explanations
    if figures is None:
        return _ABSENT
    tables = [
        maps.explained(figures),
        _table(maps.header(figures), maps.explanations_rows(figures)),
    ]
    if wide := maps.wide_rows(figures):
        of_all = f"The quick methods on more films with open masks, of {figures.open_masks}:"
        header = ["method", "films", "evidence inside the lungs", "strongest point inside"]
        tables += [of_all, _table(header, wide)]
    return "\n\n".join([*tables, maps.verdicts_line(figures)]).strip()


def _localisation(facts: ModelFacts) -> str:
    figures = facts.localisation
    if figures is None:
        return _ABSENT
    parts = [places.EXPLAINED]
    for one in figures.sets:
        rows = places.set_rows(one, figures.default)
        parts += [places.set_line(one), _table(list(places.HEADER), rows)]
    return "\n\n".join([*parts, places.notes(figures)]).strip()


def _trials(facts: ModelFacts) -> str:
    """Planted disease and filled lungs."""
    parts = []
    if (planted := facts.planted) is not None:
        header = ["method", "strongest point on it", "right side, left", "right side, right", ""]
        rows = [
            [m.method, m.hit.whole, m.left.whole, m.right.whole, "passes" if m.passes else "fails"]
            for m in planted.methods
        ]
        line = (
            f"{planted.films} films with an opacity: {planted.called.whole} of them are called, "
            f"and the answer rises in {planted.moved.whole}."
        )
        parts += [PLANTED_NOTE, line, _table(header, rows)]
    if facts.fills:
        header = ["fill", "normal films that stay normal, over zones", "films that lose it"]
        rows = [[f.label, f.normal.whole, f.gone.whole] for f in facts.fills]
        parts += [FILL_NOTE, _table(header, rows)]
    return "\n\n".join(parts) or _ABSENT


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; a named column without any value is left out."""
    columns = [i for i, n in enumerate(names) if not n or any(r[i].strip("\u2013") for r in rows)]
    lines = [[cells[i].replace("|", "\\|") for i in columns] for cells in (names, *rows)]
    head, *body = (f"| {' | '.join(line)} |" for line in lines)
    return "\n".join([head, "|" + "---|" * len(columns), *body])
