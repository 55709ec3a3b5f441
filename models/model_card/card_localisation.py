"""The model card's section on where maps point, beside marks of radiologists."""

from __future__ import annotations

from models.explain.methods.registry import METHODS
from models.model_card.figure import Figure, format_figure
from models.model_card.localisation import (
    BASELINES,
    PUBLISHED,
    PUBLISHED_NOTE,
    LocalisationFigures,
    MethodPointing,
    SetPointing,
)

HEADER = (
    "method",
    "strongest point on the disease",
    "evidence there over that of the whole film",
    "right side, disease on the picture's left",
    "right side, disease on the picture's right",
    "mirrored film's map",
)
EXPLAINED = (
    "On films of adults, whom the network was not trained on, that radiologists have marked. "
    "Strongest point on the disease: the pointing game. Evidence there: positive evidence per area "
    "inside the marks, over that of the whole film; one for a map that is the same everywhere. "
    "Right side: most of the positive evidence lies on the side of the picture that alone has "
    "disease. Mirrored film's map: its median correlation with the film's own, mirrored back. "
    "These films may choose networks and settings, so the figures flatter; others are kept back."
)


def set_line(figures: SetPointing) -> str:
    """What the films are, and what mirroring does to the answer."""
    return (
        f"{figures.title} {figures.films} films with marks, {figures.called} of them called. "
        f"Mirroring a film changes the probability by {figures.change.whole} on average."
    )


def set_rows(figures: SetPointing, default: str) -> list[list[str]]:
    """Rows of text under `HEADER`: methods, then baselines."""
    rows = [
        [
            label_of(method, default),
            method.hit.whole,
            method.density.whole,
            _side(method.left, method.left_films),
            _side(method.right, method.right_films),
            method.mirror.whole if method.mirror else "",
        ]
        for method in figures.methods
    ]
    return [*rows, *([name, format_figure(hit), "", "", "", ""] for name, hit in PUBLISHED)]


def label_of(method: MethodPointing, default: str) -> str:
    """A method's or baseline's name."""
    if method.method in BASELINES:
        return BASELINES[method.method]
    label = METHODS[method.method].label if method.method in METHODS else method.method
    return f"{label} (default)" if method.method == default else label


def _side(share: Figure | None, films: int) -> str:
    return f"{share.whole} of {films}" if share else ""


def notes(figures: LocalisationFigures) -> str:
    """What to know of the published figures; empty without any of ours."""
    return PUBLISHED_NOTE if figures.sets else ""
