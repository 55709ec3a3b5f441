"""What became of the files of a command, in the line it ends with."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePath

from imaging.entities import Status
from imaging.language import _, ngettext
from imaging.text import MAX_NAME, clean

_NAMED = 12  # helper files


class OutcomeCounts:
    """Counts files by what became of them; helper files are no films and one line of their own."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._helpers: list[str] = []

    def add(self, path: str, outcome: str) -> None:
        """Count one file, as it was named, and a value of `Status` or what else became of it."""
        if outcome == Status.HELPER:
            self._helpers.append(clean(PurePath(path).name, MAX_NAME))
        else:
            self._counts[outcome] += 1

    def lines(self) -> list[str]:
        """The films in one line, and what is none in a second; without what there is none of."""
        parts = ", ".join(f"{n} {_(what)}" for what, n in sorted(self._counts.items()))
        said = [_("{count} files: {parts}.").format(count=self._counts.total(), parts=parts)]
        if self._helpers:
            more = len(self._helpers) - _NAMED
            names = ", ".join(self._helpers[:_NAMED])
            names += _(" and {count} more").format(count=more) if more > 0 else ""
            count = len(self._helpers)
            none = ngettext(
                "{count} file that is not an image: {names}.",
                "{count} files that are not images: {names}.",
                count,
            )
            said.append(none.format(count=count, names=names))
        return said
