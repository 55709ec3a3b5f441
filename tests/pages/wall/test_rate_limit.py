"""Who guesses is shut out, for a while, and nobody else."""

from __future__ import annotations

from pages.ui.wall.rate_limit import RateLimit, network_of


def test_a_bucket_empties_fills_and_is_nobody_elses() -> None:
    now = [0.0]
    limit = RateLimit(burst=3, seconds=60, clock=lambda: now[0])
    assert [limit.take("eve") for _ in range(4)] == [True, True, True, False]
    assert limit.take("ada")
    now[0] = 59
    assert not limit.take("eve")
    now[0] = 60
    assert limit.take("eve") and not limit.take("eve")
    now[0] = 1e6
    assert [limit.take("eve") for _ in range(4)] == [True, True, True, False], "no more than burst"


def test_a_try_that_was_no_guess_does_not_count() -> None:
    limit = RateLimit(burst=1, seconds=60, clock=lambda: 0.0)
    for _ in range(10):
        assert limit.take("ada")
        limit.give_back("ada")


def test_a_client_is_an_address_or_its_whole_network() -> None:
    assert network_of("10.0.0.7") == network_of("::ffff:10.0.0.7") == "10.0.0.7"
    assert network_of("fd00::1") == network_of("fd00::ffff:1") != network_of("fd00:0:0:1::1")
    assert network_of("no address") == "no address"
