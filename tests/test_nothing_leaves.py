"""Nothing leaves: every connection and every packet that a process of Lightbox asks the kernel for.

Server, worker processes, terminal and Ray run under strace, which sees native code too (ONNX
Runtime resolves names by itself). Each address but loopback's fails, and each question to a name
server, even to one on this computer.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from bench.visitor import Visitor
from imaging.entities import Status
from imaging.settings import ROOT
from imaging.store import Repository
from imaging.telemetry import VARIABLES
from tests.browser.lightbox import Server, cookie_of
from tests.factories import make_dicom_bytes

T = TypeVar("T")
PATIENCE = 300.0  # seconds; only a hang runs out of it
NAMES = {53, 853, 5353, 5355}  # ports of DNS, DNS over TLS, mDNS, LLMNR
SOON = 2.0  # seconds for a refusal, on a busy machine and under strace; a look-up takes 18
STAYS = {"AF_UNIX", "AF_NETLINK", "AF_UNSPEC"}  # cannot leave this computer
_FAMILY = re.compile(r"sa_family=(\w+)(.*?)}")
_PORT = re.compile(r"sin6?_port=htons\((\d+)\)")
_ADDRESS = re.compile(r'(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]+)"')
_ROUTE = re.compile(r"connect\(\d+<UDP(?:v6)?:[^>]*>, .*inet_addr\(\"8\.8\.8\.8\"\)")
_RESOLVER = re.compile(r'sun_path="[^"]*(?:resolve|mdns|avahi)[^"]*"')


class Watch:
    """What the processes that run `under` it ask of the network, and what they leave in `home`."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "calls.txt"
        self.home = folder / "user"
        self.home.mkdir()
        calls = "trace=connect,sendto,sendmsg,sendmmsg"
        self.under = (
            "strace", "-D", "-f", "--seccomp-bpf", "-yy", "-qq", "-e", "signal=none", "-e", calls,
            "-o", str(self._log),
        )  # fmt: skip

    @property
    def environ(self) -> dict[str, str]:
        """The variables of a user who said nothing about telemetry."""
        away = {*VARIABLES, "CI", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LIGHTBOX_DATABASE"}
        kept = {name: value for name, value in os.environ.items() if name not in away}
        return {**kept, "HOME": str(self.home)}

    def calls(self) -> list[str]:
        """All that was asked: a watch that sees nothing proves nothing."""
        return self._log.read_text().splitlines()

    def outside(self) -> list[str]:
        """The calls that would leave this computer, or ask for a name."""
        return [call for call in self.calls() if leaves(call)]

    def traces(self) -> list[str]:
        """Files that libraries made for their makers in the user's folder."""
        makers = re.compile("microsoft|telemetry|deviceid|usage|streamlit", re.IGNORECASE)
        found = (path.relative_to(self.home).as_posix() for path in self.home.rglob("*"))
        return [name for name in found if makers.search(name)]


def leaves(call: str) -> bool:
    """Whether a line of strace is about another computer, or a question to a name server."""
    if _RESOLVER.search(call):
        return True
    for family, rest in _FAMILY.findall(call):
        if family in STAYS:
            continue
        port, address = _PORT.search(rest), _ADDRESS.search(rest)
        if port is None or address is None or not ip_address(address[1]).is_loopback:
            return True
        if int(port[1]) in NAMES:
            return True
    return False


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    """A watch; skips without strace, and CI insists."""
    if not shutil.which("strace"):
        if os.environ.get("LIGHTBOX_REQUIRE_STRACE") == "1":
            pytest.fail("strace is required here: apt-get install strace")
        pytest.skip("strace is not installed: apt-get install strace")
    return Watch(tmp_path)


@pytest.fixture
def served(
    watch: Watch, tmp_path: Path, checkpoint_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """A server under watch, with a film that waits for its worker processes."""
    home = tmp_path / "home"
    repository = Repository.open(home)
    repository.jobs.add([("waiting.dcm", make_dicom_bytes())], account="")
    repository.close()
    for name in set(os.environ) - set(watch.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(watch.home))
    server = Server(home, checkpoint_folder.parent, under=watch.under)
    server.start()
    yield server
    server.stop()


def run(watch: Watch, home: Path, *arguments: str, **variables: str) -> str:
    """A command of Python's under watch; returns what it said."""
    done = subprocess.run(
        [*watch.under, sys.executable, *arguments],
        cwd=ROOT, env={**watch.environ, "LIGHTBOX_HOME": str(home), **variables},
        capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own: Playwright may have left a running loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def knock(server: Server, origin: str) -> float:
    """Another site's page asks for a session; returns seconds until it is refused."""
    place = server.address.replace("http", "ws", 1) + "/_stcore/stream"
    start = time.perf_counter()
    with pytest.raises(InvalidStatus) as refused:
        await connect(place, origin=Origin(origin), open_timeout=PATIENCE)
    assert refused.value.response.status_code == 403
    return time.perf_counter() - start


async def read(server: Server, film: bytes) -> int:
    """A reader goes through all pages and hands in a film; returns how much went wrong."""
    async with Visitor(server.address, cookie_of(server.address)) as visitor:
        for page in ("upload", "triage", "model", "account", "readers"):
            await visitor.go(page)
        await visitor.go("upload")
        await visitor.drop("intake-upload", "film.dcm", film)
        return visitor.failures


@pytest.mark.slow
def test_nothing_leaves_a_server_its_workers_or_who_knocks(served: Server, watch: Watch) -> None:
    film = make_dicom_bytes(SOPInstanceUID="1.2.826.0.1.9", StudyInstanceUID="1.2.826.0.1.8")
    assert run_apart(read(served, film)) == 0
    waits = [run_apart(knock(served, f"https://evil{n}.example")) for n in range(3)]
    assert max(waits) < SOON
    assert requests.get(f"{served.address}/_stcore/health", timeout=SOON).ok
    assert answered(served) == 2
    served.stop()
    assert watch.outside() == [] and watch.traces() == [] and watch.calls()


def answered(server: Server) -> int:
    """How many of the two files were worked off, once none waits."""
    repository = Repository.open(server.home)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        files = [
            file
            for job in repository.jobs.recent()
            for file in repository.jobs.get(job.job_id).files
        ]
        done = [file for file in files if file.status not in (None, Status.ERROR)]
        if len(done) == 2:
            break
        time.sleep(0.5)
    repository.close()
    return len(done)


@pytest.mark.slow
def test_nothing_leaves_the_terminal_and_its_workers(watch: Watch, tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    said = run(watch, home, "cli.py", "classify", "examples", "--csv", str(tmp_path / "a.csv"))
    assert "9 ok" in said
    assert watch.outside() == [] and watch.traces() == []
    film = "examples/synthetic_05_bacterial.dcm"
    run(watch, home, "cli.py", "explain", film, "--out", str(out))
    assert watch.outside() == [] and watch.traces() == []
    key = str(tmp_path / "key")
    said = run(watch, home, "cli.py", "deidentify", film, str(tmp_path / "d"), "--project", key)
    assert "written" in said
    assert watch.outside() == [] and watch.traces() == []


@pytest.mark.cluster
@pytest.mark.slow
def test_nothing_leaves_ray(watch: Watch, tmp_path: Path) -> None:
    if os.environ.get("LIGHTBOX_REQUIRE_CLUSTER") != "1":
        pytest.importorskip("ray", reason="pip install -r requirements-cluster.txt")
    table = str(tmp_path / "a.csv")
    said = run(watch, tmp_path / "home", "cli.py", "classify", "examples", "--csv", table,
               "--engine", "ray")  # fmt: skip
    assert "9 ok" in said
    # Ray asks the kernel which interface leads outside, and talks to itself by that address.
    asked = [call for call in watch.outside() if not _ROUTE.search(call)]
    assert [call for call in asked if not is_own(call)] == []
    assert not [call for call in watch.calls() if "->8.8.8.8" in call]  # nothing was sent there
    assert watch.traces() == [] and watch.calls()


def is_own(call: str) -> bool:
    """Whether a call is about an address of this very computer, and no name server."""
    address, port = _ADDRESS.search(call), _PORT.search(call)
    assert address and port, call
    at = ip_address(address[1])
    at = getattr(at, "ipv4_mapped", None) or at
    family = socket.AF_INET if at.version == 4 else socket.AF_INET6
    with socket.socket(family) as own, suppress(OSError):
        own.bind((str(at), 0))
        return int(port[1]) not in NAMES
    return False


# The watch itself: would it see what it must?

TELLS = "import onnxruntime as o; o.InferenceSession('models/weights/paediatric-cxr/members.onnx')"
TELLS += "; import time; time.sleep(5)"  # it tells from a thread of its own


def test_a_library_that_tells_its_maker_would_be_seen(watch: Watch, tmp_path: Path) -> None:
    """Delete this once ONNX Runtime no longer tells; the others then still watch."""
    run(watch, tmp_path, "-c", TELLS)
    assert watch.traces() != []


def test_the_variable_keeps_that_library_silent(watch: Watch, tmp_path: Path) -> None:
    run(watch, tmp_path, "-c", f"import imaging.entities; {TELLS}", ORT_DISABLE_TELEMETRY="0")
    assert watch.outside() == [] and watch.traces() == []


@pytest.mark.parametrize(
    "deed",
    [
        "s.connect_ex(('192.0.2.1', 9))",
        "s.sendto(b'x', ('192.0.2.1', 9))",
        "s.sendto(b'x', ('127.0.0.53', 53))",
        "socket.getaddrinfo('nobody.invalid', 80)",
    ],
)
def test_a_connection_a_packet_or_a_name_would_be_seen(
    watch: Watch, tmp_path: Path, deed: str
) -> None:
    kind = "socket.AF_INET, socket.SOCK_DGRAM"
    run(watch, tmp_path, "-c",
        "import contextlib, socket\n"
        f"s = socket.socket({kind})\n"
        f"with contextlib.suppress(OSError): {deed}")  # fmt: skip
    assert watch.outside() != []


def test_the_own_computer_is_not_outside(watch: Watch, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        run(
            watch, tmp_path, "-c", f"import socket; socket.create_connection(('127.0.0.1', {port}))"
        )
    assert watch.calls() and watch.outside() == []


@pytest.mark.parametrize(
    ("address", "outside"),
    [
        ('AF_INET6, sin6_port=htons(443), inet_pton(AF_INET6, "2001:db8::1", &sin6_addr)', True),
        ('AF_INET6, sin6_port=htons(443), inet_pton(AF_INET6, "::1", &sin6_addr)', False),
        ('AF_UNIX, sun_path="/run/systemd/resolve/io.systemd.Resolve"', True),
        ('AF_UNIX, sun_path="/tmp/ray/socket"', False),
        ("AF_VSOCK, svm_cid=0x2", True),
    ],
)
def test_which_addresses_lie_outside(address: str, outside: bool) -> None:
    assert leaves(f"7 connect(3, {{sa_family={address}}}, 28) = 0") == outside
