"""The pseudo-locale: ``python -m supply.pseudo [FOLDER]`` writes it as ``en_XA`` below ``locale``.

It is English with every letter accented, in brackets and half as long again: what a reader of it
sees without accents never went through the catalogue, and what does not fit would not in German
either. A browser that asks for ``en-XA`` gets it; nobody is offered it, and git ignores it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from imaging.language.catalogue import DOMAIN, FOLDER, PSEUDO

LONGER = 0.4
# What a translation takes over as it stands: values, code, Markdown, tags, settings, options.
KEPT = re.compile(
    r"\{[^{}]*\}|`[^`]*`|<[^<>]*>|\*\*|&\w+;|:material/\w+:|:[a-z]+-?[a-z]*\[|%\([a-z]+\)[a-z]"
    r"|LIGHTBOX_[A-Z_]+|(?<!\w)--[a-z][a-z-]*|\]\([^)]*\)|\\n"
)
_ACCENTED = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "ÅƁÇÐÉƑĜĤÎĴĶĻṀÑÖÞǪŔŠŢÛṼŴẊÝŽåƀçðéƒĝĥîĵķļɱñöþǫŕšţûṽŵẋýž",
)


def accent(message: str) -> str:
    """A message in the pseudo-locale; what must stay as it is, stays."""
    parts, end = [], 0
    for kept in KEPT.finditer(message):
        parts += [message[end : kept.start()].translate(_ACCENTED), kept[0]]
        end = kept.end()
    parts.append(message[end:].translate(_ACCENTED))
    more = "~" * max(1, round(LONGER * len(KEPT.sub("", message))))
    body, tail = "".join(parts), ""
    if body.endswith((".", "?")):  # what is put together of sentences is taken apart by these
        body, tail = body[:-1], body[-1]
    return f"⟦{body} {more}{tail}⟧"


def write_pseudo(folder: Path = FOLDER) -> None:
    """Write the catalogue, as text and compiled, from the template."""
    with (FOLDER / f"{DOMAIN}.pot").open("rb") as stream:
        template = read_po(stream)
    made = Catalog(locale=PSEUDO, project="Lightbox", version="0")
    for message in template:
        if isinstance(message.id, str) and message.id:
            made.add(message.id, accent(message.id))
        elif message.id:
            made.add(message.id, tuple(map(accent, message.id)))
    place = folder / PSEUDO / "LC_MESSAGES"
    place.mkdir(parents=True, exist_ok=True)
    for suffix, write in ((".po", write_po), (".mo", write_mo)):
        new = place / f"{DOMAIN}{suffix}.new"
        with new.open("wb") as stream:
            write(stream, made)
        new.replace(place / f"{DOMAIN}{suffix}")


if __name__ == "__main__":
    write_pseudo(*map(Path, sys.argv[1:2]))
