"""Who uses a data folder: many at once, or one alone while it is converted."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from imaging.errors import StoreBusyError
from imaging.host.locks import lock

_CONVERTED = (
    "The data folder is being encrypted or decrypted at this moment. Wait until that is done, then "
    "start again."
)
_IN_USE = "Lightbox uses the data folder. Stop it, and every command that runs, then try again."


class FolderUse:
    """A lock of a data folder, which ends with `close`, with the object, or with the process.

    Parameters
    ----------
    home : Path
        One that is not there (yet) is not locked.
    alone : bool
        Nobody else may use it meanwhile.

    Raises
    ------
    StoreBusyError
        If that is not possible now.
    """

    def __init__(self, home: Path, *, alone: bool = False) -> None:
        self._handle: int | None = None
        with suppress(OSError):  # it is not there, or Windows opens no folder
            self._handle = os.open(home, os.O_RDONLY)
        if self._handle is not None and not lock(self._handle, shared=not alone):
            self.close()
            raise StoreBusyError(_IN_USE if alone else _CONVERTED)

    @property
    def held(self) -> bool:
        """Whether there was anything to lock."""
        return self._handle is not None

    def close(self) -> None:
        """Let go."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)

    def __del__(self) -> None:
        self.close()
