"""A PostgreSQL server of the tests' own, from Debian's binaries, in a folder that goes with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

USER = "lightbox"
# Nothing has to survive, so nothing is synced; no port, only a socket in the server's folder.
OPTIONS = "-c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off"


def find_binaries() -> Path | None:
    """The newest installed version's folder of binaries; None when there is none."""
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    found = sorted((v.parent for v in versions), key=lambda p: float(p.parent.name))
    return found[-1] if found else None


@contextmanager
def serve(binaries: Path) -> Iterator[Path]:
    """Start a server; yields the folder of its socket, which is short as sockets must be."""
    folder = Path(tempfile.mkdtemp(prefix="lb-"))
    who: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        who = {"user": "postgres", "group": "postgres", "extra_groups": []}

    def run(program: str, *arguments: str) -> None:
        with (folder / "server.log").open("ab") as log:
            subprocess.run(
                [binaries / program, "-D", folder / "data", *arguments],
                check=True,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **who,
            )

    try:
        run("initdb", "-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C", "--no-sync")
        run("pg_ctl", "start", "-w", "-o", f"{OPTIONS} -k {folder}")
        try:
            yield folder
        finally:
            run("pg_ctl", "stop", "-w", "-m", "immediate")
    except subprocess.CalledProcessError as exc:
        raise RuntimeError((folder / "server.log").read_text()[-2000:]) from exc
    finally:
        shutil.rmtree(folder)


@contextmanager
def fresh_database(socket: Path) -> Iterator[str]:
    """An empty database; yields its address as a reader of the manual would write it."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(host=str(socket), user=USER, dbname="postgres", autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        yield f"postgresql://{USER}@/{name}?host={socket}"
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
