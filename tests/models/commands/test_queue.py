"""`cli.py work`: a folder that cannot be listed is told, and leaves the others alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from imaging.errors import SettingsError, StoreError
from imaging.jobs import JobKind
from imaging.settings import Settings
from imaging.store import Repository
from models.batch.process_pool import WorkerProcess
from models.commands.queue import work_off


def test_a_folder_that_is_gone_is_told_once_and_the_next_is_worked_off(
    repository: Repository, tiny_settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "films").mkdir()
    gone = repository.jobs.open(JobKind.FOLDER, str(tmp_path / "gone"))
    watched = repository.jobs.open(JobKind.WATCH, str(tmp_path / "films"))
    there = repository.jobs.open(JobKind.FOLDER, str(tmp_path / "films"))
    with pytest.raises(SettingsError, match="folder cannot be opened"):
        work_off(repository, tiny_settings, [WorkerProcess(tiny_settings)])
    (file,) = repository.jobs.files(gone)
    assert file.file_name == "gone" and "cannot be opened" in file.message
    assert repository.jobs.progress(gone).finished and repository.jobs.progress(there).finished
    assert [job.job_id for job in repository.jobs.listings()] == [watched]
    assert work_off(repository, tiny_settings, [WorkerProcess(tiny_settings)]) == 0


def test_a_store_that_fails_while_files_are_looked_for_is_told(
    repository: Repository, tiny_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> None:
        raise StoreError("The data folder cannot be opened.")

    monkeypatch.setattr(repository.jobs, "listings", failing)
    with pytest.raises(StoreError):
        work_off(repository, tiny_settings, [WorkerProcess(tiny_settings)])
