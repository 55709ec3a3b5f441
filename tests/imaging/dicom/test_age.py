"""The age by tag and by dates, and what is odd about it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.dicom import inspect_image, read_image
from imaging.dicom.header.age import read_age
from imaging.entities import Patient
from tests.factories import make_dicom_bytes

TAKEN = date(2025, 1, 1)


def patient(**attributes: Any) -> Patient:
    return read_image(make_dicom_bytes(**attributes)).instance.patient


@given(st.integers(0, 120), st.integers(0, 120 * 365))
def test_tag_and_dates_are_two_readings_where_they_differ_by_more_than_rounding(
    years: int, days: int
) -> None:
    age = read_age(f"{years:03}Y", born=TAKEN - timedelta(days), taken=TAKEN)
    assert age.years == years
    differ = abs(days / 365.25 - years) > 1.1 and TAKEN - timedelta(days) != date(1900, 1, 1)
    assert (age.otherwise is not None) == differ == bool(age.doubt)


@given(st.integers(0, 999))
def test_a_number_without_a_unit_is_no_age_but_may_be_years(number: int) -> None:
    age = read_age(f"{number}", born=None, taken=None)
    assert (age.years, age.otherwise) == (None, number) and "unit" in age.doubt


@pytest.mark.parametrize("stated", ["4 Y", "4 years", "004yrs.", "48M"])
def test_an_age_is_read_however_its_unit_is_spelled(stated: str) -> None:
    assert read_age(stated, born=None, taken=None).years == 4


@pytest.mark.parametrize("stated", ["999Y", "-04Y", "four", "004X"])
def test_an_age_that_cannot_be_true_is_unknown_and_told(stated: str) -> None:
    image = read_image(make_dicom_bytes(PatientAge=stated))
    assert image.instance.patient == Patient("SYNTHETIC^TEST", "T-1")
    assert "dates" in [caution.code for caution in inspect_image(image).cautions]


@pytest.mark.parametrize("keyword", ["StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"])
def test_any_date_of_the_film_tells_the_age(keyword: str) -> None:
    dates = {"StudyDate": None, "PatientAge": None, "PatientBirthDate": "19480101"}
    assert patient(**dates | {keyword: "20250101"}).age_years == pytest.approx(77, abs=0.01)


@pytest.mark.parametrize(
    "born", ["1948", "194803", "19480000", "19480300", "05.03.1948", "3/5/1948"]
)
def test_a_year_of_birth_is_enough_to_know_an_adult(born: str) -> None:
    """Nobody of 77 is asked of by a network of children because day and month are in doubt."""
    image = read_image(
        make_dicom_bytes(PatientAge=None, PatientBirthDate=born, StudyDate="20250101")
    )
    assert image.instance.patient.age_years == pytest.approx(76.5, abs=0.01)
    assert image.instance.patient.birth_date == ""
    said = " ".join(caution.words for caution in inspect_image(image).cautions)
    assert "only the year" in said


@pytest.mark.parametrize("age", ["075Y", "078Y", "004Y"])
def test_a_year_of_birth_may_contradict_the_tag(age: str) -> None:
    found = patient(PatientAge=age, PatientBirthDate="1948", StudyDate="20250101")
    assert found.age_years == int(age[:3])
    assert (found.age_otherwise is None) == (age != "004Y")


@pytest.mark.parametrize("born", ["1900", "1800", "unknown", "1948 or 1949", "12345", "2048", "48"])
def test_what_tells_no_year_of_birth_tells_no_age(born: str) -> None:
    found = patient(PatientAge=None, PatientBirthDate=born, StudyDate="20250101")
    assert (found.age_years, found.age_otherwise) == (None, None)


def test_a_birthday_that_stands_for_unknown_tells_nothing() -> None:
    found = patient(PatientAge=None, PatientBirthDate="19000101")
    assert (found.age_years, found.age_otherwise) == (None, None)


def test_a_newborn_by_tag_and_an_adult_by_dates_are_both_kept() -> None:
    found = patient(PatientAge="000Y", PatientBirthDate="19700101")
    assert found.age_years == 0 and found.age_otherwise == pytest.approx(55, abs=0.01)


def test_somebody_born_after_the_film_has_no_age() -> None:
    assert patient(PatientAge=None, PatientBirthDate="20300101").age_years is None
