"""Model facts as charts: ROC, reliability, selective accuracy, robustness.

Axes of shares are fixed to 0 to 1 unless their title says otherwise. Blue and orange (Okabe and
Ito 2008) are distinguished by colour-blind readers; shape and dash say the same again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import altair as alt
import streamlit as st

from models.model_card.figures import CorruptionLevel, ModelFacts
from pages.ui.i18n import _
from pages.ui.model import labels as names
from pages.ui.model import summary as words
from pages.ui.theme import colour

BLUE, ORANGE, GREY = "blueColor", "orangeColor", "grayTextColor"  # of the theme
_HEIGHT, _SMALL, _ACROSS = 340, 200, 4
_SHARE = alt.Scale(domain=[0, 1], nice=False, padding=0)


def render_roc(facts: ModelFacts) -> None:
    """Draw the ROC curve with the operating point marked."""
    lead = facts.lead
    if not facts.roc or lead is None:
        words.render_not_measured()
        return
    curve = [{"fpr": 0.0, "tpr": 0.0}, *({"fpr": p.fpr, "tpr": p.tpr} for p in facts.roc)]
    lines = (
        _chart(curve)
        .mark_line(color=colour(BLUE), interpolate="step-after")
        .encode(
            x=_x(
                "fpr", _("1 \u2212 specificity: share suspected among images without the finding")
            ),
            y=_y("tpr", _("Sensitivity")),
            order="tpr:Q",
        )
    )
    layers = [_diagonal("fpr", "tpr"), lines]
    sensitivity, specificity = (lead.figures.get(n) for n in ("sensitivity", "specificity"))
    if sensitivity and specificity:
        layers += _mark_operating_point(1 - specificity.value, sensitivity.value)
    _render(layers, _("ROC curve of the leading finding"), _HEIGHT)


def render_reliability(facts: ModelFacts) -> None:
    """Draw what became of films by stated probability, and how many films there were."""
    if not facts.reliability:
        words.render_not_measured()
        return
    happened, share = _("had the finding"), _("share of all images")
    rows = [
        {"stated": b.mean_probability, "value": value, "what": what}
        for b in facts.reliability
        for value, what in ((b.frequency, happened), (b.share, share))
    ]
    title = _("Share of images")
    what = _colours("what", {happened: BLUE, share: ORANGE})
    x = _x("stated", _("Stated probability, mean of a bin"))
    bars = (
        _chart(rows)
        .transform_filter(alt.datum.what == share)
        .mark_bar(width=9, opacity=0.75)
        .encode(x=x, y=_y("value", title), color=what, tooltip=["stated:Q", "value:Q", "what:N"])
    )
    points = (
        _chart(rows)
        .transform_filter(alt.datum.what == happened)
        .mark_line(point=alt.OverlayMarkDef(filled=True, size=70))
        .encode(x=x, y=_y("value", title), color=what, tooltip=["stated:Q", "value:Q", "what:N"])
    )
    layers = [_diagonal("stated", "value"), bars, points]
    _render(layers, _("Reliability diagram of the leading finding"), _HEIGHT)


def render_selective(facts: ModelFacts) -> None:
    """Draw the accuracy over the films the network is surest of."""
    if not facts.selective:
        words.render_not_measured()
        return
    rows = [{"coverage": p.coverage, "accuracy": p.accuracy} for p in facts.selective]
    low = 0.8 if min(p.accuracy for p in facts.selective) >= 0.8 else 0.0
    y = alt.Y(
        "accuracy:Q",
        scale=alt.Scale(domain=[low, 1]),
        title=_("Accuracy (axis from {low})").format(low=f"{low:g}"),
    )
    line = _chart(rows).mark_line(color=colour(BLUE), point=len(rows) < 40)
    x = _x("coverage", _("Share of images answered, the surest first"))
    _render([line.encode(x=x, y=y)], _("Accuracy where the AI answers"), 260)


def render_robustness(facts: ModelFacts) -> None:
    """Draw one small chart per corruption: AUC with interval, and share of changed calls."""
    measured = facts.robustness
    if measured is None:
        words.render_not_measured()
        return
    counted = _(
        "{films} images of the {split} split. Blue: AUC with its 95 % interval; grey dashes: "
        "AUC of the same images untouched, {auc}. Orange dashes: share of images whose call "
        "changed."
    )
    clean = measured.clean_auc
    st.caption(
        counted.format(films=measured.films, split=names.split(measured.split), auc=clean.whole)
    )
    worst = max(measured.levels, key=lambda level: level.refused, default=None)
    if worst is not None and worst.refused:
        refused = _(
            "A changed image that is refused as unsuitable is left out: {count} at most "
            "({change}, {level})."
        )
        st.caption(refused.format(count=worst.refused, change=_(worst.label), level=worst.text))
    groups = [list(g) for _n, g in groupby(measured.levels, lambda level: level.corruption)]
    for start in range(0, len(groups), _ACROSS):
        for column, levels in zip(st.columns(_ACROSS), groups[start:], strict=False):
            with column:
                _render_corruption(levels, clean.value)


def _render_corruption(levels: list[CorruptionLevel], clean: float) -> None:
    """Draw one small multiple; both series are shares of 0 to 1."""
    auc, flips = _("AUC"), _("changed calls")
    rows: list[dict[str, Any]] = []
    for v in levels:
        rows.append({"level": v.level, "value": v.auc.value, "what": auc})
        rows[-1] |= {"low": v.auc.low, "high": v.auc.high}
        rows.append({"level": v.level, "value": v.flip_rate, "what": flips})
    name = _(levels[0].label)
    x = alt.X(
        "level:O", sort=None, title=_(levels[0].unit) or _("Level"), axis=alt.Axis(labelAngle=0)
    )
    y = _y("value", _("Share"))
    what = _colours("what", {auc: BLUE, flips: ORANGE}).legend(None)  # the caption names both
    line = (
        _chart(rows)
        .mark_line(point=alt.OverlayMarkDef(size=24))
        .encode(
            x=x,
            y=y,
            color=what,
            strokeDash=alt.StrokeDash("what:N", sort=[auc, flips], legend=None),
            tooltip=["level:O", "value:Q", "what:N"],
        )
    )
    interval = (
        _chart([row for row in rows if "low" in row])
        .mark_rule(color=colour(BLUE), strokeWidth=2)
        .encode(x=x, y="low:Q", y2="high:Q")
    )
    untouched = _chart([{"value": clean}]).mark_rule(color=colour(GREY), strokeDash=[4, 4])
    st.markdown(f"**{name}**")
    _render(
        [untouched.encode(y="value:Q"), interval, line],
        _("AUC and changed calls: {change}").format(change=name),
        _SMALL,
    )


def _mark_operating_point(fpr: float, tpr: float) -> list[alt.Chart]:
    """The operating point as a diamond with its name."""
    row = [{"fpr": fpr, "tpr": tpr, "name": _("threshold")}]
    base = _chart(row).encode(x="fpr:Q", y="tpr:Q")
    dot = base.mark_point(shape="diamond", filled=True, size=170, color=colour(ORANGE), opacity=1)
    name = base.mark_text(align="left", dx=12, dy=12, color=colour(ORANGE), fontSize=13)
    return [dot, name.encode(text="name:N")]


def _diagonal(x: str, y: str) -> alt.Chart:
    """Chance, or perfect calibration."""
    line = _chart([{x: 0, y: 0}, {x: 1, y: 1}]).mark_line(color=colour(GREY), strokeDash=[4, 4])
    return line.encode(x=f"{x}:Q", y=f"{y}:Q")


def _chart(rows: Iterable[Mapping[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.Data(values=[dict(row) for row in rows]))


def _x(field: str, title: str) -> alt.X:
    return alt.X(f"{field}:Q", scale=_SHARE, title=title)


def _y(field: str, title: str) -> alt.Y:
    return alt.Y(f"{field}:Q", scale=_SHARE, title=title)


def _colours(field: str, colours: Mapping[str, str]) -> alt.Color:
    scale = alt.Scale(domain=list(colours), range=[colour(name) for name in colours.values()])
    return alt.Color(f"{field}:N", scale=scale, legend=alt.Legend(title=None, orient="bottom"))


def _render(layers: list[alt.Chart], description: str, height: int) -> None:
    ink = colour(GREY)  # Streamlit's own axis words are fainter than reads on a light ground
    chart = (
        alt.layer(*layers)
        .properties(height=height)
        .configure_axis(labelColor=ink, titleColor=ink)
        .configure_legend(labelColor=ink)
    )
    st.altair_chart(chart, alt=description)
