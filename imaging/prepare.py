"""Prepare the data folder before the first page asks for it: `python -m imaging.prepare`."""

from __future__ import annotations

import sys

from imaging.errors import AssistantError
from imaging.settings import Settings
from imaging.store import Repository


def main() -> int:
    """Create or open the store and say where it is; one sentence and exit 2 when it cannot."""
    try:
        settings = Settings.from_environment()
        Repository.open(settings.home, settings.database).close()
    except AssistantError as exc:
        print(exc, file=sys.stderr)
        return 2
    print(f"data folder: {settings.home}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
