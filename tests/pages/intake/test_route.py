"""Files are taken from the one who may hand them in, and from nobody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette

from imaging.jobs import MissingFile
from imaging.review.roles import Role
from imaging.store import Repository
from pages.ui.intake import route
from pages.ui.intake.tickets import Ticket, TicketStore

OWN = {"host": "here:8501", "origin": "http://here:8501", "sec-fetch-site": "same-origin"}


class Desk:
    """The routes, asked as a browser asks them."""

    def __init__(self, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tickets, self.admitted, self.sessions = TicketStore(), True, {"s1", "s2"}
        monkeypatch.setattr(route, "_tickets", self.tickets)
        monkeypatch.setattr(route, "_open", False)
        runtime = SimpleNamespace(is_active_session=lambda name: name in self.sessions)
        monkeypatch.setattr(route, "get_instance", lambda: runtime)
        self.woken = 0
        routes = route.intake_routes(
            lambda _sign_in, _cookies: self.admitted,
            lambda: repository,
            self._wake,
            most_bytes=10_000,
            base_path="/some/",
        )
        self._app = Starlette(routes=routes)
        password = "correct horse battery"
        repository.accounts.create("ada", "Dr Ada", password, roles=[Role.TECHNOLOGIST])
        self.sign_in = repository.accounts.sign_in("ada", password)[1]
        self.name = self.tickets.give(Ticket("s1", self.sign_in, "ada"))

    def _wake(self) -> None:
        self.woken += 1

    def ask(
        self, step: str, body: bytes, headers: Mapping[str, str] = OWN, ticket: str | None = None
    ) -> tuple[int, Any]:
        sent: list[Any] = []
        scope = {
            "type": "http",
            "method": "POST",
            "path": f"/some/intake/{step}",
            "query_string": b"",
            "headers": [
                (name.lower().encode(), value.encode())
                for name, value in {**headers, route.HEADER: ticket or self.name}.items()
            ],
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        with ThreadPoolExecutor(1) as pool:  # a browser's event loop may run in this one
            pool.submit(lambda: asyncio.run(self._app(scope, receive, send))).result()
        text = b"".join(m.get("body", b"") for m in sent)
        return sent[0]["status"], json.loads(text) if text else None

    def open(self, *files: tuple[str, int]) -> str:
        status, said = self.ask("open", json.dumps({"files": files, "lost": {}}).encode())
        assert status == 200
        return str(said["job"])


def pieces(job: str, *parts: tuple[int, int, bytes]) -> bytes:
    """The body of a request."""
    listed = [[number, start, len(content)] for number, start, content in parts]
    header = json.dumps({"job": job, "pieces": listed}).encode()
    return len(header).to_bytes(4, "little") + header + b"".join(c for *_, c in parts)


def missing(repository: Repository, job: str) -> tuple[MissingFile, ...]:
    """What is told to be missing of a drop of Ada's."""
    return repository.drops.missing_of("ada").get(job, ())


@pytest.fixture
def desk(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    yield Desk(repository, monkeypatch)


def test_a_drop_is_announced_sent_and_ended(desk: Desk, repository: Repository) -> None:
    job = desk.open(("a", 3), ("b", 4), ("c", 99_999))
    status, said = desk.ask("send", pieces(job, (0, 0, b"one"), (1, 0, b"tw")))
    assert (status, said) == (200, {"here": {"0": -1, "1": 2}}) and desk.woken == 1
    ended = {"job": job, "lost": {"1": "unreadable"}, "rest": "cut"}
    assert desk.ask("close", json.dumps(ended).encode()) == (200, {})
    assert [f.loss.value for f in missing(repository, job)] == ["unreadable", "large"]
    progress = repository.jobs.progress(job)
    assert (progress.account, progress.arrived, progress.announced) == ("ada", 1, 3)


def test_an_announcement_that_is_made_twice_is_one_drop(desk: Desk, repository: Repository) -> None:
    said = {"files": [["a", 3], ["large", 99_999]], "lost": {}, "key": "k1"}
    first = desk.ask("open", json.dumps(said).encode())
    assert desk.ask("open", json.dumps(said).encode()) == first, "its answer was lost on the line"
    assert len(repository.jobs.recent()) == 1
    assert desk.open(("a", 3)) != first[1]["job"]
    other = desk.tickets.give(Ticket("s2", desk.sign_in, "bob"))
    assert desk.ask("open", json.dumps(said).encode(), ticket=other)[1] != first[1]


@pytest.mark.parametrize(
    "headers",
    [
        OWN | {"origin": "http://elsewhere:8501"},
        OWN | {"sec-fetch-site": "cross-site"},
        OWN | {"origin": "null"},
    ],
)
def test_another_site_hands_nothing_in(desk: Desk, headers: Mapping[str, str]) -> None:
    assert desk.ask("open", b'{"files": [], "lost": {}}', headers)[0] == 403


def test_without_ticket_session_or_sign_in_nothing_is_taken(
    desk: Desk, repository: Repository
) -> None:
    body = b'{"files": [["a", 1]], "lost": {}}'
    assert desk.ask("open", body, ticket="guessed")[0] == 403
    desk.admitted = False
    assert desk.ask("open", body)[0] == 403
    desk.admitted, desk.sessions = True, set()
    assert desk.ask("open", body)[0] == 403
    assert not repository.jobs.recent()


def test_nobody_adds_to_the_drop_of_another(desk: Desk, repository: Repository) -> None:
    job = desk.open(("a", 3))
    other = desk.tickets.give(Ticket("s2", desk.sign_in, "bob"))
    assert desk.ask("send", pieces(job, (0, 0, b"one")), ticket=other)[0] == 409
    end = json.dumps({"job": job, "lost": {}, "rest": "cut"}).encode()
    assert desk.ask("close", end, ticket=other)[0] == 409
    assert repository.jobs.progress(job).expected == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\0\0\0",
        b"\xff\xff\xff\xff{}",
        pieces("x", (0, 0, b"1")),
        b"\2\0\0\0{}",
        b"\2\0\0\0[]",
        b'{"files": [["a", 1e999]], "lost": {}}',
        b'{"files": [["a", 1]], "lost": []}',
    ],
)
def test_nonsense_is_refused_in_words(desk: Desk, body: bytes) -> None:
    status, said = desk.ask("send", body)
    assert status == 409 and said["reason"].endswith(".")
    assert desk.ask("open", body)[0] == 409


def test_a_request_has_a_limit(desk: Desk) -> None:
    job = desk.open(("a", 3))
    assert desk.ask("send", pieces(job, (0, 0, bytes(route.PART + 2**21))))[0] == 413


def test_a_session_keeps_its_ticket_and_the_longest_unused_goes() -> None:
    store, mine = TicketStore(most=2), Ticket("a", "s", "ada")
    name = store.give(mine)
    assert store.give(mine) == name and store.find(name) == mine
    assert store.give(Ticket("a", "t", "ada")) != name
    store.find(name)
    store.give(Ticket("b", "t", "ada"))
    assert store.find(name) == mine
    store.give(Ticket("c", "t", "ada"))
    store.give(Ticket("d", "t", "ada"))
    assert store.find(name) is None and store.find("") is None
