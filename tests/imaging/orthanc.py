"""A real Orthanc for tests: one empty archive in a temporary folder, on free ports of loopback."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from tests.imaging.peers import peer

_PATIENCE = 60.0


@dataclass(frozen=True)
class Orthanc:
    """A running archive: REST at ``url``, C-STORE at ``dicom_port`` with title ORTHANC."""

    url: str
    dicom_port: int

    def get(self, path: str) -> Any:
        """A resource as JSON."""
        with urlopen(f"{self.url}{path}", timeout=_PATIENCE) as answer:
            return json.load(answer)

    def content(self, path: str) -> bytes:
        """A resource as it is."""
        with urlopen(f"{self.url}{path}", timeout=_PATIENCE) as answer:
            return bytes(answer.read())

    def upload(self, content: bytes) -> dict[str, Any]:
        """Store one file through REST; the archive's answer."""
        request = Request(f"{self.url}/instances", data=content, method="POST")
        with urlopen(request, timeout=_PATIENCE) as answer:
            return dict(json.load(answer))

    def send(self, *files: Path) -> None:
        """Store files through C-STORE with DCMTK's storescu; fails unless all are accepted."""
        command = [peer("storescu", "dcmtk"), "-R", "-aec", "ORTHANC", "127.0.0.1"]
        command += [str(self.dicom_port), *map(str, files)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def delete(self, path: str) -> None:
        """Remove a resource."""
        urlopen(Request(f"{self.url}{path}", method="DELETE"), timeout=_PATIENCE).close()

    def instances(self) -> dict[str, str]:
        """SOP Instance UID of everything stored, and the Study Instance UID it was filed under."""
        found = {}
        for study in self.get("/studies?expand"):
            uid = study["MainDicomTags"]["StudyInstanceUID"]
            for one in self.get(f"/studies/{study['ID']}/instances"):
                found[one["MainDicomTags"]["SOPInstanceUID"]] = uid
        return found


@contextmanager
def running_orthanc(folder: Path) -> Iterator[Orthanc]:
    """Start an archive below a folder and stop it afterwards."""
    program = peer("Orthanc", "orthanc")
    http, dicom = _free_port(), _free_port()
    settings = {
        "Name": "Lightbox tests",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "HttpPort": http,
        "DicomPort": dicom,
        "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowStore": True,
        "OverwriteInstances": False,
        "Plugins": [],
    }
    config = folder / "orthanc.json"
    config.write_text(json.dumps(settings))
    archive = Orthanc(f"http://127.0.0.1:{http}", dicom)
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen([program, str(config)], stdout=log, stderr=log, cwd=folder)
        try:
            _wait(archive, process)
            yield archive
        finally:
            process.terminate()
            process.wait(timeout=_PATIENCE)


def _wait(archive: Orthanc, process: subprocess.Popen[bytes]) -> None:
    """Until it answers."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        assert process.poll() is None, "Orthanc stopped as soon as it was started"
        try:
            archive.get("/system")
            return
        except (URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("Orthanc does not answer")


def _free_port() -> int:
    """A port of loopback nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
