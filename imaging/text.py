"""Text that came with a file is data: cleaned here, once, and made harmless for spreadsheets.

Markup is another matter, and each screen's own: `pages.ui.escape` for Markdown, `html.escape` for
HTML, the typesetter for PDF.
"""

from __future__ import annotations

import unicodedata

MAX_TEXT = 256
MAX_NAME = 1024  # characters of a file's name with its folders
_JOINERS = "\u200c\u200d"  # change how letters join in Persian and Indic names
_DROPPED = {"Cf", "Cs", "Co", "Cn"}  # direction marks, halves of characters, no characters
_MOST_MARKS = 4  # accents on one letter; more cover the lines above and below
_LONGEST_NOTE = 10_000
_FORMULA = ("=", "+", "-", "@")


def clean(text: str, most: int = MAX_TEXT) -> str:
    """One line of printable text.

    Parameters
    ----------
    text : str
        Anything, as long as it likes.
    most : int
        Characters to keep, at least 1.

    Returns
    -------
    str
        Control characters (C0, C1, so no ANSI sequence works) become blanks; what changes the
        direction of text (Unicode UAX 9), surrogates, private and unassigned characters are
        dropped; runs of blanks are joined, accents beyond the fourth on a letter are dropped.
        It is not escaped.
    """
    return " ".join(_drop_unprintable(mend(text[: 8 * most])).split())[:most].rstrip()


def clean_note(text: str) -> str:
    """A note as its reader typed it: every line by `clean`, blank lines kept between others."""
    lines = text[:_LONGEST_NOTE].splitlines()
    return "\n".join(clean(line, _LONGEST_NOTE) for line in lines).strip()


def mend(text: str) -> str:
    """UTF-8 that was read as Latin-1, put right; anything else as it is.

    Many makers write UTF-8 and name no character set, or the wrong one (PS3.3 C.12.1.1.2). Text
    that was meant as Latin-1 is no valid UTF-8 but for odd pairs of signs such as "\u00c3\u00bc".
    """
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def escape_formula(text: str) -> str:
    """The text, led by an apostrophe where a spreadsheet would take it for a formula."""
    risky = text.lstrip().startswith(_FORMULA) or text[:1] in ("\t", "\r", "\n")
    return f"'{text}" if risky else text


def _drop_unprintable(text: str) -> str:
    """Text without characters that are not seen as themselves."""
    if text.isascii() and text.isprintable():
        return text
    characters: list[str] = []
    marks = 0
    for character in text:
        kind = unicodedata.category(character)
        marks = marks + 1 if kind in ("Mn", "Me") else 0
        if kind == "Cc":
            characters.append(" ")
        elif character in _JOINERS or (kind not in _DROPPED and marks <= _MOST_MARKS):
            characters.append(character)
    return "".join(characters)
