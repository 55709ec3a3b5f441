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
from imaging.language import _, sentence
from imaging.language.environment import speak_as_the_terminal
from imaging.settings import ROOT, Settings, check_exposure, is_loopback
from imaging.store.encryption.protection import load_protection
from imaging.store.encryption.protectors import Kind
from imaging.store.opening.opening import open_store, unlock, waits_for_passphrase


def main() -> int:
    """Create or open the store and say where it is; one sentence and exit 2 when it cannot."""
    restrict_process()
    speak_as_the_terminal()
    try:
        settings = Settings.from_environment()
        if not waits_for_passphrase(settings):  # else the server asks, once, and goes on from there
            _prepare(settings, *served_address())
    except AssistantError as exc:
        print(sentence(str(exc)), file=sys.stderr)
        return 2
    where = _("data folder: {home} ({state})")
    print(where.format(home=settings.home, state=_at_rest(settings)))
    return 0


def _at_rest(settings: Settings) -> str:
    """Whether what lies there is encrypted, for whoever starts Lightbox."""
    protection = load_protection(settings.home)
    if protection is None:
        return _("not encrypted; `python cli.py encrypt` does it")
    if protection.of_kind(Kind.RECOVERY):
        return _("encrypted")
    return _("encrypted; no recovery key yet, `python cli.py key recovery` prints one")


def insist_on_guard(address: str, certificate: str) -> Settings:
    """The settings; ends the process, with one sentence and exit 2, where the server must not run.

    So it is where a setting cannot be used, where `check_exposure` refuses the address, and where
    somebody at the terminal does not know the passphrase that only they could give. On this
    computer's own addresses the store is not looked at: there the pages say what is wrong.

    Parameters
    ----------
    address : str
        What the server is bound to.
    certificate : str
        Its file, by which the server speaks TLS; empty when it does not.
    """
    try:
        settings = Settings.from_environment()
        unlock(settings)
        if not is_loopback(address) or settings.behind_tls:
            _prepare(settings, address, certificate)
    except AssistantError as exc:
        print(sentence(str(exc)), file=sys.stderr, flush=True)
        sys.exit(2)
    return settings


def _prepare(settings: Settings, address: str, certificate: str) -> None:
    """Create or open the store, and check who could reach it."""
    with closing(open_store(settings)) as repository:
        check_exposure(
            address,
            single_reader=settings.single_reader,
            accounts=repository.accounts.any(),
            certificate=bool(certificate),
            behind_tls=settings.behind_tls,
        )


def served_address() -> tuple[str, str]:
    """What the server will be bound to, and its certificate, by Streamlit's settings.

    An empty address means every one, an empty certificate none.
    """
    server = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["server"]
    address = os.environ.get("STREAMLIT_SERVER_ADDRESS", server.get("address", ""))
    certificate = os.environ.get("STREAMLIT_SERVER_SSL_CERT_FILE", server.get("sslCertFile", ""))
    return str(address), str(certificate)


if __name__ == "__main__":
    sys.exit(main())
