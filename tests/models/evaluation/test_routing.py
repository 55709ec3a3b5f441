"""Which network reads what: the stored table belongs to the installed networks, and still holds."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from imaging.settings import Settings
from models.checkpoint.installed import installed_checkpoints
from models.checkpoint.routing_table import MOST_WRONG, TABLE, RoutingTable, read_routing
from models.evaluation.routing import (
    ASKED,
    FILMS,
    REFUSED,
    TYPED,
    WITH,
    WITHOUT,
    Routed,
    RoutedFilm,
    Routes,
    films,
    summary,
)
from models.model_card.routing import NOT_MEASURED, replace_routing

OF_EACH = 2  # films of each kind that are followed again


@pytest.fixture
def stored() -> RoutingTable:
    weights = Settings.from_environment().weights
    table = read_routing(weights)
    if table is None and len(installed_checkpoints(weights)) < 2:
        pytest.skip("one network has nothing to choose")
    assert table is not None, "run python -m models.evaluation.routing"
    return table


def test_the_stored_table_is_of_the_installed_networks(stored: RoutingTable) -> None:
    assert stored.current, "another scope, gate or localiser: run models.evaluation.routing"


def test_hardly_any_answer_is_another_networks(stored: RoutingTable) -> None:
    """Of what was answered, and in each way alone: a headerless mistake hides behind no header."""
    assert stored.wrong <= MOST_WRONG * stored.answered
    for way in (WITH, WITHOUT, TYPED):
        rows = [row for row in stored.rows if row["way"] == way]
        answered = sum(
            count for row in rows for name, count in row["went"].items() if name not in NOWHERE
        )
        assert sum(row["wrong"] for row in rows) <= MOST_WRONG * answered, way


NOWHERE = (REFUSED, ASKED)


def test_films_still_go_where_the_table_says(stored: RoutingTable, data: Path) -> None:
    settings = Settings.from_environment()
    with gzip.open(settings.weights / FILMS, "rt", encoding="utf-8") as stream:
        went = {(row["file"], row["way"]): row["went"] for row in csv.DictReader(stream)}
    chosen: dict[str, list[RoutedFilm]] = {}
    for film in films(data):
        if (film.file, WITH) in went:
            chosen.setdefault(film.kind, []).append(film)
    few = [
        film for of_kind in chosen.values() for film in of_kind[:: max(1, len(of_kind) // OF_EACH)]
    ]
    routed = Routes(settings).follow(few)
    assert len(routed) >= len(few)
    assert {(one.file, one.way): one.went for one in routed} == {
        (one.file, one.way): went[one.file, one.way] for one in routed
    }


@pytest.mark.parametrize(
    ("belongs", "went", "wrong"),
    [
        ("knee-kl", "knee-kl", False),
        ("knee-kl", "adult-tb", True),
        ("none", "adult-tb", True),
        ("a / b", "b", False),
        ("none", REFUSED, False),
        ("adult-tb", ASKED, False),
    ],
)
def test_wrong_is_an_answer_of_a_network_that_is_not_for_the_film(
    belongs: str, went: str, wrong: bool
) -> None:
    assert Routed("knee", "k.jpg", WITH, belongs, went).wrong is wrong


def test_the_table_counts_what_went_where(tmp_path: Path) -> None:
    one = Routed("knee", "k.jpg", WITH, "knee-kl", "knee-kl")
    rows = summary([one, replace(one, went="adult-tb"), replace(one, way=WITHOUT, went=REFUSED)])
    assert rows[0]["went"] == {"knee-kl": 1, "adult-tb": 1} and rows[0]["wrong"] == 1
    content = {"models": {}, "every": 1, "films": 3, "answered": 2, "wrong": 1, "rows": rows}
    (tmp_path / TABLE).write_text(json.dumps(content))
    table = read_routing(tmp_path)
    assert table is not None and table.current  # of no networks, and none are installed
    page = replace_routing("a <!-- routing:start -->old<!-- routing:end --> b", table)
    assert "| knee | with its header | 2 | 1 | 1 |  | 1 |" in page
    assert "Wrong: 1 of 2 answered (50.00%)." in page and "old" not in page
    (tmp_path / TABLE).write_text(json.dumps(content | {"models": {"gone": {}}}))
    assert NOT_MEASURED in replace_routing(page, read_routing(tmp_path))
