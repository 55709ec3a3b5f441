"""The audit trail: every event leaves a line, no line can be changed, and a forger is found out."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from imaging.entities import (
    Acquisition,
    Assessment,
    Geometry,
    Identity,
    Instance,
    ModelIdentity,
    Patient,
    Status,
)
from imaging.errors import ConflictError, StoreError
from imaging.jobs import Result, Task
from imaging.review.records import AuditEvent, FirstRead, Review, Stage, Truth
from imaging.settings import ROOT
from imaging.store import Repository
from imaging.store.audit import BEGINNING, digest
from imaging.store.schema.tables import AuditTable
from tests.stored import NETWORKS, outcome_of, store

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PATIENT = Patient("DOE^JANE", "4711-42", "20220101", "F", 4.0)
SHA256 = "ab" * 32
REFUSAL = Assessment("1.2.5", Status.REFUSED, ModelIdentity("tiny", "1", SHA256))


def film(sop: str = "1.2.5", study: str = "1.2.3", sha256: str = SHA256) -> Instance:
    return Instance(
        identity=Identity(study, "1.2.4", sop, "1.2", "1.2.840", sha256),
        patient=PATIENT,
        acquisition=Acquisition(),
        geometry=Geometry(10, 20, 1, 1, "MONOCHROME2", 12),
    )


def version(base: int = 0, stage: Stage = Stage.DRAFT) -> Review:
    return Review("1.2.3", base, stage, "anna", "Dr A", NOW, note="DOE looks ill")


@pytest.fixture
def repository(tmp_path: Path, database: str) -> Iterator[Repository]:
    """A store with one film, on each kind of database in turn."""
    opened = Repository.open(tmp_path / "home", database)
    store(opened, outcome_of(film()), account="anna")
    yield opened
    opened.close()


def last(repository: Repository) -> tuple[AuditEvent, str, str, str]:
    line = repository.audit.entries()[-1]
    return line.deed, line.account, line.study_instance_uid, line.detail


def tamper(repository: Repository, *statements: str) -> None:
    """Do to the trail what only the owner of the database can: take the triggers off first."""
    with repository._database.writing() as session:
        if session.get_bind().dialect.name == "sqlite":
            off = ["DROP TRIGGER IF EXISTS audit_update", "DROP TRIGGER IF EXISTS audit_delete"]
        else:
            off = ["ALTER TABLE audit DISABLE TRIGGER USER"]
        for statement in [*off, *statements]:
            session.execute(text(statement))


def test_every_deed_leaves_its_line(repository: Repository) -> None:
    received = repository.audit.entries()[0]
    assert (received.deed, received.account) == (AuditEvent.RECEIVE, "anna")
    assert (received.study_instance_uid, received.detail) == ("1.2.3", f"file {SHA256}")
    assert last(repository) == (AuditEvent.SCORE, "network", "1.2.3", "no model: ok")
    store(repository, outcome_of(film(), REFUSAL), account="anna", networks="newer")
    assert last(repository) == (
        AuditEvent.SCORE,
        "network",
        "1.2.3",
        "tiny 1 abababababab: refused",
    )
    repository.reviews.add_first_read(FirstRead("1.2.3", "anna", "pneumonia", True, 8.0, NOW))
    assert last(repository) == (AuditEvent.FIRST_READ, "anna", "1.2.3", "")
    repository.reviews.add(version())
    assert last(repository) == (AuditEvent.CHANGE, "anna", "1.2.3", "version 1 draft")
    repository.reviews.add(version(1, Stage.FINAL))
    assert last(repository) == (AuditEvent.SIGN, "anna", "1.2.3", "version 2 final")
    repository.reviews.set_truth(Truth("1.2.3", "pneumonia", True, "CT of DOE"), account="anna")
    assert last(repository) == (AuditEvent.CHANGE, "anna", "1.2.3", "truth")
    repository.audit.record(
        AuditEvent.EXPORT, account="anna", study_instance_uid="1.2.3", detail="sr, gsps"
    )
    assert last(repository) == (AuditEvent.EXPORT, "anna", "1.2.3", "sr, gsps")
    verdict = repository.audit.verify()
    assert verdict.intact and verdict.entries == 8 and verdict.first_broken is None


def test_what_was_refused_leaves_none(repository: Repository) -> None:
    before = repository.audit.entries()
    store(repository, outcome_of(film()), account="anna")  # there already
    with pytest.raises(ConflictError):
        repository.reviews.add(version(base=4))
    job_id = repository.jobs.add([("late.dcm", b"late")])
    late = Task(job_id, 0, "late.dcm")  # nobody claimed it
    result = Result(late, SHA256, outcome_of(film("9.9", "9.8"), REFUSAL))
    assert repository.claims.finish_files("tests", [result], NETWORKS) == ()
    assert repository.audit.entries() == before


def test_a_study_s_lines_are_found(repository: Repository) -> None:
    store(repository, outcome_of(film("1.3.5", "1.3.3")))
    repository.audit.record(AuditEvent.VIEW, account="anna", study_instance_uid="1.2.3")
    assert [e.number for e in repository.audit.entries("1.2.3")] == [1, 2, 5]
    assert [e.number for e in repository.audit.entries()] == [1, 2, 3, 4, 5]


def test_the_digest_stays_what_it_is_so_that_old_trails_verify() -> None:
    line = AuditTable(
        number=1,
        at="2026-11-23T12:00:00.000000+00:00",
        account="anna",
        deed="view",
        study_instance_uid="1.2.3",
        detail="",
        previous=BEGINNING,
    )
    # sha256sum of {"account":"anna","at":"2026-11-23T12:00:00.000000+00:00","deed":"view",
    # "detail":"","number":1,"previous":"000...","study_instance_uid":"1.2.3"}, without a space
    assert digest(line) == "25f85a75bbbe8bda8470fbd8a4f3e2badab6cf26400246fb0941fec9f1050441"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET account = 'nobody'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE number = 1",
    ],
)
def test_the_database_itself_refuses_to_change_a_line(
    repository: Repository, statement: str
) -> None:
    before = repository.audit.entries()
    with pytest.raises((StoreError, DBAPIError)), repository._database.writing() as session:
        session.execute(text(statement))
    assert repository.audit.entries() == before


def test_nor_can_a_line_be_replaced_or_the_table_emptied(repository: Repository) -> None:
    line = "(1, '', '', '', '', '', '', '', '', '')"
    by_kind = {
        "sqlite": [f"INSERT OR REPLACE INTO audit VALUES {line}"],
        "postgresql": [
            "TRUNCATE audit",
            f"INSERT INTO audit VALUES {line} ON CONFLICT (number) DO UPDATE SET account = ''",
        ],
    }
    before = repository.audit.entries()
    for statement in by_kind[repository._database.engine.dialect.name]:
        with pytest.raises(StoreError), repository._database.writing() as session:
            session.execute(text(statement))
    assert repository.audit.entries() == before


FORGERIES: dict[str, tuple[list[str], int]] = {
    "altered": (["UPDATE audit SET account = 'berta' WHERE number = 3"], 3),
    "altered time": (["UPDATE audit SET at = 'yesterday' WHERE number = 2"], 2),
    "altered digest": ([f"UPDATE audit SET digest = '{SHA256}' WHERE number = 4"], 4),
    "missing": (["DELETE FROM audit WHERE number = 3"], 3),
    "missing first": (["DELETE FROM audit WHERE number = 1"], 1),
    "missing and closed up": (
        ["DELETE FROM audit WHERE number = 3", "UPDATE audit SET number = 3 WHERE number = 4"],
        3,
    ),
    "reordered": (
        [
            "UPDATE audit SET number = 99 WHERE number = 2",
            "UPDATE audit SET number = 2 WHERE number = 3",
            "UPDATE audit SET number = 3 WHERE number = 99",
        ],
        2,
    ),
    "inserted": (
        [
            "UPDATE audit SET number = number + 100 WHERE number > 2",
            "INSERT INTO audit SELECT 3, at, account, deed, study_instance_uid, detail, previous,"
            " digest, seals, seal FROM audit WHERE number = 2",
            "UPDATE audit SET number = number - 99 WHERE number > 100",
        ],
        3,
    ),
    "inserted at the end": (
        [
            "INSERT INTO audit SELECT 6, at, account, deed, study_instance_uid, detail, digest,"
            " digest, seals, seal FROM audit WHERE number = 5"
        ],
        6,
    ),
}


@pytest.fixture
def five(repository: Repository) -> Repository:
    for _ in range(3):  # after what was received and what was said about it
        repository.audit.record(AuditEvent.VIEW, account="anna", study_instance_uid="1.2.3")
    assert len(repository.audit.entries()) == 5
    return repository


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_trail_is_found_out(five: Repository, name: str) -> None:
    assert five.audit.verify().intact
    statements, broken = FORGERIES[name]
    tamper(five, *statements)
    verdict = five.audit.verify()
    assert not verdict.intact and verdict.first_broken == broken


def test_a_cut_tail_shows_against_the_head_noted_earlier(five: Repository) -> None:
    head = five.audit.verify().head
    five.audit.record(AuditEvent.VIEW, account="anna")
    assert five.audit.verify(head).intact  # the trail grew
    tamper(five, "DELETE FROM audit WHERE number > 4")
    assert not five.audit.verify().intact  # this computer noted the head too
    verdict = five.audit.verify(head)
    assert not verdict.intact and verdict.first_broken is None and verdict.entries == 4


def test_several_servers_write_one_chain(
    repository: Repository, tmp_path: Path, database: str
) -> None:
    def write(number: int) -> None:
        with closing(Repository.open(tmp_path / "home", database)) as other:
            for _ in range(10):
                other.audit.record(AuditEvent.VIEW, account=f"reader{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    verdict = repository.audit.verify()
    assert verdict.intact and verdict.entries == 42


def test_of_two_tabs_that_save_at_once_one_is_told(
    repository: Repository, tmp_path: Path, database: str
) -> None:
    def save(_tab: int) -> bool:
        with closing(Repository.open(tmp_path / "home", database)) as other:
            try:
                other.reviews.add(version())
            except ConflictError:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(save, range(4))) == [False, False, False, True]
    assert len(repository.studies.get("1.2.3").reviews) == 1
    assert [e.deed for e in repository.audit.entries()] == [
        AuditEvent.RECEIVE,
        AuditEvent.SCORE,
        AuditEvent.CHANGE,
    ]


@pytest.mark.slow
def test_the_trail_never_names_the_patient(repository: Repository) -> None:
    repository.jobs.add([("DOE^JANE.dcm", b"film")], account="anna")
    repository.reviews.add(version())
    repository.studies.delete("1.2.3", account="anna", reason="sent by mistake")
    assert last(repository) == (AuditEvent.DELETE, "anna", "1.2.3", "sent by mistake")
    lines = " ".join(f"{e.account} {e.deed} {e.detail}" for e in repository.audit.entries())
    assert not any(word in lines for word in ("DOE", "JANE", "4711", "20220101"))


@pytest.mark.parametrize(
    "reason", ["", "  ", "Jane asked for it", "file of doe", "4711-42 left", "born 20220101"]
)
def test_a_reason_that_would_keep_the_patient_is_refused(
    repository: Repository, reason: str
) -> None:
    with pytest.raises(StoreError, match="audit trail"):
        repository.studies.delete("1.2.3", account="anna", reason=reason)
    assert repository.studies.get("1.2.3") and len(repository.audit.entries()) == 2


SILENT = {  # deeds that need no line of their own
    ("jobs.py", "add"): "every file that is taken in has a line of its own",
    ("provider_sign_ins.py", "spend_confirmation"): "the signature that it is spent on has one",
    ("sign_ins.py", "note_activity"): "a key or a movement is no deed",
    ("sign_ins.py", "lock"): "nothing is done, and who unlocks has a line",
}


def functions_of(source: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(source.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def writers(source: Path, *helpers: Path) -> dict[str, bool]:
    """Functions that write for somebody, and whether they tell the trail, through helpers too."""
    functions = functions_of(source)
    shared = [f for path in helpers for f in functions_of(path)]
    tells = {f.name for f in [*functions, *shared] if "audit." in ast.unparse(f)}
    tells |= {"note_job"}
    while True:
        more = {f.name for f in functions if _calls(f) & tells} - tells
        if not more:
            break
        tells |= more
    return {
        f.name: f.name in tells
        for f in functions
        if ".writing(" in ast.unparse(f)
        and {"account", "by", "reader", "first_read", "review", "token", "password", "new"}
        & {a.arg for a in (*f.args.args, *f.args.kwonlyargs)}
    }


def _calls(function: ast.FunctionDef) -> set[str]:
    calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return {c.id if isinstance(c, ast.Name) else getattr(c, "attr", "") for c in calls}


def test_whatever_is_written_for_somebody_is_told() -> None:
    store = ROOT / "imaging/store"
    rooms = sorted(
        {*store.glob("*.py"), *store.glob("access/*.py"), *store.glob("reading/*.py")}
        - {store / "audit.py"}
    )
    helpers = [store / "access" / f"{name}.py" for name in ("admission", "session_rows")]
    found = {(r.name, name): told for r in rooms for name, told in writers(r, *helpers).items()}
    assert len(found) > 20
    assert {deed for deed, told in found.items() if not told} == set(SILENT)


def test_a_deed_without_a_line_would_be_found(tmp_path: Path) -> None:
    source = "def hide(self, *, account):\n    with self._database.writing() as session: pass\n"
    (tmp_path / "part.py").write_text(source)
    assert writers(tmp_path / "part.py") == {"hide": False}
