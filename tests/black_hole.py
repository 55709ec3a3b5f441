"""A Lightbox where no name server ever answers, and how long it takes to refuse a foreign page.

``unshare --map-root-user --net --mount python -m tests.black_hole HOME WEIGHTS`` prints a line of
JSON: seconds for each knock, for the longest wait of who asks whether the server lives meanwhile,
and for a look-up, which shows that the hole is one.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.browser.lightbox import PATIENCE, Server

KNOCKS = 9


def main(home: Path, weights: Path) -> int:
    """Dig the hole, serve, knock; 3 where this computer lets nobody dig."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as names:
        names.write("nameserver 127.0.0.1\noptions timeout:3 attempts:1\n")
        names.flush()
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            subprocess.run(["mount", "--bind", names.name, "/etc/resolv.conf"], check=True)
        except (OSError, subprocess.CalledProcessError):
            return 3
        silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent.bind(("127.0.0.1", 53))  # takes every question, answers none
        server = Server(home, weights)
        server.start()
        try:
            print(json.dumps(measure(server)))
        finally:
            server.stop()
    return 0


def measure(server: Server) -> dict[str, object]:
    """See the module."""
    knocks, waits, ended = list[float](), list[float](), threading.Event()

    def watch() -> None:
        while not ended.is_set():
            start = time.perf_counter()
            requests.get(f"{server.address}/_stcore/health", timeout=PATIENCE)
            waits.append(time.perf_counter() - start)
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(KNOCKS):
        start = time.perf_counter()
        try:
            address = server.address.replace("http", "ws") + "/_stcore/stream"
            connect(address, origin=Origin("https://evil.example"), open_timeout=PATIENCE).close()
        except InvalidStatus:
            knocks.append(time.perf_counter() - start)
    ended.set()
    watcher.join()
    start = time.perf_counter()
    with contextlib.suppress(socket.gaierror):
        socket.getaddrinfo("checkip.amazonaws.com", 80)
    return {"knocks": knocks, "wait": max(waits), "look_up": time.perf_counter() - start}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
