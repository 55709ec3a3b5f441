"""Migrations: an old folder opens with everything in it, and the tables are what the code says."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from imaging.errors import SettingsError, StoreError
from imaging.review.records import Call, ReadFinding, Review, Stage
from imaging.settings import ROOT
from imaging.store import Repository
from imaging.store.database import open_database
from imaging.store.migrations.migrate import FIRST, migrate
from imaging.store.schema.tables import Base
from imaging.worklist.query import WorklistQuery

# What Lightbox 0.3 itself wrote, dumped: two studies of a made-up patient, a draft, a signature
OLD = Path(__file__).with_name("lightbox_0_3.sql")


@pytest.fixture
def old_home(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "lightbox.db")) as connection:
        connection.executescript(OLD.read_text())
    return tmp_path


def sqlite_tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT sql FROM sqlite_master WHERE name NOT LIKE 'alembic%'")
        return {" ".join(sql.split()) for (sql,) in rows if sql}


def test_the_tables_are_what_the_code_says(tmp_path: Path, database: str) -> None:
    with closing(open_database(tmp_path, database)) as found:
        migrate(found)
        with found.reading() as session:
            context = MigrationContext.configure(session.connection())
            assert compare_metadata(context, Base.metadata) == []


def test_the_first_revision_makes_the_tables_of_0_3(tmp_path: Path, old_home: Path) -> None:
    (tmp_path / "new").mkdir()
    with closing(open_database(tmp_path / "new")) as found:
        migrate(found, FIRST)
    assert sqlite_tables(tmp_path / "new" / "lightbox.db") == sqlite_tables(
        old_home / "lightbox.db"
    )


def test_an_old_folder_opens_with_what_its_readers_decided(old_home: Path) -> None:
    with closing(Repository.open(old_home)) as repository:
        record = repository.studies.get("1.2.3")
        second = datetime(2026, 11, 23, 23, 27, 37, 11235, tzinfo=UTC)
        finding = ReadFinding("pneumonia", True, Call.ACCEPTED)
        assert record.review == Review("1.2.3", 2, Stage.FINAL, "", "Dr A", second, (finding,))
        assert record.reviews[0].stage is Stage.DRAFT and record.reviews[0].note == "clear"
        assert record.final == record.review and repository.reviews.finals() == (record.review,)
        assert record.instances[0].patient.name == "DOE^JANE" and record.assessments[0] is not None
        (prior,) = repository.studies.priors("1.2.6").same
        assert prior == record
        assert len(repository.jobs.unfinished()) == 1


def test_an_old_folder_has_its_worklist(old_home: Path) -> None:
    with closing(Repository.open(old_home)) as repository:
        (current,) = repository.worklist.page().items
        assert (current.study_instance_uid, current.priors) == ("1.2.6", 1)
        page = repository.worklist.page(WorklistQuery(words="doe"))
        rows = [(i.study_instance_uid, i.read, i.reader, i.patient.name) for i in page.items]
        assert rows == [("1.2.6", False, "", "DOE^JANE"), ("1.2.3", True, "Dr A", "DOE^JANE")]
        assert (page.stored, page.stored_unread) == (1, 1) and page.items[0].stage is None


def test_an_upgraded_folder_goes_on_where_it_stood(old_home: Path) -> None:
    with closing(Repository.open(old_home)) as repository:
        review = repository.studies.get("1.2.3").review
        assert review is not None
    with closing(Repository.open(old_home)) as repository:
        amended = Review("1.2.3", 2, Stage.FINAL, "anna", "Dr A", review.created_at, note="more")
        assert repository.reviews.add(amended).version == 3
        assert repository.audit.verify().intact


def test_files_queued_before_marks_were_kept_have_none(tmp_path: Path, database: str) -> None:
    job = "INSERT INTO jobs (job_id, created_at, kind) VALUES ('j', '2026-01-02', 'watch')"
    file = (
        "INSERT INTO job_files (job_id, position, file_name, sha256, message, study_instance_uid,"
        " sop_instance_uid, location) VALUES ('j', 0, 'a.dcm', '', '', '', '', '/ward/a.dcm')"
    )
    with closing(open_database(tmp_path, database)) as found:
        migrate(found, "0008")
        with found.writing() as session:
            session.execute(text(job))
            session.execute(text(file))
    with closing(Repository.open(tmp_path, database)) as repository:
        for mark, total in (("1 x", 1), ("1 y", 2)):  # the first is taken as that of the file
            repository.jobs.add_files("j", [("a", "/ward/a.dcm")], marks={"/ward/a.dcm": mark})
            assert len(repository.jobs.files("j")) == total


def test_old_versions_refuse_the_upgraded_folder(old_home: Path) -> None:
    Repository.open(old_home).close()
    with closing(sqlite3.connect(old_home / "lightbox.db")) as connection:
        # 0.3 opens a folder only when this table says 1
        assert connection.execute("SELECT version FROM schema").fetchall() == [(2,)]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE alembic_version SET version_num = '9999'", "UPDATE schema SET version = 7"],
)
def test_records_of_an_unknown_version_are_refused_and_left_alone(
    tmp_path: Path, old_home: Path, statement: str
) -> None:
    if "alembic" in statement:
        Repository.open(old_home).close()
    with closing(sqlite3.connect(old_home / "lightbox.db")) as connection:
        connection.execute(statement)
        connection.commit()
        before = list(connection.iterdump())
        with pytest.raises(StoreError, match="another version of Lightbox"):
            Repository.open(old_home)
        assert list(connection.iterdump()) == before


def test_a_migration_that_fails_leaves_nothing_behind(old_home: Path) -> None:
    with closing(sqlite3.connect(old_home / "lightbox.db")) as connection:
        connection.execute("CREATE TABLE audit (in_the_way INTEGER)")
        connection.commit()
        before = list(connection.iterdump())
        with pytest.raises(StoreError):
            Repository.open(old_home)
        assert list(connection.iterdump()) == before


@pytest.mark.slow
def test_two_servers_may_start_at_once_from_any_folder(tmp_path: Path, database: str) -> None:
    home = tmp_path / "100 % new"
    program = (
        "import sys; from pathlib import Path; from imaging.store import Repository\n"
        "Repository.open(Path(sys.argv[1]), sys.argv[2]).close()"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(home), database],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    assert [(p.communicate(timeout=120)[1], p.returncode) for p in started] == [(b"", 0)] * 3
    with closing(Repository.open(home, database)) as repository:
        assert repository.worklist.page().items == ()


@pytest.mark.parametrize("address", ["nonsense", "mysql://host/db", "oracle://", "postgresql:/x"])
def test_an_address_of_no_database_we_know_is_a_setting_to_correct(
    tmp_path: Path, address: str
) -> None:
    with pytest.raises(SettingsError, match="LIGHTBOX_DATABASE"):
        Repository.open(tmp_path, address)


def test_a_database_server_that_is_down_is_one_sentence(tmp_path: Path) -> None:
    address = f"postgresql://reader:secret@/lightbox?host={tmp_path}"
    with pytest.raises(StoreError, match="database cannot be reached") as caught:
        Repository.open(tmp_path, address)
    assert "secret" not in str(caught.value)
