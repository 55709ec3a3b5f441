"""Model facts about the explanations: which method points where, and which can be believed."""

from __future__ import annotations

import altair as alt
import streamlit as st

from models.explain.methods.registry import METHODS
from models.model_card.figure import format_figure
from models.model_card.figures import ExplanationFigures, MethodFigures, ModelFacts
from pages.ui.i18n import _
from pages.ui.model import summary as words


def render_explanations(facts: ModelFacts) -> None:
    """Draw the table of methods, and what random weights do to each map."""
    figures = facts.explanations
    if figures is None:
        words.render_not_measured()
        return
    first = figures.methods[0]
    if first.uniform is None:
        measured = _(
            "Measured on {films} correctly answered images that the model was not trained on. "
            "Nobody outlined their anatomy, so where the evidence lies is not in this table."
        ).format(films=first.films)
    else:
        measured = _(
            "Measured on {films} correctly answered images with human lung masks that the "
            "model was not trained on. A uniform map would put {uniform} of its evidence "
            "inside the lungs."
        ).format(films=first.films, uniform=first.uniform.text)
    st.caption(measured)
    st.table([_row(m, figures) for m in figures.methods], hide_index=True, alt=_("Methods"))
    st.caption(
        _(
            "Effect on score: area between adding and removing what the map calls evidence, "
            "in log-odds; zero for a random map. Left: similarity of the map to that of an "
            "untrained model; a method whose map stays the same draws the image instead of "
            "the reason."
        )
    )
    _render_verdicts(figures)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**{_('What random weights do to each map')}**")
        _render_cascade(figures)
    if first.masks:
        with right:
            st.markdown(f"**{_('More images, quick methods only')}**")
            _render_wide(figures)


def _row(m: MethodFigures, figures: ExplanationFigures) -> dict[str, str]:
    label = _label(m)
    return {
        _("Method"): _("{method} (shown first)").format(method=label)
        if m.method == figures.default
        else label,
        **_inside(m),
        _("Effect on score"): m.gain.whole,
        _("Less than the first"): m.behind.whole if m.behind else "",
        _("Left with random weights"): format_figure(list(m.layers.values())[-1]),
        _("Left with random labels"): ""
        if m.random_labels is None
        else format_figure(m.random_labels),
        _("Passes"): _("yes") if m.sane else _("no"),
    }


def _inside(m: MethodFigures) -> dict[str, str]:
    """Where the evidence lies; nothing where there were no masks to measure it by."""
    if m.share is None or m.uniform is None or m.pointing is None:
        return {}
    return {
        _("Evidence inside the lungs"): m.share.whole,
        _("A uniform map"): m.uniform.text,
        _("Strongest point inside"): m.pointing.text,
    }


def _render_verdicts(figures: ExplanationFigures) -> None:
    if not figures.verdicts:
        return
    counted = ", ".join(f"{_(name)} {count}" for name, count in figures.verdicts.items())
    st.caption(_("What the quality tests of these maps say: {counts}.").format(counts=counted))


def _render_cascade(figures: ExplanationFigures) -> None:
    """Similarity to the trained network's map, layer after layer made random."""
    rows = [
        {"method": _label(m), "layer": layer, "similarity": value, "order": at}
        for m in figures.methods
        for at, (layer, value) in enumerate([(_("none"), 1.0), *m.layers.items()])
    ]
    chart = (
        alt.Chart(alt.Data(values=rows), height=340)
        .mark_line(point=alt.OverlayMarkDef(size=24))
        .encode(
            x=alt.X(
                "layer:N",
                sort=alt.EncodingSortField("order"),
                title=_("Random from the output down to"),
                axis=alt.Axis(labelAngle=-30),
            ),
            y=alt.Y("similarity:Q", title=_("Similarity to the real one")),
            color=alt.Color("method:N", title=_("Method"), sort=None),
        )
    )
    st.altair_chart(chart, width="stretch")
    st.caption(
        _(
            "A map that stays as it was draws the image, not the reason. Adebayo et al., "
            "arXiv 1810.03292."
        )
    )


def _render_wide(figures: ExplanationFigures) -> None:
    rows = [
        {
            _("Method"): _label(m),
            _("Images"): str(m.masks),
            _("Evidence inside the lungs"): m.wide.whole,
            _("Strongest point inside"): m.wide_pointing.text if m.wide_pointing else "",
        }
        for m in figures.methods
        if m.wide is not None
    ]
    if rows:
        st.table(rows, hide_index=True, alt=_("More images, quick methods only"))


def _label(m: MethodFigures) -> str:
    return _(METHODS[m.method].label) if m.method in METHODS else m.method
