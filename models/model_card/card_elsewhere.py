"""The model card's sections on other hospitals, on whole-image numbers, and on grades: Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from models.model_card.elsewhere import BASELINES, WHY, EpochChoice, GradeFigures, HospitalFigures
from models.model_card.figure import format_figure
from models.model_card.figures import ModelFacts

_COLUMNS = ("auc", "sensitivity", "specificity", "specificity_at_target")
NOTE = (
    "Linear models fitted on the training films know nothing but twelve numbers of the whole "
    "picture (mean, spread, percentiles, gradients, edges, shares of white and black), or its 16 x "
    "16 thumbnail. What they reach needs no anatomy: a network has to be better, and in another "
    "hospital. Where the lower end of its interval is not above them, it is exploratory by rule "
    "(`models/rules/baseline_rule.py`): it sets no priority and leads no answer."
)


def hospitals_section(facts: ModelFacts) -> str:
    """Every hospital with the network's figures and the AUC of whole-image numbers."""
    if not facts.hospitals:
        return "Not measured."
    return "\n\n".join([NOTE, *_why(facts), hospitals_table(facts)])


def hospitals_table(facts: ModelFacts) -> str:
    """The table alone, what is asked of a test, and how far a figure flatters."""
    header = ["finding", "films of", "films", "AUC", "sensitivity", "specificity"]
    header += ["specificity where the sensitivity is the target's"]
    header += [f"AUC of {name.lower()}" for name in BASELINES.values()]
    asked = [
        f"Asked of a test for `{p.finding}`, {p.source}: "
        f"{', '.join(f'{n} {format_figure(v)}' for n, v in p.figures.items())}. {p.films}."
        for p in facts.card.published
        if p.asked
    ]
    choices = [_choice(one, one.choice) for one in facts.hospitals if one.choice is not None]
    rows = [_row(one) for one in facts.hospitals]
    return "\n\n".join([_table(header, rows), *asked, *choices])


def _choice(one: HospitalFigures, choice: EpochChoice) -> str:
    """How far a hospital's figure flatters, because its films chose the epoch."""
    return (
        f"**The films of {one.hospital} helped to choose the epoch**, as one of {choice.views} "
        "views, so their figure is no independent one; films that chose nothing have to confirm "
        f"it. How much the choice did, on all {one.films} films during the training: AUC "
        f"{format_figure(choice.chosen)} in the epoch that was taken, {format_figure(choice.own)} "
        "in the one that the task's own validation films alone would have taken, "
        f"{format_figure(choice.lowest)} to {format_figure(choice.highest)} in the last "
        f"{choice.last} epochs."
    )


def _why(facts: ModelFacts) -> list[str]:
    """A line for every finding that is exploratory by rule."""
    return [
        f"**`{code}` is exploratory.** {' '.join(WHY[reason] for reason in reasons)}"
        for code, reasons in facts.card.exploratory_because.items()
    ]


def _row(one: HospitalFigures) -> list[str]:
    name = one.hospital or "the test split"
    note = " (chose among networks)" if one.chooses else ""
    films = f"{one.answered} of {one.films}, {one.with_finding} with the finding"
    figures = [one.figures[n].whole if n in one.figures else "" for n in _COLUMNS]
    beside = [one.baselines[n].whole if n in one.baselines else "" for n in BASELINES]
    return [one.finding, f"{name}{note}", films, *figures, *beside]


def grades_section(grades: GradeFigures) -> str:
    """Accuracy and kappa of grades, and the table of true against given ones."""
    names = {
        "accuracy": "Accuracy of the grade",
        "within_one": "At most one grade off",
        "weighted_kappa": "Quadratic weighted kappa",
    }
    figures = [[names[n], f.text, f.interval] for n, f in grades.figures.items() if n in names]
    confusion = [
        [f"**{name}**", *map(str, row)]
        for name, row in zip(grades.classes, grades.confusion, strict=True)
    ]
    return "\n\n".join(
        [
            _table(["figure", "value", "95 % interval"], figures),
            "Films by true grade (rows) and the grade with the highest probability (columns):",
            _table(["", *grades.classes], confusion),
        ]
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
