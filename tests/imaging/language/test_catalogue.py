"""Which language is spoken: asked for by a tag, by a browser's header, or by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog

from imaging.language import _, accepted, languages, ngettext, speak, speaking, spoken
from tests.catalogues import catalogues, write_catalogue


@pytest.fixture(autouse=True)
def two_languages(tmp_path: Path) -> Iterator[None]:
    """Catalogues of Chinese and German, and the one that tests make."""
    for locale, own, yes in (
        ("zh_CN", "中文", "是"),
        ("de", "Deutsch", "Ja"),
        ("en_XA", "x", "Ýéš"),
    ):
        words = Catalog(locale=locale)
        words.add("English", own)
        words.add("Yes", yes)
        words.add(
            ("{n} film", "{n} films"), ("{n} 张",) if locale == "zh_CN" else ("Bild", "Bilder")
        )
        write_catalogue(tmp_path, words)
    with catalogues(tmp_path):
        yield


def test_nobody_asked_so_it_is_english() -> None:
    assert (spoken(), _("Yes")) == ("en", "Yes")


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("zh-CN", "zh_CN"), ("zh_CN", "zh_CN"), ("zh", "zh_CN"), ("zh-Hans-CN", "zh_CN"),
        ("zh-TW", "zh_CN"), ("de-AT", "de"), ("en-GB", "en"), ("en", "en"), ("en-XA", "en_XA"),
        ("fr", "en"), ("", "en"), ("*", "en"), ("../..", "en"),
    ],
)  # fmt: skip
def test_a_tag_means_the_nearest_language(tag: str, language: str) -> None:
    with speaking(tag):
        assert spoken() == language
    assert spoken() == "en"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh_CN"), ("fr, en;q=0.5, zh;q=0.8", "zh_CN"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"), ("fr", "en"), ("", "en"), ("*", "en"),
        ("zh;q=0, de;q=0.1", "de"), ("zh ; q = 0.3 , de;q=0.2", "zh_CN"),
    ],
)  # fmt: skip
def test_a_browser_gets_what_it_likes_best_of_what_there_is(header: str, language: str) -> None:
    assert accepted(header) == language


def test_readers_choose_among_the_catalogues_by_their_own_names() -> None:
    assert dict(languages()) == {"en": "English", "de": "Deutsch", "zh_CN": "中文"}


def test_a_language_counts_in_its_own_way() -> None:
    with speaking("zh"):
        assert {ngettext("{n} film", "{n} films", n) for n in (0, 1, 2)} == {"{n} 张"}
    with speaking("de"):
        assert [ngettext("{n} film", "{n} films", n) for n in (1, 2)] == ["Bild", "Bilder"]


def test_what_one_thread_speaks_no_other_does() -> None:
    def said(tag: str) -> str:
        speak(tag)
        return _("Yes")

    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        assert one.submit(said, "zh").result() == "是"
        assert other.submit(lambda: _("Yes")).result() == "Yes"
        assert one.submit(lambda: _("Yes")).result() == "是"
    assert _("Yes") == "Yes"
