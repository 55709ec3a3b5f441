"""Model facts about the side that readers named, and about masks of other hospitals."""

from __future__ import annotations

import streamlit as st

from models.model_card.figure import Figure
from models.model_card.figures import ModelFacts
from pages.ui.i18n import _


def render_sides(facts: ModelFacts) -> None:
    """Draw both tables; nothing where neither was measured."""
    figures = facts.sides
    if figures is None:
        return
    if figures.sides is not None:
        title = _("On the side that the report names?")
        st.markdown(f"**{title}**")
        st.caption(
            _(
                "Images with the finding whose report names one side. Counted where most of the "
                "evidence lies on that side of the patient; better than both baselines, or it says "
                "little. The last row is free of habits of the maps: 0.5 is chance."
            )
        )
        names = {
            "named": _("On the named side"),
            "called_named": _("On the named side, images that are called suspected"),
            "left": _("On the named side, the patient's left"),
            "right": _("On the named side, the patient's right"),
            "mirrored": _("On the side that has it in the mirrored image"),
            "mean_map": _("Baseline: the mean of the other images' maps."),
            "chance": _("Baseline: the reports dealt out among the images by chance"),
            "tells": _("Evidence on the left tells left from right (AUC)"),
        }
        rows = [
            {_("Evidence"): names[name], _("Images"): str(films), _("Share"): _whole(figure)}
            for name, films, figure in figures.sides.rows
        ]
        st.table(rows, hide_index=True, alt=title)
    if figures.lungs:
        title = _("Within the lungs, in another hospital")
        st.markdown(f"**{title}**")
        rows = [
            {
                _("Images of"): one.hospital,
                _("Images"): str(one.films),
                _("Evidence within the lungs"): _whole(one.share),
                _("Of an even map"): _whole(one.uniform),
                _("Strongest point within"): _whole(one.pointing),
            }
            for one in figures.lungs
        ]
        st.table(rows, hide_index=True, alt=title)


def _whole(figure: Figure | None) -> str:
    return figure.whole if figure is not None else ""
