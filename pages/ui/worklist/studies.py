"""The studies of one page of the list as a table, with the priors that are asked for."""

from __future__ import annotations

from functools import partial

import streamlit as st

from imaging.entities import SourceKind
from imaging.review.rights import Right
from imaging.study import WorklistItem
from imaging.worklist.query import Sort, WorklistPage, WorklistQuery
from pages.ui import resources, session, study_table, who
from pages.ui.audit import moments, sights
from pages.ui.deeds import deed
from pages.ui.grid.component import Order, Place, Row, reported
from pages.ui.review import first_read
from pages.ui.worklist import filters

TABLE = "worklist"  # the key of the table


def render_studies(
    query: WorklistQuery, page: WorklistPage, tools: st.delta_generator.DeltaGenerator
) -> None:
    """The page as a table; pressing a row opens its study. `tools`: the row of the controls."""
    repository = resources.repository()
    unfolded = session.unfolded_studies()
    asked_for = [i.study_instance_uid for i in page.items if i.study_instance_uid in unfolded]
    priors = repository.worklist.priors(asked_for) if asked_for else {}
    items: list[WorklistItem] = []
    for item in page.items:
        items += [item, *priors.get(item.study_instance_uid, ())]
    uids = [item.study_instance_uid for item in items]
    revealed = first_read.revealed_among(uids)
    sights.note_list(uids, "search" if query.words else "worklist")
    pictures = repository.originals.study_thumbnails(uids)  # of this page alone
    rows = []
    for item in items:
        uid = item.study_instance_uid
        values = study_table.worklist_row(
            item, revealed=item.read or uid in revealed, thumbnail=pictures.get(uid)
        )
        rows.append(Row(uid, values, item.priors, uid in unfolded, prior=bool(item.prior_of)))
    listed = study_table.Listed(
        Place(query.offset + 1, page.total),
        _order(query),
        on_sorted_change=partial(filters.sort_by_header, TABLE),
        on_folded_change=partial(fold, TABLE),
    )
    told = (item.study_instance_uid for item in items if item.finding is not None)
    moments.note_listed([uid for uid in told if uid in revealed], "worklist")
    unnamed = any(item.source is SourceKind.FILM for item in items)
    who.render_table(rows, key=TABLE, unnamed=unnamed, page=listed, switch=tools)
    filters.render_pages(query, page.total)


def _order(query: WorklistQuery) -> Order:
    """What the list is sorted by: to who reads blind the order of reading is that of arrival."""
    if query.sort is not Sort.READING:
        return Order(query.sort, query.descending)
    if not query.blind:
        return Order(Sort.READING)
    return Order(Sort.RECEIVED, down=not session.may(Right.FINDINGS))


@deed(Right.WORKLIST)
def fold(key: str) -> None:
    """Unfold the priors of a study, or fold them again (a table's callback)."""
    session.fold_study(reported(key, "folded"))
