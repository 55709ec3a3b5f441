"""The Model page's first screen: what the network is for, in sentences, one plot and a list."""

from __future__ import annotations

from html import escape

import streamlit as st

from models.inference.age_scope import is_for_children
from models.model_card.elsewhere import HospitalFigures
from models.model_card.figures import ModelFacts
from models.model_card.frequencies import Operation, flagged_in, operation_of
from pages.ui import labels
from pages.ui.i18n import _
from pages.ui.model import summary as words


def render_lead(facts: ModelFacts) -> None:
    """Draw what a doctor has to know before the first image; every figure is counted."""
    left, middle, right = st.columns([5, 4, 5], gap="large")
    done = operation_of(facts)
    with left:
        st.subheader(_("What it is for"), anchor=False)
        st.markdown("\n".join(f"{n}. {line}" for n, line in enumerate(_sentences(facts, done), 1)))
        if done is not None:
            films = done.flagged_healthy.films + done.flagged_ill.films
            st.caption(
                _(
                    "Counted on {films} test images from the same source as the training images. "
                    "Expect more errors elsewhere."
                ).format(films=films)
            )
        for one in facts.hospitals:
            if one.hospital and one.finding == facts.card.findings[0].code:
                st.caption(_elsewhere(facts, one))
    if done is not None:
        with middle:
            _render_plot(facts, done)
    with right:
        words.render_not_for(facts)


def _sentences(facts: ModelFacts, done: Operation | None) -> list[str]:
    """At most five sentences: for whom, false alarms, hits, what a flag means, when unsure."""
    card = facts.card
    finding = labels.within(_(card.findings[0].label))
    said = [
        _("It says how likely {finding} is. Built for: {population}.").format(
            finding=finding, population=_(card.scope.population)
        )
    ]
    flagged = flagged_in(facts)
    if done is None or flagged is None:
        return [*said, _("How often it is right was not measured; do not rely on it.")]
    children = is_for_children(card.scope)
    found = done.flagged_ill.of_hundred
    hits = (
        _("Of 100 children with {finding} it finds {found} and misses {missed}.")
        if children
        else _("Of 100 patients with {finding} it finds {found} and misses {missed}.")
    )
    means = (
        _(
            "Of 100 children it calls suspected, {count} had {finding} in testing, where {common} "
            "of 100 had it. Where it is rarer, fewer do."
        )
        if children
        else _(
            "Of 100 patients it calls suspected, {count} had {finding} in testing, where {common} "
            "of 100 had it. Where it is rarer, fewer do."
        )
    )
    said += [
        _healthy(facts, done),
        hits.format(
            finding=finding,
            found=labels.of_hundred(found),
            missed=labels.of_hundred(100 - found),
        ),
        means.format(
            finding=finding,
            count=labels.of_hundred(flagged.of_hundred),
            common=labels.of_hundred(100 * flagged.common),
        ),
    ]
    conformal = facts.split.conformal if facts.split else None
    if conformal is not None and conformal.unsure_share is not None:
        unsure = labels.of_hundred(100 * conformal.unsure_share.value)
        said.append(
            _("It is unsure about {count} of 100 images and leaves them to you.").format(
                count=unsure
            )
        )
    return said


def _elsewhere(facts: ModelFacts, one: HospitalFigures) -> str:
    """What it does in another hospital, at the threshold that is installed."""
    found, spared = (one.figures.get(name) for name in ("sensitivity", "specificity"))
    if found is None or spared is None:
        return _("In another hospital ({hospital}) it was not measured in full.").format(
            hospital=one.hospital
        )
    told = (
        _(
            "In another hospital ({hospital}, {films} images, which helped to choose the model) it "
            "found {found} of 100 with {finding} and flagged {flagged} of 100 without."
        )
        if one.chooses
        else _(
            "In another hospital ({hospital}, {films} images) it found {found} of 100 with "
            "{finding} and flagged {flagged} of 100 without."
        )
    )
    return told.format(
        hospital=one.hospital,
        films=one.answered,
        found=labels.of_hundred(100 * found.value),
        flagged=labels.of_hundred(100 * (1 - spared.value)),
        finding=labels.within(_(facts.card.findings[0].label)),
    )


def _healthy(facts: ModelFacts, done: Operation) -> str:
    """How many of those without the finding are flagged."""
    template = (
        _("{count} of 100 children without {finding} are flagged.")
        if is_for_children(facts.card.scope)
        else _("{count} of 100 patients without {finding} are flagged.")
    )
    return template.format(
        count=labels.of_hundred(done.flagged_healthy.of_hundred),
        finding=labels.within(_(facts.card.findings[0].label)),
    )


def _render_plot(facts: ModelFacts, done: Operation) -> None:
    """Draw a hundred without the finding and a hundred with it, by what becomes of each."""
    finding = labels.within(_(facts.card.findings[0].label))
    groups = (
        (_("100 without {finding}"), done.flagged_healthy.of_hundred, _healthy(facts, done)),
        (
            _("100 with {finding}"),
            done.flagged_ill.of_hundred,
            _("{count} of 100 with {finding} are flagged.").format(
                count=labels.of_hundred(done.flagged_ill.of_hundred), finding=finding
            ),
        ),
    )
    drawn = "".join(
        f"<figure><figcaption>{escape(title.format(finding=finding))}</figcaption>"
        f'<div role="img" aria-label="{escape(said)}">{_dots(round(share))}</div></figure>'
        for title, share, said in groups
    )
    legend = f"{labels.RAISED} {_('flagged')} \u00b7 {labels.PLAIN} {_('not flagged')}"
    st.html(f'<div class="lb-hundred">{drawn}</div><div class="lb-small">{escape(legend)}</div>')


def _dots(flagged: int) -> str:
    """A hundred signs in rows of ten, the flagged ones first; shape and colour say the same."""
    return "".join(
        f"<b>{labels.RAISED}</b>" if at < flagged else f"<i>{labels.PLAIN}</i>" for at in range(100)
    )
