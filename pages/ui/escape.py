"""Text from files, made harmless where Streamlit would read Markdown."""

from __future__ import annotations

import re

_SIGNS = re.compile(r"([\\`*_\[\]<>$~#|&])")
_START = re.compile(r"^(\s*)([-+=]|\d+(?=[.)]))")
_JOINER = "\u2060"  # joins two characters invisibly, so that no pattern finds them side by side
# Directives (:red[...]), emoji and icons (:name:), addresses and e-mail are looked for after
# Markdown's backslashes are gone, so a backslash does not stop them.
_PATTERNS = re.compile(r"([:@])(?=\S)|(www)(?=\.)", re.IGNORECASE)


def plain(text: str) -> str:
    """Text that Streamlit's Markdown shows as it stands.

    Parameters
    ----------
    text : str
        One line, such as a sentence that quotes a header.

    Returns
    -------
    str
        Escaped; the same for text without Markdown's signs.
    """
    joined = _PATTERNS.sub(lambda match: f"{match[0]}{_JOINER}", text)
    escaped = _SIGNS.sub(r"\\\1", joined)
    return _START.sub(_escape_start, escaped)


def _escape_start(match: re.Match[str]) -> str:
    """Escape what would begin a list or underline a heading; digits by a joiner behind them."""
    sign = match[2]
    return f"{match[1]}{sign}{_JOINER}" if sign.isdigit() else f"{match[1]}\\{sign}"
