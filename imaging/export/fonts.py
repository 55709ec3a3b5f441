"""Fonts for the PDF: every character printed, or named by its code point and said to be missing.

DejaVu from the system or from matplotlib, Bitstream Vera from reportlab as the last resort; for
scripts these do not know the fonts that come along (``locale/fonts``), and what the computer has.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from itertools import groupby, islice
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from imaging.settings import shipped_folder

_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "C:/Windows/Fonts",
    "~/.local/share/fonts",
)
_MOST = 300  # fonts looked through for one character; a computer may have thousands
_MISSING = "The fonts of this computer lack some characters; they stand as [U+ code point]."
_UNSHAPED = "Text in a right-to-left script is printed in the order it is stored in."


class Typesetter:
    """Text to the markup of a reportlab paragraph; remembers what it could not print."""

    def __init__(self) -> None:
        self.notes: dict[str, None] = {}

    @property
    def base(self) -> str:
        """Name of the font to set everything in that does not ask for another."""
        return _base()

    def markup(self, text: str) -> str:
        """Escaped text, runs of other scripts in a font that has them.

        Parameters
        ----------
        text : str
            Anything; line breaks are kept.
        """
        runs = groupby(text, key=self._choose_font)
        return "".join(self._mark_up_run(font, "".join(run)) for font, run in runs)

    def _choose_font(self, character: str) -> str:
        """The font of a character; "" when there is none."""
        if unicodedata.bidirectional(character) in ("R", "AL"):
            self.notes[_UNSHAPED] = None
        return font_for(character)

    def _mark_up_run(self, font: str, run: str) -> str:
        """A run of characters in one font."""
        if not font:
            self.notes[_MISSING] = None
            return "".join(f"[U+{ord(c):04X}]" for c in run)
        plain = escape(run).replace("\n", "<br/>")
        return plain if font == self.base else f'<font name="{font}">{plain}</font>'


@cache
def font_for(character: str) -> str:
    """Name of a registered font with a glyph for a character; "" when this computer has none."""
    if character in "\n\t" or _has_glyph(_base(), character):
        return _base()
    for path in islice(_list_files(), _MOST):
        name = _register(path)
        if name and _has_glyph(name, character):
            return name
    return ""


@cache
def _base() -> str:
    """DejaVu Sans, or Vera where it is not installed."""
    for path in (*_find_dejavu(), _file_in_package("reportlab", "fonts/Vera.ttf")):
        name = _register(path) if path and path.is_file() else ""
        if name:
            return name
    return "Helvetica"


def _find_dejavu() -> Iterator[Path | None]:
    """Where DejaVu Sans may be."""
    yield Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
    yield _file_in_package("matplotlib", "mpl-data/fonts/ttf/DejaVuSans.ttf")


def _file_in_package(package: str, file: str) -> Path | None:
    """A file inside an installed package, which is not imported for it."""
    spec = find_spec(package)
    return Path(spec.origin).parent / file if spec and spec.origin else None


@cache
def _register(path: Path) -> str:
    """Make a TrueType font known to reportlab; "" when it is none it can embed."""
    name = f"lightbox-{path.stem}"
    try:
        pdfmetrics.registerFont(TTFont(name, path, subfontIndex=0))
    except (TTFError, OSError, ValueError, KeyError, IndexError):
        return ""
    return name


def _has_glyph(name: str, character: str) -> bool:
    """True when a registered font has a glyph."""
    face = getattr(pdfmetrics.getFont(name), "face", None)
    return ord(character) in getattr(face, "charToGlyph", {})


def _list_files() -> Iterator[Path]:
    """TrueType files, those that come along first, in a stable order."""
    for folder in (shipped_folder("locale") / "fonts", *_FOLDERS):
        for suffix in ("*.ttf", "*.ttc"):
            yield from sorted(Path(folder).expanduser().rglob(suffix))
