"""Ages: months for infants, years and months for children, years for others."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from imaging.language import speaking
from imaging.language.formats import age_words
from imaging.moments import years_between
from tests.catalogues import catalogues, write_catalogue


@pytest.mark.parametrize(
    ("years", "said"),
    [
        (0.0, "0 months"), (1 / 12, "1 month"), (1.999, "23 months"), (2.0, "2 years"),
        (3 + 1 / 12, "3 years 1 month"), (3 + 2 / 12, "3 years 2 months"), (4.0, "4 years"),
        (17.99, "17 years 11 months"), (18.5, "18 years"), (77.0, "77 years"),
    ],
)  # fmt: skip
def test_an_age_is_said_as_one_says_it(years: float, said: str) -> None:
    assert age_words(years) == said


@pytest.mark.parametrize("month", range(1, 12))
def test_an_age_between_two_dates_has_the_months_of_the_calendar(month: int) -> None:
    years = years_between(date(2020, 1, 15), date(2023, 1 + month, 15))
    unit = "month" if month == 1 else "months"
    assert age_words(years) == f"3 years {month} {unit}"


def test_chinese_counts_without_plurals_or_blanks(tmp_path: Path) -> None:
    words = Catalog(locale="zh_CN")
    words.add(
        ("{years} years {months} month", "{years} years {months} months"),
        ("{years}岁{months}个月",),
    )
    write_catalogue(tmp_path, words)
    with catalogues(tmp_path), speaking("zh-CN"):
        assert age_words(3 + 2 / 12) == "3岁2个月"
