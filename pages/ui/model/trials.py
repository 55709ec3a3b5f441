"""Model facts from trials whose right answer is known: planted disease, filled lungs."""

from __future__ import annotations

import streamlit as st

from models.explain.methods.registry import METHODS
from models.model_card.figures import ModelFacts
from models.model_card.trials import FILL_NOTE, PLANTED_NOTE
from pages.ui.i18n import _
from pages.ui.model import summary as words


def render_trials(facts: ModelFacts) -> None:
    """Draw what planted opacities do to the answer and the maps, and what filled lungs show."""
    planted = facts.planted
    if planted is None and not facts.fills:
        words.render_not_measured()
        return
    if planted is not None:
        st.markdown(f"**{_('Planted disease')}**")
        st.caption(_(PLANTED_NOTE))
        st.caption(
            _(
                "{films} images with an opacity: {called} of them are suspected, and the "
                "answer rises in {moved}."
            ).format(films=planted.films, called=planted.called.whole, moved=planted.moved.whole)
        )
        rows = [
            {
                _("Method"): _(METHODS[m.method].label) if m.method in METHODS else m.method,
                _("Strongest point on the opacity"): m.hit.whole,
                _("Right side, opacity on the left"): m.left.whole,
                _("Right side, opacity on the right"): m.right.whole,
                _("May be well supported"): _("yes") if m.passes else _("no"),
            }
            for m in planted.methods
        ]
        st.table(rows, hide_index=True, alt=_("Planted disease"))
    if facts.fills:
        st.markdown(f"**{_('Filled lungs')}**")
        st.caption(_(FILL_NOTE))
        rows = [
            {
                _("Fill with"): _(f.label),
                _("Normal images that stay normal, over zones"): f.normal.whole,
                _("Images that lose the finding"): f.gone.whole,
            }
            for f in facts.fills
        ]
        st.table(rows, hide_index=True, alt=_("Filled lungs"))
