"""Where the files of a disc lie after it was copied: their names seldom stay as they were.

PS3.10 8.2 allows upper case, digits and underscores, eight to a component, and no suffix. Copying
makes lower case of them, of some components or of all; ISO 9660 leaves a version (``IM000001;1``)
or a dot behind, and viewers add ``.dcm``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

_VERSION = re.compile(r"\.?(;\d+)?$")
_SUFFIX = re.compile(r"\.(dcm|dicom|dic|ima|img)$")


class Disc:
    """The folder of a DICOMDIR; its subfolders are listed once each.

    Parameters
    ----------
    root : Path
        Resolved.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._index = cache(_index_names)

    def find(self, file_id: Sequence[str]) -> Path:
        """Where the file of a Referenced File ID lies; where it should be, if it is nowhere.

        The name as written goes first, then other case, then without a version, then with or
        without a suffix. Of the components before the last only case and version are forgiven.
        """
        place = self._root
        for component in file_id[:-1]:
            place = self._match(place, component, _SPELLINGS[:-1])
        return self._match(place, file_id[-1], _SPELLINGS)

    def _match(
        self, folder: Path, component: str, spellings: Sequence[Callable[[str], str]]
    ) -> Path:
        for spell in spellings:
            name = self._index(folder, spell).get(spell(component))
            if name is not None:
                return folder / name
        return folder / component


def _index_names(folder: Path, spell: Callable[[str], str]) -> dict[str, str]:
    """The names in a folder by how they are spelt; of two that are spelt alike, the first."""
    try:
        names = sorted((entry.name for entry in folder.iterdir()), reverse=True)
    except OSError:
        return {}
    return {spell(name): name for name in names}


def _without_version(name: str) -> str:
    return _VERSION.sub("", name.casefold())


def _without_suffix(name: str) -> str:
    return _SUFFIX.sub("", _without_version(name))


_SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    str.casefold,
    _without_version,
    _without_suffix,
)
