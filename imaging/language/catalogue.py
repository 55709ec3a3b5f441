"""Messages by gettext, in the language that is spoken here and now (a context variable)."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

from imaging.settings import shipped_folder

DOMAIN = "lightbox"
FOLDER = shipped_folder("locale")
SOURCE = "en"
PSEUDO = "en_XA"  # the catalogue that tests make of the template; no reader is offered it

_spoken = ContextVar("spoken", default=SOURCE)
_PLACEHOLDER = re.compile(r"\\\{\d+\\\}")
# A language range of an Accept-Language header with its weight (RFC 9110, 12.5.4).
_RANGE = re.compile(
    r"([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?"
)


class Catalogue(gettext.GNUTranslations):
    """A compiled catalogue that can also be walked through."""

    def pairs(self) -> Mapping[str, str]:
        """Every translated message without plural forms: English -> translation."""
        messages: Mapping[object, str] = self._catalog  # type: ignore[attr-defined]
        return {k: v for k, v in messages.items() if isinstance(k, str) and k and v}


def _(message: str) -> str:
    """Translate a word or sentence."""
    return catalogue(spoken()).gettext(message) if message else ""


def ngettext(singular: str, plural: str, count: int) -> str:
    """Translate a sentence that counts something."""
    return catalogue(spoken()).ngettext(singular, plural, count)


def sentence(text: str) -> str:
    """Translate what is stored or raised in English, maybe several sentences in a row.

    Messages with values are listed in the catalogue as templates ("The body part is {0}."); the
    values found in the text are put into the translated template.
    """
    whole = _(text)
    if whole != text:
        return whole
    for pattern, put in _replacements(spoken()):
        text = pattern.sub(put, text)
    return text


def spoken() -> str:
    """The language that is spoken here: a name of `languages`, such as ``zh_CN``."""
    return _spoken.get()


def speak(locale: str) -> None:
    """Speak a language from here on, in this thread or task.

    Parameters
    ----------
    locale : str
        A language tag (BCP 47) or the name of a catalogue, such as ``zh-CN``; the nearest language
        there is, else English.
    """
    _spoken.set(_nearest(locale) or SOURCE)


@contextmanager
def speaking(locale: str) -> Iterator[None]:
    """Speak a language for a while; see `speak`."""
    before = _spoken.set(_nearest(locale) or SOURCE)
    try:
        yield
    finally:
        _spoken.reset(before)


def accepted(header: str) -> str:
    """The language there is that a browser likes best; English where it knows none of ours.

    Parameters
    ----------
    header : str
        Its Accept-Language header (RFC 9110, 12.5.4).
    """
    ranges = [(float(weight or 1), tag) for tag, weight in _RANGE.findall(header)]
    liked = sorted((r for r in ranges if r[0] > 0), key=lambda r: -r[0])
    return next((found for _weight, tag in liked if (found := _nearest(tag))), SOURCE)


@lru_cache(maxsize=1)
def languages() -> Mapping[str, str]:
    """The languages a reader may choose, by the names of their folders, each in its own words."""
    folders = sorted(path.parents[1].name for path in FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))
    found = {SOURCE: "English"}
    for name in folders:
        if name != PSEUDO:
            with speaking(name):
                # the name of the language of the catalogue, as its readers write it
                own = _("English")
            found[name] = own if own != "English" else name
    return found


@lru_cache(maxsize=64)
def _nearest(locale: str) -> str:
    """The language of a catalogue that suits a language tag; "" when there is none."""
    language, *rest = locale.replace("-", "_").split("_")
    wanted = f"{language}_{rest[-1]}" if rest else language
    if wanted == PSEUDO and (FOLDER / PSEUDO).is_dir():
        return PSEUDO
    if language == SOURCE:
        return SOURCE
    folders = sorted(path.parents[1].name for path in FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))
    kin = (name for name in folders if name.partition("_")[0] == language)
    return wanted if wanted in folders else next(kin, "")


@lru_cache(maxsize=64)
def catalogue(language: str) -> gettext.NullTranslations:
    """The catalogue of a language, or one that leaves every message as it is."""
    return gettext.translation(DOMAIN, FOLDER, [language], class_=Catalogue, fallback=True)


@lru_cache(maxsize=64)
def _replacements(language: str) -> list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]:
    """Patterns of all catalogued sentences with their translations, the longest first."""
    messages = catalogue(language)
    if not isinstance(messages, Catalogue):
        return []
    pairs = sorted(messages.pairs().items(), key=lambda pair: -len(pair[0]))
    return [
        (re.compile(_PLACEHOLDER.sub("(.+?)", re.escape(english))), _make_filler(translation))
        for english, translation in pairs
        if english.endswith((".", "?"))
    ]


def _make_filler(translation: str) -> Callable[[re.Match[str]], str]:
    """Return a function that puts the values of a match into a translated template."""
    return lambda match: translation.format(*match.groups()) if match.groups() else translation
