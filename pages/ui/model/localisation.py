"""Model facts about where maps point, beside what radiologists marked."""

from __future__ import annotations

import streamlit as st

from models.explain.methods.registry import METHODS
from models.model_card.figure import Figure, format_figure
from models.model_card.figures import ModelFacts
from models.model_card.localisation import (
    BASELINES,
    PUBLISHED,
    PUBLISHED_NOTE,
    MethodPointing,
    SetPointing,
)
from pages.ui.i18n import _
from pages.ui.model import summary as words


def render_localisation(facts: ModelFacts) -> None:
    """Draw a table for each set of marked films: methods, baselines, published figures."""
    figures = facts.localisation
    if figures is None:
        words.render_not_measured()
        return
    st.caption(
        _(
            "On images of adults annotated by radiologists; the model was trained on none of "
            "them. They may have chosen models and settings, so the figures flatter."
        )
    )
    for one in figures.sets:
        st.markdown(f"**{_(one.title)}**")
        st.caption(
            _(
                "{films} annotated images, {called} of them suspected. Mirroring an image "
                "changes the probability by {change} on average."
            ).format(films=one.films, called=one.called, change=one.change.whole)
        )
        rows = [_row(method, figures.default) for method in one.methods]
        st.table([*rows, *_published(one)], hide_index=True, alt=_(one.title))
    st.caption(
        _(
            "Evidence on the disease: evidence for it per area inside the annotations, over "
            "that of the whole image; 1 for a map that is the same everywhere. Right side: "
            "most of the evidence lies on the side of the picture that alone has disease. "
            "Mirrored image: correlation of its map, mirrored back, with the image's own."
        )
    )
    st.caption(_(PUBLISHED_NOTE))


def _row(method: MethodPointing, default: str) -> dict[str, str]:
    return {
        _("Method"): _label(method.method, default),
        _("Strongest point on the disease"): method.hit.whole,
        _("Evidence on the disease"): method.density.whole,
        _("Right side, disease on the left"): _side(method.left, method.left_films),
        _("Right side, disease on the right"): _side(method.right, method.right_films),
        _("Mirrored image"): method.mirror.whole if method.mirror else "",
    }


def _published(one: SetPointing) -> list[dict[str, str]]:
    """Hit rates of the literature below ours, under the same headings."""
    empty = dict.fromkeys(_row(one.methods[0], ""), "")
    name, hit = _("Method"), _("Strongest point on the disease")
    return [empty | {name: _(label), hit: format_figure(value)} for label, value in PUBLISHED]


def _label(method: str, default: str) -> str:
    if method in BASELINES:
        return _(BASELINES[method])
    label = _(METHODS[method].label) if method in METHODS else method
    return _("{method} (shown first)").format(method=label) if method == default else label


def _side(share: Figure | None, films: int) -> str:
    if share is None:
        return ""
    return _("{share} of {films}").format(share=share.whole, films=films)
