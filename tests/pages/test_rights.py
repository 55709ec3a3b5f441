"""Role by page and deed: who may what on screen; and no page shows a technologist a finding."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from imaging.review.records import AuditEvent, Stage
from imaging.review.rights import RIGHTS, Right
from imaging.review.roles import Role
from imaging.settings import ROOT
from imaging.store import Repository, passwords
from imaging.store.schema.tables import AccountTable
from pages.ui import session
from pages.ui.account import sign_in
from pages.ui.account.pages import Room, rooms
from pages.ui.wall.cookie import NAME
from tests.pages.conftest import PATIENCE, Cookies, OpenPage, keep_film, words
from tests.pages.test_signed_in import actions, decide, everything
from tests.served import TakeIn

PASSWORD = "correct horse battery"
SOURCES = sorted((ROOT / "pages").rglob("*.py"))
WHO = "ZZPLANT"  # the patient's name
MISSING = "may not do or see this"
Enter = Callable[..., AppTest]


@pytest.fixture
def house(store: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Readers sign in; there is one of each role, and one with all of the first account's."""
    monkeypatch.delenv("LIGHTBOX_SINGLE_READER")
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(1, 64, 1))
    store.accounts.create("boss", "Dr Boss", PASSWORD)
    for role in Role:
        store.accounts.create(role, f"Dr {role}", PASSWORD, by="boss", roles=[role])
    return store


@pytest.fixture
def enter(open_page: OpenPage, house: Repository, cookies: Cookies) -> Enter:
    """Open a page, signed in under a name."""

    def run(name: str, path: str, **query: str) -> AppTest:
        cookies[NAME] = house.accounts.sign_in(name, PASSWORD)[1]
        return open_page(path, **query)

    return run


@pytest.mark.slow
@pytest.mark.parametrize("role", Role)
def test_a_role_opens_its_pages_and_reads_why_not_others(
    house: Repository, take_in: TakeIn, enter: Enter, role: Role
) -> None:
    uid = keep_film(house, take_in, PatientName=f"{WHO}^ANNA")
    for room in rooms():
        allowed = bool(RIGHTS[role].intersection(room.rights))
        page = enter(role, f"pages/{room.name}.py", study=uid)
        assert not page.exception, f"{role} {room.name}"
        said = words(page)
        assert (MISSING in said) is not allowed, f"{role} {room.name}: {said[:500]}"
        if not allowed:
            assert WHO not in everything_sent(page) and not list(actions(page)), room.name


EXPECTED_PAGES: dict[Role, set[str]] = {
    Role.READER: {"upload", "triage", "review", "readers", "model", "account"},
    Role.SIGNER: {"upload", "triage", "review", "readers", "model", "account"},
    Role.TECHNOLOGIST: {"upload", "triage", "review", "model", "account"},
    Role.RESEARCHER: {"release", "model", "account"},
    Role.ADMINISTRATOR: {"administration", "model", "account"},
    Role.AUDITOR: {"audit", "model", "account"},
}


@pytest.mark.parametrize("role", Role)
def test_the_pages_of_a_role_are_those_it_was_promised(role: Role) -> None:
    open_to = {room.name for room in rooms() if RIGHTS[role].intersection(room.rights)}
    assert open_to == EXPECTED_PAGES[role]


def test_every_page_is_a_room() -> None:
    there = {path.stem for path in (ROOT / "pages").glob("[a-z]*.py")}
    assert {room.name for room in rooms()} == there


@pytest.mark.parametrize("role", Role)
def test_the_first_page_is_one_that_may_be_opened(enter: Enter, role: Role) -> None:
    page = enter(role, "app.py")
    assert not page.exception and MISSING not in words(page)


@cache
def deeds() -> dict[str, tuple[str, ...]]:
    """Every callback below pages, by module and name, with the rights it names."""
    found = {}
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "deed":
                    module = source.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
                    found[f"{module}:{node.name}"] = tuple(map(ast.unparse, decorator.args))
    return found


def test_every_deed_names_a_right() -> None:
    assert len(deeds()) > 45
    for name, rights in deeds().items():
        assert rights and all(right.startswith("Right.") for right in rights), name
    bare = [source.name for source in SOURCES if "@deed\n" in source.read_text(encoding="utf-8")]
    assert bare == []


def _try_deeds(names: list[str]) -> None:
    """A page that tries every deed; one that is reached stumbles over what it is not for."""
    from importlib import import_module

    import streamlit as st

    from pages.ui import session as state

    outcome = {}
    for name in names:
        module, _, function = name.partition(":")
        state.take_notice()
        try:
            getattr(import_module(module), function)(no_such_argument=True)
        except TypeError:
            outcome[name] = "reached"
        else:
            outcome[name] = (state.take_notice() or ("", ""))[1]
    st.session_state["outcome"] = outcome


@pytest.mark.parametrize("role", Role)
def test_a_role_reaches_the_deeds_of_its_rights_alone(
    house: Repository, cookies: Cookies, role: Role
) -> None:
    """Every callback there is, found by walking the source, as every role."""
    cookies[NAME] = house.accounts.sign_in(role, PASSWORD)[1]
    before = everything(house)
    names = sorted(deeds())
    page = AppTest.from_function(_try_deeds, default_timeout=120, kwargs={"names": names}).run()
    assert not page.exception
    for name, rights in deeds().items():
        allowed = any(Right[right.removeprefix("Right.")] in RIGHTS[role] for right in rights)
        said = page.session_state["outcome"][name]
        assert (said == "reached") is allowed, f"{role} {name}: {said}"
        assert allowed or MISSING in said
    assert everything(house) == before


# Buttons that are drawn and heard in one: the part that holds them names its right (`only`), or
# what it does there is to go elsewhere or to look, each for a reason.
INLINE = {
    "pages/ui/background.py": {"_watch": "stops a task of this session"},
    "pages/ui/navigation.py": {"render_picker": "goes to a study"},
    "pages/ui/who.py": {"render_form": "the store asks: typed_facts.save"},
    "pages/ui/account/second_factor.py": {
        "_render_set_up": "one's own: enrol asks",
        "_render_removal": "one's own: remove_second_factor asks",
    },
    "pages/ui/account/settings.py": {"render_password": "one's own: change_password asks"},
    "pages/ui/explain/reference_cases.py": {"work_out": "works out again"},
    "pages/ui/explain/similar.py": {"_render_case": "goes to a study"},
    "pages/ui/review/burned_in_text.py": {"render_search": "looks; within render_release"},
    "pages/ui/review/release.py": {"_render_copies": "within render_studies"},
    "pages/ui/worklist/waiting_times.py": {"_compare": "works out a table again"},
    "pages/ui/worklist/jobs.py": {
        "_render_buttons": "the store asks whose batch it is",
        "_render_so_far": "looks again",
    },
    "pages/ui/worklist/recent_jobs.py": {"_render_row": "goes to a batch"},
    "pages/ui/worklist/job_files.py": {
        "_render_retry": "the store asks whose batch it is",
        "_render_single": "goes to a study",
    },
}


def inline_buttons(source: Path) -> Iterator[tuple[str, bool]]:
    """Functions that ask whether a button was pressed, and whether they are for some alone."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    parts: list[tuple[str, list[ast.AST], bool]] = [
        (f.name, list(ast.walk(f)), any("only(" in ast.unparse(d) for d in f.decorator_list))
        for f in functions
    ]
    rest = [node for node in ast.walk(tree) if id(node) not in inside]
    for name, nodes, guarded in [*parts, ("<module>", rest, False)]:
        for node in nodes:
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("button", "form_submit_button")
                and not any(keyword.arg == "on_click" for keyword in node.keywords)
            ):
                yield name, guarded


def test_every_button_that_is_heard_where_it_is_drawn_is_accounted_for() -> None:
    found = {
        (source.relative_to(ROOT).as_posix(), name)
        for source in SOURCES
        for name, guarded in inline_buttons(source)
        if not guarded
    }
    assert found == {(source, name) for source, names in INLINE.items() for name in names}


def everything_sent(page: AppTest) -> str:
    """All that went to the browser, data of components and tables among it."""
    sent = []

    def walk(node: Any) -> None:
        proto = getattr(node, "proto", None)
        if proto is not None:
            sent.append(proto.SerializeToString().decode("latin-1"))
        for child in getattr(node, "children", {}).values():
            walk(child)

    walk(page._tree)
    return "\n".join(sent)


PLANTED = "PLANTED-NOTE"
# What the tiny network says, and what a reader did; none of it may reach a technologist.
TOLD = (
    "suspected",
    "No pneumonia seen",
    "threshold ",
    "AI finding",
    "\u25b2",
    "Priority by",
    PLANTED,
)


def sign_planted(store: Repository, uid: str, enter: Enter) -> None:
    """Have Boss sign a report with a note that can be looked for."""
    page = decide(enter("boss", "pages/review.py", study=uid), uid)
    page = page.text_area(key=session.field(uid, "note")).set_value(PLANTED).run()
    next(b for b in page.button if b.label == "Sign final").click().run()
    final = store.studies.get(uid).final
    assert final is not None and final.note == PLANTED


@pytest.mark.slow
@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_no_page_tells_a_technologist_a_finding(
    house: Repository, take_in: TakeIn, enter: Enter, room: Room
) -> None:
    """The words that a reader gets, and the technologist does not, in all that is sent."""
    uid = keep_film(house, take_in, PatientName=f"{WHO}^ANNA")
    job = house.jobs.recent(limit=1)[0].job_id
    sign_planted(house, uid, enter)
    seen = everything_sent(enter("technologist", f"pages/{room.name}.py", study=uid, job=job))
    if room.name != "model":  # what the network is for, and no patient
        assert [word for word in TOLD if word in seen] == []
    assessment = house.studies.get(uid).assessments[0]
    assert assessment is not None and assessment.primary is not None
    figures = {f"{assessment.primary.probability:.2f}", f"{assessment.primary.probability:.1%}"}
    assert PLANTED not in seen
    if room.name in ("triage", "review", "upload"):
        assert not [figure for figure in figures if figure in seen]
    if room.name == "review":
        told = everything_sent(enter("boss", f"pages/{room.name}.py", study=uid, job=job))
        assert WHO in seen and WHO in told, "names and notes are looked for where they are sent"
        assert PLANTED in told and "threshold " in told, "else nothing was looked for"


def test_a_technologist_sees_film_quality_and_whose_it_is(
    house: Repository, take_in: TakeIn, enter: Enter
) -> None:
    uid = keep_film(house, take_in, PatientName=f"{WHO}^ANNA")
    page = enter("technologist", "pages/review.py", study=uid)
    kinds = {part.proto.component_name for part in page.get("bidi_component")}
    assert any("viewer" in kind for kind in kinds), kinds
    assert not [b for b in page.button if b.label.startswith("Sign ")]
    assert not page.text_area and not page.get("popover")


def test_a_technologist_reads_why_a_film_was_refused(
    house: Repository, take_in: TakeIn, enter: Enter
) -> None:
    uid = keep_film(house, take_in, PatientName=f"{WHO}^ANNA", Modality="CT")
    (assessment,) = house.studies.get(uid).assessments
    assert assessment is not None and assessment.messages
    page = enter("technologist", "pages/review.py", study=uid)
    assert assessment.messages[0][:30] in everything_sent(page)


@pytest.mark.parametrize("stale", ["row", "ended"])
def test_a_role_that_was_taken_away_signs_nothing(
    house: Repository, take_in: TakeIn, enter: Enter, stale: str
) -> None:
    """Between drawing and pressing: by the one who manages accounts, or in the row alone."""
    uid = keep_film(house, take_in, PatientName=f"{WHO}^ANNA")
    page = decide(enter("signer", "pages/review.py", study=uid), uid)
    button = next(b for b in page.button if b.label == "Sign final")
    assert not button.disabled
    if stale == "ended":
        house.accounts.set_roles("signer", [Role.TECHNOLOGIST], by="boss")
    else:
        with house._database.engine.begin() as connection:
            row = update(AccountTable).where(AccountTable.name == "signer")
            connection.execute(row.values(roles="technologist"))
    before = everything(house)
    page = button.click().run()
    assert everything(house) == before and house.studies.get(uid).final is None
    assert ("signed out" if stale == "ended" else MISSING) in words(page)


@pytest.mark.parametrize("role", Role)
def test_routes_ask_for_the_right_as_pages_do(house: Repository, home: Path, role: Role) -> None:
    """Pixels by ticket, and files that are handed in: neither comes by a page."""
    token = house.accounts.sign_in(role, PASSWORD)[1]
    browser = {NAME: token}
    assert sign_in.admits(token, browser) is (Right.FILMS in RIGHTS[role])
    assert sign_in.admits_upload(token, browser) is (Right.INTAKE in RIGHTS[role])


def test_a_reader_does_not_sign(house: Repository, take_in: TakeIn, enter: Enter) -> None:
    uid = keep_film(house, take_in, PatientName=f"{WHO}^ANNA")
    page = decide(enter("reader", "pages/review.py", study=uid), uid)
    assert not [b for b in page.button if b.label.startswith("Sign ")]
    review = house.studies.get(uid).review
    assert review is not None and review.stage is Stage.DRAFT and review.note == "clear"


def test_an_administrator_creates_renames_and_disables(house: Repository, enter: Enter) -> None:
    page = enter("administrator", "pages/administration.py")
    page.text_input(key="new-reader").set_value("Dr New")
    page.text_input(key="new-name").set_value("new")
    page.text_input(key="new-password").set_value(PASSWORD)
    page = next(b for b in page.button if b.label == "Add an account").click().run()
    assert "was created" in words(page)
    account, _token = house.accounts.sign_in("new", PASSWORD)
    assert account.roles == {Role.READER, Role.SIGNER}
    page.text_input(key="reader-new").set_value("Dr Newer").run()
    page = page.button(key="rename-new").click().run()
    page = page.button(key="disable-new").click().run()
    accounts = {one.name: one for one in house.accounts.all()}
    assert accounts["new"].reader == "Dr Newer" and accounts["new"].disabled
    told = [e.detail for e in house.audit.entries() if e.deed is AuditEvent.ACCOUNT][-3:]
    assert told == ["created new, reader, signer", "renamed new", "disabled new"]


def test_an_administrator_changes_roles_and_passwords(house: Repository, enter: Enter) -> None:
    page = enter("administrator", "pages/administration.py")
    page.session_state["roles-reader"] = [Role.TECHNOLOGIST]
    page = page.run().button(key="set-roles-reader").click().run()
    page.text_input(key="new-password-reader").set_value("battery staple horse").run()
    page = page.button(key="reset-reader").click().run()
    account, _token = house.accounts.sign_in("reader", "battery staple horse")
    assert account.roles == {Role.TECHNOLOGIST}
    told = [(e.account, e.detail) for e in house.audit.entries()]
    assert ("administrator", "roles of reader: reader, now technologist") in told
    assert ("administrator", "password of reader reset") in told
    assert "battery staple" not in everything_sent(page)


def test_the_last_administrator_is_told_why_he_stays(house: Repository, enter: Enter) -> None:
    house.accounts.disable("boss", by="terminal")
    page = enter("administrator", "pages/administration.py")
    page = page.button(key="disable-administrator").click().run()
    assert "manages the accounts" in words(page)
    assert not next(a for a in house.accounts.all() if a.name == "administrator").disabled


def test_an_administrator_sees_no_patient(house: Repository, take_in: TakeIn, enter: Enter) -> None:
    keep_film(house, take_in, PatientName=f"{WHO}^ANNA")
    assert WHO not in everything_sent(enter("administrator", "pages/administration.py"))


def test_an_auditor_reads_the_trail(house: Repository, take_in: TakeIn, enter: Enter) -> None:
    uid = keep_film(house, take_in, PatientName=f"{WHO}^ANNA")
    page = enter("auditor", "pages/audit.py")
    lines = page.dataframe[0].value
    assert len(lines) == len(house.audit.entries())
    page = page.text_input(key="trail-study").set_value(uid).run()
    assert set(page.dataframe[0].value["Study Instance UID"]) == {uid}
    assert WHO not in everything_sent(page)


def test_a_researcher_gets_copies_by_number(
    house: Repository, take_in: TakeIn, enter: Enter
) -> None:
    """No name, no number of the hospital, no UID of the original reaches the page."""
    uid = keep_film(house, take_in, PatientName=f"{WHO}^ANNA")
    page = enter("researcher", "pages/release.py")
    (number,) = page.dataframe[0].value["Number"]
    page = page.selectbox(key="release-number").set_value(number).run()
    page = page.button(key="release-prepare").click().run()
    record = house.studies.get(uid)
    secrets = (uid, WHO, record.patient.patient_id)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        sent = everything_sent(page)
        assert not [secret for secret in secrets if secret and secret in sent]
        if "lightbox-deidentified.zip" in sent or page.warning:
            break
        time.sleep(0.2)
        page = page.run()
    assert not page.error and not page.warning, words(page)
    (line,) = [e for e in house.audit.entries(uid) if e.deed is AuditEvent.EXPORT]
    assert (line.account, line.detail) == ("researcher", "1 de-identified copies, by number")
