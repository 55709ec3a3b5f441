"""Dates, times and ages: one form for each, nothing guessed."""

from __future__ import annotations

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.moments import parse_age, read_date, read_time, write_age, years_between


@given(st.dates(), st.sampled_from(["", "-", ".", "/", " "]))
def test_a_date_is_read_with_any_sign_between(day: date, sign: str) -> None:
    digits = f"{day.year:04}{day.month:02}{day.day:02}"
    written = sign.join((digits[:4], digits[4:6], digits[6:]))
    assert read_date(written) == read_date(f" {written} 10:23:45") == digits


@pytest.mark.parametrize(
    "written", ["", "03.02.2021", "02/03/2021", "202102", "2021-13-01", "20210230", "yesterday",
                "20210203-20210301", "٢٠٢١٠٢٠٣", "21-02-03"],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_no_date(written: str) -> None:
    assert read_date(written) == ""


@given(st.times(), st.sampled_from(["", ":", "."]))
def test_a_time_is_read_with_any_sign_between(clock: time, sign: str) -> None:
    whole = sign.join((f"{clock.hour:02}", f"{clock.minute:02}", f"{clock.second:02}"))
    digits = clock.strftime("%H%M%S")
    assert read_time(whole) == digits
    assert read_time(f"{whole}.{clock.microsecond:06}123") == f"{digits}.{clock.microsecond:06}"
    assert read_time(f"{whole}+0100") == digits


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("10", "10"), ("1023", "1023"), ("10:23", "1023"), ("9:05", "0905"), ("9:05 PM", "2105"),
        ("12:00 am", "0000"), ("20210203102345", "102345"), ("2021-02-03T10:23:45", "102345"),
        ("24:00", ""), ("10:60", ""), ("noon", ""), ("", ""), ("1023.5", ""), ("13:00 pm", ""),
    ],
)  # fmt: skip
def test_other_times(written: str, read: str) -> None:
    assert read_time(written) == read


@given(st.integers(1, 120), st.sampled_from("YMWD"))
def test_an_age_comes_back(count: int, unit: str) -> None:
    years = parse_age(f"{count}{unit.lower()}")
    assert years is not None
    written = write_age(years)
    assert parse_age(written) == pytest.approx(years)
    assert len(written) == 4


@pytest.mark.parametrize(
    ("years", "written"), [(4.9, "004Y"), (1.55, "018M"), (0.02, "007D"), (0.0, "000D")]
)
def test_an_age_between_is_what_is_full(years: float, written: str) -> None:
    assert write_age(years) == written


@pytest.mark.parametrize(
    ("born", "taken", "years"),
    [
        (date(1949, 1, 1), date(2026, 1, 1), 77.0),  # 76.9993 in years of 365.25 days
        (date(2020, 2, 29), date(2024, 2, 29), 4.0),
        (date(2020, 2, 29), date(2023, 3, 1), 3.0),
        (date(2020, 2, 29), date(2023, 2, 28), 2 + 364 / 365),
        (date(2020, 7, 1), date(2020, 7, 1), 0.0),
    ],
)
def test_ages_are_whole_on_birthdays(born: date, taken: date, years: float) -> None:
    assert years_between(born, taken) == pytest.approx(years, abs=1e-9)
