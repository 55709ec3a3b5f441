"""Model: what the network is for, how good it is and where it fails, from stored evaluation."""

from __future__ import annotations

import streamlit as st

from models.model_card.facts import read_facts
from pages.ui.frame import insist_on_router
from pages.ui.i18n import _
from pages.ui.model import (
    charts,
    elsewhere,
    explanation_tables,
    joint,
    lead,
    localisation,
    mistakes,
    routing,
    sides,
    starts,
    tables,
    trials,
)
from pages.ui.model import summary as words

insist_on_router()
facts = read_facts(words.choose_checkpoint())
words.render_identity(facts)
elsewhere.render_caution(facts)
lead.render_lead(facts)

good, unsure, tested, worse, explained, refused, mistaken, made = st.tabs(
    [
        _("How good it is"),
        _("When it is unsure"),
        _("Subgroups and shortcuts"),
        _("Worse images"),
        _("Explanations"),
        _("Refusals"),
        _("Worst mistakes"),
        _("How it was made"),
    ]
)
with good:
    tables.render_figures(facts)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown(f"**{_('ROC: what another threshold would give')}**")
        charts.render_roc(facts)
    with right:
        st.markdown(f"**{_('Reliability: does 80 % mean 80 of 100?')}**")
        charts.render_reliability(facts)
    elsewhere.render_grades(facts)
    st.markdown(f"**{_('Other hospitals, beside whole-image numbers')}**")
    elsewhere.render_hospitals(facts)
    tables.render_contenders(facts)
    tables.render_published(facts)
with unsure:
    left, right = st.columns(2, gap="large")
    with left:
        tables.render_unsure(facts)
    with right:
        st.markdown(f"**{_('Accuracy when only the surest images are answered')}**")
        charts.render_selective(facts)
    tables.render_members(facts)
with tested:
    st.subheader(_("Subgroups"), anchor=False)
    tables.render_subsets(facts)
    st.subheader(_("Is it the disease, or a shortcut?"), anchor=False)
    tables.render_shortcuts(facts)
with worse:
    charts.render_robustness(facts)
    tables.render_robustness(facts)
with explained:
    st.subheader(_("How far its explanations can be believed"), anchor=False)
    explanation_tables.render_explanations(facts)
    st.subheader(_("Does it point at the disease?"), anchor=False)
    localisation.render_localisation(facts)
    sides.render_sides(facts)
    joint.render_joint(facts)
    st.subheader(_("Trials whose right answer is known"), anchor=False)
    trials.render_trials(facts)
with refused:
    tables.render_gate(facts)
    routing.render_routing()
with mistaken:
    mistakes.render_worst(facts)
with made:
    words.render_scope(facts)
    words.render_data(facts)
    starts.render_starts(facts)
