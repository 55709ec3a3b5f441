"""The Chinese catalogue: whole, with the values of every sentence, in the terms of the glossary."""

from __future__ import annotations

import csv
import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from imaging.review.terms import TERMS

ROOT = Path(__file__).parents[1] / "locale"
HAN = re.compile(r"[\u4e00-\u9fff]")
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff](?:[,;:?!()]|\.(?:\s|$))|\uff01")
ENDS = ("\u3002", "\uff1f", "\u2026")  # full stop, question mark, ellipsis
# What a translation takes over as it stands: values, code, options, settings, Markdown.
KEPT = re.compile(r"\{[^{}]*\}|`[^`]*`|\*\*|LIGHTBOX_[A-Z_]+|(?<![A-Za-z-])--[a-z][a-z-]+|\n\n")
LATIN = re.compile(r"[A-Za-z]{2,}")
# Names that are the same in both languages.
SAME = {
    "AI", "ATTACH DATABASE ? AS copy KEY ?", "AUC", "Enter", "Esc", "Grad-CAM", "GradientSHAP",
    "Input x Gradient", "Integrated Gradients", "SmoothGrad", "Study Instance UID",
}  # fmt: skip


def read(path: Path) -> dict[str, str]:
    """English -> translation; of a message that counts, the plural, which has the number."""
    with path.open("rb") as stream:
        found = {}
        for message in read_po(stream):
            english = message.id if isinstance(message.id, str) else message.id[-1]
            forms = message.string or ""
            if english and not message.fuzzy:
                found[english] = forms if isinstance(forms, str) else forms[0]
    return found


CHINESE = ROOT / "zh_CN" / "LC_MESSAGES"
CATALOGUE = read(CHINESE / "lightbox.po")
with (ROOT / "glossary.csv").open(newline="") as stream:
    GLOSSARY = list(csv.reader(stream))[1:]


def test_every_message_of_the_template_is_translated() -> None:
    missing = [text for text in read(ROOT / "lightbox.pot") if not CATALOGUE.get(text)]
    assert not missing


def test_a_translation_keeps_values_code_and_markdown() -> None:
    for english, chinese in CATALOGUE.items():
        assert sorted(KEPT.findall(chinese)) == sorted(KEPT.findall(english)), english


def test_nothing_is_left_in_english() -> None:
    for english, chinese in CATALOGUE.items():
        if chinese == english and english not in SAME:
            assert not LATIN.search(KEPT.sub("", english)), english
        words = LATIN.findall(KEPT.sub("", chinese))
        new = {word for word in words if word.lower() not in english.lower()}
        assert new <= {"AI"}, (english, new)  # "network" and the like are AI in Chinese


def test_chinese_has_its_own_punctuation_and_no_exclamation() -> None:
    for english, chinese in CATALOGUE.items():
        said = KEPT.sub("", chinese)
        assert not HALF_WIDTH.search(said), said
        if english.endswith((".", "?")) and HAN.search(said):
            assert said.endswith(ENDS), said


@pytest.mark.parametrize(("term", "word", "also"), GLOSSARY, ids=[row[0] for row in GLOSSARY])
def test_a_term_of_the_glossary_has_one_translation(term: str, word: str, also: str) -> None:
    found = re.compile(rf"(?<![\w-]){re.escape(term)}(?![\w-])", re.IGNORECASE)
    words = [one for one in f"{word}|{also}".split("|") if one]
    for english, chinese in CATALOGUE.items():
        if found.search(re.sub(r"`[^`]*`|\{[^{}]*\}", "", english)):
            assert any(one in chinese for one in words), (english, chinese)


def test_what_a_doctor_may_state_is_in_the_catalogue() -> None:
    assert {term.meaning for term in TERMS.values()} <= CATALOGUE.keys()


def test_what_is_read_at_run_time_is_this_catalogue() -> None:
    compiled = BytesIO()
    with (CHINESE / "lightbox.po").open("rb") as stream:
        write_mo(compiled, read_po(stream, locale="zh_CN"))
    assert (CHINESE / "lightbox.mo").read_bytes() == compiled.getvalue(), "run `make messages`"
