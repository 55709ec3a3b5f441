"""A real server and a real Chromium, for tests and for the README's screenshots."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright

from imaging.settings import ROOT
from pages.ui.wall.cookie import NAME

READER = "Dr Browser"
PATIENCE = 120  # seconds; only a hang runs out of it
WINDOW = {"width": 1440, "height": 900}
EXAMPLES = len(list((ROOT / "examples").glob("*.dcm")))  # synthetic films, a study each
# What a finding is stated with, whatever the AI said of it.
PRESENT = re.compile(r"^(Present|Agree: pneumonia|Disagree: pneumonia)$")
ABSENT = re.compile(r"^(Absent|Agree: no pneumonia|Disagree: no pneumonia)$")
LOCAL = {"127.0.0.1", ""}  # "" is the host of data: and blob:

_POLICY = "Content Security Policy"
_TOLD = re.compile(r"http://\S+/open\?token=[\w-]+")
_sign_ins: dict[str, str] = {}  # of servers that are open to one reader, by their address

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
    """An empty page with cookies and a store of its own, which must not call out.

    It may load all that Lightbox shows: no content security policy stands against any of it.
    """
    # dark as the app: another preference would cost every test a second load of its first page
    context = browser.new_context(viewport=WINDOW, color_scheme="dark")  # type: ignore[arg-type]
    found, hosts, blocked = context.new_page(), set[str](), list[str]()
    found.on("console", lambda said: blocked.append(said.text) if _POLICY in said.text else None)
    found.on("request", lambda request: hosts.add(urlsplit(request.url).hostname or ""))
    found.on("websocket", lambda socket: hosts.add(urlsplit(socket.url).hostname or ""))
    found.set_default_timeout(PATIENCE * 1000)
    goto = found.goto

    def admitted(url: str, **options: Any) -> Response | None:
        admit(context, url)
        return goto(url, **options)

    found.goto = admitted  # type: ignore[method-assign]
    yield found
    context.close()
    assert not blocked, blocked
    assert hosts <= LOCAL, f"a request left this computer: {hosts - LOCAL}"


def admit(context: BrowserContext, url: str) -> None:
    """Let a browser in where one reader reads alone: as if it had opened the address once told.

    A cookie knows no ports, so it is that of the server which is visited next.
    """
    token = _sign_ins.get(f"http://{urlsplit(url).netloc}")
    if token:
        cookie = {"name": NAME, "value": token, "domain": "127.0.0.1", "path": "/"}
        context.add_cookies([cookie])  # type: ignore[list-item]


def cookie_of(address: str) -> str:
    """The Cookie header of the only reader of a server that was started here."""
    return f"{NAME}={_sign_ins[address]}"


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
        self.log = home.parent / f"{home.name}.log"
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

    def add_variables(self, variables: Mapping[str, str]) -> None:
        """Start it with these, too."""
        self._environ.update(variables)

    def start(self) -> None:
        """Run `streamlit run app.py`; returns once it answers."""
        command = [*self._under, sys.executable, "-m", "streamlit", "run", "app.py"]
        command += ["--server.port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self._environ, stdout=log, stderr=log
            )
        _wait(self._process, self.address)
        if self._environ["LIGHTBOX_SINGLE_READER"]:
            jar = requests.get(self.opening(), allow_redirects=False, timeout=PATIENCE).cookies
            _sign_ins[self.address] = str(jar[NAME])

    def opening(self) -> str:
        """The address it told last, which lets one browser in."""
        return _TOLD.findall(self.log.read_text())[-1]

    def memory(self) -> int:
        """Bytes of memory it holds (Linux)."""
        assert self._process is not None
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")

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
