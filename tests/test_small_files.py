"""Small files cannot kill the server: five readers open films that are made to exhaust it.

Each of the files (`tests.bombs`) is a MB or two, lies within the limits of intake, and once took
gigabytes in the server, for every reader who opened it.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from streamlit.proto.Delta_pb2 import Delta

from bench.visitor import Visitor
from imaging.decoding import read_image, shared_pool
from imaging.decoding.pool import PATIENT, QUICK
from imaging.store import Repository
from pages.ui.viewer.route import HEADER
from tests.bombs import deflated_bomb, j2k_bomb, rle_bomb
from tests.browser.lightbox import PATIENCE, Server, cookie_of
from tests.factories import make_dicom_bytes, make_pixels
from tests.stored import outcome_of, store

pytestmark = [pytest.mark.slow]
READERS = 5
MOST = 3 * 10**9  # bytes that the server may hold
FILM = make_dicom_bytes(make_pixels(600, 500), StudyInstanceUID="2.25.78", PatientID="P-78")


class Reader(Visitor):
    """A visitor who collects the pixels of a page as the viewer in a browser does."""

    def __init__(self, address: str, cookie: str) -> None:
        super().__init__(address, cookie)
        self.tickets: dict[str, str] = {}

    async def open(self, study: str) -> int:
        """Open a study; returns the bytes of pixels that came."""
        self.tickets = {}
        await self.go("review", study=study)
        return sum([await asyncio.to_thread(self._collect, t) for t in self.tickets.values()])

    def _see(self, delta: Delta) -> None:
        super()._see(delta)
        element: Any = delta.new_element
        if element.WhichOneof("type") == "bidi_component":
            told = json.loads(element.bidi_component.json or "null")
            if isinstance(told, dict):
                self.tickets |= told.get("tickets") or {}

    def _collect(self, ticket: str) -> int:
        headers = {HEADER: ticket, "Cookie": self._cookie, "Origin": self.address}
        place = f"{self.address}/film"
        with requests.post(place, headers=headers, timeout=PATIENCE, stream=True) as answer:
            return sum(len(part) for part in answer.iter_content(2**20))


class Watch:
    """Looks at a server's memory, that of its decoders, and its pulse, until it is left."""

    def __init__(self, server: Server) -> None:
        self._server, self._ended = server, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.most = self.most_of_decoders = 0
        self.slowest = 0.0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            self.most = max(self.most, self._server.memory())
            self.most_of_decoders = max(self.most_of_decoders, sum(decoders(self._server)))
            start = time.perf_counter()
            requests.get(f"{self._server.address}/_stcore/health", timeout=PATIENCE)
            self.slowest = max(self.slowest, time.perf_counter() - start)


def decoders(server: Server) -> list[int]:
    """Bytes that the server's decoder processes hold (Linux)."""
    assert server._process is not None
    held = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            told = dict(
                line.split(":", 1) for line in status.read_text().splitlines() if ":" in line
            )
            command = (status.parent / "cmdline").read_bytes()
        except OSError:  # it ended
            continue
        if int(told["PPid"]) == server._process.pid and b"imaging.decoding.worker" in command:
            held.append(int(told.get("VmRSS", "0 kB").split()[0]) * 1024)
    return held


def lay_down(home: Path, *contents: bytes) -> list[str]:
    """Store films that nobody judged; returns their studies."""
    repository = Repository.open(home)
    studies = []
    for content in contents:
        instance = read_image(content).instance
        store(repository, outcome_of(instance), contents=[content])
        studies.append(instance.identity.study_instance_uid)
    repository.close()
    shared_pool().close()  # what it keeps is large
    return studies


def read_all(server: Server, orders: Sequence[Sequence[str]]) -> list[list[int]]:
    """Each reader opens studies one after the other, all readers at once."""

    async def one(order: Sequence[str]) -> list[int]:
        reader = Reader(server.address, cookie_of(server.address))
        async with reader:
            sizes = [await reader.open(study) for study in order]
            assert not reader.failures
            return sizes

    async def every() -> list[list[int]]:
        return list(await asyncio.gather(*(one(order) for order in orders)))

    with ThreadPoolExecutor(1) as pool:  # Playwright may have left a running loop in this thread
        return pool.submit(lambda: asyncio.run(every())).result()


@pytest.fixture
def server(tmp_path: Path, checkpoint_folder: Path) -> Iterator[Server]:
    found = Server(tmp_path / "home", checkpoint_folder.parent)
    yield found
    found.stop()


def test_five_readers_opening_three_bombs_leave_the_server_small_and_awake(server: Server) -> None:
    bombs = lay_down(server.home, rle_bomb(), j2k_bomb(), deflated_bomb())
    (film,) = lay_down(server.home, FILM)
    server.start()
    orders = [[*bombs[at % 3 :], *bombs[: at % 3]] for at in range(READERS)]
    quick: list[float] = []

    def read_beside() -> None:
        for _ in range(3):
            start = time.perf_counter()
            ((size,),) = read_all(server, [[film]])
            quick.append(time.perf_counter() - start)
            assert size >= 0

    with Watch(server) as seen, ThreadPoolExecutor(1) as beside:
        served = beside.submit(read_beside)
        sizes = read_all(server, orders)
        served.result()
    print(
        f"server {seen.most / 1e9:.2f} GB, decoders {seen.most_of_decoders / 1e9:.2f} GB, pulse "
        f"{seen.slowest:.2f} s, an ordinary film beside them {max(quick):.1f} s; bytes {sizes}"
    )
    assert seen.most < MOST and seen.most_of_decoders < QUICK.memory + PATIENT.memory
    assert all(
        size > 11500**2
        for order, row in zip(orders, sizes, strict=True)
        for study, size in zip(order, row, strict=True)
        if study != bombs[2]
    )
    assert max(quick) < 30 and seen.slowest < 10
