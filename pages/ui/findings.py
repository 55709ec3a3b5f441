"""What the network says about one image: in words first, then in numbers, always with its name."""

from __future__ import annotations

from html import escape

import streamlit as st

from imaging.entities import Assessment, Finding, Instance, ModelIdentity
from pages.ui import banner, resources, words
from pages.ui.i18n import _


def render_answer(instance: Instance, assessment: Assessment | None) -> None:
    """Draw the answer panel of one image."""
    if assessment is None:
        body = _headline(words.outcome(None), "lb-calm")
    elif assessment.primary is None:
        body = _headline(words.outcome(assessment.status), "lb-calm") + _reasons(assessment)
    else:
        body = _answered(assessment, assessment.primary)
    identity = _small(banner.identity_line(instance))
    st.html(f'<div class="lb-answer">{identity}{body}</div>')


def model_line(model: ModelIdentity) -> str:
    """Name, version and short hash of a network."""
    return _("Model {name} {version}, weights {hash}").format(
        name=model.name, version=model.version, hash=model.short_hash
    )


def _answered(assessment: Assessment, primary: Finding) -> str:
    mood = "lb-raised" if primary.positive else "lb-calm"
    firm = [f for f in assessment.findings if not f.exploratory]
    exploratory = [f for f in assessment.findings if f.exploratory]
    parts = [_headline(words.marked_finding(primary), mood), _reasons(assessment)]
    parts += [_bar(finding) for finding in firm]
    if exploratory:
        note = _("Exploratory \u2013 not reliable from a film")
        parts.append(f'<div class="lb-exploratory">{_small(note)}')
        parts += [_bar(finding) for finding in exploratory]
        parts.append("</div>")
    if assessment.model:
        parts += [_small(model_line(assessment.model)), _small(scope_line())]
    return "".join(parts)


def scope_line() -> str:
    """Whom the installed network was built for."""
    population = resources.classifier().card.scope.population
    return _("Built for: {population}").format(population=_(population))


def _small(text: str) -> str:
    return f'<div class="lb-small">{escape(text)}</div>'


def _headline(text: str, mood: str) -> str:
    return f'<div class="lb-headline {mood}" role="status">{escape(text)}</div>'


def _reasons(assessment: Assessment) -> str:
    return "".join(
        f'<div class="lb-reason">\u26a0 {escape(text)}</div>'
        for text in words.messages(assessment.messages)
    )


def _bar(finding: Finding) -> str:
    """A probability as figure and bar, its operating point marked on both."""
    point = _("operating point {percent}").format(percent=words.percent(finding.operating_point))
    return (
        f'<div class="lb-score"><span>{escape(_(finding.label))}</span>'
        f"<span><b>{escape(words.percent(finding.probability))}</b>"
        f' <span class="lb-small">{escape(point)}</span></span></div>'
        f'<div class="lb-bar"><i style="width:{finding.probability:.1%}"></i>'
        f'<u style="left:{finding.operating_point:.1%}"></u></div>'
    )
