"""Beyond one machine: Ray, a shared PostgreSQL and S3 give the rows one computer gives."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.uid import generate_uid

from imaging.errors import SettingsError
from imaging.jobs import JobKind, Result, Task
from imaging.settings import ROOT, Settings
from imaging.store import Repository
from models.batch import ray_pool as clusters
from models.batch.file_worker import Known
from models.batch.process_pool import WorkerProcess
from models.batch.ray_pool import RayPool
from models.batch.worker import drain
from models.commands.queue import work_off
from tests.factories import make_dicom_bytes
from tests.postgresql import fresh_database

FILMS = 48
Rows = list[tuple[Any, ...]]


def required(package: str) -> Any:
    """An optional package; skips without it, and CI insists."""
    if os.environ.get("LIGHTBOX_REQUIRE_CLUSTER") == "1":
        return __import__(package)
    return pytest.importorskip(package, reason="pip install -r requirements-cluster.txt")


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of films with UIDs of their own, a text, and a film cut short."""
    folder, draw = tmp_path_factory.mktemp("films"), np.random.default_rng(5)
    for number in range(FILMS - 2):
        pixels = draw.integers(0, 4095, (96, 96)).astype(np.uint16)
        uid = generate_uid(entropy_srcs=["cluster", str(number)])
        content = make_dicom_bytes(pixels, SOPInstanceUID=uid, StudyInstanceUID=f"{uid}.1"[:64])
        (folder / f"{number:03}.dcm").write_bytes(content)
    (folder / "note.txt").write_text("hello")
    (folder / "zz.dcm").write_bytes(content[: len(content) // 2])
    return folder


@pytest.fixture(scope="session")
def storage() -> Iterator[dict[str, str]]:
    """An S3 server in a thread; yields the variables by which it is found."""
    required("moto"), required("s3fs")
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server.stop()


@pytest.fixture(scope="session")
def node(storage: dict[str, str]) -> dict[str, Any]:
    """What a node of the cluster is: one processor, and the keys to the storage."""
    return {"num_cpus": 1, "object_store_memory": 80_000_000, "env_vars": storage}


@pytest.fixture(scope="session")
def nodes(node: dict[str, Any]) -> Iterator[Any]:
    """A cluster of two nodes on this computer; skips without Ray."""
    required("ray")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster as Nodes

    found = Nodes(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    found.add_node(**node)
    yield found
    found.shutdown()


@pytest.fixture
def two_nodes(nodes: Any) -> str:
    """The cluster's address."""
    address: str = nodes.address
    return address


@pytest.fixture
def actors(two_nodes: str, tiny_settings: Settings) -> Iterator[RayPool]:
    found = RayPool(tiny_settings, address=two_nodes)
    yield found
    found.close()  # who asks Ray in the moment of its end is killed by it
    assert not [t for t in threading.enumerate() if t.name == "lightbox-recall"]


def rows_of(repository: Repository, job_id: str) -> Rows:
    """All that the store says about a job's files, without times."""
    found: Rows = []
    for file in repository.jobs.get(job_id).files:
        said: Any = None
        if file.study_instance_uid:
            record = repository.studies.get(file.study_instance_uid)
            (one,) = record.assessments
            said = one and replace(one, created_at=None)
        found.append((file.position, file.file_name, file.status, file.message, said))
    return found


def queued(repository: Repository, source: Path | str) -> str:
    return repository.jobs.open(JobKind.FOLDER, str(source))


@pytest.fixture
def local_rows(tmp_path: Path, films: Path, tiny_settings: Settings) -> Rows:
    """What one process of this computer writes down, chunk after chunk."""
    store = Repository.open(tmp_path / "local")
    job = queued(store, films)
    processor = WorkerProcess(tiny_settings)
    assert work_off(store, tiny_settings, [processor]) == FILMS
    processor.close()
    rows = rows_of(store, job)
    store.close()
    assert len({str(row[-1]) for row in rows}) > FILMS // 2  # films differ, so answers do
    return rows


@pytest.mark.cluster
def test_two_nodes_write_the_rows_of_one_computer(
    actors: RayPool, repository: Repository, films: Path, tiny_settings: Settings, local_rows: Rows
) -> None:
    job = queued(repository, films)
    assert actors.size == 2 and len(set(pids(actors))) == 2
    assert work_off(repository, tiny_settings, [actors] * actors.size) == FILMS
    assert rows_of(repository, job) == local_rows
    assert repository.audit.verify().intact
    again = queued(repository, films)  # known bytes: nobody is asked, the rows are the same
    assert work_off(repository, tiny_settings, [actors] * actors.size) == FILMS
    assert [row[:4] for row in rows_of(repository, again)] == [row[:4] for row in local_rows]


@pytest.mark.cluster
def test_an_actor_killed_in_the_middle_changes_nothing(
    actors: RayPool, repository: Repository, films: Path, tiny_settings: Settings, local_rows: Rows
) -> None:
    job, lost = queued(repository, films), list[int]()
    actors.ready()

    def kill(done: int) -> None:
        if not lost:
            lost.extend(pids(actors)[:1])
            os.kill(lost[0], signal.SIGKILL)

    assert work_off(repository, tiny_settings, [actors] * 2, on_results=kill) == FILMS
    assert rows_of(repository, job) == local_rows
    assert lost and lost[0] not in wait_for(actors)


class InHand:
    """A cluster that loses something once, when each of two actors has a chunk in hand."""

    def __init__(self, processors: RayPool, lose: Callable[[], None]) -> None:
        self._processors, self.reduced = processors, processors.reduced
        self._both: threading.Barrier | None = threading.Barrier(2, action=lose, timeout=60)
        self.begun: Counter[str] = Counter()

    def run(self, tasks: Sequence[Task], known: Known) -> list[Result]:
        """An actor asks what is known when it has read its files, and goes on when it is told."""

        def ask(sha256s: Sequence[str]) -> Collection[str]:
            self.begun.update(sha256s)
            if self._both is not None:
                self._both.wait()
                self._both = None
            return known(sha256s)

        return self._processors.run(tasks, ask)

    def start(self) -> None:
        """Nothing to do, and nothing to wait for or to end: the cluster is another's."""

    ready = close = start


def lose_node(nodes: Any, node: Any, actors: Sequence[int]) -> None:
    """Kill a node and the actors it runs, all at once."""
    (raylet,) = (process.process.pid for process in node.all_processes["raylet"])
    parents = {pid: int(Path(f"/proc/{pid}/stat").read_text().split()[3]) for pid in actors}
    (actor,) = (pid for pid, parent in parents.items() if parent == raylet)
    os.kill(raylet, signal.SIGKILL)
    os.kill(actor, signal.SIGKILL)
    nodes.remove_node(node, allow_graceful=False)


@pytest.mark.cluster
def test_a_node_lost_in_the_middle_changes_nothing(
    nodes: Any,
    node: dict[str, Any],
    actors: RayPool,
    repository: Repository,
    films: Path,
    tiny_settings: Settings,
    local_rows: Rows,
) -> None:
    job, before, (doomed,) = queued(repository, films), pids(actors), nodes.worker_nodes
    both = InHand(actors, lambda: lose_node(nodes, doomed, before))
    assert work_off(repository, tiny_settings, [both] * 2) == FILMS
    assert sorted(set(both.begun.values())) == [1, 2]  # the chunk that was lost, once more
    assert rows_of(repository, job) == local_rows  # each file once
    assert repository.audit.verify().intact
    nodes.add_node(**node)
    assert len(set(wait_for(actors)) - set(before)) == 1  # it lives again, elsewhere


def pids(cluster: RayPool) -> list[int]:
    """Process ids of the actors, each on its own computer."""
    import ray

    asked = [actor.__ray_call__.remote(lambda _: os.getpid()) for actor in cluster._actors]
    found: list[int] = ray.get(asked)
    return found


def wait_for(cluster: RayPool) -> list[int]:
    """Process ids, once the actor that was killed lives again."""
    import ray

    until = time.monotonic() + 60
    while True:
        try:
            return pids(cluster)
        except ray.exceptions.RayError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


@pytest.mark.cluster
def test_kept_bytes_and_lost_files_are_the_same_where_no_folder_is_shared(
    actors: RayPool, films: Path, tiny_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes of files that an actor does not find are sent along."""
    tasks = [
        Task("job", i, f"{i}", str(path)) for i, path in enumerate(sorted(films.iterdir())[:6])
    ]
    tasks.append(Task("job", 6, "gone", str(films / "gone.dcm")))
    processor = WorkerProcess(tiny_settings)
    here = {r.task: (r.sha256, stripped(r)) for r in processor.run(tasks, lambda _: ())}
    processor.close()
    monkeypatch.setattr(clusters, "_attach_contents", sent := Counting(clusters._attach_contents))
    there = {r.task: (r.sha256, stripped(r)) for r in actors.run(tasks, lambda _: ())}
    assert there == here and sent.calls == 1
    hidden, kept = films.with_name("hidden"), clusters.read_queued
    films.rename(hidden)  # now no node has the folder, and only the driver knows where it went
    monkeypatch.setattr(
        clusters, "read_queued", lambda at, key, **_: kept(str(hidden / Path(at).name), key)
    )
    try:
        assert {r.task: (r.sha256, stripped(r)) for r in actors.run(tasks, lambda _: ())} == here
    finally:
        hidden.rename(films)


class Counting:
    """A function that counts its calls."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.calls, self._function = 0, function

    def __call__(self, *args: Any) -> Any:
        self.calls += 1
        return self._function(*args)


def stripped(result: Any) -> Any:
    outcome = result.outcome
    return replace(outcome, assessment=replace(outcome.assessment, created_at=None))


@pytest.mark.cluster
def test_the_terminals_table_is_the_same_byte_for_byte(
    two_nodes: str, bucket: str, checkpoint_folder: Path, tmp_path: Path
) -> None:
    tables: list[Path] = []
    for options in (["--workers", "2"], ["--engine", "ray", "--address", two_nodes]):
        tables.append(tmp_path / f"{len(tables)}.csv")
        terminal(
            *("classify", bucket, "--csv", tables[-1], *options),
            LIGHTBOX_WEIGHTS=str(checkpoint_folder.parent),
        )
    first, second = (table.read_bytes() for table in tables)
    assert first == second and first.count(b"\n") == FILMS + 1


def terminal(*arguments: object, **environment: str) -> str:
    found = subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


@pytest.mark.slow
def test_two_terminals_share_one_postgresql_and_one_may_die(
    postgresql: Path,
    films: Path,
    tiny_settings: Settings,
    checkpoint_folder: Path,
    tmp_path: Path,
    local_rows: Rows,
) -> None:
    with fresh_database(postgresql) as address:
        there = {
            "LIGHTBOX_DATABASE": address,
            "LIGHTBOX_HOME": str(tmp_path / "shared"),
            "LIGHTBOX_WEIGHTS": str(checkpoint_folder.parent),
        }
        job = terminal("queue", films, **there)
        store = Repository.open(tmp_path / "shared", address)
        doomed = subprocess.Popen(
            [sys.executable, str(ROOT / "cli.py"), "work", "--processes", "1", "--stay"],
            env={**os.environ, **there},
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 120
        while not store.jobs.progress(job).done and time.monotonic() < until:
            time.sleep(0.02)
        doomed.kill()
        doomed.wait()
        assert store.jobs.progress(job).done > 0
        terminal("work", "--processes", "2", **there)
        assert store.jobs.progress(job).finished
        assert rows_of(store, job) == local_rows
        verdict = store.audit.verify()
        assert verdict.intact, verdict.faults
        store.close()


@pytest.fixture
def bucket(films: Path, storage: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same films below an s3:// address."""
    import fsspec

    for variable, value in storage.items():
        monkeypatch.setenv(variable, value)
    system = fsspec.filesystem("s3", skip_instance_cache=True)
    name = f"hospital-{uuid.uuid4().hex[:8]}"
    system.mkdir(name)
    for film in films.iterdir():
        system.pipe(f"{name}/films/{film.name}", film.read_bytes())
    yield f"s3://{name}/films"
    fsspec.filesystem("s3").clear_instance_cache()


@pytest.mark.cluster
def test_films_in_a_bucket_get_the_same_answers(
    bucket: str, repository: Repository, tiny_settings: Settings, local_rows: Rows
) -> None:
    job = queued(repository, bucket)
    processors = [WorkerProcess(tiny_settings), WorkerProcess(tiny_settings)]
    assert work_off(repository, tiny_settings, processors) == FILMS
    for processor in processors:
        processor.close()
    assert rows_of(repository, job) == local_rows
    record = repository.studies.get(repository.jobs.get(job).files[0].study_instance_uid)
    sha256 = record.instances[0].identity.sha256
    assert repository.originals.content(sha256)[128:132] == b"DICM"  # read from where it was left


@pytest.mark.cluster
def test_a_bucket_a_cluster_and_a_postgresql_together_give_the_rows_of_one_computer(
    bucket: str,
    two_nodes: str,
    postgresql: Path,
    checkpoint_folder: Path,
    tmp_path: Path,
    local_rows: Rows,
) -> None:
    with fresh_database(postgresql) as address:
        there = {
            "LIGHTBOX_DATABASE": address,
            "LIGHTBOX_HOME": str(tmp_path / "shared"),
            "LIGHTBOX_WEIGHTS": str(checkpoint_folder.parent),
        }
        job = terminal("queue", bucket, **there)
        terminal("work", "--engine", "ray", "--address", two_nodes, **there)
        store = Repository.open(tmp_path / "shared", address)
        assert rows_of(store, job) == local_rows
        verdict = store.audit.verify()
        assert verdict.intact, verdict.faults
        store.close()


@pytest.mark.cluster
def test_an_address_that_holds_nothing_is_one_sentence(
    bucket: str, repository: Repository, tiny_settings: Settings
) -> None:
    queued(repository, "s3://nobody/films")
    with pytest.raises(SettingsError, match="No files can be found"):
        work_off(repository, tiny_settings, [WorkerProcess(tiny_settings)])


@pytest.mark.slow
def test_without_ray_the_sentence_names_the_line_to_type(
    monkeypatch: pytest.MonkeyPatch, tiny_settings: Settings
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SettingsError, match=r"cluster, is not .* -r requirements-cluster\.txt"):
        RayPool(tiny_settings)


def test_two_servers_that_look_into_one_archive_add_its_members_once(
    repository: Repository,
) -> None:
    job = repository.jobs.open(JobKind.FOLDER, "/scans")
    inside, lost = [("z.zip/a.dcm", "0" * 64)], [("z.zip/b.dcm", "Broken.")]
    threads = [
        threading.Thread(target=repository.jobs.add_files, args=(job, []), kwargs=both)
        for both in [{"kept": inside, "refused": lost}] * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [f.file_name for f in repository.jobs.get(job).files] == ["z.zip/a.dcm", "z.zip/b.dcm"]


def test_the_databases_password_is_not_on_a_command_line(tiny_settings: Settings) -> None:
    secret = replace(tiny_settings, database="postgresql://a:secret@host/x")
    processor = WorkerProcess(secret)
    processor.start()
    try:
        assert processor._child._process is not None
        command = str(processor._child._process.args)
        assert "secret" not in command and str(tiny_settings.weights) in command
    finally:
        processor.close()


def test_claims_of_a_failed_drain_are_given_back(
    repository: Repository, tiny_settings: Settings, tmp_path: Path
) -> None:
    repository.jobs.add([("a", make_dicom_bytes())])

    class Failing(WorkerProcess):
        def run(self, tasks: Any, known: Any) -> Any:
            raise SettingsError("gone")

    with pytest.raises(SettingsError):
        drain(repository, tiny_settings, processors=[Failing(tiny_settings)])
    assert repository.claims.claimants() == ()
