"""Model facts as tables: every stored figure with its interval, for eyes and screen readers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from models.model_card.figure import Figure, Figures, format_figure
from models.model_card.figures import MEANINGS, ConformalFigures, ModelFacts, SplitFigures, Subset
from pages.ui.i18n import _, sentence
from pages.ui.model import labels as names
from pages.ui.model import summary as words

Row = Mapping[str, str]

_COLUMNS = ("auc", "accuracy", "sensitivity", "specificity")


def labels() -> Mapping[str, str]:
    """Names of the stored figures."""
    return {
        "auc": _("AUC"),
        "accuracy": _("Accuracy"),
        "sensitivity": _("Sensitivity"),
        "specificity": _("Specificity"),
        "ece": _("Expected calibration error (15 bins)"),
        "ece_noise_floor": _("Calibration error of a perfect model"),
        "brier": _("Brier score"),
        "nll": _("Negative log-likelihood"),
    }


def render_figures(facts: ModelFacts) -> None:
    """Draw the figures of every finding on the held-out split."""
    if facts.split is None:
        words.render_not_measured()
        return
    counted = _("{films} images of the {split} split; intervals: 95 % bootstrap over images.")
    st.caption(counted.format(films=facts.split.films, split=names.split(facts.split.split)))
    if facts.split.refused:
        left_out = _("{count} of them refused as unsuitable; the figures are of the others.")
        st.caption(left_out.format(count=facts.split.refused))
    rows = []
    for finding in facts.split.findings:
        label = words.finding_label(facts, finding.code)
        if finding.among:
            among = words.finding_label(facts, finding.among)
            label = _("{finding}, among {among}").format(finding=label, among=among)
        rows += [
            {
                _("Finding"): label,
                _("Figure"): labels().get(name, name),
                _("Value"): figure.text,
                _("95 % interval"): figure.interval,
                _("What it means"): sentence(MEANINGS.get(name, "")),
            }
            for name, figure in _sort_figures(finding.figures)
        ]
    _table(rows, _("Figures with intervals"))


def render_contenders(facts: ModelFacts) -> None:
    """Draw other networks trained by the same recipe, where that was measured."""
    if not facts.contenders:
        return
    st.markdown(f"**{_('Beside other models trained by the same recipe')}**")
    rows = [
        {
            _("AI"): c.network,
            _("Trainings"): str(c.seeds),
            _("AUC"): c.auc.whole,
            _("Accuracy"): c.accuracy.whole,
            _("Computing time, ours = 1"): "" if c.forward is None else format_figure(c.forward),
        }
        for c in facts.contenders
    ]
    _table(rows, _("Beside other models trained by the same recipe"))


def render_published(facts: ModelFacts) -> None:
    """Draw figures from the literature below ours, finding by finding."""
    rows = []
    for finding, others in facts.published:
        label = words.finding_label(facts, finding.code)
        rows.append(_published_row(label, _("This model"), _("as above"), _texts(finding.figures)))
        for p in others:
            figures = {name: format_figure(value) for name, value in p.figures.items()}
            rows.append(_published_row(label, p.source, sentence(p.films), figures))
    if rows:
        st.markdown(f"**{_('Beside published figures')}**")
        _table(rows, _("Beside published figures"))


def _published_row(finding: str, source: str, films: str, figures: Mapping[str, str]) -> Row:
    named = {labels()[name]: figures.get(name, "") for name in _COLUMNS}
    return {_("Finding"): finding, _("Source"): source, _("Images"): films, **named}


def _texts(figures: Figures) -> Mapping[str, str]:
    return {name: figure.text for name, figure in figures.items()}


def render_unsure(facts: ModelFacts) -> None:
    """Draw how often the network says "unsure", and how right it is where it answers."""
    conformal = facts.split.conformal if facts.split else None
    if facts.split is None or conformal is None:
        words.render_not_measured()
        return
    explained = _(
        "The AI says unsure where it cannot rule out the one or the other; it aims to miss "
        "the truth in at most {rate} % of images."
    )
    st.caption(explained.format(rate=f"{100 * conformal.error_rate:g}"))
    rows = [
        {_("Figure"): name, _("Value"): figure.text, _("95 % interval"): figure.interval}
        for name, figure in (*_answered_figures(facts.split), *_conformal_figures(conformal))
    ]
    if facts.split.disagreement is not None:
        figure = facts.split.disagreement
        name = _("Disagreement tells wrong calls from right ones (AUC)")
        values = {_("Value"): figure.text, _("95 % interval"): figure.interval}
        rows.append({_("Figure"): name, **values})
    _table(rows, _("Unsure answers"))
    if facts.split.answers:
        answers = {
            "present": _("present"),
            "absent": _("absent"),
            "unsure": _("unsure"),
            "unsuitable": _("refused"),
        }
        counts = (f"{answers.get(name, name)} {n}" for name, n in facts.split.answers.items())
        st.caption(_("Images by answer: {counts}").format(counts=", ".join(counts)))


def render_members(facts: ModelFacts) -> None:
    """Draw the ensemble's networks alone."""
    members = facts.split.members if facts.split else ()
    if not members:
        return
    st.markdown(f"**{_('Each part of the model alone')}**")
    rows = [
        {_("Training (seed)"): "" if m.seed is None else str(m.seed), **_columns(m.figures)}
        for m in members
    ]
    _table(rows, _("Each part of the model alone"))


def render_subsets(facts: ModelFacts) -> None:
    """Draw the leading finding on parts of the films and on the films in another form."""
    subsets = facts.split.subsets if facts.split else ()
    if not subsets:
        words.render_not_measured()
        return
    _table([_subset_row(s) for s in subsets], _("Subgroups"))


def render_shortcuts(facts: ModelFacts) -> None:
    """Draw what remains when a possible shortcut is taken away, and what shortcuts alone reach."""
    if not facts.shortcuts:
        words.render_not_measured()
        return
    plain = [s for s in facts.shortcuts if not s.detail]
    network, trivial = ([s for s in plain if s.baseline is b] for b in (False, True))
    split = facts.shortcuts[0].split
    st.markdown(f"**{_('The AI, with parts of the image hidden or sizes matched')}**")
    _table([_subset_row(s) for s in network if s.split == split], _("The AI with parts hidden"))
    st.markdown(f"**{_('Trivial predictors, which cannot see disease')}**")
    _table([_subset_row(s) for s in trivial if s.split == split], _("Trivial predictors"))
    with st.expander(_("Everything measured, other splits and single strata too")):
        who = {True: _("trivial predictor"), False: _("the AI")}
        rows = [{_("Who answers"): who[s.baseline], **_subset_row(s)} for s in facts.shortcuts]
        _table(rows, _("Every shortcut row"))


def render_robustness(facts: ModelFacts) -> None:
    """Draw every level of every corruption, folded."""
    if facts.robustness is None:
        return
    rows = [
        {
            _("Change"): _(level.label),
            _("Level"): f"{level.level:g} {_(level.unit)}".strip(),
            _("AUC"): level.auc.whole,
            _("Changed calls"): format_figure(level.flip_rate),
            _("Mean change of probability"): format_figure(level.mean_change),
        }
        for level in facts.robustness.levels
    ]
    with st.expander(_("The same as a table")):
        _table(rows, _("Robustness"))


def render_gate(facts: ModelFacts) -> None:
    """Draw what the scope gate refuses and lets through."""
    gate = facts.gate
    if gate is None:
        words.render_not_measured()
        return
    named = {
        "passed": _("Fitting images let through"),
        "refused_foreign": _("Other pictures refused"),
        "refused_views": _("Inverted, turned or cut images refused"),
    }
    shares = {named.get(name, name): figure for name, figure in gate.shares.items()}
    rows = [
        {_("Figure"): name, _("Value"): f.text, _("95 % interval"): f.interval}
        for name, f in {_("AUROC, fitting v other pictures"): gate.auroc, **shares}.items()
    ]
    _table(rows, _("Scope gate"))
    should = {"pass": _("let through"), "refuse": _("refuse")}
    kinds = [
        {
            _("Kind of picture"): names.kind(k.kind),
            _("Pictures"): str(k.images),
            _("It should"): should.get(k.expected, ""),
            _("Share refused"): k.refused.whole,
        }
        for k in gate.kinds
    ]
    _table(kinds, _("Scope gate by kind of picture"))
    st.caption(
        _(
            "The gate sees pixels, no ages: a patient whose age was not studied is refused by the "
            "header, whatever the gate says."
        )
    )


def _answered_figures(split: SplitFigures) -> Iterable[tuple[str, Figure]]:
    """Names and figures of the shares of films that were not refused."""
    named = {
        "present": _("Not refused as unsuitable, images with the finding"),
        "absent": _("Not refused as unsuitable, images without the finding"),
        "all": _("Not refused as unsuitable, all images"),
    }
    yield from ((named.get(name, name), figure) for name, figure in split.answered.items())


def _conformal_figures(conformal: ConformalFigures) -> Iterable[tuple[str, Figure]]:
    """Names and figures of the conformal sets."""
    named = {
        "present": _("Coverage: the truth is not ruled out, images with the finding"),
        "absent": _("Coverage: the truth is not ruled out, images without the finding"),
        "all": _("Coverage: the truth is not ruled out, all images"),
    }
    yield from ((named.get(name, name), figure) for name, figure in conformal.coverage.items())
    if conformal.unsure_share:
        yield _("Share of images answered with unsure"), conformal.unsure_share
    if conformal.accuracy_answered:
        yield _("Accuracy where it answers"), conformal.accuracy_answered


def _subset_row(subset: Subset) -> Row:
    """A row of figures with its name and what it is."""
    row = {_("Images used"): names.films(subset.title), _("Images"): str(subset.films)}
    if subset.split:
        row[_("Split")] = names.split(subset.split)
    return row | _columns(subset.figures) | {_("What was done"): sentence(subset.description)}


def _columns(figures: Figures) -> dict[str, str]:
    """A cell for each of the four common figures that was measured."""
    return {labels()[name]: figures[name].whole for name in _COLUMNS if name in figures}


def _sort_figures(figures: Figures) -> list[tuple[str, Figure]]:
    """Sort figures as in `MEANINGS`; unknown ones last."""
    order = list(MEANINGS)
    return sorted(
        figures.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)
    )


def _table(rows: Sequence[Row], alt: str) -> None:
    """A plain table, which screen readers can walk; a column without any value is left out."""
    columns = dict.fromkeys(name for row in rows for name, value in row.items() if value)
    st.table(
        [{name: row.get(name, "") for name in columns} for row in rows], hide_index=True, alt=alt
    )
