"""The model card's section on explanations: where maps point, whether the answer hangs on it."""

from __future__ import annotations

from models.explain.methods.registry import METHODS
from models.model_card.figure import format_figure
from models.model_card.figures import ExplanationFigures, MethodFigures

HEADER = (
    "method",
    "evidence inside the lungs",
    "a uniform map",
    "strongest point inside",
    "insertion less deletion",
    "less than the default",
    "left with random weights",
    "left with random labels",
    "passes",
)
IN_MASKS = HEADER[1:4]
_EXPLAINED_MASKS = (
    "Median share of the positive evidence inside the human lung masks, and how often the "
    "strongest point lies there, on rightly called films of the validation split with the "
    "finding. "
)
_NO_MASKS = (
    "On rightly called films of the validation split with the finding. There are no human masks of "
    "these films: how much of the evidence lies within the anatomy was not measured. "
)
_EXPLAINED = (
    "Insertion less deletion: how much the answer hangs on what the map calls evidence "
    "(zero for a map drawn by lot). Similarity of a map to that of a network with random weights, "
    "or random labels: one is the same map, and a method whose map stays draws the film instead "
    "of the reason."
)


def explained(figures: ExplanationFigures) -> str:
    """What the table's columns say."""
    return (_EXPLAINED_MASKS if has_masks(figures) else _NO_MASKS) + _EXPLAINED


def has_masks(figures: ExplanationFigures) -> bool:
    """Whether it was measured how much of the evidence lies within human masks."""
    return any(m.share is not None for m in figures.methods)


def header(figures: ExplanationFigures) -> list[str]:
    """Names of the columns of `explanations_rows`."""
    return [name for name in HEADER if has_masks(figures) or name not in IN_MASKS]


def explanations_rows(figures: ExplanationFigures) -> list[list[str]]:
    """Rows of text, one per method, under `header`, the most faithful first."""
    return [_row(m, figures) for m in figures.methods]


def _row(m: MethodFigures, figures: ExplanationFigures) -> list[str]:
    stem_similarity = list(m.layers.values())[-1]
    label = METHODS[m.method].label if m.method in METHODS else m.method
    return [
        f"{label} (default)" if m.method == figures.default else label,
        *(_inside(m) if has_masks(figures) else ()),
        m.gain.whole,
        m.behind.whole if m.behind else "",
        format_figure(stem_similarity),
        "" if m.random_labels is None else format_figure(m.random_labels),
        "yes" if m.sane else "no",
    ]


def _inside(m: MethodFigures) -> tuple[str, ...]:
    share = "" if m.share is None else m.share.whole
    return share, *("" if one is None else one.text for one in (m.uniform, m.pointing))


def wide_rows(figures: ExplanationFigures) -> list[list[str]]:
    """Method, masks, share and pointing on many more films; quick methods only."""
    return [
        [
            METHODS[m.method].label if m.method in METHODS else m.method,
            str(m.masks),
            m.wide.whole,
            m.wide_pointing.text if m.wide_pointing else "",
        ]
        for m in figures.methods
        if m.wide is not None
    ]


def verdicts_line(figures: ExplanationFigures) -> str:
    """Sentence that counts the default method's verdicts; empty without any."""
    if not figures.verdicts:
        return ""
    counted = ", ".join(f"{name} {count}" for name, count in figures.verdicts.items())
    return f"Receipts of the default method: {counted}."
