"""A person is not found again in what leaves, however the trace is spelt and wherever it stands."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset

from imaging.dicom import Profile, Released, release
from imaging.dicom.deidentify.pseudonyms import Project
from imaging.dicom.deidentify.spelling import key_of, spellings
from imaging.dicom.deidentify.traces import Traces
from imaging.dicom.deidentify.written_dates import written_in
from tests.factories import make_dataset, make_lut, to_bytes
from tests.imaging.report_files import report_files

KEY = Project(b"k" * 32)
WHO: dict[str, Any] = {
    "PatientName": "Müller^Jürgen", "PatientID": "48213", "PatientBirthDate": "19700201",
}  # fmt: skip
FULL_WIDTH = "".join(chr(ord(letter) + 0xFEE0) for letter in "MULLER")
NAME = [
    "Müller", "MUELLER", "muller", "(Müller)", "Mu\u0308ller", FULL_WIDTH, "MÃ¼ller",
    "M&uuml;ller", "m ü l l e r", "pat_mueller_01", "Jürgen,Müller", "JUERGEN",
]  # fmt: skip
NUMBER = ["48213", "ID:48213", "ID48213", "#0048213", "48-213", "48 213", "[48213]", "PID48213x",
          "ID=48213;", "48.213"]  # fmt: skip
BORN = [
    "19700201", "01.02.1970", "1.2.70", "01/02/70", "2/1/1970", "1970-02-01", "1 Feb 1970",
    "born 01-FEB-70", "February 1st, 1970", "1. Februar 1970", "1 de febrero de 1970", "010270",
    "1970年2月1日", "昭和45年2月1日", "S45.2.1", "1/2/2513", "1.II.1970", "1-feb-1970",
    "1 февраля 1970", "1 Φεβρουαρίου 1970", "1 Şubat 1970",
]  # fmt: skip
TEXTS = {"LO": 64, "SH": 16, "LT": 10240, "ST": 1024, "UT": 9999, "UC": 9999, "PN": 64}
KEYWORDS = sorted(
    keyword
    for tag, (vr, _vm, _name, _retired, keyword) in DicomDictionary.items()
    if vr in TEXTS and keyword and tag >> 16 not in (0, 2, 4) and keyword not in WHO
)


def released(ds: Dataset, profile: Profile = Profile()) -> tuple[Released, Dataset]:  # noqa: B008
    made = release(to_bytes(ds), KEY, profile)
    return made, dcmread(BytesIO(made.content))


def traces_of(**who: Any) -> Traces:
    return Traces.of(make_dataset(**who))


# The reports -------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", [Profile(), Profile(descriptions=True)])
def test_16_names_numbers_and_dates_are_found_in_every_form(profile: Profile, data: Path) -> None:
    (path,) = report_files(data, "16")
    made = release(path.read_bytes(), KEY, profile)
    left = dcmread(BytesIO(made.content))
    assert made.left_over == ()
    assert not [one for one in ("sample", "frances", "48213", "1970") if _survives(left, one)]


def test_17_a_name_however_written_is_one_person(data: Path) -> None:
    (path,) = report_files(data, "17")
    for names in (
        ("DOE^JANE", "DOE^JANE^", "Doe^Jane", "Doe^Jane^^Dr", "DOE, JANE", "Doe^Jane="),
        ("A^B", "A^B^", "a^b"),
        ("Müller^Jörg", "MUELLER^JOERG", "Muller^Jorg", "Mu\u0308ller^Jo\u0308rg"),
        ("=山田^太郎", "=山田^太郎^", "=山田 太郎"),
    ):
        assert len({_pseudonym(path, name) for name in names}) == 1
    assert _pseudonym(path, "DOE^JANE") != _pseudonym(path, "DOE^JOHN")


def _pseudonym(path: Path, name: str) -> tuple[str, str]:
    """Pseudonym and moved study date of the film under another name and no identifier."""
    ds = dcmread(path)
    del ds.PatientID
    ds.PatientName = name
    _, made = released(ds)
    return str(made.PatientID), str(made.StudyDate)


def test_18_a_birth_date_in_another_calendar_is_removed(data: Path) -> None:
    (path,) = report_files(data, "18")
    made = dcmread(BytesIO(release(path.read_bytes(), KEY).content))
    assert "PatientBirthDateInAlternativeCalendar" not in made
    assert "PatientAlternativeCalendar" not in made and "昭和" not in str(made)


# Their kind --------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [*NAME, *NUMBER, *BORN])
def test_a_trace_is_found_in_every_spelling(written: str) -> None:
    assert traces_of(**WHO).are_in(written)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(KEYWORDS),
    st.sampled_from([*NAME, *NUMBER, *BORN]),
    st.sampled_from(["{}", "see {}", "{} (old)"]),
    st.booleans(),
    st.booleans(),
)
def test_a_secret_planted_in_any_text_at_any_depth_never_survives(
    keyword: str, secret: str, around: str, nested: bool, described: bool
) -> None:
    ds, item = make_dataset(**WHO), Dataset()
    ds.RequestAttributesSequence = [item]
    inner = Dataset()
    item.ScheduledProtocolCodeSequence = [inner]
    setattr(inner if nested else ds, keyword, around.format(secret))
    made, left = released(ds, Profile(descriptions=described))
    assert made.left_over or not _survives(left, secret)


def _survives(ds: Dataset, secret: str) -> bool:
    tight = "".join(secret.split()).casefold()
    said = "".join(str([str(element.value) for element in ds.iterall()
                        if element.tag.group != 0x7FE0]).split()).casefold()  # fmt: skip
    return tight in said


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Li^An", "LI, AN"), ("Li^An", "seen by Li"), ("Wu^Li", "wu_li"), ("王^小东", "病人王小东"),
        ("王^小东", "王 小 東 小东"), ("김^희중", "김희중님"),
        ("山田^太郎=山田^太郎=やまだ^たろう", "ﾔﾏﾀﾞ様"),
        ("de la Cruz^María José", "MARIA-JOSE"), ("O'Brien^Sean", "obrien"), ("A^B", "A. B."),
        ("Łukasz^Żółw", "LUKASZ"), ("Sørensen^Åge", "Soerensen"), ("Иванов^Пётр", "ИВАНОВ"),
    ],
)  # fmt: skip
def test_names_of_two_letters_and_of_other_scripts_are_found(name: str, written: str) -> None:
    assert traces_of(PatientName=name, PatientID="").are_in(written)


@pytest.mark.parametrize(
    ("name", "number", "written"),
    [
        ("Meier^Anna", "00012", "ID:00012."), ("Meier^Anna", "0042", "0042"),
        ("Meier^Anna", "A7", "a-7"), ("Street^John", "X", "Mr Street"),
        ("General^Ann", "X", "GENERAL, ANN"), ("Saint^Mary", "X", "Saint 3"),
        ("Doe^Jane", "X", "JDOE"), ("Doe^Jane", "X", "taken by doej"),
    ],
)  # fmt: skip
def test_short_numbers_and_names_that_are_words_are_found(
    name: str, number: str, written: str
) -> None:
    assert traces_of(PatientName=name, PatientID=number).are_in(written)


@pytest.mark.parametrize("month", range(1, 13))
def test_every_month_has_its_names(month: int) -> None:
    names = (
        "i ii iii iv v vi vii viii ix x xi xii",
        "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
        "jan feb mrt apr mei jun jul aug sep okt nov dec",
        "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",  # noqa: RUF001
    )
    born = traces_of(PatientBirthDate=f"1970{month:02}21")
    for row in names:
        for at, name in enumerate(row.split(), start=1):
            assert born.are_in(f"21 {name} 1970") == (at == month), name


def test_words_of_a_place_are_no_name() -> None:
    """Unless the patient is called so."""
    who = {**WHO, "InstitutionName": "General Health Center, Saint Street Road"}
    assert not traces_of(**who).are_in("General view of the road")


@pytest.mark.parametrize(
    "harmless",
    ["Siemens Healthineers", "VA2.10", "B30f", "FLAT PANEL", "Lithium", "another", "113100",
     "RIS 7.3", "DRX-1", "mandible", "T-D3000"],
)  # fmt: skip
def test_other_words_stay(harmless: str) -> None:
    for name in ("Müller^Jürgen", "Li^An", "Wu^Li", "A^B"):
        assert not traces_of(**{**WHO, "PatientName": name}).are_in(harmless)


def test_coded_strings_that_a_picture_needs_stay() -> None:
    ds = make_dataset(PatientName="Pa^Chrome^^Mr", PatientID="192", ViewPosition="PA")
    made, left = released(ds)
    assert made.left_over == ()
    assert (left.Modality, left.PhotometricInterpretation, left.ViewPosition) == (
        *("CR", "MONOCHROME2", "PA"),
    )


def test_bytes_that_cannot_be_cleaned_are_told() -> None:
    ds = make_dataset(**WHO)
    ds.VOILUTSequence = [make_lut(0, [0] * 32)]
    ds.VOILUTSequence[0].LUTData = "a table of MUELLER".encode("utf-16-le") + bytes(28)
    made, _ = released(ds)
    assert made.left_over == ("LUTData",)


@given(st.dates(date(1930, 1, 1), date(2024, 12, 31)), st.integers(1, 300))
def test_a_date_is_found_and_another_of_a_near_day_is_not(day: date, days: int) -> None:
    forms = ["%d.%m.%Y", "%d/%m/%y", "%Y-%m-%d", "%d %b %Y", "%B %d, %Y", "%Y%m%d"]
    assert all(written_in(day, day.strftime(form).lower()) for form in forms)
    other = day + timedelta(days)
    if {other.day, other.month} != {day.day, day.month}:
        assert not written_in(day, f"{other:%Y-%m-%d}") and not written_in(day, f"{day:%Y}")


def test_copies_name_the_character_set_they_are_in() -> None:
    ds = make_dataset(SpecificCharacterSet="ISO_IR 100", ManufacturerModelName="Größe")
    _, left = released(ds, Profile(device=True))
    assert (left.SpecificCharacterSet, left.ManufacturerModelName) == ("ISO_IR 192", "Größe")


@given(st.text(max_size=30))
def test_spelling_does_not_count(text: str) -> None:
    assert key_of(text) == key_of(text.upper().lower()) or not text.isascii()
    assert all(one == one.casefold() for one in spellings(text) if one.isascii())


def test_patients_without_name_and_number_are_not_one() -> None:
    nobody: dict[str, Any] = {"PatientName": "", "PatientID": ""}
    first, other = (released(make_dataset(**nobody, StudyInstanceUID=u))[1] for u in ("1.2", "1.3"))
    assert first.PatientID != other.PatientID
