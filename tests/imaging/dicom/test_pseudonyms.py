"""Whose pseudonym is whose: strangers never share one, and what a site has given stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from imaging.dicom.deidentify.pseudonyms import Project, identity_key
from imaging.entities import Patient
from imaging.person import Outcome, compare, person_of

PROJECT = Project(bytes(range(32)))
PLACEHOLDERS = (
    "UNKNOWN", "ANONYMOUS", "anonymous", "Anon", "0", "0000", "999999", "N/A", "NO ID", "TEST",
    "Patient ID", "xxx", "-", "unknown^", "0^^^WARD",
)  # fmt: skip
NUMBERS = ("123", "0123", "A-77", "P 9", "4711/12", "MRN88", "ABC.1")


def pseudonym(patient: Patient, study: str = "1.2.3") -> str:
    ds = Dataset()
    ds.StudyInstanceUID = study
    return PROJECT.patient(identity_key(patient, ds))


@pytest.mark.parametrize("number", PLACEHOLDERS)
def test_a_placeholder_is_nobodys_number(number: str) -> None:
    jane, john = Patient("DOE^JANE", number, "19800101"), Patient("ROE^JOHN", number, "19700101")
    assert pseudonym(jane) != pseudonym(john)
    assert pseudonym(jane) == pseudonym(Patient("doe jane^^", "", "19800101"))
    nameless = Patient("ANONYMOUS", number, "19800101")
    assert pseudonym(nameless) != pseudonym(nameless, "1.2.4")
    assert pseudonym(nameless) == pseudonym(Patient("", number))


@pytest.mark.parametrize("number", ["123", "A-77", "4711/12", "MRN88", "ABC.1", "P_9"])
def test_a_site_s_earlier_pseudonyms_stay(number: str) -> None:
    """Before, the key was the identifier as it is written."""
    patient = Patient("DOE^JANE", number, "19800101")
    assert identity_key(patient, Dataset(), punctuation=True) == number
    assert identity_key(Patient("DOE^JANE", "", "19800101"), Dataset()) == "do jane/19800101"


def test_a_key_file_says_whether_punctuation_counts(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("ab" * 32)
    old, new = Project.open(tmp_path / "old"), Project.open(tmp_path / "new")
    assert old.punctuation and not new.punctuation and Project.open(tmp_path / "new") == new


@pytest.mark.parametrize("number", ["A-77", "a77", "A 77", "A.77", " a-7-7 ", "\uff21-77"])
def test_punctuation_makes_no_other_patient(number: str) -> None:
    """As `imaging.person` compares numbers: SAME, with the same name."""
    one, other = Patient("DOE^JANE", "A-77"), Patient("Doe^Jane", number)
    assert compare(one, other).outcome is Outcome.SAME
    assert pseudonym(one) == pseudonym(other)


SPELLINGS: tuple[Callable[[str], str], ...] = (
    str.lower,
    str.title,
    lambda text: f"{text}^",
    lambda text: f"{text}^^^",
    lambda text: f" {text} ",
    lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
)


@settings(deadline=None)
@given(
    st.sampled_from(NUMBERS) | st.text("ABC0123456789-./ ", min_size=1, max_size=12),
    st.sampled_from(SPELLINGS),
    st.sampled_from(("", "WARD A")),
)
def test_a_number_however_it_is_written_is_one(
    number: str, spell: Callable[[str], str], issuer: str
) -> None:
    one = Patient("DOE^JANE", number, "19800101", issuer=issuer)
    other = Patient("doe^jane", spell(number), "19800101", issuer=issuer.lower())
    assert pseudonym(one) == pseudonym(other)


numbers = st.sampled_from((*NUMBERS, *PLACEHOLDERS, ""))
people = st.builds(
    Patient,
    name=st.sampled_from(("DOE^JANE", "ROE^JOHN", "ANONYMOUS", "", "=\u5c71\u7530^\u592a\u90ce")),
    patient_id=numbers,
    birth_date=st.sampled_from(("", "19800101", "19700101")),
    issuer=st.sampled_from(("", "WARD A", "WARD B")),
    issuer_uid=st.sampled_from(("", "ISO 1.2.3", "ISO 1.2.4")),
)


@settings(deadline=None)
@given(people, people)
def test_who_shares_a_pseudonym_has_the_same_number_or_name(one: Patient, other: Patient) -> None:
    if pseudonym(one, "1.2.3") != pseudonym(other, "1.2.4"):
        return
    ours, theirs = person_of(one), person_of(other)
    if ours.numbers or theirs.numbers:
        assert ours.number_keys == theirs.number_keys
        (a,), (b,) = ours.numbers, theirs.numbers
        assert (a.issuer_uid or a.issuer) == (b.issuer_uid or b.issuer)
    else:
        assert ours.names and ours.name_key == theirs.name_key
        assert ours.birth_date == theirs.birth_date


def test_one_number_of_two_issuers_is_two_patients() -> None:
    issuers: tuple[dict[str, Any], ...] = (
        {},
        {"issuer": "WARD A"},
        {"issuer": "WARD B"},
        {"issuer_uid": "ISO 1.2.3"},
    )
    found = {pseudonym(Patient("DOE^JANE", "123", **issuer)) for issuer in issuers}
    assert len(found) == len(issuers)
    assert pseudonym(Patient("", "123^^^WARD A")) == pseudonym(Patient("", "123", issuer="ward a"))
