"""Role by deed: what an account may not do leaves the store as it was; what it may is done."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import text, update

from imaging.entities import (
    Answer,
    Assessment,
    Finding,
    Instance,
    ModelIdentity,
    Patient,
    SourceKind,
    Status,
    TypedFacts,
)
from imaging.errors import AccessError, AssistantError, NotFoundError, RightMissingError
from imaging.jobs import JobKind, JobState
from imaging.review.events import Moment
from imaging.review.records import AuditEvent, Call, FirstRead, ReadFinding, Review, Stage, Truth
from imaging.review.rights import RIGHTS, Right, rights_of
from imaging.review.roles import EVERYDAY, Role
from imaging.settings import ROOT
from imaging.store import Repository, passwords
from imaging.store.access.account_rows import to_account
from imaging.store.access.second_factor import new_secret
from imaging.store.access.sessions import on_behalf_of
from imaging.store.reference_cases import SiteCase
from imaging.store.schema.tables import AccountTable
from imaging.worklist.order import ReadingOrder
from imaging.worklist.query import Replied, Sort, View, WorklistQuery
from tests.conftest import open_empty
from tests.imaging.store.test_audit import PATIENT, SHA256, film
from tests.stored import outcome_of, store

PASSWORD = "correct horse battery"
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
# Written out, not worked out: who holds what, as the house was promised it.
HOLDERS: dict[Right, set[Role]] = {
    Right.OWN: set(Role),
    Right.MODEL: set(Role),
    Right.INTAKE: {Role.READER, Role.SIGNER, Role.TECHNOLOGIST},
    Right.WORKLIST: {Role.READER, Role.SIGNER, Role.TECHNOLOGIST},
    Right.FILMS: {Role.READER, Role.SIGNER, Role.TECHNOLOGIST},
    Right.FACTS: {Role.READER, Role.SIGNER, Role.TECHNOLOGIST},
    Right.FINDINGS: {Role.READER, Role.SIGNER},
    Right.RESCORE: {Role.READER, Role.SIGNER},
    Right.DRAFT: {Role.READER, Role.SIGNER},
    Right.SIGN: {Role.SIGNER},
    Right.REFERENCE: {Role.SIGNER},
    Right.STATISTICS: {Role.READER, Role.SIGNER},
    Right.EXPORT: {Role.READER, Role.SIGNER},
    Right.DEIDENTIFY: {Role.READER, Role.SIGNER},
    Right.RELEASE: {Role.RESEARCHER},
    Right.BATCHES: {Role.ADMINISTRATOR},
    Right.SITE: {Role.ADMINISTRATOR},
    Right.ACCOUNTS: {Role.ADMINISTRATOR},
    Right.DELETE: {Role.ADMINISTRATOR},
    Right.TRAIL: {Role.AUDITOR},
}
NOT_TOUCHED = {"audit", "sessions", "workers", "alembic_version"}
UNNAMED = {  # writing transactions that name no right, and why
    "access/factor_sign_ins.py": {
        "sign_in_with_code": "before anybody is signed in",
        "enrol_and_sign_in": "before anybody is signed in",
        "confirm": "counts a guess at one's own password",
    },
    "access/sign_ins.py": {
        "alone": "before anybody is signed in",
        "open_alone": "before anybody is signed in",
        "sign_in": "before anybody is signed in",
        "note_activity": "of the sign-in whose token it is",
        "lock": "of the sign-in whose token it is",
        "unlock": "of the sign-in whose token it is",
        "sign_out": "of the sign-in whose token it is",
        "sign_out_everywhere": "of the account that asks",
    },
    "access/provider_sign_ins.py": {
        "sign_in_by_provider": "before anybody is signed in",
        "unlock_by_provider": "of the sign-in whose token it is",
        "confirm_by_provider": "of the sign-in whose token it is",
        "spend_confirmation": "of the sign-in whose token it is",
        "end_by_provider": "the provider's word, which a signed token proves",
        "note_refusal": "before anybody is signed in",
    },
    "audit.py": {
        "record": "what is told is done, or refused, by a part that names its right; exports here",
        "record_all": "views, by parts of pages that name their right",
        "_note_relay": "the server's own",
        "begin_sealing": "the server's own",
    },
    "base.py": {"_forget_bytes": "what was deleted by a deed that names its right"},
    "claims.py": dict.fromkeys(
        (
            "claim_files",
            "record_heartbeat",
            "end_worker",
            "release_files",
            "release_claims",
            "finish_files",
        ),
        "the workers' own",
    ),
    "clock_marks.py": {"mark": "the server's own"},
    "jobs.py": {
        "resume": "whose batch it is decides: _insist_on_steering",
        "cancel": "whose batch it is decides: _insist_on_steering",
        "set_priority": "whose batch it is decides: _insist_on_steering",
        "retry_failed": "whose batch it is decides: _insist_on_steering",
        "_change_state": "whose batch it is decides: _insist_on_steering",
    },
    "worklist_rows.py": {"fill_worklist": "the server's own, at its start"},
}


@dataclass
class House:
    """A store with a film, its answer, a draft, a batch of somebody else, and one of each role."""

    repository: Repository
    tokens: dict[str, str]

    def acting(self, name: str) -> Any:
        account = self.repository.accounts.account_of(self.tokens[name])
        assert account is not None
        return on_behalf_of(self.tokens[name], rights_of(account.roles))


@pytest.fixture(scope="module", autouse=True)
def cheap() -> Iterator[None]:
    """argon2id with little memory: hundreds of accounts are made here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(1, 64, 1))
        yield


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, empty_home: Path) -> Iterator[House]:
    repository = open_empty(tmp_path_factory.mktemp("house") / "home", empty_home)
    accounts = repository.accounts
    accounts.create("boss", "Dr Boss", PASSWORD, first=True)
    for role in Role:
        accounts.create(role, f"Dr {role}", PASSWORD, by="boss", roles=[role])
    tokens = {name: accounts.sign_in(name, PASSWORD)[1] for name in ("boss", *Role)}
    store(repository, outcome_of(film()), account="boss")
    sheet = replace(film("1.9.5", "1.9.3", "cd" * 32), source=SourceKind.FILM, patient=Patient())
    store(repository, outcome_of(sheet), account="boss")
    yield House(repository, tokens)
    repository.close()


def rows_of(repository: Repository) -> dict[str, list[tuple[Any, ...]]]:
    """All that stands in the tables, but for the trail and the sign-ins."""
    with repository._database.reading() as session:
        names = session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")).all()
        return {
            name: sorted(map(tuple, session.execute(text(f"SELECT * FROM {name}"))), key=repr)
            for name in names
            if name not in NOT_TOUCHED
        }


def draft(stage: Stage, account: str) -> Review:
    return Review("1.2.3", 0, stage, account, "Dr X", NOW, note="seen")


def read(account: str) -> FirstRead:
    return FirstRead("1.2.3", account, "pneumonia", True, 3.0, NOW, None, None, None)


Act = Callable[[Repository, str], object]
# What each right is for: the store's methods, called as pages call them.
WRITES: list[tuple[Right, str, Act]] = [
    (Right.DRAFT, "reviews.add", lambda r, me: r.reviews.add(draft(Stage.DRAFT, me))),
    (Right.SIGN, "reviews.add", lambda r, me: r.reviews.add(draft(Stage.FINAL, me))),
    (Right.SIGN, "reviews.add", lambda r, me: r.reviews.add(draft(Stage.PRELIMINARY, me))),
    (Right.DRAFT, "reviews.add_first_read", lambda r, me: r.reviews.add_first_read(read(me))),
    (
        Right.DRAFT,
        "reviews.set_truth",
        lambda r, me: r.reviews.set_truth(Truth("1.2.3", "pneumonia", True, "CT"), account=me),
    ),
    (
        Right.REFERENCE,
        "reference_cases.add",
        lambda r, me: r.cases.add((SiteCase("1.2.3", "1.2.5", SHA256, b"f"),), account=me),
    ),
    (Right.REFERENCE, "reference_cases.remove", lambda r, me: r.cases.remove("1.2.3", account=me)),
    (
        Right.SITE,
        "site_settings.set_reading_order",
        lambda r, me: r.site.set_reading_order(ReadingOrder(timedelta(hours=7), ()), account=me),
    ),
    (
        Right.WORKLIST,
        "site_settings.save_view",
        lambda r, me: r.site.save_view(View("mine", WorklistQuery()), account=me),
    ),
    (
        Right.WORKLIST,
        "site_settings.delete_view",
        lambda r, me: r.site.delete_view("x", account=me),
    ),
    (
        Right.ACCOUNTS,
        "accounts.create",
        lambda r, me: r.accounts.create(f"n-{me}", f"New {me}", PASSWORD, by=me),
    ),
    (Right.ACCOUNTS, "accounts.disable", lambda r, me: r.accounts.disable("auditor", by=me)),
    (Right.ACCOUNTS, "accounts.enable", lambda r, me: r.accounts.enable("auditor", by=me)),
    (Right.ACCOUNTS, "accounts.rename", lambda r, me: r.accounts.rename("boss", f"B {me}", by=me)),
    (
        Right.ACCOUNTS,
        "accounts.reset_password",
        lambda r, me: r.accounts.reset_password("boss", "battery staple horse", by=me),
    ),
    (
        Right.ACCOUNTS,
        "accounts.set_roles",
        lambda r, me: r.accounts.set_roles("boss", [Role.ADMINISTRATOR, Role.READER], by=me),
    ),
    (Right.OWN, "accounts.set_blind", lambda r, me: r.accounts.set_blind(me, True)),
    (Right.OWN, "events.switch_account", lambda r, me: r.reading.switch_account(me, off=True)),
    (
        Right.DRAFT,
        "events.switch_study",
        lambda r, me: r.reading.switch_study("1.2.3", off=True, account=me),
    ),
    (
        Right.SITE,
        "site_settings.set_two_doctors",
        lambda r, me: r.site.set_two_doctors(True, account=me),
    ),
    (Right.SITE, "events.switch_site", lambda r, me: r.reading.switch_site(off=True, account=me)),
    (
        Right.FINDINGS,
        "events.note_seen",
        lambda r, me: r.reading.note_seen(["1.2.3"], Moment.MAP, {}, account=me),
    ),
    (Right.OWN, "accounts.set_bindings", lambda r, me: r.accounts.set_bindings(me, {"a": "b"})),
    (Right.OWN, "accounts.set_language", lambda r, me: r.accounts.set_language(me, "zh_CN")),
    (Right.OWN, "accounts.close_tour", lambda r, me: r.accounts.close_tour(me, closed=True)),
    (
        Right.ACCOUNTS,
        "factor_sign_ins.reset_second_factor",
        lambda r, me: r.accounts.reset_second_factor("boss", by=me),
    ),
    (Right.OWN, "factor_sign_ins.enrol", lambda r, me: _enrol(r, me)),
    (
        Right.OWN,
        "factor_sign_ins.remove_second_factor",
        lambda r, me: r.accounts.remove_second_factor(me, PASSWORD, _enrol(r, me)[0]),
    ),
    (
        Right.OWN,
        "accounts.change_password",
        lambda r, me: r.accounts.change_password(me, PASSWORD, "battery staple horse"),
    ),
    (
        Right.OWN,
        "factor_sign_ins.enrol",
        lambda r, me: r.accounts.enrol(me, PASSWORD, "A" * 32, "000000"),
    ),
    (
        Right.OWN,
        "factor_sign_ins.remove_second_factor",
        lambda r, me: r.accounts.remove_second_factor(me, PASSWORD, "000000"),
    ),
    (
        Right.ACCOUNTS,
        "factor_sign_ins.reset_second_factor",
        lambda r, me: r.accounts.reset_second_factor("boss", by=me),
    ),
    (
        Right.DELETE,
        "studies.delete",
        lambda r, me: r.studies.delete("1.2.3", account=me, reason="sent by mistake"),
    ),
    (
        Right.FACTS,
        "studies.identify",
        lambda r, me: r.studies.identify("1.2.3", PATIENT, account=me, reader="Dr X"),
    ),
    (
        Right.FACTS,
        "studies.take_back_identity",
        lambda r, me: r.studies.take_back_identity("1.2.3", account=me),
    ),
    (
        Right.FACTS,
        "studies.separate",
        lambda r, me: r.studies.separate("1.2.3", PATIENT, account=me),
    ),
    (
        Right.FACTS,
        "typed_facts.save",
        lambda r, me: r.typed_facts.save(
            {"1.9.5": TypedFacts(name="DOE^JANE", age_years=4.0)}, _account(r, me)
        ),
    ),
    (Right.INTAKE, "jobs.add", lambda r, me: r.jobs.add([("a", b"film")], account=me)),
    (Right.INTAKE, "jobs.open", lambda r, me: r.jobs.open(JobKind.FOLDER, "/x", account=me)),
    (Right.RESCORE, "jobs.open", lambda r, me: r.jobs.open(JobKind.RESCORE, "", account=me)),
    (Right.RESCORE, "jobs.add_rescore", lambda r, me: r.jobs.add_rescore(["1.2.3"], account=me)),
    (Right.INTAKE, "jobs.add_files", lambda r, me: r.jobs.add_files(_job(r), [("a", "/a")])),
    (Right.BATCHES, "jobs.pause", lambda r, me: r.jobs.pause(_job(r), account=me)),
    (Right.BATCHES, "jobs.resume", lambda r, me: r.jobs.resume(_job(r), account=me)),
    (Right.BATCHES, "jobs.cancel", lambda r, me: r.jobs.cancel(_job(r), account=me)),
    (Right.BATCHES, "jobs.set_priority", lambda r, me: r.jobs.set_priority(_job(r), 5, account=me)),
    (Right.BATCHES, "jobs.retry_failed", lambda r, me: r.jobs.retry_failed(_job(r), account=me)),
    (Right.INTAKE, "drops.open", lambda r, me: r.drops.open([("a", 3)], account=me)),
    (Right.INTAKE, "drops.announced", lambda r, me: r.drops.announced(_job(r), [0])),
    (Right.INTAKE, "drops.take", lambda r, me: r.drops.take(_job(r), [])),
    (Right.INTAKE, "drops.lose", lambda r, me: r.drops.lose(_job(r), {})),
    (Right.INTAKE, "drops.dismiss", lambda r, me: r.drops.dismiss(_job(r), account=me)),
    (Right.INTAKE, "pending_files.add_pending", lambda r, me: r.pending.add_pending([])),
    (
        Right.FILMS,
        "originals.keep_thumbnail",
        lambda r, me: r.originals.keep_thumbnail(SHA256, b"jpeg"),
    ),
]
# By one of several rights.
LEAVES = {Right.EXPORT, Right.DEIDENTIFY, Right.RELEASE}
READS: list[tuple[Right, str, Act]] = [
    (Right.FILMS, "studies.get", lambda r, me: r.studies.get("1.2.3")),
    (Right.FILMS, "studies.priors", lambda r, me: r.studies.priors("1.2.3")),
    (Right.FINDINGS, "events.of_study", lambda r, me: r.reading.of_study("1.2.3")),
    (
        Right.FINDINGS,
        "events._unseen",
        lambda r, me: r.reading.note_seen(["1.2.3"], Moment.MAP, {}, account=me),
    ),
    (Right.FINDINGS, "outcomes.answered_since", lambda r, me: r.outcomes.answered_since(NOW)),
    (Right.STATISTICS, "outcomes.with_known_truth", lambda r, me: r.outcomes.with_known_truth()),
    (Right.WORKLIST, "worklist_pages.page", lambda r, me: r.worklist.page()),
    (Right.WORKLIST, "worklist_pages.priors", lambda r, me: r.worklist.priors(["1.2.3"])),
    (Right.WORKLIST, "worklist_pages.modalities", lambda r, me: r.worklist.modalities()),
    (Right.RESCORE, "worklist_pages.study_uids", lambda r, me: r.worklist.study_uids()),
    (Right.FINDINGS, "worklist_pages._step", lambda r, me: r.worklist.next_unread()),
    (Right.FINDINGS, "worklist_pages._step", lambda r, me: r.worklist.previous(before="1.2.3")),
    (
        Right.FINDINGS,
        "worklist_pages.load_workload_rows",
        lambda r, me: r.worklist.load_workload_rows(),
    ),
    (Right.RELEASE, "worklist_pages.nameless", lambda r, me: r.worklist.nameless()),
    (Right.FILMS, "originals.content", lambda r, me: r.originals.content(SHA256)),
    (Right.FILMS, "originals.thumbnails", lambda r, me: r.originals.thumbnails(["1.2.5"])),
    (
        Right.FILMS,
        "originals.study_thumbnails",
        lambda r, me: r.originals.study_thumbnails(["1.2.3"]),
    ),
    (Right.FINDINGS, "reviews.finals", lambda r, me: r.reviews.finals()),
    (Right.FINDINGS, "reviews.first_read", lambda r, me: r.reviews.first_read("1.2.3", me)),
    (
        Right.FINDINGS,
        "reviews.first_read_studies",
        lambda r, me: r.reviews.first_read_studies(me, ["1.2.3"]),
    ),
    (Right.FINDINGS, "reviews.first_reads", lambda r, me: r.reviews.first_reads()),
    (Right.FINDINGS, "reviews.truths", lambda r, me: r.reviews.truths()),
    (Right.FINDINGS, "reference_cases.all", lambda r, me: r.cases.all()),
    (Right.FACTS, "typed_facts.versions", lambda r, me: r.typed_facts.versions("1.9.5")),
    (Right.INTAKE, "jobs.get", lambda r, me: r.jobs.get(_job(r))),
    (Right.INTAKE, "jobs.files", lambda r, me: r.jobs.files(_job(r))),
    (Right.INTAKE, "drops.count_missing", lambda r, me: r.drops.count_missing(me)),
    (Right.INTAKE, "drops.insist_on_owner", lambda r, me: r.drops.insist_on_owner(_job(r), me)),
    (Right.INTAKE, "drops.missing_of", lambda r, me: r.drops.missing_of(me)),
    (Right.WORKLIST, "site_settings.views", lambda r, me: r.site.views(me)),
    (Right.ACCOUNTS, "accounts.all", lambda r, me: r.accounts.all()),
    (Right.TRAIL, "audit.entries", lambda r, me: r.audit.entries()),
]


def _enrol(repository: Repository, name: str) -> list[str]:
    secret, now = new_secret(), repository._database.clock.now()
    return repository.accounts.enrol(name, PASSWORD, secret, pyotp.TOTP(secret).at(now))


def _account(repository: Repository, name: str) -> Any:
    with repository._database.reading() as session:
        return to_account(session.get_one(AccountTable, name))


def _job(repository: Repository) -> str:
    """A batch that somebody else handed in and that goes on: the newest of Boss."""
    return next(job.job_id for job in repository.jobs.recent() if job.account == "boss")


def test_nobody_signs_or_drafts_in_the_name_of_another(house: House) -> None:
    before = rows_of(house.repository)
    for stage in Stage:
        with house.acting(Role.SIGNER), pytest.raises(RightMissingError, match="another doctor"):
            house.repository.reviews.add(draft(stage, "boss"))
    with house.acting(Role.SIGNER), pytest.raises(RightMissingError, match="another doctor"):
        house.repository.reviews.add_first_read(read("boss"))
    assert rows_of(house.repository) == before


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("role", Role)
def test_a_role_holds_the_rights_it_was_promised(house: House, role: Role, right: Right) -> None:
    """Cell by cell: the table, reading, and the writing transaction itself."""
    allowed = role in HOLDERS[right]
    assert (right in RIGHTS[role]) is allowed
    database = house.repository._database
    with house.acting(role):
        for transaction in (database.reading, database.writing):
            try:
                with transaction(right):
                    pass
            except RightMissingError:
                assert not allowed
            else:
                assert allowed
    with (  # what the page believed when it was drawn does not count where something is written
        on_behalf_of(house.tokens[role], frozenset(Right)),
        suppress(RightMissingError),
        database.writing(right),
    ):
        assert allowed


@pytest.mark.parametrize("role", Role)
def test_what_a_role_may_not_do_is_refused_and_changes_nothing(house: House, role: Role) -> None:
    """Every deed of the store, as every role; what is refused left all tables as they were."""
    before = rows_of(house.repository)
    for right, name, act in WRITES:
        if role in HOLDERS[right]:
            continue
        with house.acting(role), pytest.raises(RightMissingError):
            act(house.repository, role)
        with (  # nor by a page that was drawn when it might; what is not its own is not found
            on_behalf_of(house.tokens[role], frozenset(Right)),
            pytest.raises((RightMissingError, NotFoundError)),
        ):
            act(house.repository, role)
        assert rows_of(house.repository) == before, f"{role} {name}"
    for right, _name, act in READS:
        if role not in HOLDERS[right]:
            with house.acting(role), pytest.raises(RightMissingError):
                act(house.repository, role)
    if not LEAVES & rights_of([role]):
        with house.acting(role), pytest.raises(RightMissingError):
            house.repository.audit.record(AuditEvent.EXPORT, account=role)


@pytest.mark.slow
@pytest.mark.parametrize("role", Role)
def test_what_a_role_may_do_is_not_refused(tmp_path: Path, empty_home: Path, role: Role) -> None:
    """The counterpart: each in a store of its own, where it is the role's own right that lets it.

    A deed that ends the sign-in is done; one that the store refuses for another reason passed.
    """
    for at, (right, name, act) in enumerate([*WRITES, *READS]):
        if role not in HOLDERS[right]:
            continue
        with Furnished(tmp_path / str(at), empty_home, role) as house:
            before = rows_of(house.repository)
            with house.acting(role):
                try:
                    act(house.repository, role)
                except RightMissingError:
                    pytest.fail(f"{role} was refused {name}")
                except AssistantError:
                    continue
            if name in ("reviews.add", "accounts.create", "jobs.cancel", "studies.delete"):
                assert rows_of(house.repository) != before, name


class Furnished:
    def __init__(self, home: Path, empty_home: Path, role: Role) -> None:
        self.repository = open_empty(home, empty_home)
        self.role = role

    def __enter__(self) -> House:
        accounts = self.repository.accounts
        for name, roles in (("boss", EVERYDAY), (self.role, [self.role]), ("auditor", EVERYDAY)):
            with suppress(AssistantError):
                accounts.create(name, f"Dr {name}", PASSWORD, roles=roles)
        store(self.repository, outcome_of(film()), account="boss")
        self.repository.jobs.add([("a", b"film")], account="boss")
        return House(self.repository, {self.role: accounts.sign_in(self.role, PASSWORD)[1]})

    def __exit__(self, *_exc: object) -> None:
        self.repository.close()


def test_roles_taken_away_between_drawing_and_pressing_are_gone(house: House) -> None:
    """Even where nothing ended the sign-in: the row alone was changed."""
    repository = house.repository
    with house.acting(Role.SIGNER):
        with repository._database.engine.begin() as connection:
            of_signer = update(AccountTable).where(AccountTable.name == Role.SIGNER)
            connection.execute(of_signer.values(roles="technologist"))
        before = rows_of(repository)
        with pytest.raises(RightMissingError, match="may not do or see"):
            repository.reviews.add(draft(Stage.FINAL, Role.SIGNER))
        assert rows_of(repository) == before
    with repository._database.engine.begin() as connection:
        connection.execute(of_signer.values(roles="signer"))


def test_a_deed_needs_its_right_for_all_that_it_writes(house: House) -> None:
    """A callback for signers does nothing for a reader, whichever method it comes to."""
    everything = frozenset(Right)
    with (
        on_behalf_of(house.tokens[Role.READER], everything, (Right.SIGN,)),
        pytest.raises(RightMissingError),
        house.repository._database.writing(Right.DRAFT),
    ):
        pass


def test_own_batches_are_steered_by_who_handed_them_in(tmp_path: Path, empty_home: Path) -> None:
    with Furnished(tmp_path / "home", empty_home, Role.TECHNOLOGIST) as house:
        repository = house.repository
        with house.acting(Role.TECHNOLOGIST):
            job_id = repository.jobs.add([("a", b"mine")], account=Role.TECHNOLOGIST)
            repository.jobs.pause(job_id, account=Role.TECHNOLOGIST)
            repository.jobs.cancel(job_id, account=Role.TECHNOLOGIST)
            assert repository.jobs.progress(job_id).state is JobState.CANCELLED


def methods(kind: str) -> set[tuple[str, str]]:
    """(module, method) of the store's transactions of a kind that name a right."""
    return {(m, f) for m, f, named in transactions(kind) if named}


def transactions(kind: str) -> Iterator[tuple[str, str, bool]]:
    """Module, function and whether it names a right, of each transaction of the store."""
    for path in sorted((ROOT / "imaging/store").rglob("*.py")):
        relative = path.relative_to(ROOT / "imaging/store").as_posix()
        if relative == "database.py":
            continue
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr == kind
                    and "database" in ast.unparse(node.func.value)
                ):
                    yield relative, function.name, bool(node.args)


def test_every_writing_transaction_names_a_right_or_is_excused() -> None:
    bare = {(m, f) for m, f, named in transactions("writing") if not named}
    excused = {(m, f) for m, functions in UNNAMED.items() for f in functions}
    assert bare <= excused, bare - excused


def test_every_method_that_names_a_right_is_tried() -> None:
    """What is new in the store is tried above, or this fails."""
    for kind, table in (("writing", WRITES), ("reading", READS)):
        tried = {tuple(name.split(".")) for _right, name, _act in table}
        there = {(Path(module).stem, function) for module, function in methods(kind)}
        missing = there - tried - {("audit", f) for f in ("record",)}
        assert missing <= NOT_TRIED, missing - NOT_TRIED


NOT_TRIED = {
    ("drops", "lose_rest"),  # as `lose`
    ("pending_files", "prioritise_study"),  # returns before its transaction where none waits
    ("audit", "rotate_key"),  # of the terminal
    ("audit", "acknowledge_loss"),  # of the terminal
}


PLANTED = Assessment(
    "1.7.5",
    Status.WARNED,
    ModelIdentity("tiny", "1", SHA256),
    findings=(Finding("pneumonia", "PLANTED finding", 0.987, 0.5),),
    messages=("The film is turned.",),
    answer=Answer.PRESENT,
    conformal_set=("present",),
    error_rate=0.05,
    disagreement=0.123,
    probabilities=(("PLANTED class", 0.987),),
    engine="PLANTED engine",
    view=(0.1, 0.2, 0.3, 0.4),
)


@pytest.fixture
def planted(tmp_path: Path, empty_home: Path) -> Iterator[House]:
    """A house in which something was found."""
    with Furnished(tmp_path / "home", empty_home, Role.TECHNOLOGIST) as house:
        instance: Instance = film("1.7.5", "1.7.3", "ef" * 32)
        store(house.repository, replace(outcome_of(instance), assessment=PLANTED), account="boss")
        found = ReadFinding("pneumonia", True, Call.ACCEPTED)
        signed = replace(
            draft(Stage.FINAL, "boss"),
            study_instance_uid="1.7.3",
            note="PLANTED note",
            findings=(found,),
        )
        house.repository.reviews.add(signed)
        yield house


def test_a_technologist_gets_no_finding_from_the_store(planted: House) -> None:
    whole = planted.repository.studies.get("1.7.3")
    assert "PLANTED" in repr(whole) and "pneumonia" in repr(whole)
    with planted.acting(Role.TECHNOLOGIST):
        record = planted.repository.studies.get("1.7.3")
        page = planted.repository.worklist.page()
        priors = planted.repository.studies.priors("1.2.3")
    for given in (record, page, priors):
        words = repr(given)
        assert not any(
            word in words for word in ("PLANTED", "pneumonia", "0.987", "0.123", "PRESENT")
        )
    (assessment,) = record.assessments
    assert assessment is not None and assessment.status is Status.WARNED
    assert assessment.messages == ("The film is turned.",)
    assert record.final is not None and record.final.reader == "Dr X"
    assert record.instances == whole.instances


def test_a_refusal_is_a_word_on_the_film(tmp_path: Path, empty_home: Path) -> None:
    with Furnished(tmp_path / "home", empty_home, Role.TECHNOLOGIST) as house:
        refused = Assessment(
            "1.7.5", Status.REFUSED, messages=("No chest.",), answer=Answer.UNSUITABLE
        )
        outcome = replace(outcome_of(film("1.7.5", "1.7.3", "ef" * 32)), assessment=refused)
        store(house.repository, outcome, account="boss")
        with house.acting(Role.TECHNOLOGIST):
            (given,) = house.repository.studies.get("1.7.3").assessments
        assert given is not None and given.answer is Answer.UNSUITABLE
        assert given.messages == ("No chest.",)


@pytest.mark.parametrize(
    "query",
    [
        WorklistQuery(),
        WorklistQuery(urgency=1),
        WorklistQuery(answer=Replied.PRESENT),
        WorklistQuery(words="PLANTED"),
        WorklistQuery(sort=Sort.RECEIVED, descending=True),
    ],
)
def test_no_list_tells_a_technologist_what_was_found(planted: House, query: WorklistQuery) -> None:
    """Neither its order nor what passes a filter: the raised study stands among the others."""
    with planted.acting(Role.TECHNOLOGIST):
        page = planted.repository.worklist.page(query)
    order = [item.study_instance_uid for item in page.items]
    if query.words:
        assert order == []
    else:
        assert order == ["1.7.3", "1.2.3"], "the newest first, all of them"
    assert all(item.priority == 0 and item.answer is None for item in page.items)


def test_the_last_administrator_stays(house: House) -> None:
    accounts = house.repository.accounts
    accounts.disable(Role.ADMINISTRATOR, by="terminal")
    with pytest.raises(AccessError, match="manages the accounts"):
        accounts.set_roles("boss", [Role.READER], by="terminal")
    with pytest.raises(AccessError, match="manages the accounts"):
        accounts.disable("boss", by="terminal")
    accounts.enable(Role.ADMINISTRATOR, by="terminal")
    house.tokens[Role.ADMINISTRATOR] = accounts.sign_in(Role.ADMINISTRATOR, PASSWORD)[1]
    with pytest.raises(AccessError, match="needs a role"):
        accounts.set_roles("boss", [], by="terminal")


def test_new_roles_count_at_once_and_are_told(tmp_path: Path, empty_home: Path) -> None:
    with Furnished(tmp_path / "home", empty_home, Role.READER) as house:
        accounts, token = house.repository.accounts, house.tokens[Role.READER]
        accounts.set_roles(Role.READER, [Role.READER], by="boss")
        assert accounts.account_of(token), "nothing changed, so nothing ends"
        accounts.set_roles(Role.READER, [Role.SIGNER, Role.AUDITOR], by="boss")
        assert accounts.account_of(token) is None, "the sign-in is over, not in a minute: now"
        account, token = accounts.sign_in(Role.READER, PASSWORD)
        assert account.roles == {Role.SIGNER, Role.AUDITOR}
        lines = [(e.account, e.detail) for e in house.repository.audit.entries()]
        assert ("boss", "roles of reader: reader, now auditor, signer") in lines


def test_a_role_that_nobody_knows_gives_nothing(tmp_path: Path, empty_home: Path) -> None:
    with Furnished(tmp_path / "home", empty_home, Role.READER) as house:
        with house.repository._database.engine.begin() as connection:
            of_reader = update(AccountTable).where(AccountTable.name == Role.READER)
            connection.execute(of_reader.values(roles="king,reader"))
        account = house.repository.accounts.account_of(house.tokens[Role.READER])
        assert account is not None and account.roles == {Role.READER}
