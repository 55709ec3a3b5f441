"""Decoder processes: one is never kept long by a file, another takes what is large.

A file that needs more time or memory than the quick one has is given to the patient one, now and
whenever it comes again; so a film of ordinary size never waits behind a bomb. What is more than
the patient one has is refused in words, and harms nobody else: a process that dies, hangs, or
answers anything that is no answer is killed and started anew.

A third looks for burned-in text, which takes minutes. Address space of all together: that of
`QUICK`, `PATIENT` and `LENGTHY`, 9 GiB; the last two are let go when nobody asks them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from imaging.decoding.budget import PATIENCE, Budget, wait_for
from imaging.decoding.messages import (
    Failure,
    Fault,
    File,
    NeedFile,
    NoFile,
    OutOfMemory,
    Question,
    Ready,
)
from imaging.errors import AssistantError, DecodersBusyError, PixelDataError, error_named
from imaging.intake.child_process import ChildLostError, ChildProcess
from imaging.intake.decode_process import CRASHED, OUT_OF_MEMORY, TIMED_OUT

T = TypeVar("T")
WORKER = "imaging.decoding.worker"
_MOST_FILES = 4  # that one question may be about
_SLOW = 4096  # files that are remembered as such
_LARGE_FILE = 2**27  # bytes
_HOPELESS = 600.0  # seconds for which nobody tries again what was too much for both
_IDLE = 30.0  # seconds after which a process that may hold much is let go
_START = 60.0  # seconds until a process can be asked
_NO_PROCESS = (
    "No process that decodes images can be started on this computer now; close what takes "
    "its memory, and try again."
)
Files = Mapping[str, Callable[[], bytes]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process may have: bytes of address space, and seconds for one question."""

    memory: int
    seconds: float


QUICK = Limits(2 * 2**30, 15.0)
PATIENT = Limits(4 * 2**30, 90.0)
LENGTHY = Limits(3 * 2**30, 900.0)


class _Desk:
    """One process, which one thread at a time may talk to."""

    def __init__(self, module: str, limits: Limits, budget: Budget) -> None:
        self.limits = limits
        self.child = ChildProcess(module, memory=limits.memory, make=budget.array)
        self.busy = False
        self.turns = 0  # in which it was asked


class _TooHeavyError(Exception):
    """The process has not time or memory enough; with what to say where none has more."""


class _UnreadableError(Exception):
    """The bytes of a file cannot be had; the process knows."""

    def __init__(self, reason: Exception) -> None:
        super().__init__()
        self.reason = reason


class DecoderPool:
    """Asks the processes; safe to share by threads.

    Parameters
    ----------
    budget : Budget
        Counts the pixels that come.
    module : str
        What the processes run.
    quick, patient, lengthy : Limits
    patience : float
        Seconds that somebody waits for a process that serves others.
    idle : float
        Seconds after which all but the quick one are let go.
    """

    def __init__(
        self,
        budget: Budget | None = None,
        *,
        module: str = WORKER,
        quick: Limits = QUICK,
        patient: Limits = PATIENT,
        lengthy: Limits = LENGTHY,
        patience: float = PATIENCE,
        idle: float = _IDLE,
    ) -> None:
        self.budget = budget or Budget()
        self._quick = _Desk(module, quick, self.budget)
        self._patient = _Desk(module, patient, self.budget)
        self._lengthy = _Desk(module, lengthy, self.budget)
        self._free = threading.Condition()
        self._reading = threading.Lock()
        self._slow: dict[str, None] = {}
        self._hopeless: dict[Question, tuple[str, float]] = {}
        self._patience, self._idle = patience, idle

    def ask(
        self,
        question: Question,
        kind: type[T],
        files: Files,
        *,
        heavy: bool = False,
        lengthy: bool = False,
    ) -> T:
        """Ask, and wait for the answer.

        Parameters
        ----------
        question : Question
        kind : type
            Of the answer.
        files : mapping of str to callable
            What gives the bytes of the files that it is about, by their SHA-256.
        heavy : bool
            The quick process need not be tried.
        lengthy : bool
            It takes minutes, whatever the file.

        Raises
        ------
        AssistantError
            What the process says, or `files` raise; `PixelDataError` if it died of the file or
            needs too much; `DecodersBusyError` if others were served until patience ended.
        ValueError
            If there is no such frame, or window.
        """
        if not (heavy or lengthy) and question.film not in self._slow:
            desk = self._take(self._quick, self._patient)
            try:
                return self._ask(desk, question, kind, files)
            except _TooHeavyError as exc:
                if desk is self._patient:
                    self._note_hopeless(question, str(exc))
                    raise PixelDataError(str(exc)) from exc
                self._note_slow(question.film)
            finally:
                self._give_back(desk)
        desk = self._take(self._lengthy if lengthy else self._patient)
        try:
            self._insist_on_hope(question)
            return self._ask(desk, question, kind, files)
        except _TooHeavyError as exc:
            self._note_hopeless(question, str(exc))
            raise PixelDataError(str(exc)) from exc
        finally:
            self._give_back(desk)

    def start(self) -> None:
        """Start the quick process, so that nobody waits for that.

        Raises
        ------
        OSError
            If the system starts no process.
        """
        self._quick.child.start()

    def close(self) -> None:
        """End the processes."""
        for desk in (self._quick, self._patient, self._lengthy):
            desk.child.close()

    def _take(self, *desks: _Desk) -> _Desk:
        """The first of them that is free, waited for."""
        with self._free:
            wait_for(
                self._free,
                lambda: any(not desk.busy for desk in desks),
                patience=self._patience,
            )
            desk = next(desk for desk in desks if not desk.busy)
            desk.busy = True
            desk.turns += 1
            return desk

    def _give_back(self, desk: _Desk) -> None:
        with self._free:
            desk.busy = False
            self._free.notify_all()
            if desk is not self._quick:
                timer = threading.Timer(self._idle, self._retire, (desk, desk.turns))
                timer.daemon = True
                timer.start()

    def _retire(self, desk: _Desk, turns: int) -> None:
        """End a process if it was not asked since; what it keeps may be a GiB."""
        with self._free:
            if desk.turns == turns:
                desk.child.close()

    def _insist_on_hope(self, question: Question) -> None:
        """Refuse what was too much a moment ago: those who wait would wait for nothing."""
        sentence, until = self._hopeless.get(question, ("", 0.0))
        if time.monotonic() < until:
            raise PixelDataError(sentence)

    def _note_hopeless(self, question: Question, sentence: str) -> None:
        with self._free:
            now = time.monotonic()
            self._hopeless = {q: found for q, found in self._hopeless.items() if found[1] > now}
            self._hopeless[question] = sentence, now + _HOPELESS

    def _note_slow(self, sha256: str) -> None:
        with self._free:
            self._slow[sha256] = None
            while len(self._slow) > _SLOW:
                del self._slow[next(iter(self._slow))]

    def _ask(self, desk: _Desk, question: Question, kind: type[T], files: Files) -> T:
        child = desk.child
        try:
            child.start()
            if child.silent:
                child.allow(_START)
                child.receive(Ready)
            child.allow(desk.limits.seconds)
            child.send(question)
            reply = self._hear(desk, kind, files)
            child.rest()
        except ChildLostError as exc:
            raise _TooHeavyError(TIMED_OUT if exc.late else CRASHED) from exc
        except OSError as exc:
            child.close()
            raise DecodersBusyError(_NO_PROCESS) from exc
        except _UnreadableError as exc:
            raise exc.reason from exc
        except BaseException:
            child.close()  # it waits for something, or is in the middle of a message
            raise
        if isinstance(reply, OutOfMemory):
            raise _TooHeavyError(OUT_OF_MEMORY)
        if isinstance(reply, Fault):
            raise RuntimeError(f"{reply.exception} in a decoder process")
        if isinstance(reply, Failure):
            error = _error(reply)
            if desk is self._quick and isinstance(error, PixelDataError):
                raise _TooHeavyError(str(error))  # some decoders call it damage where memory ends
            raise error
        return reply

    def _hear(self, desk: _Desk, kind: type[T], files: Files) -> Any:
        """The answer; the process may ask for files before it."""
        child = desk.child
        for _ in range(_MOST_FILES):
            reply: Any = child.receive(kind, NeedFile, Failure, OutOfMemory, Fault)
            if not isinstance(reply, NeedFile):
                return reply
            read = files.get(reply.sha256)
            if read is None:
                raise child.reject()
            child.rest()
            with self._reading:  # one file at a time is in the memory of the server
                try:
                    content = read()
                except Exception as exc:
                    child.allow(desk.limits.seconds)
                    child.send(NoFile())
                    child.receive(Failure)
                    child.rest()
                    raise _UnreadableError(exc) from exc
                if desk is self._quick and len(content) > _LARGE_FILE:
                    child.close()
                    raise _TooHeavyError(OUT_OF_MEMORY)
                child.allow(desk.limits.seconds)
                child.send(File(np.frombuffer(content, np.uint8)))
            del content
        raise child.reject()


def _error(failure: Failure) -> Exception:
    """The error that a process tells of."""
    if failure.error == "ValueError":
        return ValueError(failure.sentence)
    error: AssistantError = error_named(failure.error, failure.sentence, default=PixelDataError)
    return error
