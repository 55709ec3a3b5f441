"""The language of a terminal, by its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping

from imaging.language.catalogue import speak

# The first that is set decides: ours, then gettext's, then those of POSIX (XBD 8.2).
_VARIABLES = ("LIGHTBOX_LANGUAGE", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


def speak_as_the_terminal(environ: Mapping[str, str] | None = None) -> None:
    """Speak the language of the environment (`LIGHTBOX_LANGUAGE`, else ``LANG``), else English."""
    env = os.environ if environ is None else environ
    named = next((env[name] for name in _VARIABLES if env.get(name)), "")
    first = named.partition(":")[0]  # zh_CN:en, of LANGUAGE
    speak(first.partition(".")[0].partition("@")[0])  # zh_CN.UTF-8@pinyin
