"""The component, and the check of what it reports.

An ARIA grid (WAI-ARIA 1.2, "grid"; APG "Grid Pattern" with focus on rows): the arrow keys go from
row to row, Enter opens one, Right and Left unfold and fold the earlier studies below it. Only the
rows of one page are ever sent; sorting is asked of the server, which knows the whole list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import streamlit as st

_FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "lightbox_grid",
    html="<div class='frame'></div>",
    css=(_FOLDER / "grid.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "grid.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A grade as a shape with its colour and its word; `late` adds a clock."""

    word: str
    grade: str
    late: bool = False


Value = str | float | Mark | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the value of that name in every row.

    Attributes
    ----------
    name : str
        As in the rows, and as its header says.
    width : int
        Pixels; at least that where it grows.
    kind : str
        "text"; "long" (small, on two lines); "picture" (a data address), "share" (a float in
        [0, 1]), "mark" (`Mark`).
    below : str
        Another value of the rows, which stands small below.
    grows : bool
        Whether it takes a part of the room that is left.
    sort : str
        What its header asks to sort by; empty where it cannot be sorted by.
    help : str
        More on the header.
    folds : bool
        Whether the button that unfolds earlier studies stands here.
    """

    name: str
    width: int
    kind: Literal["text", "long", "picture", "share", "mark"] = "text"
    below: str = ""
    grows: bool = False
    sort: str = ""
    help: str = ""
    folds: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row; one with an empty `uid` opens nothing.

    ``earlier`` is how many earlier studies lie folded below it, ``unfolded`` whether they follow
    in the list, each of them ``prior``.
    """

    uid: str
    values: Mapping[str, Value]
    earlier: int = 0
    unfolded: bool = False
    prior: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Which part of the whole list the rows are: the first one's number from 1, and of how many."""

    first: int = 1
    total: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """What the whole list is sorted by (`Column.sort`), and whether the last comes first."""

    sort: str = ""
    down: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was pressed: the study to open (empty for none), and the studies that are ticked."""

    opened: str = ""
    ticked: tuple[str, ...] = ()


def render_grid(
    rows: Sequence[Row],
    columns: Sequence[Column],
    *,
    key: str,
    words: Mapping[str, str],
    several: bool = False,
    place: Place | None = None,
    order: Order | None = None,
    legend: Sequence[tuple[Mark, str]] = (),
    note: str = "",
    on_sorted_change: Callable[[], None] | None = None,
    on_folded_change: Callable[[], None] | None = None,
    fills: bool = False,
) -> Chosen:
    """Draw the rows of one page.

    Parameters
    ----------
    rows, columns
        Columns that no row has a value of are left out.
    key : str
        Unique on the page.
    words : mapping
        "label" (of the table), "unfold" and "fold" (with {count}), "tick", "unsorted".
    several : bool
        Whether rows are ticked instead of opened.
    place : Place, optional
        For screen readers; all there is where left out.
    order : Order, optional
        How the list is sorted now.
    legend : sequence of (Mark, str)
        What the marks mean, in a line below.
    note : str
        A sentence behind that.
    on_sorted_change, on_folded_change : callable, optional
        Callbacks: a header was pressed, earlier studies were asked for. `reported` says which.
    fills : bool
        Whether the table may be as high as the window has room below its top; else it is as high
        as half of it.
    """
    known = {name for row in rows for name, value in row.values.items() if value not in ("", None)}
    shown = [column for column in columns if column.name in known or column.below in known]
    names = [name for column in shown for name in (column.name, column.below) if name]
    sortable = on_sorted_change is not None
    on_sorted_change, on_folded_change = on_sorted_change or _nothing, on_folded_change or _nothing
    at = place or Place(total=len(rows))
    state = _component(
        key=key,
        data={
            "columns": [
                {
                    "name": c.name,
                    "kind": c.kind,
                    "below": c.below if c.below in known else "",
                    "width": c.width,
                    "grows": c.grows,
                    "sort": c.sort if sortable else "",
                    "help": c.help,
                    "folds": c.folds,
                }
                for c in shown
            ],
            "rows": [_to_json(row, names) for row in rows],
            "first": at.first,
            "total": at.total,
            "order": {"sort": order.sort, "down": order.down} if order else None,
            "legend": [{"mark": _plain(mark), "means": means} for mark, means in legend],
            "note": note,
            "several": several,
            "fills": fills,
            "key": key,
            "words": dict(words),
        },
        on_opened_change=lambda: None,
        on_ticked_change=lambda: None,
        on_sorted_change=on_sorted_change,
        on_folded_change=on_folded_change,
    )
    there = {row.uid for row in rows if row.uid}
    opened = state.get("opened")
    return Chosen(
        opened=opened if isinstance(opened, str) and opened in there else "",
        ticked=tuple(_known(state.get("ticked"), there)),
    )


def reported(key: str, what: Literal["sorted", "folded"]) -> str:
    """What the browser asked for, within the callback that hears it; empty for anything odd."""
    value = st.session_state[key].get(what)
    return value if isinstance(value, str) else ""


def _nothing() -> None:
    """Nobody listens."""


def _known(reported_uids: Any, there: Iterable[str]) -> list[str]:
    """Those of the reported studies that were on the page, each once."""
    if not isinstance(reported_uids, list):
        return []
    wanted = {uid for uid in reported_uids if isinstance(uid, str)}
    return [uid for uid in there if uid in wanted]


def _to_json(row: Row, names: Sequence[str]) -> dict[str, Any]:
    """A row with the values that are shown, and no others."""
    return {
        "uid": row.uid,
        "values": {name: _plain(row.values[name]) for name in names if name in row.values},
        "earlier": row.earlier,
        "unfolded": row.unfolded,
        "prior": row.prior,
    }


def _plain(value: Value) -> Any:
    if isinstance(value, Mark):
        return {"word": value.word, "grade": value.grade, "late": value.late}
    return value
