"""The network's answer about one image: in words first, then in numbers, always with its name."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from imaging.entities import Answer, Assessment, Finding, Instance, ModelIdentity
from imaging.export import wording
from imaging.review.grades import grade_answer
from models.inference.age_scope import is_for_children
from models.inference.assessments import promises_nothing
from models.inference.image_selection import because
from models.inference.scope import leaves_age_open
from models.model_card.frequencies import frequency_of
from pages.ui import labels, patient_banner, resources
from pages.ui.i18n import _, sentence


def render_answer(instance: Instance, assessment: Assessment | None) -> None:
    """Draw the answer panel of one image."""
    if assessment is None:
        body = _headline(labels.outcome(None), "lb-calm")
    elif assessment.primary is None:
        body = _headline(labels.outcome(assessment.status), "lb-calm") + _reasons(assessment)
        body += _fold_exploratory(assessment.findings)
        body += "".join(_describe_network(instance, assessment)) if assessment.findings else ""
    else:
        body = _compose_answer(instance, assessment, assessment.primary)
    identity = _small_line(patient_banner.identity_line(instance))
    made = instance.derivation
    if made is not None and made.is_region:  # which of two joints, and by whose hand
        by = _("marked by {reader}").format(reader=made.reader)
        identity += _small_line(f"{labels.region_name(instance)}, {by}")
    st.html(f'<div class="lb-answer">{identity}{body}</div>')


def model_line(model: ModelIdentity) -> str:
    """Name, version and short hash of a network; of its weights alone in records of before."""
    sentence = (
        _("Model {name} {version}, files {hash}")
        if model.files_sha256
        else _("Model {name} {version}, weights {hash}")
    )
    return sentence.format(name=model.name, version=model.version, hash=model.short_hash)


def _compose_answer(instance: Instance, assessment: Assessment, primary: Finding) -> str:
    firm = [f for f in assessment.findings if not f.exploratory]
    exploratory = [f for f in assessment.findings if f.exploratory]
    said = [f for f in firm if f.answer is not None] or [primary]  # several answers, or the one
    headline = "".join(
        _headline(labels.answer(f, assessment.answer_to(f)), _mood(assessment, f)) for f in said
    )
    parts = [headline, *(_small_line(_(f.advice)) for f in said if f.advice), _reasons(assessment)]
    if promises_nothing(assessment.messages):
        parts += [_small_line(_describe_score(finding)) for finding in firm]
        return "".join([*parts, *_describe_network(instance, assessment)])
    parts += [_bar(finding) for finding in firm]
    given = grade_answer(assessment)
    parts += [_small_line(wording.grade_line(given))] if given else []
    for alone in (assessment.about(finding) for finding in said):
        parts += [_small_line(text) for text in _describe_frequency(alone)]
        parts += [_small_line(text) for text in _describe_certainty(alone)]
    parts.append(_fold_exploratory(exploratory))
    return "".join([*parts, *_describe_network(instance, assessment)])


def _fold_exploratory(findings: Sequence[Finding]) -> str:
    """Findings that nobody should rely on, behind their caution; nothing where there are none."""
    if not findings:
        return ""
    note = _("Exploratory \u2013 not reliable from an image")
    bars = "".join(_bar(finding) for finding in findings)
    return f'<details class="lb-exploratory"><summary>{escape(note)}</summary>{bars}</details>'


def _describe_score(finding: Finding) -> str:
    """A score outside the studied population: it is no probability, and must not look like one."""
    return _(
        "{finding}: score {score}, threshold {point}; not a probability for this image"
    ).format(
        finding=_(finding.label),
        score=f"{finding.probability:.2f}",
        point=f"{finding.operating_point:.2f}",
    )


def _describe_network(instance: Instance, assessment: Assessment) -> list[str]:
    """Which network answered; folded: for whom it was built, what of, and what computed it."""
    model, folded = [], []
    if assessment.model:
        model.append(_small_line(model_line(assessment.model)))
        if assessment.choice:
            model.append(_small_line(sentence(assessment.choice)))
        folded.append(scope_line(assessment.model))
        folded.append(sentence(because(instance, assessment)))
    if assessment.engine:
        folded.append(_("Computed with {engine}").format(engine=assessment.engine))
    if assessment.disagreement is not None:
        folded.append(labels.agreement(assessment.disagreement))
    if folded:
        lines = "".join(map(_small_line, folded))
        words = escape(_("Technical details"))
        model.append(f'<details class="lb-technical"><summary>{words}</summary>{lines}</details>')
    return model


def _mood(assessment: Assessment, finding: Finding) -> str:
    """How the answer stands: raised where it asks for a reader soon."""
    soon = finding.positive or assessment.answer_to(finding) is Answer.UNSURE
    return "lb-raised" if soon else "lb-calm"


def _describe_certainty(assessment: Assessment) -> list[str]:
    """How sure the answer is, and of whom that is true."""
    lines = []
    template = wording.certainty_template(assessment)
    if template and assessment.primary is not None and assessment.error_rate is not None:
        label = labels.within(_(assessment.primary.label))
        count = wording.error_count(assessment.error_rate)
        lines.append(_(template).format(finding=label, count=count))
        if assessment.model and leaves_age_open(assessment.messages):
            # the error rate is kept among patients like the studied ones alone (Vovk 2005)
            told = _("The patient's age is unknown: this is true of {population} only.")
            card = resources.installed_card(assessment.model)
            if card is not None:
                lines.append(told.format(population=labels.within(_(card.scope.population))))
    return lines


def _describe_frequency(assessment: Assessment) -> list[str]:
    """How often an answer like this was right in testing, and what that depends on."""
    facts = resources.measured(assessment.model.name) if assessment.model else None
    frequency = frequency_of(facts, assessment) if facts is not None else None
    if facts is None or frequency is None or assessment.primary is None:
        return [_("How often an answer like this was right in testing is not known.")]
    if not frequency.enough:
        few = _(
            "Too few test images ({films}) had an answer like this to say how often it was right."
        )
        return [few.format(films=frequency.films)]
    finding = labels.within(_(assessment.primary.label))
    told = (
        _("Of 100 children with an answer like this, about {count} had {finding} in testing.")
        if is_for_children(facts.card.scope)
        else _("Of 100 patients with an answer like this, about {count} had {finding} in testing.")
    )
    depends = _("In testing {common} of 100 had {finding}; where it is rarer, fewer do.")
    return [
        told.format(count=labels.of_hundred(frequency.of_hundred), finding=finding),
        depends.format(common=labels.of_hundred(100 * frequency.common), finding=finding),
    ]


def scope_line(model: ModelIdentity) -> str:
    """Whom a network was built for; that it is not installed any more where nobody knows."""
    card = resources.installed_card(model)
    if card is None:
        return _("This model is not installed any more; its answer cannot be explained.")
    return _("Built for: {population}").format(population=_(card.scope.population))


def _small_line(text: str) -> str:
    return f'<div class="lb-small">{escape(text)}</div>'


def _headline(text: str, mood: str) -> str:
    return f'<div class="lb-headline {mood}" role="status">{escape(text)}</div>'


def _reasons(assessment: Assessment) -> str:
    return "".join(
        f'<div class="lb-reason">\u26a0 {escape(text)}</div>'
        for text in labels.messages(assessment.messages)
    )


def _bar(finding: Finding) -> str:
    """A probability as figure and bar, its operating point marked on both."""
    point = _("threshold {percent}").format(percent=labels.percent(finding.operating_point))
    return (
        f'<div class="lb-score"><span>{escape(_(finding.label))}</span>'
        f"<span><b>{escape(labels.percent(finding.probability))}</b>"
        f' <span class="lb-small">{escape(point)}</span></span></div>'
        f'<div class="lb-bar"><i style="width:{finding.probability:.1%}"></i>'
        f'<u style="left:{finding.operating_point:.1%}"></u></div>'
    )
