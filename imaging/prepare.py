"""Prepare the data folder before the first page asks for it: `python -m imaging.prepare`."""

from __future__ import annotations

import os
import sys
import tomllib

from imaging.errors import AssistantError
from imaging.settings import ROOT, Settings, check_exposure
from imaging.store import Repository


def main() -> int:
    """Create or open the store and say where it is; one sentence and exit 2 when it cannot."""
    try:
        settings = Settings.from_environment()
        repository = Repository.open(settings.home, settings.database)
        check_exposure(
            served_address(),
            single_reader=settings.single_reader,
            accounts=repository.accounts.any(),
        )
        repository.close()
    except AssistantError as exc:
        print(exc, file=sys.stderr)
        return 2
    print(f"data folder: {settings.home}")
    return 0


def served_address() -> str:
    """The address the server will be bound to, by Streamlit's settings; empty means every one."""
    configured = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    address = os.environ.get("STREAMLIT_SERVER_ADDRESS", configured["server"].get("address", ""))
    return str(address)


if __name__ == "__main__":
    sys.exit(main())
