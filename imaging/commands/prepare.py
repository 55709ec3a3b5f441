"""Before the first page: make the data folder ready, and refuse to serve others unguarded.

``python -m imaging.commands.prepare`` does both; `app.py` insists on the second whoever starts it.
"""

from __future__ import annotations

import os
import sys
import tomllib
from contextlib import closing

from imaging.errors import AssistantError
from imaging.host.rights import restrict_process
from imaging.settings import ROOT, Settings, check_exposure, is_loopback
from imaging.store import Repository


def main() -> int:
    """Create or open the store and say where it is; one sentence and exit 2 when it cannot."""
    restrict_process()
    try:
        settings = _prepare(served_address())
    except AssistantError as exc:
        print(exc, file=sys.stderr)
        return 2
    print(f"data folder: {settings.home}")
    return 0


def insist_on_guard(address: str) -> None:
    """End the process, with one sentence and exit 2, where `check_exposure` refuses an address.

    On this computer's own addresses nothing is looked at: there the pages say what is wrong.
    """
    if is_loopback(address):
        return
    try:
        _prepare(address)
    except AssistantError as exc:
        print(exc, file=sys.stderr, flush=True)
        sys.exit(2)


def _prepare(address: str) -> Settings:
    """Create or open the store, and check who could reach it."""
    settings = Settings.from_environment()
    with closing(
        Repository.open(settings.home, settings.database, seal_key=settings.seal_key)
    ) as repository:
        check_exposure(
            address,
            single_reader=settings.single_reader,
            accounts=repository.accounts.any(),
        )
    return settings


def served_address() -> str:
    """The address the server will be bound to, by Streamlit's settings; empty means every one."""
    configured = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    address = os.environ.get("STREAMLIT_SERVER_ADDRESS", configured["server"].get("address", ""))
    return str(address)


if __name__ == "__main__":
    sys.exit(main())
