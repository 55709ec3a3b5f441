"""Model: what the network is for, how good it is and where it fails, from stored evaluation."""

from __future__ import annotations

import streamlit as st

from models.facts import read_facts
from pages.ui import facts as words
from pages.ui import facts_charts, facts_explanations, facts_gallery, facts_tables
from pages.ui.frame import insist_on_router
from pages.ui.i18n import _

insist_on_router()
facts = read_facts(words.choose_checkpoint())
words.render_identity(facts)
words.render_purpose(facts)

st.subheader(_("How good it is"), anchor=False)
facts_tables.render_figures(facts)
left, right = st.columns(2, gap="large")
with left:
    st.markdown(f"**{_('ROC: what another operating point would give')}**")
    facts_charts.render_roc(facts)
with right:
    st.markdown(f"**{_('Reliability: does 80 % mean 80 of 100?')}**")
    facts_charts.render_reliability(facts)
facts_tables.render_contenders(facts)
facts_tables.render_published(facts)

st.subheader(_("When it is unsure"), anchor=False)
left, right = st.columns(2, gap="large")
with left:
    facts_tables.render_unsure(facts)
with right:
    st.markdown(f"**{_('Accuracy when only the surest films are answered')}**")
    facts_charts.render_selective(facts)
facts_tables.render_members(facts)

st.subheader(_("Subgroups"), anchor=False)
facts_tables.render_subsets(facts)

st.subheader(_("Is it the lungs, or a shortcut?"), anchor=False)
facts_tables.render_shortcuts(facts)

st.subheader(_("How much a worse film changes it"), anchor=False)
facts_charts.render_robustness(facts)
facts_tables.render_robustness(facts)

st.subheader(_("How far its explanations can be believed"), anchor=False)
facts_explanations.render_explanations(facts)

st.subheader(_("What it refuses to answer"), anchor=False)
facts_tables.render_gate(facts)

st.subheader(_("Its worst mistakes"), anchor=False)
facts_gallery.render_worst(facts)

words.render_data(facts)
