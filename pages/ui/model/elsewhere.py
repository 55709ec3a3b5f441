"""Model page: other hospitals, whole-image numbers beside every figure, and grades."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from models.checkpoint.card import Published
from models.model_card.elsewhere import WHY, EpochChoice, HospitalFigures
from models.model_card.figure import format_figure
from models.model_card.figures import ModelFacts
from pages.ui.i18n import _, sentence
from pages.ui.labels import pair, within
from pages.ui.model import summary as words
from pages.ui.model.tables import labels


def render_caution(facts: ModelFacts) -> None:
    """Say which findings are exploratory by rule, and why; nothing where none is."""
    for code, reasons in facts.card.exploratory_because.items():
        told = _("{finding}: it sets no priority and leads no answer.")
        label = words.finding_label(facts, code)
        why = " ".join(sentence(WHY[reason]) for reason in reasons)
        st.warning(f"{told.format(finding=label)} {why}")


def render_hospitals(facts: ModelFacts) -> None:
    """Draw the network's figures in every hospital beside what whole-image numbers reach there."""
    if not facts.hospitals:
        words.render_not_measured()
        return
    st.caption(
        _(
            "Numbers of the whole picture hold no anatomy. What a linear model reaches with them, "
            "the images give away: the AI has to be better, and in another hospital."
        )
    )
    title = _("Other hospitals, beside whole-image numbers")
    _table([_row(facts, one) for one in facts.hospitals], title)
    for asked in (p for p in facts.card.published if p.asked):
        st.caption(_asked(facts, asked))
    for one in facts.hospitals:
        if one.choice is not None:
            st.warning(_choice(one, one.choice))
    if not any(one.hospital for one in facts.hospitals):
        st.caption(_("No images of another hospital: what it is worth there is not known."))


def _asked(facts: ModelFacts, asked: Published) -> str:
    """What is asked of a test, which nobody measured here."""
    told = _("Asked of a test for {finding}: {figures} ({source}).")
    figures = ", ".join(
        pair(labels()[name], format_figure(value)) for name, value in asked.figures.items()
    )
    finding = within(words.finding_label(facts, asked.finding))
    return told.format(finding=finding, figures=figures, source=asked.source)


def _choice(one: HospitalFigures, choice: EpochChoice) -> str:
    """How far a hospital's figure flatters, because its images chose when training ended."""
    return _(
        "The images of {hospital} helped to choose when training ended, so their figure may "
        "flatter; images that chose nothing have to confirm it. During training the AUC on all "
        "{films} was {chosen} at the end that was taken, {own} at the one that its own hospital "
        "alone would have chosen, and {lowest} to {highest} in the last {last} rounds."
    ).format(
        hospital=one.hospital,
        films=one.films,
        chosen=format_figure(choice.chosen),
        own=format_figure(choice.own),
        lowest=format_figure(choice.lowest),
        highest=format_figure(choice.highest),
        last=choice.last,
    )


def _row(facts: ModelFacts, one: HospitalFigures) -> dict[str, str]:
    name = one.hospital or _("Its own test images")
    if one.chooses:
        name = _("{hospital} (chose among models)").format(hospital=name)
    films = _("{answered} of {films} answered, {present} with the finding").format(
        answered=one.answered, films=one.films, present=one.with_finding
    )
    named = {n: labels()[n] for n in ("auc", "sensitivity", "specificity")}
    named["specificity_at_target"] = _("Specificity at the wanted sensitivity")
    figures = {
        label: one.figures[n].whole if n in one.figures else "" for n, label in named.items()
    }
    names = {
        "numbers": _("AUC of twelve numbers of the whole image"),
        "thumbnail": _("AUC of the image at 16 x 16 pixels"),
    }
    beside = {
        label: one.baselines[n].whole if n in one.baselines else "" for n, label in names.items()
    }
    finding = words.finding_label(facts, one.finding)
    return {_("Finding"): finding, _("Images of"): name, _("Images"): films, **figures, **beside}


def render_grades(facts: ModelFacts) -> None:
    """Draw the figures of grades; nothing where the classes are none."""
    grades = facts.split.grades if facts.split else None
    if grades is None:
        return
    st.markdown(f"**{_('Grades')}**")
    names = {
        "accuracy": _("Accuracy of the grade"),
        "within_one": _("At most one grade off"),
        "weighted_kappa": _("Quadratic weighted kappa"),
    }
    rows = [
        {_("Figure"): names[n], _("Value"): f.text, _("95 % interval"): f.interval}
        for n, f in grades.figures.items()
        if n in names
    ]
    _table(rows, _("Figures of grades"))
    confusion = [
        {
            _("True grade"): _(name),
            **{_(c): str(v) for c, v in zip(grades.classes, row, strict=True)},
        }
        for name, row in zip(grades.classes, grades.confusion, strict=True)
    ]
    _table(confusion, _("Images by true grade (rows) and the grade given (columns)"))


def _table(rows: Sequence[dict[str, str]], alt: str) -> None:
    """A plain table, which screen readers can walk."""
    st.table(list(rows), hide_index=True, alt=alt)
