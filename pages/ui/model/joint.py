"""Model page: how much of a knee model's evidence lies at the joint line."""

from __future__ import annotations

import streamlit as st

from models.model_card.figures import ModelFacts
from models.model_card.joint import KINDS
from pages.ui.i18n import _


def render_joint(facts: ModelFacts) -> None:
    """Draw the figures; nothing where none were measured."""
    figures = facts.joint
    if figures is None:
        return
    st.subheader(_("Is the evidence at the joint line?"), anchor=False)
    st.caption(
        _(
            "Measured on {films} test images with the finding. The joint line is the dark band "
            "between thigh bone and shin bone, found by a rule that knows neither the grade nor "
            "the AI."
        ).format(films=figures.films)
    )
    rows = [
        {
            _("Map"): _(KINDS[row.kind]) if row.kind in KINDS else row.kind,
            _("Share of the evidence at the joint line"): row.share.whole,
            _("Strongest point there"): row.hit.whole,
            _("Evidence there, over that of the whole image"): row.density.whole,
        }
        for row in figures.rows
    ]
    st.table(rows, hide_index=True, alt=_("Evidence at the joint line"))
