"""A child answers in messages of declared kinds; whatever else it does, it is lost and replaced."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from struct import pack

import pytest

from imaging.intake.child_process import (
    LONGEST,
    Channel,
    ChildLostError,
    ChildProcess,
    MessageError,
)
from tests.plain_child import Word

MEMORY = 2**30


@pytest.fixture
def child() -> Iterator[ChildProcess]:
    made = ChildProcess("tests.plain_child", ["a", "b"], memory=MEMORY)
    yield made
    made.close()


def say(child: ChildProcess, text: str) -> str:
    child.start()
    child.send(Word(text))
    return child.receive(Word).text


def message(body: bytes) -> bytes:
    return pack("<Q", len(body)) + body


def test_messages_come_as_they_were_sent() -> None:
    stream = BytesIO()
    for text in ("a", "", "b\udcff\0\n", "c" * 10**5):
        Channel(BytesIO(), stream).send(Word(text))
    channel = Channel(BytesIO(stream.getvalue()), BytesIO())
    assert [channel.receive(Word).text for _ in range(4)] == ["a", "", "b\udcff\0\n", "c" * 10**5]
    with pytest.raises(EOFError):
        channel.receive(Word)


@pytest.mark.parametrize(
    "content",
    [
        message(b"")[:3],
        message(b'Word ["a"]')[:-1],
        message(b"") + b"",
        message(pickle.dumps(("Word", "a"))),
        message(b"\xff\xfe\0"),
        message(b'Word ["\xff"]'),
        message(b"Word [1]"),
        message(b"Word"),
        message(b'word ["a"]'),
        message(b'Other ["a"]'),
        message(b"Word " + b"[" * 10**6),
        pack("<Q", LONGEST + 1) + b'Word ["a"]',
        pack("<Q", 2**64 - 1),
        b"\xff" * 4096,
    ],
    ids=range(14),
)
def test_anything_else_is_an_error_of_ours(content: bytes) -> None:
    with pytest.raises((MessageError, EOFError)):
        Channel(BytesIO(content), BytesIO()).receive(Word)


def test_what_cannot_be_written_leaves_the_stream_as_it_was() -> None:
    stream = BytesIO()
    with pytest.raises(TypeError):
        Channel(BytesIO(), stream).send(Word(1))  # type: ignore[arg-type]
    assert stream.getvalue() == b""


def test_a_child_answers_and_what_it_prints_is_no_answer(child: ChildProcess) -> None:
    assert child.silent
    assert [say(child, text) for text in ("a", "print", "b")] == ["a", "print", "b"]
    assert not child.silent


@pytest.mark.parametrize("harm", ["die", "half"])
def test_a_child_that_dies_is_lost_and_replaced(child: ChildProcess, harm: str) -> None:
    child.start()
    child.allow(60)
    with pytest.raises(ChildLostError) as lost:
        say(child, harm)
    assert not lost.value.late
    assert say(child, "a") == "a"


def test_a_child_is_killed_at_its_deadline_which_is_told_from_a_death(child: ChildProcess) -> None:
    assert say(child, "a") == "a"  # it has started
    child.allow(0.5)
    began = time.monotonic()
    with pytest.raises(ChildLostError) as lost:
        say(child, "hang")
    assert lost.value.late and time.monotonic() - began < 30
    with pytest.raises(ChildLostError) as lost:
        say(child, "die")
    assert not lost.value.late


@pytest.mark.slow
def test_a_deadline_that_was_moved_or_lifted_kills_nobody(child: ChildProcess) -> None:
    assert say(child, "a") == "a"
    for _ in range(4):
        child.allow(0.5)
        time.sleep(0.25)
    child.rest()
    time.sleep(0.7)
    assert say(child, "a") == "a"
    child.allow(60)
    child.close()
    until = time.monotonic() + 10
    while any(t.name == "child-deadline" for t in threading.enumerate()):
        assert time.monotonic() < until, "a thread watches nobody"
        time.sleep(0.05)


@pytest.mark.slow
def test_a_child_that_does_not_read_is_killed_at_its_deadline(child: ChildProcess) -> None:
    assert say(child, "a") == "a"
    child.allow(1)
    child.send(Word("hang"))
    with pytest.raises(ChildLostError) as lost:
        child.send(Word("x" * 2**22))
    assert lost.value.late


def test_a_message_that_may_not_come_now_is_as_good_as_a_death(child: ChildProcess) -> None:
    child.start()
    child.send(Word("a"))
    with pytest.raises(ChildLostError):
        child.receive(ChildLostError)
    with pytest.raises(ChildLostError):
        child.receive(Word)
    assert say(child, "b") == "b"


def test_a_child_has_its_arguments_little_memory_and_low_priority(child: ChildProcess) -> None:
    assert say(child, "memory") == "no memory"
    assert say(child, "about") == "19 False a b"
    idle = ChildProcess("tests.plain_child", memory=MEMORY, idle=True)
    assert say(idle, "about").split() in (["19", "True"], ["19", "False"])  # containers forbid it
    idle.close()


def test_only_what_goes_aside_is_done_at_low_priority() -> None:
    """Else a single film that somebody waits for gets what nobody else wants."""
    child = ChildProcess("tests.plain_child", ["--whole"], memory=MEMORY, idle=True)
    assert say(child, "aside").split()[1] == "False"
    assert say(child, "about").split()[0] == "0"
    if say(child, "aside").split()[0] == "False":
        pytest.skip("this system forbids the idle class")
    child.close()


def test_a_child_that_cannot_be_started_has_said_nothing() -> None:
    child = ChildProcess("tests.no_such_module", memory=MEMORY)
    with pytest.raises(ChildLostError):
        say(child, "a")
    assert child.silent
