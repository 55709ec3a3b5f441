"""Text from files: cleaned once, whatever it is; right in every character set DICOM knows."""

from __future__ import annotations

import unicodedata
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from imaging.dicom import read_image
from imaging.dicom.header.elements import text
from imaging.export.study.table import _make_safe
from imaging.text import MAX_TEXT, clean, clean_note, escape_formula, mend
from tests.factories import make_dataset, make_dicom_bytes, to_bytes

NASTY = st.text(
    st.characters()
    | st.sampled_from("\x1b\x00\u202e\u2066\u200f\u200d\u0301=+-@<>&$:*_[]\r\n\t\x9b")
)
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(NASTY)
def test_nothing_that_acts_is_left(found: str) -> None:
    cleaned = clean(found)
    kinds = {
        unicodedata.category(one) for one in cleaned.replace("\u200c", "").replace("\u200d", "")
    }
    assert not kinds & INVISIBLE
    assert len(cleaned) <= MAX_TEXT
    assert cleaned == cleaned.strip()


@given(NASTY)
def test_a_header_value_is_cleaned_whatever_it_holds(found: str) -> None:
    ds = Dataset()
    ds.StudyDescription = found
    assert text(ds, "StudyDescription") == clean(found)


@given(NASTY)
def test_no_cell_is_a_formula(found: str) -> None:
    for cell in (escape_formula(found), str(_make_safe(found))):
        assert not cell.lstrip().startswith(("=", "+", "-", "@"))
        assert cell in (found, f"'{found}")


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FFF, exclude_categories=["Cs"])))
def test_utf_8_that_was_read_as_latin_1_is_put_right(meant: str) -> None:
    garbled = meant.encode().decode("latin-1")
    assert mend(garbled) == (meant if meant.encode().decode("latin-1") == garbled else garbled)


@pytest.mark.parametrize("name", ["Müller^Jürgen", "Åse^Bjørn", "Renée", "Niño^Ángel", "10 °C"])
def test_latin_1_that_is_meant_stays(name: str) -> None:
    assert mend(name) == name


def test_a_typed_note_keeps_its_lines() -> None:
    assert clean_note(" first\r\n\n\x1b[2Jsecond\u202e \n") == "first\n\n[2Jsecond"


def test_marks_piled_on_a_letter_are_thinned() -> None:
    assert len(clean("Z" + "\u0301" * 50)) == 5


@pytest.mark.parametrize(
    ("charset", "raw", "shown"),
    [
        # PS3.5 H.3, example 1; I.2; J.3: the standard's own names
        (
            "\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            "Yamada^Tarou=山田^太郎",
        ),
        (
            "\\ISO 2022 IR 149",
            b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7",
            "Hong^Gildong=洪^吉洞",
        ),
        ("GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab", "Wang^XiaoDong=王^小东"),
        ("ISO_IR 192", "Müller^Jörg".encode(), "Müller^Jörg"),
        ("ISO_IR 100", "Müller^Jörg".encode("latin-1"), "Müller^Jörg"),
        ("ISO_IR 100", "Müller^Jörg".encode(), "Müller^Jörg"),  # UTF-8 under the wrong name
        ("", "王^小东".encode(), "王^小东"),  # UTF-8 and no character set named
        ("ISO_IR 999", b"M\xfcller", "Müller"),  # no such character set
    ],
)
def test_names_are_right_in_every_character_set(charset: str, raw: bytes, shown: str) -> None:
    ds = make_dataset()
    ds.SpecificCharacterSet = charset.split("\\")
    name = b"N" * len(raw)  # a stand-in of the same length, replaced in the file's bytes
    ds.PatientName = name.decode()
    with warnings.catch_warnings():  # pydicom's, about the set that does not exist
        warnings.simplefilter("ignore")
        content = to_bytes(ds).replace(name, raw)
    assert read_image(content).instance.patient.name == shown


def test_file_names_are_cleaned() -> None:
    image = read_image(make_dicom_bytes(), file_name="a\u202egpj.\x1b[31mdcm")
    assert image.instance.file_name == "agpj. [31mdcm"
