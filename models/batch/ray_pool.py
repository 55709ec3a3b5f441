"""Worker processes of other computers: Ray actors, each with a `WorkerProcess` and its networks.

Ray (Apache-2.0) is optional; `_import_ray` is the one place that imports it. The driver, which
alone knows the store, hands out chunks and writes the answers down. An actor that dies with its
node is nobody's loss: its chunk goes to the next, and Ray starts it again where there is room.

A file that kills its decoder must be one row, and not the end of an actor that took seconds to
load. So the actor reads no file itself: its `WorkerProcess` does, in a process below it, by the
very rules of one computer. That costs a pipe and saves a second set of rules.
"""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from imaging.errors import (
    AssistantError,
    CheckpointError,
    PixelDataError,
    SettingsError,
    error_named,
)
from imaging.host.encrypted_file import cut, encrypt, new_key
from imaging.host.rights import restrict_process
from imaging.host.temporary import FILMS, temporary_folder
from imaging.intake import decode_process
from imaging.intake.queued import read_queued
from imaging.jobs import Result, Task
from imaging.locations import is_address
from imaging.optional import import_optional
from imaging.settings import ROOT, Settings
from imaging.telemetry import VARIABLES
from models.batch.file_worker import Known
from models.batch.process_pool import WorkerProcess, find_known
from models.inference.fingerprint import fingerprint
from models.inference.outcomes import failed_outcome

log = logging.getLogger(__name__)
NOBODY = "No cluster answers at this address; start one with `ray start --head`."
UNFIT = (
    "A computer of the cluster cannot run Lightbox, or has other models installed; install "
    "the same version in the same folder everywhere."
)
DESERTED = (
    "No computer of the cluster has answered for ten minutes. Check that they run, "
    "then start again."
)
_LOSSES = 3  # actors that one chunk may lose before its files go one by one
_WAIT = 600.0  # seconds
_RESTART = 5.0  # seconds between two looks whether an actor lives again
_LOOK = 0.5  # seconds between two looks whether we ended meanwhile
_ANSWER = 30.0  # seconds; less than a worker process waits for a file
_HOLD = 4  # threads of an actor: to work, to ask, to take answers, and to show that it lives


class _Mailbox:
    """Questions of one chunk, and their answers."""

    def __init__(self) -> None:
        self.questions: SimpleQueue[list[str] | None] = SimpleQueue()
        self.answers: SimpleQueue[Collection[str]] = SimpleQueue()

    def ask(self, sha256s: Sequence[str]) -> Collection[str]:
        """Ask which of these were answered before; none where the driver is gone."""
        self.questions.put(list(sha256s))
        try:
            return self.answers.get(timeout=_ANSWER)
        except Empty:
            return ()


class RayWorker:
    """Work of an actor; a plain class, made an actor by `RayPool`."""

    def __init__(self, settings: Settings, reduced: bool) -> None:
        restrict_process()  # whatever Ray's own processes allow
        self._settings = settings
        self._processor = WorkerProcess(settings, reduced=reduced)
        self._processor.start()
        self._working = threading.Lock()  # a worker process is for one thread
        self._mailboxes: dict[str, _Mailbox] = defaultdict(_Mailbox)

    def ready(self) -> tuple[Any, ...]:
        """("ready", fingerprint of the networks here), or ("unfit", error, sentence)."""
        try:
            with self._working:
                self._processor.ready()
            return "ready", fingerprint(self._settings, reduced=self._processor.reduced)
        except AssistantError as exc:
            return "unfit", type(exc).__name__, str(exc)

    def run(
        self, ticket: str, tasks: Sequence[Task], contents: dict[int, bytes]
    ) -> tuple[Any, ...]:
        """Work off a chunk.

        Parameters
        ----------
        ticket : str
            New for each call; questions are asked under it.
        contents : dict
            Place in the chunk -> bytes of a file that does not lie here, encrypted with its task's
            key: Ray may lay them on a disk on their way.

        Returns
        -------
        tuple
            ("done", results), ("send", places in the chunk of files that do not lie here), or
            ("unfit", error, sentence).
        """
        try:
            gone = [i for i, t in enumerate(tasks) if i not in contents and not _is_readable(t)]
            if gone:
                return "send", gone
            with self._working, temporary_folder(FILMS) as folder:
                return "done", self._run(self._mailboxes[ticket], tasks, contents, folder)
        except AssistantError as exc:
            return "unfit", type(exc).__name__, str(exc)
        finally:
            self._mailboxes[ticket].questions.put(None)

    def _run(
        self, mailbox: _Mailbox, tasks: Sequence[Task], contents: dict[int, bytes], folder: Path
    ) -> list[Result]:
        local = list(tasks)
        for i, content in contents.items():
            copy = folder / _copy_name(tasks[i])
            copy.write_bytes(content)
            local[i] = replace(tasks[i], location=str(copy))
        return self._processor.run(local, mailbox.ask)

    def wait_for_question(self, ticket: str) -> list[str] | None:
        """Wait for the next question of a chunk in work, SHA-256s; None when it has ended."""
        question = self._mailboxes[ticket].questions.get()
        if question is None:
            self._mailboxes.pop(ticket)
        return question

    def answer(self, ticket: str, known: Collection[str]) -> None:
        """Answer it."""
        self._mailboxes[ticket].answers.put(known)


class RayPool:
    """Actors that work off chunks; shared by as many threads as there are actors.

    Parameters
    ----------
    settings : Settings
        By which the actors load their networks; the database's address stays here.
    address : str
        "auto", ``host:port`` or ``ray://host:port``; empty starts Ray on this computer.
    actors : int
        One for each processor of the cluster, without a number.
    reduced : bool
        See `models.batch.file_worker.FileWorker`.

    Raises
    ------
    SettingsError
        If Ray is not installed, or no cluster answers.
    """

    def __init__(
        self, settings: Settings, *, address: str = "", actors: int = 0, reduced: bool = True
    ) -> None:
        self.reduced = reduced
        self._ray = _import_ray()
        self._owns_ray = _connect(self._ray, address, actors)
        self._expected = fingerprint(settings, reduced=reduced)
        ray_worker = self._ray.remote(
            num_cpus=1, max_restarts=-1, max_task_retries=0, max_concurrency=_HOLD
        )(RayWorker)
        public = replace(settings, database="")
        self.size = actors or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._idle: SimpleQueue[Any] = SimpleQueue()
        self._actors = [ray_worker.remote(public, reduced) for _ in range(self.size)]
        self._ended = threading.Event()
        self._welcomed = False
        self._welcoming = threading.Lock()
        self._recalls: list[threading.Thread] = []

    def start(self) -> None:
        """Nothing to do: actors load their networks when they are made."""

    def ready(self) -> None:
        """Wait for the first actor, and let the others come as they load.

        Raises
        ------
        CheckpointError
            If an actor cannot load its networks, or has others than this computer.
        """
        with self._welcoming:
            if self._welcomed:
                return
            first = [actor.ready.remote() for actor in self._actors]
            done, _ = self._ray.wait(first, timeout=_WAIT)
            if not done:
                raise SettingsError(DESERTED)
            for actor, ref in zip(self._actors, first, strict=True):
                if ref in done:
                    self._insist_on_ready(self._ray.get(ref))
                    self._idle.put(actor)
                else:
                    self._recall(actor)
            self._welcomed = True

    def run(self, tasks: Sequence[Task], known: Known) -> list[Result]:
        """Work off a chunk by the first idle actor, by the next one when that is lost.

        Raises
        ------
        CheckpointError
            If the actors cannot load the networks.
        SettingsError
            If no actor is left.
        """
        self.ready()
        for _ in range(_LOSSES):
            actor = self._take_idle_actor()
            try:
                results = self._run_on(actor, tasks, known)
            except self._ray.exceptions.RayTaskError as exc:  # raised by our own code there
                self._idle.put(actor)
                log.error("%s in an actor", type(exc.cause).__name__)
                raise SettingsError(UNFIT) from exc
            except self._ray.exceptions.RayError:  # the actor, its node or what it said is lost
                self._recall(actor)
                continue
            except BaseException:
                self._idle.put(actor)
                raise
            self._idle.put(actor)
            return results
        if len(tasks) > 1:  # each alone, so that only the guilty one has no answer
            return [result for task in tasks for result in self.run([task], known)]
        (task,) = tasks
        outcome = failed_outcome(task.file_name, PixelDataError(decode_process.CRASHED))
        return [Result(task, task.sha256, outcome, fault=True)]

    def close(self) -> None:
        """End the actors, and Ray where it was started here."""
        self._ended.set()
        for recall in self._recalls:  # a thread that Ray answers after its end takes us along
            recall.join()
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors = []
        if self._owns_ray:
            self._ray.shutdown()

    def _run_on(self, actor: Any, tasks: Sequence[Task], known: Known) -> list[Result]:
        """Work off a chunk by one actor; bytes it cannot find where it is are sent along."""
        lost: list[Result] = []
        contents: dict[int, bytes] = {}
        given = {(task.job_id, task.position): task for task in tasks}
        while tasks:
            ticket = uuid.uuid4().hex
            reply = actor.run.remote(ticket, list(tasks), contents)
            while (sha256s := self._ray.get(actor.wait_for_question.remote(ticket))) is not None:
                actor.answer.remote(ticket, find_known(known, sha256s))
            kind, *rest = self._ray.get(reply)
            if kind == "unfit":
                raise error_named(*rest, default=CheckpointError)
            if kind == "done":
                return lost + [
                    replace(result, task=given[result.task.job_id, result.task.position])
                    for result in rest[0]
                ]
            tasks, contents, gone = _attach_contents(tasks, set(rest[0]), contents)
            lost += gone
        return lost

    def _take_idle_actor(self) -> Any:
        try:
            return self._idle.get(timeout=_WAIT)
        except Empty as exc:
            raise SettingsError(DESERTED) from exc

    def _insist_on_ready(self, reply: tuple[Any, ...]) -> None:
        if reply[0] == "unfit":
            raise error_named(*reply[1:], default=CheckpointError)
        if reply[1] != self._expected:
            raise CheckpointError(UNFIT)

    def _recall(self, actor: Any) -> None:
        """Put an actor back among the idle once it answers; no chunk waits for it meanwhile."""

        def wait() -> None:
            asked = None
            while not self._ended.is_set():
                try:
                    asked = asked or actor.ready.remote()
                    if not self._ray.wait([asked], timeout=_LOOK)[0]:
                        continue
                    answered, asked = asked, None
                    self._insist_on_ready(self._ray.get(answered))
                except self._ray.exceptions.RayError:
                    self._ended.wait(_RESTART)
                except AssistantError as exc:
                    log.error("an actor is left out: %s", exc)
                    return
                else:
                    self._idle.put(actor)
                    return

        recall = threading.Thread(target=wait, name="lightbox-recall", daemon=True)
        self._recalls = [r for r in self._recalls if r.is_alive()] + [recall]
        recall.start()


def _import_ray() -> Any:
    """Import Ray; the one import of it."""
    feature = "work on a cluster"
    ray = import_optional("ray", feature=feature)
    node = import_optional("ray._private.node", feature=feature, package="ray")
    node.Node.start_api_server = _start_no_reporter
    return ray


def _start_no_reporter(node: Any, **_how: object) -> None:
    """Instead of the server which, without a dashboard, does nothing but report Ray's use.

    Usage figures that are off it does not send; but first it asks 169.254.169.254 and
    metadata.google.internal in whose cloud it runs, whatever they are.
    """
    node._webui_url = None


def _connect(ray: Any, address: str, actors: int) -> bool:
    """Reach the cluster; True when it was started here, to be ended with us."""
    if ray.is_initialized():
        return False
    options: dict[str, Any] = {"address": address} if address else {"num_cpus": actors or None}
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    try:
        ray.init(
            **options,
            include_dashboard=None if address else False,
            log_to_driver=False,  # what decoders say may quote the file
            logging_level=logging.ERROR,
            runtime_env={"env_vars": {**VARIABLES, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}},
        )
    except (ConnectionError, ValueError, TimeoutError, RuntimeError) as exc:
        raise SettingsError(NOBODY) from exc
    return True


def _attach_contents(
    tasks: Sequence[Task], wanted: set[int], contents: dict[int, bytes]
) -> tuple[list[Task], dict[int, bytes], list[Result]]:
    """Attach the bytes that a node lacks; also returns what became of files that nobody has."""
    remaining: list[Task] = []
    attached: dict[int, bytes] = {}
    lost = []
    for i, task in enumerate(tasks):
        try:
            if i in wanted:
                content, key = read_queued(task.location, task.key, linked=task.linked), new_key()
                sent = replace(task, key=key)
                attached[len(remaining)] = b"".join(encrypt(cut(content), key, _copy_name(task)))
            else:
                sent = task
                if i in contents:
                    attached[len(remaining)] = contents[i]
            remaining.append(sent)
        except AssistantError as exc:
            outcome = failed_outcome(task.file_name, exc)
            lost.append(Result(task, task.sha256, outcome, fault=True))
    return remaining, attached, lost


def _copy_name(task: Task) -> str:
    """What the copy of a file is called on a node that lacks it."""
    return f"{task.job_id}-{task.position}"


def _is_readable(task: Task) -> bool:
    return is_address(task.location) or Path(task.location).is_file()
