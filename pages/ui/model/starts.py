"""Model page: where training began, compared - starts of one task, their figures, their cost."""

from __future__ import annotations

import streamlit as st

from models.model_card.figure import format_figure
from models.model_card.figures import ModelFacts
from models.model_card.starts import STARTS, SetFigures, StartFigures
from pages.ui.i18n import _
from pages.ui.model import labels


def render_starts(facts: ModelFacts) -> None:
    """Draw every start with its cost, then its figures; nothing where none were compared."""
    if not facts.starts:
        return
    st.subheader(_("Where training began"), anchor=False)
    st.caption(
        _(
            "What training began with, compared. All but the installed model were trained equally "
            "long on the same images. Cost: computing time of one answer, the installed model = 1. "
            "The start with the fewest wrongly ordered pairs of images per cost was chosen, on "
            "images that the figures of this page do not count."
        )
    )
    st.table(
        [_cost_row(one) for one in facts.starts],
        hide_index=True,
        alt=_("Starts of training, and what they cost"),
    )
    st.table(
        [_figures_row(one, of_set) for one in facts.starts for of_set in one.sets],
        hide_index=True,
        alt=_("Figures of every start of training"),
    )


def _cost_row(one: StartFigures) -> dict[str, str]:
    return {
        _("Training began with"): _label(one),
        _("Image side, pixels"): str(one.size),
        _("Rounds of training"): str(one.epochs),
        _("Weights, millions"): one.millions,
        _("Cost"): format_figure(one.forward),
        _("Wrongly ordered pairs x cost"): format_figure(one.gap_per_forward),
        _("Note"): _note(one),
    }


def _figures_row(one: StartFigures, of_set: SetFigures) -> dict[str, str]:
    chose, judges = _("{images} (to choose)"), _("{images} (to judge)")
    name = (chose if of_set.chooses else judges).format(images=labels.split(of_set.name))
    figures = {
        "auc": _("AUC"),
        "accuracy": _("Accuracy of the grade"),
        "weighted_kappa": _("Quadratic weighted kappa"),
    }
    cells = {label: of_set.figures[n].whole for n, label in figures.items() if n in of_set.figures}
    about = {_("Training began with"): _label(one), _("Images of"): name}
    return {**about, _("Images"): str(of_set.films), **cells, _("Note"): _note(one)}


def _label(one: StartFigures) -> str:
    label = _(STARTS[one.start]) if one.start in STARTS else one.start
    return f"{label} ({one.begun_with or one.trunk})"


def _note(one: StartFigures) -> str:
    notes = {_("installed"): one.installed, _("chosen"): one.wins}
    return ", ".join(note for note, on in notes.items() if on)
