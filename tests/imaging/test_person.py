"""Persons: what one comparison says of two headers, and that no single change goes unseen."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.entities import OtherPatientId, Patient
from imaging.person import Match, Outcome, compare, person_of

SAME, CANNOT_TELL, ANOTHER = Outcome.SAME, Outcome.CANNOT_TELL, Outcome.ANOTHER
JANE = Patient("DOE^JANE", "A-123", "19800101", "F")
FAMILIES = ("DOE", "MÜLLER", "O'BRIEN", "山田", "ИВАНОВ", "JOSÉ-MARÍA")
GIVEN = ("JANE", "Jürgen", "太郎", "Анна", "Zoë")
NUMBERS = ("123", "0123", "A-77", "P 9", "\uff11\uff12\uff13\uff14", "MRN 88")
ISSUERS = ("", "WARD A", "WARD B")
DATES = ("", "19800101", "19551231", "20210505")

persons = st.builds(
    Patient,
    name=st.builds("{}^{}".format, st.sampled_from(FAMILIES), st.sampled_from(GIVEN)),
    patient_id=st.sampled_from(("", "ANONYMOUS", *NUMBERS)),
    birth_date=st.sampled_from(DATES),
    sex=st.sampled_from(("", "M", "F", "O")),
    issuer=st.sampled_from(ISSUERS),
    id_type=st.sampled_from(("", "TEXT", "RFID")),
)
spellings = st.sampled_from(
    (
        str.lower,
        str.title,
        lambda text: f"{text}^",
        lambda text: f"{text}^^",
        lambda text: f" {text} ",
        lambda text: f"{text}==",
        lambda text: text.replace("^", " "),
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: unicodedata.normalize("NFKC", text),
    )
)


def identified(patient: Patient) -> bool:
    """True for a number with something beyond it."""
    person = person_of(patient)
    return bool(person.numbers and (person.names or person.birth_date))


@given(persons, persons)
def test_a_comparison_has_no_direction(one: Patient, other: Patient) -> None:
    assert compare(one, other) == compare(other, one)


@given(persons)
def test_who_is_identified_is_the_same_as_oneself_and_nobody_else_is(patient: Patient) -> None:
    compared = compare(patient, patient)
    assert not compared.contradicts
    assert (compared.outcome is SAME) == identified(patient)


@given(persons.filter(identified), spellings)
def test_spelling_makes_nobody_another(patient: Patient, spell: object) -> None:
    assert callable(spell)
    named = replace(patient, name=spell(patient.name))
    numbered = replace(patient, patient_id=f" {patient.patient_id.lower()} ")
    assert compare(patient, named).outcome is SAME
    assert compare(patient, numbered).outcome is SAME


@given(persons.filter(identified), st.data())
def test_any_one_change_is_never_the_same_unless_the_rule_says_so(
    patient: Patient, data: st.DataObject
) -> None:
    """A field that says another thing; a silent one may be filled in, as rule 1 and 2 allow."""
    field = data.draw(st.sampled_from(("name", "patient_id", "birth_date", "sex", "issuer")))
    values = {
        "name": [f"{f}^{g}" for f in FAMILIES for g in GIVEN],
        "patient_id": ["", "ANONYMOUS", "0000", *NUMBERS, "999"],
        "birth_date": DATES,
        "sex": ["", "M", "F", "O"],
        "issuer": ISSUERS,
    }
    value = data.draw(st.sampled_from(values[field]))
    change: dict[str, Any] = {field: value}
    changed = replace(patient, **change)
    compared = compare(patient, changed)
    if person_of(changed) == person_of(patient):
        assert compared.outcome is SAME
    elif field == "patient_id" or (
        field in ("birth_date", "sex") and value and getattr(patient, field)
    ):
        assert compared.outcome is not SAME
    elif field == "issuer" and value and patient.issuer:
        assert compared.outcome is not SAME and compared.number is Match.PARTLY
    elif field == "name" and compared.name in (Match.PARTLY, Match.DIFFERENT):
        assert compared.outcome is not SAME


@given(persons, persons)
def test_nobody_is_the_same_without_a_number_or_against_a_contradiction(
    one: Patient, other: Patient
) -> None:
    compared = compare(one, other)
    if compared.outcome is SAME:
        assert compared.number in (Match.EQUAL, Match.CLOSE) and not compared.contradicts
        assert Match.EQUAL in (compared.name, compared.birth_date)
    if compared.outcome is ANOTHER:
        assert compared.contradicts and not compared.may_be_same


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"name": "ROE^JANE"}, CANNOT_TELL),  # a married name
        ({"name": "DOE^JACK"}, CANNOT_TELL),
        ({"name": "ROE^RICK", "birth_date": ""}, ANOTHER),
        ({"name": "ROE^RICK", "birth_date": "19700101"}, ANOTHER),
        ({"name": "DOE^JACK", "birth_date": "19830303"}, ANOTHER),  # a brother under her number
        ({"birth_date": "19800110"}, CANNOT_TELL),
        ({"name": "", "birth_date": "19700101"}, ANOTHER),
        ({"sex": "M"}, CANNOT_TELL),
        ({"sex": "O"}, CANNOT_TELL),
        ({"name": "DOE^J"}, SAME),
        ({"name": "DOE^JANE^MARY"}, SAME),
        ({"name": "DOE^J", "birth_date": ""}, CANNOT_TELL),
        ({"name": "", "birth_date": ""}, CANNOT_TELL),
        ({"patient_id": "A-124"}, CANNOT_TELL),  # registered twice
        ({"patient_id": "A-124", "birth_date": ""}, ANOTHER),
        ({"patient_id": "A-124", "name": "ROE^JANE"}, ANOTHER),
        ({"patient_id": ""}, CANNOT_TELL),
        ({"patient_id": "", "birth_date": "19700101"}, ANOTHER),
        ({"patient_id": "", "birth_date": "", "sex": "M"}, ANOTHER),
        ({"issuer": "WARD A"}, SAME),
        ({"issuer": "WARD A", "birth_date": ""}, CANNOT_TELL),
        ({"id_type": "RFID"}, CANNOT_TELL),
    ],
)
def test_the_rules(changes: dict[str, Any], outcome: Outcome) -> None:
    assert compare(JANE, replace(JANE, **changes)).outcome is outcome


def test_the_same_number_of_two_issuers_says_nothing() -> None:
    ours, theirs = (replace(JANE, issuer=issuer) for issuer in ("WARD A", "WARD B"))
    compared = compare(ours, theirs)
    assert (compared.outcome, compared.number) == (CANNOT_TELL, Match.PARTLY)
    stranger = replace(theirs, name="ROE^RICK", sex="M", birth_date="")
    assert compare(ours, stranger).outcome is ANOTHER


def test_a_universal_issuer_says_more_than_a_local_name() -> None:
    ours = replace(JANE, issuer="WARD A", issuer_uid="ISO 1.2.3")
    assert compare(ours, replace(ours, issuer="RADIOLOGY")).outcome is SAME
    assert compare(ours, replace(ours, issuer_uid="ISO 1.2.4")).outcome is CANNOT_TELL


def test_an_issuer_written_into_the_number_counts() -> None:
    inside = replace(JANE, patient_id="A-123^^^WARD A")
    assert compare(inside, replace(JANE, issuer="WARD A")).outcome is SAME
    assert compare(inside, replace(JANE, issuer="WARD B")).outcome is CANNOT_TELL


def test_another_number_of_the_patient_is_a_number_of_the_patient() -> None:
    moved = replace(JANE, patient_id="N-9", other_ids=(OtherPatientId("A-123"),))
    assert compare(JANE, moved).outcome is SAME


@pytest.mark.parametrize(
    "number",
    [
        *("", "0", "00000", "ANONYMOUS", "Anon", "ANON0", "UNKNOWN", "none", "N/A", "TEST", "XXX"),
        *("?", "-", "999999", "NO ID", "Patient", "NOT AVAILABLE", "null"),
        "\uff41\uff4e\uff4f\uff4e",
    ],
)
def test_a_placeholder_is_no_number(number: str) -> None:
    one = replace(JANE, patient_id=number)
    assert person_of(one).numbers == () and compare(one, one).outcome is CANNOT_TELL


@pytest.mark.parametrize(
    "word",
    [
        *("Anonyme", "ANONYMISÉE", "inconnue", "SANS NOM", "Anónimo", "desconocida", "Paciente"),
        *("sconosciuta", "Anônimo", "DESCONHECIDO", "anoniem", "Unbekannte", "Namenlos", "Keine"),
        *("ukendt", "Ukjent", "Tuntematon", "Nieznany", "Neznámý", "Ismeretlen", "Bilinmiyor"),
        *(
            "Неизвестный",
            "АНОНИМ",
            "Пациент",
            "Άγνωστος",
            "ΑΝΩΝΥΜΟΣ",
            "مجهول",
            "غير معروف",
            "לא ידוע",
        ),
        *("匿名", "未知", "不明", "無名氏", "测试", "テスト", "ﾃｽﾄ", "익명", "성명미상", "अज्ञात"),
        *("not provided", "Pseudonymised", "N/A", "withheld", "Notfall"),
    ],
)
def test_a_placeholder_is_one_in_any_language(word: str) -> None:
    nobody = Patient(word, word)
    assert person_of(nobody).silent and compare(nobody, nobody).outcome is CANNOT_TELL
    assert person_of(replace(nobody, name=f"{word}^{word}")).silent


@pytest.mark.parametrize("name", ["Newman^Baby", "Test^Anna", "Ma^N", "Sin^Nam", "Sans^Jordi"])
def test_a_name_of_somebody_is_a_name(name: str) -> None:
    assert person_of(Patient(name)).names


@pytest.mark.parametrize("number", ["1234", "T-1", "ANON12", "TEST 7", "0001", "P0", "X1"])
def test_a_number_is_a_number(number: str) -> None:
    assert person_of(replace(JANE, patient_id=number)).numbers


@pytest.mark.parametrize(
    "name", ["", "ANONYMOUS", "UNKNOWN^UNKNOWN", "Unknown^Male", "TEST^PATIENT", "NN", "ANON^12"]
)
def test_a_placeholder_is_no_name(name: str) -> None:
    nameless = replace(JANE, name=name, birth_date="")
    assert person_of(nameless).names == ()
    assert compare(nameless, nameless).outcome is CANNOT_TELL


@pytest.mark.parametrize(
    ("one", "other", "match"),
    [
        ("Müller^Jürgen", "MUELLER^JUERGEN", Match.EQUAL),
        ("Müller^Jürgen", "MULLER^JURGEN", Match.EQUAL),
        ("DOE^JANE", "Jane Doe", Match.EQUAL),
        ("DOE, JANE", "DOE^JANE^^Dr", Match.EQUAL),
        ("O'BRIEN^MARY", "OBRIEN^MARY", Match.EQUAL),
        ("Yamada^Taro=山田^太郎=やまだ^たろう", "=山田^太郎", Match.EQUAL),
        ("ﾔﾏﾀﾞ^ﾀﾛｳ", "Yamada^Taro=山田^太郎=やまだ^たろう", Match.EQUAL),
        ("Sato^Hiroshi=佐藤^博", "Sato^Hiroshi=佐藤^宏", Match.PARTLY),
        ("Ivanov^Ivan", "Иванов^Иван", Match.SILENT),
        ("DOE^JOHN^^^JR", "DOE^JOHN^^^SR", Match.PARTLY),
        ("DOE^JANE", "DOE^JOAN", Match.PARTLY),
        ("DOE^JANE", "ROE^RICK", Match.DIFFERENT),
        ("देवी^सीता", "देवा^सीता", Match.PARTLY),
    ],
)
def test_names(one: str, other: str, match: Match) -> None:
    pair = replace(JANE, name=one), replace(JANE, name=other)
    assert compare(*pair).name is match


@pytest.mark.parametrize("filler", ["19000101", "00010101", "1.1.1980", "soon"])
def test_a_filler_is_no_birth_date(filler: str) -> None:
    assert person_of(replace(JANE, birth_date=filler)).birth_date == ""
