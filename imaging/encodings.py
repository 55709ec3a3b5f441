"""Which text some bytes are: as their character set says, or UTF-8 that another set is named for.

Many makers write UTF-8 and name no character set, or the wrong one (PS3.3 C.12.1.1.2). Bytes that
are sound UTF-8 are taken for it, unless what the declared set makes of them reads better. Nothing
here knows a file format.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from functools import lru_cache
from itertools import pairwise

_ESCAPE = b"\x1b"  # begins another set by ISO 2022 (PS3.5 6.1.2.5), which UTF-8 never does
_WORD = re.compile(r"[^\W\d_]+(?:[\u0300-\u036f]+[^\W\d_]*)*")
_EAST_ASIAN = frozenset(("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL"))
_NEUTRAL = frozenset(("COMBINING", "VARIATION", "IDEOGRAPHIC", "FULLWIDTH"))
_PLAIN_SIGNS = frozenset(
    "\u00b0\u00b7\u2013\u2019\u30fb\u3000\u3001\u3002\uff08\uff09\u060c\u200c\u200d"
)
_LETTERS_OF_NAMES = {  # of scripts whose further blocks hold what no name is written with
    "LATIN": ((0x00, 0x17F), (0x1A0, 0x1B0), (0x218, 0x21B), (0x1E00, 0x1EFF)),
    "GREEK": ((0x386, 0x3CE), (0x1F00, 0x1FFF)),
    "CYRILLIC": ((0x400, 0x45F), (0x490, 0x49D), (0x4A2, 0x4A3), (0x4AE, 0x4B1), (0x4D8, 0x4E9)),
    "HEBREW": ((0x5B0, 0x5F4),),
    "ARABIC": ((0x620, 0x6D3),),
}
_MOST_BY_CHANCE = 4
_COMMON_HAN = (("gb2312", 0xD7), ("shift_jis", 0x97), ("big5", 0xC6))  # last lead byte of level 1


def choose_text(raw: bytes, declared: str) -> str:
    """The text of some bytes.

    Parameters
    ----------
    raw : bytes
        As they stand in the file.
    declared : str
        What the character set that the file names makes of them, U+FFFD where it cannot.

    Returns
    -------
    str
        The bytes as UTF-8 where they are sound UTF-8 (but for a character cut off at the end) and
        this reads no worse; as Windows-1252 where the declared set cannot read them and that reads
        well; else `declared`.
    """
    if raw.isascii() or _ESCAPE in raw:
        return declared
    utf_8 = _as_utf_8(raw)
    if utf_8 is None:
        return _as_western(raw, declared) if "\ufffd" in declared else declared
    if utf_8 == declared:
        return declared
    odd, odd_as_declared = _oddity(utf_8), _oddity(declared)
    if odd == odd_as_declared:
        return declared if _is_by_chance(declared, utf_8) else utf_8
    return utf_8 if odd < odd_as_declared else declared


def _as_utf_8(raw: bytes) -> str | None:
    """Sound UTF-8; the first bytes of one more character may end it: a maker's limit cut it."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        text = decoder.decode(raw)
    except UnicodeDecodeError:
        return None
    return None if text.isascii() else text


def _is_by_chance(declared: str, utf_8: str) -> bool:
    """Whether a word that both read well is sound UTF-8 by chance.

    One in seven of the frequent Chinese, Korean and Japanese letters is two bytes that are a letter
    in UTF-8 as well; three Thai letters can be one of Sinhala.
    """
    letters = "".join(filter(_is_foreign, utf_8))
    if len(letters) == 1:
        return not any(sign.isascii() and sign.isalpha() for sign in utf_8)
    if len(letters) > _MOST_BY_CHANCE or max(letters) >= "\u0800":
        return False
    return all(map(_is_east_asian, filter(_is_foreign, declared)))


def _as_western(raw: bytes, declared: str) -> str:
    """Text of a Western computer, where the declared set has no such characters."""
    try:
        western = raw.decode("cp1252")
    except UnicodeDecodeError:
        return declared
    return declared if _oddity(western) else western


def _oddity(text: str) -> int:
    """How much of a text is unlike names and sentences: 0 for what any script writes plainly."""
    signs = sum(map(_oddity_of_sign, filter(_is_foreign, text)))
    return signs + sum(map(_oddity_of_word, _WORD.findall(text)))


def _oddity_of_word(word: str) -> int:
    """Changes of script within a word, and capitals where none belong."""
    if word.isascii():
        return 0
    scripts = [script for script in map(_script, word) if script]
    mixed = sum(one != next_ for one, next_ in pairwise(scripts))
    well_cased = word.islower() or word.isupper() or word.istitle() or word.lower() == word.upper()
    return mixed + (not well_cased)


@lru_cache(maxsize=4096)
def _oddity_of_sign(sign: str) -> int:
    """What a character outside ASCII adds."""
    kind = unicodedata.category(sign)
    if kind in ("Cc", "Cn", "Co", "Cs") or sign == "\ufffd":
        return 2
    if kind[0] in "LM":
        return int(not _is_of_names(sign))
    return int(sign not in _PLAIN_SIGNS)


def _is_of_names(letter: str) -> bool:
    """Whether names are written with a letter; of Chinese characters the more frequent ones."""
    if "\u3400" <= letter <= "\u9fff":
        return any(_is_common_han(letter, *level) for level in _COMMON_HAN)
    blocks = _LETTERS_OF_NAMES.get(unicodedata.name(letter, "").split(" ")[0])
    return blocks is None or any(first <= ord(letter) <= last for first, last in blocks)


def _is_common_han(letter: str, encoding: str, last: int) -> bool:
    try:
        return letter.encode(encoding)[0] <= last
    except UnicodeEncodeError:
        return False


def _is_foreign(sign: str) -> bool:
    return not sign.isascii()


def _is_east_asian(sign: str) -> bool:
    return unicodedata.east_asian_width(sign) in "WFH"


@lru_cache(maxsize=4096)
def _script(sign: str) -> str:
    """The script of a letter; East Asian ones count as one, "" fits to any."""
    name = unicodedata.name(sign, "").split(" ")[0]
    if name in _NEUTRAL:
        return ""
    return "EAST ASIAN" if name in _EAST_ASIAN else name
