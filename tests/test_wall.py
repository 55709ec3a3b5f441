"""The wall before a real server, asked by what is no browser: each attack, and what must go on."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from bench.visitor import Visitor
from imaging.review.records import Account
from imaging.settings import ROOT
from imaging.store import Repository
from pages.ui.wall.cookie import NAME
from pages.ui.wall.ended import session_in
from tests.black_hole import KNOCKS
from tests.browser.lightbox import PATIENCE, Server, cookie_of
from tests.factories import make_dicom_bytes

pytestmark = [pytest.mark.slow]
PASSWORD = "correct horse battery"
SOON = 0.05  # seconds; of several tries the quickest counts, since tests run side by side


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, checkpoint_folder: Path) -> Iterator[Server]:
    """A server whose one reader has opened the address it told."""
    found = Server(tmp_path_factory.mktemp("alone") / "home", checkpoint_folder.parent)
    found.start()
    yield found
    found.stop()


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory, checkpoint_folder: Path) -> Iterator[Server]:
    """A server of two readers with accounts."""
    home = tmp_path_factory.mktemp("ward") / "home"
    repository = Repository.open(home)
    repository.accounts.create("ada", "Dr Ada", PASSWORD)
    repository.accounts.create("bob", "Dr Bob", PASSWORD)
    repository.close()
    found = Server(home, checkpoint_folder.parent, reader="")
    found.start()
    yield found
    found.stop()


def knock(server: Server, cookie: str = "", *, origin: str = "own", session: str = "") -> str:
    """Open a socket as Streamlit's page does; returns the session that was begun.

    Raises
    ------
    InvalidStatus
        If the handshake was refused.
    """
    origin = server.address if origin == "own" else origin
    words = ["streamlit", "no-xsrf-token", session] if session else ["streamlit"]
    with connect(
        server.address.replace("http", "ws") + "/_stcore/stream",
        origin=Origin(origin) if origin else None,
        subprotocols=[Subprotocol(word) for word in words],
        additional_headers={"Cookie": cookie} if cookie else {},
        max_size=None,
    ) as socket:
        message = BackMsg()
        message.rerun_script.query_string = ""
        socket.send(message.SerializeToString())
        while True:
            data = socket.recv(PATIENCE)
            if isinstance(data, bytes) and (begun := session_in(data)):
                return begun


def sign_in(server: Server, name: str) -> str:
    """Sign in by the form; returns the Cookie header."""
    answer = requests.post(
        f"{server.address}/sign-in",
        {"name": name, "password": PASSWORD},
        headers={"Origin": server.address},
        allow_redirects=False,
        timeout=PATIENCE,
    )
    assert answer.status_code == 303
    return f"{NAME}={answer.cookies[NAME]}"


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost:9999",
        "http://127.0.0.1:9999",
        "http://127.0.0.1",
        "http://0.0.0.0:1",
        "https://127.0.0.1:{port}",
        "http://localhost:{port}",
        "http://127.0.0.1:{port}.evil.example",
        "null",
        "",
    ],
)
def test_a_socket_of_another_page_is_refused_at_once(server: Server, origin: str) -> None:
    """Whatever it may know; and nothing waits for a name server meanwhile."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        with pytest.raises(InvalidStatus) as refusal:
            knock(server, cookie_of(server.address), origin=origin.format(port=server.port))
        times.append(time.perf_counter() - start)
        assert refusal.value.response.status_code == 403
    assert min(times) < SOON and max(times) < 2
    start = time.perf_counter()
    assert requests.get(f"{server.address}/_stcore/health", timeout=PATIENCE).ok
    assert time.perf_counter() - start < 1


def test_a_foreign_page_freezes_nothing_where_no_name_server_answers(
    tmp_path: Path, checkpoint_folder: Path
) -> None:
    """Streamlit would ask for this computer's outer address first, and serve nobody meanwhile."""
    command = ["unshare", "--map-root-user", "--net", "--mount", sys.executable, "-m"]
    command += ["tests.black_hole", str(tmp_path / "home"), str(checkpoint_folder.parent)]
    if shutil.which("unshare") is None:
        pytest.skip("no unshare (util-linux) on this computer")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode == 3 or "unshare" in done.stderr:
        pytest.skip("nobody may make a network of his own on this computer")
    assert done.returncode == 0, done.stderr
    seconds = json.loads(done.stdout.splitlines()[-1])
    assert seconds["look_up"] > 2, "the hole is none"
    assert len(seconds["knocks"]) == KNOCKS and min(seconds["knocks"]) < SOON
    assert max(*seconds["knocks"], seconds["wait"]) < 2


def test_a_socket_of_the_own_page_is_let_in_with_its_cookie_alone(server: Server) -> None:
    assert knock(server, cookie_of(server.address))
    for cookie in ("", f"{NAME}=", f"{NAME}=guess"):
        with pytest.raises(InvalidStatus):
            knock(server, cookie)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example"])
def test_another_name_is_not_answered(server: Server, host: str) -> None:
    """DNS rebinding: the stranger's page is of the same origin as what it asks."""
    host = host.format(port=server.port)
    cookie = cookie_of(server.address)
    answer = requests.get(
        server.address, headers={"Host": host, "Cookie": cookie}, timeout=PATIENCE
    )
    assert answer.status_code == 421 and "Streamlit" not in answer.text


def test_a_proxy_that_nobody_declared_is_not_answered(server: Server) -> None:
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        headers = {name: "10.0.0.7", "Cookie": cookie_of(server.address)}
        assert requests.get(server.address, headers=headers, timeout=PATIENCE).status_code == 403


@pytest.mark.parametrize(
    "path",
    ["", "review", "media/x.jpg", "_stcore/metrics", "_stcore/host-config", "_stcore/anything"],
)
def test_another_user_of_this_computer_sees_nothing(server: Server, path: str) -> None:
    place = f"{server.address}/{path}"
    answer = requests.get(place, timeout=PATIENCE)
    assert answer.status_code == 403 and answer.headers["Cache-Control"] == "no-store"
    assert "static/js" not in answer.text and "<form" not in answer.text
    known = requests.get(place, headers={"Cookie": cookie_of(server.address)}, timeout=PATIENCE)
    assert known.status_code in (200, 404), "the reader does"
    assert known.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
def test_what_changes_something_comes_from_the_own_page(server: Server, method: str) -> None:
    cookie = {"Cookie": cookie_of(server.address)}
    for origin in ({}, {"Origin": "http://127.0.0.1:9999"}, {"Origin": "null"}):
        for path in ("film", "intake/open", "sign-in", "_stcore/upload_file/a/b"):
            headers = {**cookie, **origin}
            place = f"{server.address}/{path}"
            answer = requests.request(method, place, headers=headers, timeout=PATIENCE)
            assert answer.status_code == 403


def test_nothing_is_parked_in_the_servers_memory(server: Server) -> None:
    """Nor by who is signed in: nothing of ours comes in by Streamlit's uploader."""
    session = knock(server, cookie_of(server.address))
    for cookie in ({}, {"Cookie": cookie_of(server.address)}):
        answer = requests.put(
            f"{server.address}/_stcore/upload_file/{session}/some-file",
            files={"file": b"x" * 2**20},
            headers={"Origin": server.address, **cookie},
            timeout=PATIENCE,
        )
        assert answer.status_code == 403


def test_a_signed_in_reader_hands_files_in(server: Server) -> None:
    async def hand_in() -> str:
        async with Visitor(server.address, cookie_of(server.address)) as visitor:
            await visitor.go("")
            await visitor.drop("intake-upload", "film.dcm", make_dicom_bytes())
            return visitor.query["job"]

    with ThreadPoolExecutor(1) as pool:  # Playwright may have left a running loop in this thread
        job = pool.submit(lambda: asyncio.run(hand_in())).result()
    repository = Repository.open(server.home)
    assert repository.jobs.progress(job).total == 1
    repository.close()


def test_a_session_of_streamlit_is_no_ticket_into_it(ward: Server) -> None:
    ada, bob = sign_in(ward, "ada"), sign_in(ward, "bob")
    session = knock(ward, ada)
    assert knock(ward, ada, session=session) == session, "she goes on with it"
    for cookie in ("", bob):
        with pytest.raises(InvalidStatus):
            knock(ward, cookie, session=session)
    assert knock(ward, bob, session="of-before-a-restart") not in (session, "of-before-a-restart")


def test_the_cookie_of_an_ended_sign_in_opens_nothing(ward: Server) -> None:
    cookie = sign_in(ward, "ada")
    assert knock(ward, cookie)
    repository = Repository.open(ward.home)
    repository.accounts.sign_out(cookie.partition("=")[2])
    repository.close()
    with pytest.raises(InvalidStatus):
        knock(ward, cookie)
    answer = requests.get(ward.address, headers={"Cookie": cookie}, timeout=PATIENCE)
    assert answer.status_code == 403 and "Max-Age=0" in answer.headers["Set-Cookie"]


def test_what_is_pressed_after_the_sign_in_ended_is_not_done(ward: Server) -> None:
    """In a tab whose socket stays open; the page shows the way to the door instead."""
    cookie, repository = sign_in(ward, "ada"), Repository.open(ward.home)

    async def press() -> None:
        async with Visitor(ward.address, cookie) as visitor:
            await visitor.go("account")
            await visitor.set("blind", True)
            assert _ada(repository).blind, "so long as she is signed in"
            repository.accounts.sign_out(cookie.partition("=")[2])
            await visitor.set("blind", False)
            assert "signed out" in visitor.text

    with ThreadPoolExecutor(1) as pool:  # Playwright may have left a running loop in this thread
        pool.submit(lambda: asyncio.run(press())).result()
    assert _ada(repository).blind
    repository.close()


def _ada(repository: Repository) -> Account:
    return next(account for account in repository.accounts.all() if account.name == "ada")


def test_the_first_account_is_for_who_started_the_server(
    tmp_path: Path, checkpoint_folder: Path
) -> None:
    server = Server(tmp_path / "home", checkpoint_folder.parent, reader="")
    server.start()
    try:
        form = {"name": "eve", "reader": "Eve", "password": PASSWORD}
        own = {"Origin": server.address}
        assert "<form" not in requests.get(server.address, timeout=PATIENCE).text
        place = f"{server.address}/sign-in"
        answer = requests.post(place, form, headers=own, timeout=PATIENCE)
        assert answer.status_code == 403
        opening = server.opening()
        assert "<form" in requests.get(opening, timeout=PATIENCE).text
        form["token"] = opening.partition("token=")[2]
        short = requests.post(place, {**form, "password": "x"}, headers=own, timeout=PATIENCE)
        assert "10 characters" in short.text and "<form" in short.text
        first = requests.post(place, form, headers=own, timeout=PATIENCE, allow_redirects=False)
        assert first.status_code == 200 and "Recovery key" in first.text and NAME in first.cookies
        again = {**form, "name": "mallory"}
        assert requests.post(place, again, headers=own, timeout=PATIENCE).status_code == 403
    finally:
        server.stop()


def test_forty_sign_ins_at_once_leave_the_server_awake_and_small(ward: Server) -> None:
    place, own = f"{ward.address}/sign-in", {"Origin": ward.address}
    before, slowest, ended = ward.memory(), 0.0, threading.Event()

    def watch() -> None:
        nonlocal slowest
        while not ended.is_set():
            start = time.perf_counter()
            requests.get(f"{ward.address}/_stcore/health", timeout=PATIENCE)
            slowest = max(slowest, time.perf_counter() - start)
            time.sleep(0.02)

    def guess(number: int) -> int:
        form = {"name": f"guess{number}", "password": "wrong wrong wrong"}
        return requests.post(place, form, headers=own, timeout=PATIENCE).status_code

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(guess, range(40)))
    ended.set()
    watcher.join()
    assert sorted(set(answers)) == [403, 429] and answers.count(403) <= 20
    assert ward.memory() - before < 300 * 2**20 and slowest < 5
    # the address is shut now, also to who knows a password; readers elsewhere are not
    form = {"name": "bob", "password": PASSWORD}
    assert requests.post(place, form, headers=own, timeout=PATIENCE).status_code == 429
    repository = Repository.open(ward.home)
    assert repository.accounts.sign_in("bob", PASSWORD)
    repository.close()
