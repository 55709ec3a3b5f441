"""Every character set and every script: what was meant is read, whichever set the file names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.dicom import read_image
from imaging.dicom.reader import parse
from imaging.encodings import choose_text
from tests.factories import make_dataset, to_bytes

NAMES = {
    "Latin": ("Müller^Jürgen", "JOSÉ^GARCÍA", "Łukasz^Żółw", "STÓŁ^ŁÓDŹ", "Öztürk^Ayşegül"),
    "Vietnamese": ("Nguyễn^Thị Hằng",),
    "Greek": ("Παπαδόπουλος^Γιώργος", "ΣΤΑΥΡΟΣ^Ω"),
    "Cyrillic": ("Иванов^Иван", "ИВАНОВ^ПЁТР", "Ковальчук^Їжак", "ЦОЙ^ЯН"),
    "Arabic": ("قباني^لنزار", "محمد^أحمد"),
    "Hebrew": ("שרון^דבורה",),
    "Thai": ("ทองดี^สมชาย", "แดง^เทพ"),
    "Japanese": ("Yamada^Tarou=山田^太郎=やまだ^たろう", "=山田^太郎", "==ﾔﾏﾀﾞ^ﾀﾛｳ"),
    "Korean": ("Hong^Gildong=洪^吉洞=홍^길동", "김^희중"),
    "Chinese": ("Wang^XiaoDong=王^小东", "谢^娜", "张^伟"),
}
SETS = {  # Specific Character Set -> Python's codec, where one codec is all of it
    "ISO_IR 100": "latin-1", "ISO_IR 101": "iso8859-2", "ISO_IR 109": "iso8859-3",
    "ISO_IR 110": "iso8859-4", "ISO_IR 126": "iso8859-7", "ISO_IR 127": "iso8859-6",
    "ISO_IR 138": "iso8859-8", "ISO_IR 144": "iso8859-5", "ISO_IR 148": "iso8859-9",
    "ISO_IR 166": "iso8859-11", "ISO_IR 13": "shift_jis", "GB18030": "gb18030", "GBK": "gbk",
    "ISO_IR 192": "utf-8", "": "",
}  # fmt: skip
EXTENDED = {  # with a name in it as the standard's examples write one (PS3.5 H.3, I.2, K.2)
    "\\ISO 2022 IR 87": (b"=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", "=山田^太郎"),
    "\\ISO 2022 IR 149": (b"=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7", "=洪^吉洞"),
    "\\ISO 2022 IR 58": (b"=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab", "=张^小东"),
}
ALL = [name for names in NAMES.values() for name in names]


def film(charset: str, name: bytes) -> bytes:
    """A file whose header names a set and holds these bytes as PatientName."""
    ds = make_dataset(SpecificCharacterSet=charset.split("\\"), PatientName="N" * len(name))
    return to_bytes(ds).replace(b"N" * len(name), name)


def shown(content: bytes) -> str:
    return read_image(content).instance.patient.name


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("charset", [*SETS, *EXTENDED])
def test_utf_8_is_read_whatever_set_is_named(charset: str, name: str) -> None:
    assert shown(film(charset, name.encode())) == name


@pytest.mark.parametrize("charset", list(filter(None, SETS)))
def test_a_set_that_is_rightly_named_is_read(charset: str) -> None:
    codec, read = SETS[charset], 0
    for name in ALL:
        try:
            raw = name.encode(codec)
        except UnicodeError:
            continue  # the set does not have these letters
        assert shown(film(charset, raw)) == name
        read += not raw.isascii()
    assert read


@pytest.mark.parametrize("charset", EXTENDED)
def test_escape_sequences_are_followed(charset: str) -> None:
    raw, name = EXTENDED[charset]
    assert shown(film(charset, raw)) == name


def test_latin_1_under_the_name_of_utf_8_is_read() -> None:
    assert shown(film("ISO_IR 192", "Müller^Jürgen".encode("latin-1"))) == "Müller^Jürgen"


def test_a_name_that_was_cut_within_a_letter_keeps_the_others() -> None:
    assert shown(film("ISO_IR 144", "Müller^José".encode()[:-1])) == "Müller^Jos"


@pytest.mark.parametrize("charset", ["ISO_IR 100", "ISO_IR 144", "ISO_IR 166", "GB18030"])
def test_texts_within_sequences_are_read_likewise(charset: str) -> None:
    item = make_dataset(StudyDescription="N" * 7)
    ds = make_dataset(SpecificCharacterSet=charset)
    ds.ReferencedImageSequence = [item]
    content = to_bytes(ds).replace(b"N" * 7, "Größe".encode())
    assert parse(content).ReferencedImageSequence[0].StudyDescription == "Größe"


LATIN_2 = st.text("aąbcćeęłńóśźżiklmoprstuwyz", min_size=3, max_size=9).map(str.capitalize)
CYRILLIC = st.text("абвгдежзийклмнопрстуфхцчшщыьэюя", min_size=3, max_size=9).map(str.capitalize)


@given(st.one_of(LATIN_2.map(lambda t: (t, "iso8859-2")), CYRILLIC.map(lambda t: (t, "iso8859-5"))))
def test_names_of_a_single_byte_set_stay_and_their_utf_8_is_found(meant: tuple[str, str]) -> None:
    name, codec = meant
    assert choose_text(name.encode(codec), name) == name
    as_declared = name.encode().decode(codec, "replace")
    assert choose_text(name.encode(), as_declared) == name


@given(st.binary(max_size=30), st.sampled_from([c for c in SETS.values() if c]))
def test_any_bytes_become_some_text(raw: bytes, codec: str) -> None:
    declared = raw.decode(codec, "replace")
    assert choose_text(raw, declared) in (
        declared,
        raw.decode("utf-8", "ignore"),
        raw.decode("cp1252", "replace"),
    )
