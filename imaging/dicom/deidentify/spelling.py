"""Text reduced to what is left when spelling does not count: case, accents, width, punctuation.

Both sides of a search are reduced alike, so that a name is found however it was written.
"""

from __future__ import annotations

import html
import re
import unicodedata

from anyascii import anyascii

from imaging.text import mend

_LETTERS = {  # what Unicode takes for letters of their own: (plain, as written without the letter)
    "\u00e4": ("a", "ae"), "\u00f6": ("o", "oe"), "\u00fc": ("u", "ue"), "\u00e5": ("a", "aa"),
    "\u00e6": ("a", "ae"), "\u00f8": ("o", "oe"), "\u0153": ("o", "oe"), "\u00df": ("ss", "ss"),
    "\u00f0": ("d", "dh"), "\u0111": ("d", "dj"), "\u00fe": ("th", "th"), "\u0142": ("l", "l"),
    "\u0131": ("i", "i"), "\u00f1": ("n", "ny"),
}  # fmt: skip
_PLAIN = str.maketrans({letter: plain for letter, (plain, _) in _LETTERS.items()})
_WRITTEN_OUT = str.maketrans({letter: out for letter, (_, out) in _LETTERS.items()})
_KATAKANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}  # to hiragana
_UNSPACED = re.compile(  # scripts that do not part words: Thai to Khmer, kana, Han, Hangul
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff]"
)
_LATIN_GAPS = re.compile(r"[\x00-\x1f]")
_WORD = re.compile(r"[^\W_]+")
_DIGRAPHS = re.compile(r"([aou])e|aa")  # how ä, ö, ü, å are written without them


def spellings(text: str) -> frozenset[str]:
    """The text in lower case without accents: left out, written out (ü as u and ue), in Latin.

    In Latin letters is what is written in others, sign by sign (`anyascii`). Compatible forms
    become one (NFKC: full width, ligatures), invisible signs and points of vowels are dropped;
    UTF-8 read as Latin-1 and HTML's names of letters are put right before.
    """
    native = _spell_natively(text)
    return native | {_LATIN_GAPS.sub(" ", anyascii(one)).casefold() for one in native}


def _spell_natively(text: str) -> frozenset[str]:
    """The spellings in the letters of the text itself."""
    whole = html.unescape(mend(text))
    whole = unicodedata.normalize("NFKC", whole).casefold()
    whole = unicodedata.normalize("NFC", whole).translate(_KATAKANA)
    whole = "".join(c for c in whole if unicodedata.category(c) != "Cf")
    return frozenset(_strip_accents(whole.translate(letters)) for letters in (_PLAIN, _WRITTEN_OUT))


def words_of(text: str) -> list[str]:
    """The words of a spelling: letters and digits between anything else."""
    return _WORD.findall(text)


def squeeze(text: str) -> str:
    """A spelling without blanks and punctuation."""
    return "".join(words_of(text))


def is_unspaced(text: str) -> bool:
    """Whether it has letters of a script that puts no blanks between words."""
    return _UNSPACED.search(text) is not None


def key_of(text: str) -> str:
    """One spelling for all: accents left out, whether written out or not, single blanks."""
    plain = min(_spell_natively(text), key=len)
    return " ".join(words_of(_DIGRAPHS.sub(lambda match: match[1] or "a", plain)))


def _strip_accents(text: str) -> str:
    apart = unicodedata.normalize("NFD", text)
    kept = "".join(c for c in apart if not unicodedata.combining(c) or is_unspaced(c))
    return unicodedata.normalize("NFC", kept)
