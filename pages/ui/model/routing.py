"""Model page: which of the installed networks reads what, from the stored table."""

from __future__ import annotations

from typing import Any

import streamlit as st

from models.checkpoint.routing_table import RoutingTable, read_routing
from models.model_card.routing import went_where
from pages.ui import resources
from pages.ui.i18n import _
from pages.ui.model import summary as words


def render_routing() -> None:
    """Draw what went where; nothing where one network is installed, which has nothing to choose."""
    if len(resources.panel().cards) < 2:
        return
    title = _("Which model reads which image")
    st.subheader(title, anchor=False)
    table = read_routing(resources.settings().weights)
    if table is None:
        words.render_not_measured()
        return
    if not table.current:
        st.warning(_("This table belongs to other models than the installed ones."))
    st.caption(
        _(
            "Every image of every task went through all models, in three ways. Wrong is an image "
            "that a model answered which is not for it: {wrong} of {answered} answered."
        ).format(wrong=table.wrong, answered=table.answered)
    )
    st.table([_row(table, row) for row in table.rows], hide_index=True, alt=title)


def _row(table: RoutingTable, row: dict[str, Any]) -> dict[str, str]:
    went = {_where(name): str(row["went"].get(name, "")) for name in went_where(table)}
    return {
        _("Images used"): _kind(row["kind"]),
        _("Way"): _way(row["way"]),
        _("Images"): str(row["films"]),
        **went,
        _("Wrong"): str(row["wrong"]),
    }


def _where(name: str) -> str:
    """A network's name, or what was said instead of an answer."""
    return {"refused": _("No answer"), "asked for the age": _("Asked for the age")}.get(name, name)


def _way(way: str) -> str:
    return {
        "with its header": _("With its header"),
        "without a header": _("Without a header"),
        "age typed, no header": _("Age typed, no header"),
    }.get(way, way)


def _kind(kind: str) -> str:
    return {
        "child's chest": _("Chest of a child of 1 to 5"),
        "chest of 6 to 15 years": _("Chest of 6 to 15 years"),
        "adult's chest": _("Chest of an adult"),
        "adult's chest, as DICOM": _("Chest of an adult, single DICOM files"),
        "knee": _("Knee"),
        "brain MR": _("Slice of a brain MR"),
        "other DICOM": _("Other DICOM files"),
    }.get(kind, kind)
