"""The reader's language: catalogues of messages (gettext).

English is the source; a language is a folder ``locale/<language>/LC_MESSAGES`` (docs/languages.md).
Whoever faces a reader says which one with `speaking` or `speak`, and everything below speaks it;
what nobody asked for, such as a DICOM object, is English. Knows no films, records or third parties.
"""

from imaging.language.catalogue import (
    _,
    accepted,
    languages,
    ngettext,
    sentence,
    speak,
    speaking,
    spoken,
)

__all__ = [
    "_",
    "accepted",
    "languages",
    "ngettext",
    "sentence",
    "speak",
    "speaking",
    "spoken",
]
