"""Agreement: counts one can check by hand, kappa against printed figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from imaging.review.agreement import MINIMUM_CASES, Share, cohen_kappa, summarise
from imaging.review.records import Call, FirstRead, ReadFinding, Review, Stage, Truth

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def read(study: int, first: bool, network: bool | None, seconds: float = 10.0) -> FirstRead:
    return FirstRead(f"1.{study}", "anna", "pneumonia", first, seconds, NOW, network)


def signed(study: int, present: bool, version: int = 1, call: Call = Call.ACCEPTED) -> Review:
    finding = ReadFinding("pneumonia", present, call)
    return Review(f"1.{study}", version, Stage.FINAL, "anna", "Dr A", NOW, (finding,))


def truth(study: int, present: bool) -> dict[str, tuple[Truth, ...]]:
    other = Truth(f"1.{study}", "effusion", not present, "CT")
    return {f"1.{study}": (other, Truth(f"1.{study}", "pneumonia", present, "CT"))}


@pytest.mark.parametrize(
    ("table", "value", "low", "high"),
    [
        # SAS's printout for this table, as the tests of statsmodels give it
        ([[0, 4, 1], [0, 8, 0], [0, 1, 5]], 0.4842, 0.2137, 0.7547),
        # by hand: variance = (.02743 + .02547 - .0025) / (50 / 16) = .016128
        ([[20, 5], [10, 15]], 0.4, 0.1511, 0.6489),
    ],
)
def test_kappa_is_what_others_print(
    table: list[list[int]], value: float, low: float, high: float
) -> None:
    kappa = cohen_kappa(table)
    assert kappa is not None
    assert (kappa.value, kappa.low, kappa.high) == pytest.approx((value, low, high), abs=5e-5)


def test_kappa_knows_where_it_ends() -> None:
    assert cohen_kappa([[0, 0], [0, 0]]) is None
    assert cohen_kappa([[40, 0], [0, 0]]) is None  # nothing but chance
    for table, value in ([[20, 0], [0, 20]], 1.0), ([[0, 20], [20, 0]], -1.0):
        kappa = cohen_kappa(table)
        assert kappa is not None and kappa.value == pytest.approx(value) and kappa.low is None
    low = cohen_kappa([[1, 30], [30, 1]])
    assert low is not None and low.low == -1.0  # cut at what kappa can be


def test_nothing_says_nothing() -> None:
    found = summarise([], [], {})
    assert found.reads == found.compared == 0
    assert found.kappa is None and found.median_seconds is None
    assert found.first_with_network.value is None


def test_a_network_that_was_unsure_is_not_compared() -> None:
    found = summarise([read(1, True, None, 4.0), read(2, True, True, 8.0)], [], {})
    assert (found.reads, found.compared) == (2, 1)
    assert found.first_with_network == Share(1, 1)
    assert found.final_with_network == Share(0, 0)
    assert found.median_seconds == 6.0


def test_kappa_waits_for_enough_cases() -> None:
    few = [read(n, n % 2 == 0, n % 4 < 2) for n in range(MINIMUM_CASES - 1)]
    assert summarise(few, [], {}).kappa is None
    enough = summarise([*few, read(99, True, True)], [], {})
    assert enough.kappa is not None and enough.kappa.low is not None
    table = [[0, 0], [0, 0]]
    for r in [*few, read(99, True, True)]:
        table[not r.present][not r.network_present] += 1
    assert enough.kappa == cohen_kappa(table)


@pytest.mark.parametrize("network", [True, False])
@pytest.mark.parametrize("true", [True, False, None])
def test_a_change_towards_the_network_is_told_from_one_away(
    network: bool, true: bool | None
) -> None:
    truths = {} if true is None else {**truth(1, true), **truth(2, true)}
    against, along = read(1, not network, network), read(2, network, network)
    finals = [signed(1, network), signed(2, not network)]
    found = summarise([against, along], finals, truths)
    one, none = Share(1, 1), Share(0, 0)
    expected = {True: (one, none, none), False: (none, one, none), None: (none, none, one)}[
        None if true is None else true == network
    ]
    for flips in (found.towards, found.away):
        assert (flips.network_right, flips.network_wrong, flips.unknown) == expected
    assert found.first_with_network == Share(1, 2) and found.final_with_network == Share(1, 2)


def test_those_who_stayed_are_the_ones_who_could_have_changed() -> None:
    reads = [read(1, True, False), read(2, True, False), read(3, True, True)]
    finals = [signed(1, True), signed(2, False), signed(3, True)]
    found = summarise(reads, finals, {**truth(1, True), **truth(2, True)})
    assert found.towards.network_wrong == Share(1, 2)
    assert found.away.unknown == Share(0, 1) and found.away.network_wrong == Share(0, 0)


def test_the_first_signature_counts_an_amendment_does_not() -> None:
    finals = [signed(1, True, version=4), signed(1, False, version=2)]
    assert summarise([read(1, True, False)], finals, {}).towards.unknown == Share(1, 1)


def test_what_is_not_the_reader_s_own_final_word_is_left_out() -> None:
    reads = [read(n, True, False) for n in range(1, 5)]
    finals = [
        replace(signed(1, False), account="berta"),
        replace(signed(2, False), stage=Stage.PRELIMINARY),
        replace(signed(3, False), findings=()),
        signed(4, True, call=Call.EDITED),  # the same picture in other terms
    ]
    found = summarise(reads, finals, {})
    assert found.final_with_network == Share(0, 0) and found.towards.unknown == Share(0, 0)
    assert found.restated == 1
