"""A real server and a real Chromium, for tests and for the README's screenshots."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from imaging.settings import ROOT

READER = "Dr Browser"
PATIENCE = 120  # seconds; only a hang runs out of it
WINDOW = {"width": 1440, "height": 900}
LOCAL = {"127.0.0.1", ""}  # "" is the host of data: and blob:

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
_QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def find_chromium() -> str | None:
    """The browser installed on this computer; none is ever downloaded."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    return found or (str(_MAC) if _MAC.exists() else None)


@contextmanager
def open_chromium(executable: str) -> Iterator[Browser]:
    """Run a headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(_QUIET))
        yield browser
        browser.close()


@contextmanager
def open_page(browser: Browser) -> Iterator[Page]:
    """An empty page with cookies and a store of its own, which must not call out."""
    # dark as the app: another preference would cost every test a second load of its first page
    context = browser.new_context(viewport=WINDOW, color_scheme="dark")  # type: ignore[arg-type]
    found, hosts = context.new_page(), set[str]()
    found.on("request", lambda request: hosts.add(urlsplit(request.url).hostname or ""))
    found.on("websocket", lambda socket: hosts.add(urlsplit(socket.url).hostname or ""))
    found.set_default_timeout(PATIENCE * 1000)
    yield found
    context.close()
    assert hosts <= LOCAL, f"a request left this computer: {hosts - LOCAL}"


class Server:
    """One Lightbox on a port of its own; it can be killed and started again on the same data.

    `reader` reads alone; an empty name makes the server ask for accounts. Below `roots` lie the
    folders of this computer that may be queued. `under` is a command that runs the server's.
    """

    def __init__(
        self,
        home: Path,
        weights: Path,
        reader: str = READER,
        *,
        roots: Path | None = None,
        under: Sequence[str] = (),
    ) -> None:
        self._under = under
        self.home, self.port = home, _free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._environ = {
            **os.environ,
            "LIGHTBOX_HOME": str(home),
            "LIGHTBOX_WEIGHTS": str(weights),
            "LIGHTBOX_SINGLE_READER": reader,
        }
        for name in ("LIGHTBOX_MODEL", "LIGHTBOX_DATABASE"):
            self._environ.pop(name, None)
        if roots is not None:
            self._environ["LIGHTBOX_ROOTS"] = str(roots)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run `streamlit run app.py`; returns once it answers."""
        command = [*self._under, sys.executable, "-m", "streamlit", "run", "app.py"]
        command += ["--server.port", str(self.port)]
        with (self.home.parent / f"{self.home.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self._environ, stdout=log, stderr=log
            )
        _wait(self._process, self.address)

    def kill(self) -> None:
        """Stop it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE)

    def stop(self) -> None:
        """Stop it in good order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)


@contextmanager
def serve(home: Path, weights: Path, reader: str = READER) -> Iterator[str]:
    """Run a server; yields its address."""
    server = Server(home, weights, reader)
    server.start()
    try:
        yield server.address
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(server: subprocess.Popen[bytes], address: str) -> None:
    """Return once the server answers."""
    end = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health"):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError("the server did not start")
