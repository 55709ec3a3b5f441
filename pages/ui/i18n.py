"""Words on screen in the reader's language: gettext, by the browser's locale, else English.

A language is a folder: put ``locale/zh_CN/LC_MESSAGES/lightbox.po`` there, run ``make messages``.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

import streamlit as st

from imaging.settings import shipped_folder

DOMAIN = "lightbox"
FOLDER = shipped_folder("locale")
SOURCE_LANGUAGE = "en"

_spoken = ContextVar("spoken", default="")
_PLACEHOLDER = re.compile(r"\\\{\d+\\\}")


class Catalogue(gettext.GNUTranslations):
    """A compiled catalogue that can also be walked through."""

    def pairs(self) -> Mapping[str, str]:
        """Every translated message without plural forms: English -> translation."""
        messages: Mapping[object, str] = self._catalog  # type: ignore[attr-defined]
        return {k: v for k, v in messages.items() if isinstance(k, str) and k and v}


def _(message: str) -> str:
    """Translate a word or sentence of the pages."""
    return _catalogue(_locale()).gettext(message) if message else ""


def ngettext(singular: str, plural: str, count: int) -> str:
    """Translate a sentence that counts something."""
    return _catalogue(_locale()).ngettext(singular, plural, count)


def sentence(text: str) -> str:
    """Translate what another room says: stored English, maybe several sentences in a row.

    Messages with values are listed in the catalogue as templates ("The body part is {0}."); the
    values found in the text are put into the translated template.
    """
    whole = _(text)
    if whole != text:
        return whole
    for pattern, put in _replacements(_locale()):
        text = pattern.sub(put, text)
    return text


@contextmanager
def speaking(accepted: str) -> Iterator[None]:
    """Translate for the browser of a request, outside of Streamlit's pages.

    Parameters
    ----------
    accepted : str
        Its Accept-Language header (RFC 9110, 12.5.4): the first language is taken.
    """
    first = re.match(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)", accepted)
    before = _spoken.set(first[1] if first else SOURCE_LANGUAGE)
    try:
        yield
    finally:
        _spoken.reset(before)


def _locale() -> str:
    """The browser's locale, such as zh-CN; English outside a browser."""
    return _spoken.get() or st.context.locale or SOURCE_LANGUAGE


@lru_cache(maxsize=64)
def _catalogue(locale: str) -> gettext.NullTranslations:
    """The catalogue of a locale, or one that leaves every message as it is."""
    language, *rest = locale.replace("-", "_").split("_")
    if language == SOURCE_LANGUAGE:
        return gettext.NullTranslations()
    languages = [f"{language}_{rest[-1]}", language] if rest else [language, f"{language}_CN"]
    return gettext.translation(DOMAIN, FOLDER, languages, class_=Catalogue, fallback=True)


@lru_cache(maxsize=64)
def _replacements(locale: str) -> list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]:
    """Patterns of all catalogued sentences with their translations, the longest first."""
    catalogue = _catalogue(locale)
    if not isinstance(catalogue, Catalogue):
        return []
    pairs = sorted(catalogue.pairs().items(), key=lambda pair: -len(pair[0]))
    return [
        (re.compile(_PLACEHOLDER.sub("(.+?)", re.escape(english))), _make_filler(translation))
        for english, translation in pairs
        if english.endswith((".", "?"))
    ]


def _make_filler(translation: str) -> Callable[[re.Match[str]], str]:
    """Return a function that puts the values of a match into a translated template."""
    return lambda match: translation.format(*match.groups()) if match.groups() else translation
