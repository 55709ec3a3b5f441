"""Model facts in words: which network, what it is for and not for, its data, its limits."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from models.model_card.credits import credits_of
from models.model_card.figures import ModelFacts
from models.network.checkpoint import find_checkpoint, installed_checkpoints
from models.rules.findings import FindingSpec
from pages.ui import resources
from pages.ui.i18n import _, ngettext
from pages.ui.labels import pair
from pages.ui.model import labels
from pages.ui.network_answer import model_line


def choose_checkpoint() -> Path:
    """The folder of the network to show, by choice; all answer unless the site named one."""
    settings = resources.settings()
    serving = find_checkpoint(settings.weights, settings.model_name)
    folders = installed_checkpoints(settings.weights)
    if len(folders) == 1:
        return serving
    names = [folder.name for folder in folders]
    answering = {serving.name} if settings.model_name else {*names}
    at = st.selectbox(
        _("Model"),
        range(len(folders)),
        index=names.index(serving.name),
        format_func=lambda i: _mark_serving(names[i]) if names[i] in answering else names[i],
        key="facts-model",
        width=420,
    )
    return folders[at]


def render_identity(facts: ModelFacts) -> None:
    """Draw title, version and hash, and say when figures may belong to other weights."""
    card = facts.card
    st.subheader(_(card.title), anchor=False)
    count = ngettext("{count} model", "{count} models together", card.members)
    st.caption(f"{model_line(card.identity)} \u00b7 {count.format(count=card.members)}")
    if facts.foreign:
        words = _(
            "These figures belong to other weights than the installed ones, and may not hold "
            "for this model: {files}."
        )
        st.warning(words.format(files=", ".join(facts.foreign)))
    if facts.unstamped:
        words = _("These files do not say which weights they were measured on: {files}.")
        st.warning(words.format(files=", ".join(facts.unstamped)))
    if facts.unreadable:
        words = _("These files cannot be read; run make evaluate again: {files}.")
        st.warning(words.format(files=", ".join(facts.unreadable)))


def render_not_for(facts: ModelFacts) -> None:
    """Draw what the network must not be used for, and its limits."""
    st.subheader(_("What it is not for"), anchor=False)
    no = (
        _("Not for diagnosis: it never stands alone, a doctor decides and signs."),
        _("Not for anybody outside that population."),
        _("Not for telling apart what is marked exploratory."),
    )
    exploratory = any(facts.card.explores(spec) for spec in facts.card.findings)
    st.markdown("\n".join(f"- {line}" for line in (no if exploratory else no[:2])))
    with st.expander(_("Limits")):
        st.markdown("\n".join(f"- {labels.limit(limit)}" for limit in facts.card.limits))


def render_scope(facts: ModelFacts) -> None:
    """Draw which images are in scope, and where each finding's threshold lies."""
    scope = facts.card.scope
    age = _(
        "Age {low} to {high} years; a known age further than {margin} years outside is not "
        "suitable."
    ).format(
        low=f"{scope.age_years[0]:g}",
        high=f"{scope.age_years[1]:g}",
        margin=f"{scope.age_margin_years:g}",
    )
    st.markdown(age)
    lists = (
        (_("Modalities"), scope.modalities),
        (_("Body part"), scope.body_parts),
        (_("View"), scope.views),
    )
    st.caption(" \u00b7 ".join(pair(term, ", ".join(values)) for term, values in lists))
    st.markdown("\n".join(f"- {_describe_finding(facts, spec)}" for spec in facts.card.findings))
    if facts.card.localiser_sha256:
        st.caption(
            _(
                "A small model first finds the part of the body; only that part is looked at, and "
                "every explanation shows its frame."
            )
        )


def render_data(facts: ModelFacts) -> None:
    """Draw what the network learned from, and the hashes that name data and weights."""
    data = facts.card.training["data"]
    st.subheader(_("What it learned from"), anchor=False)
    st.markdown(f"{data['title']}. {_('Licence')}: {data['licence']}. {data['citation']}")
    for credit in credits_of(facts.card):
        st.caption(_("Further images of: {source}.").format(source=credit))
    films = data.get("films", {})
    if films:
        words = _(
            "{train} training and {val} validation images; no patient stands in two splits. "
            "Calibration and thresholds saw validation images only."
        )
        st.markdown(words.format(train=films.get("train", 0), val=films.get("val", 0)))
    hashes = _("SHA-256 of weights: {weights}; of images and labels: {data}")
    weights = facts.card.weights_sha256
    st.caption(hashes.format(weights=f"`{weights}`", data=f"`{data.get('sha256', '')}`"))


def render_not_measured() -> None:
    """Say that nothing is stored for a section."""
    st.caption(_("This was not measured for this model."))


def finding_label(facts: ModelFacts, code: str) -> str:
    """A finding by its name on screen, with its caution."""
    for spec in facts.card.findings:
        if spec.code == code:
            label = _(spec.label)
            explores = facts.card.explores(spec)
            return _("{finding} (exploratory)").format(finding=label) if explores else label
    return code


def operating_point(spec: FindingSpec) -> str:
    """Where the line is drawn and how it was chosen."""
    words = (
        _("threshold {point}: the highest with a sensitivity of {target} on validation images")
        if spec.rule == "sensitivity"
        else _("threshold {point}: best sum of sensitivity and specificity on validation images")
    )
    return words.format(point=f"{spec.operating_point:.3f}", target=f"{spec.target:g}")


def _mark_serving(name: str) -> str:
    return _("{name} (answers here)").format(name=name)


def _describe_finding(facts: ModelFacts, spec: FindingSpec) -> str:
    """A finding the network answers about, with its operating point."""
    label = finding_label(facts, spec.code)
    return f"**{label}** \u2013 {operating_point(spec)}"
