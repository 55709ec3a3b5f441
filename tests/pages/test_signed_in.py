"""Every deed asks anew who does it: what is pressed after the sign-in has ended changes nothing."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Selectbox

from imaging.review.records import Stage
from imaging.settings import ROOT
from imaging.store import Repository
from imaging.store.schema.tables import SessionTable
from imaging.store.seals.row_seals import CLOCK_MARK
from pages.ui import session
from pages.ui.wall.cookie import NAME
from tests.pages.conftest import Cookies, OpenPage, keep_film, words
from tests.served import TakeIn

PASSWORD = "correct horse battery"
PAGES = ("upload", "triage", "review", "readers", "model", "account", "audit", "administration")
# Tables in which only the sign-ins themselves and the server's own work leave anything.
NOT_OURS = {"sessions", "workers", "alembic_version"}
Ending = Callable[[Repository, str], None]
_ANYBODY = {"sign_in.sign_out"}


def reset_password(store: Repository, token: str) -> None:
    store.accounts.reset_password("ada", "another horse battery")


def sign_out_elsewhere(store: Repository, token: str) -> None:
    store.accounts.sign_out(token)


def expire(store: Repository, token: str) -> None:
    with store._database.writing() as rows:
        rows.execute(update(SessionTable).values(expires_at=datetime.now(UTC)))


def lock(store: Repository, token: str) -> None:
    store.accounts.lock(token)


ENDINGS = (reset_password, sign_out_elsewhere, expire, lock)


@pytest.fixture
def ada(store: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers sign in; there is one."""
    monkeypatch.delenv("LIGHTBOX_SINGLE_READER")
    store.accounts.create("ada", "Dr Ada", PASSWORD)


@pytest.fixture
def enter(
    open_page: OpenPage, ada: None, cookies: Cookies, store: Repository
) -> Callable[..., AppTest]:
    """Open a page, signed in as Ada."""

    def run(path: str, **query: str) -> AppTest:
        cookies[NAME] = store.accounts.sign_in("ada", PASSWORD)[1]
        return open_page(path, **query)

    return run


def decide(page: AppTest, uid: str) -> AppTest:
    """Say all that must be said before signing."""
    page = (
        page.segmented_control(key=session.field(uid, "says-pneumonia")).set_value("absent").run()
    )
    return page.text_area(key=session.field(uid, "note")).set_value("clear").run()


def everything(store: Repository) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables that a reader's deed could have touched."""
    with store._database.reading() as rows:
        names = rows.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")).all()
        return {
            name: sorted(
                (
                    tuple(row)
                    for row in rows.execute(text(f"SELECT * FROM {name}"))
                    if (name, row[0]) != ("site", CLOCK_MARK)  # the worker's own note
                ),
                key=repr,
            )
            for name in names
            if name not in NOT_OURS
        }


def actions(page: AppTest) -> Iterator[tuple[str, Callable[[], object]]]:
    """What can be done on a page: each widget, and how to use it."""
    for kind, use in _USES.items():
        widgets: Any = page.get(kind)
        for widget in widgets:
            if not getattr(widget, "disabled", False):
                yield f"{kind} {widget.label or widget.key}", partial(use, widget)


class _LastOption(Selectbox[Any]):
    """A choice of the last option; AppTest looks for a value's words, which a page may change."""

    @property
    def index(self) -> int:
        return len(self.options) - 1


def _choose(box: Selectbox[Any]) -> None:
    box.set_value(box.options[-1])
    box.__class__ = _LastOption


_USES: dict[str, Callable[[Any], object]] = {
    "button": lambda it: it.click(),
    "toggle": lambda it: it.set_value(not it.value),
    "checkbox": lambda it: it.set_value(not it.value),
    "text_input": lambda it: it.set_value("changed"),
    "text_area": lambda it: it.set_value("changed"),
    "selectbox": _choose,
    "segmented_control": lambda it: it.set_value(it.options[-1]),
    "number_input": lambda it: it.set_value(it.max or 1),
    "slider": lambda it: it.set_value(it.max),
}


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__)
def test_a_final_signature_is_refused_after_the_end(
    store: Repository, take_in: TakeIn, enter: Callable[..., AppTest], ending: Ending
) -> None:
    """The finding itself: three ways for a sign-in to end, and the screen that locks."""
    uid = keep_film(store, take_in)
    page = enter("pages/review.py", study=uid)
    page = decide(page, uid)
    before = everything(store)
    assert next(b for b in page.button if b.label == "Sign final").disabled is False
    ending(store, page.session_state["token"])
    changed = everything(store)
    page = next(b for b in page.button if b.label == "Sign final").click().run()
    assert everything(store) == changed and changed["reviews"] == before["reviews"]
    assert store.studies.get(uid).final is None
    assert "signed out" in words(page) and "clear" not in words(page)
    assert not [b for b in page.button if b.label == "Sign final"]


def test_without_an_end_the_signature_is_kept(
    store: Repository, take_in: TakeIn, enter: Callable[..., AppTest]
) -> None:
    """The counterpart: the test above would pass on a button that does nothing."""
    uid = keep_film(store, take_in)
    page = enter("pages/review.py", study=uid)
    page = decide(page, uid)
    next(b for b in page.button if b.label == "Sign final").click().run()
    final = store.studies.get(uid).final
    assert final is not None and final.reader == "Dr Ada"


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_no_widget_of_any_page_does_anything_after_the_end(
    store: Repository, take_in: TakeIn, enter: Callable[..., AppTest], name: str
) -> None:
    """Each widget in a sign-in of its own, ended before it is used."""
    uid = keep_film(store, take_in)
    first = enter(f"pages/{name}.py", study=uid)
    labels = [label for label, _use in actions(first)]
    assert labels or name in ("readers", "model"), f"nothing to press on {name}"
    token = first.session_state["token"]
    for label in dict.fromkeys(labels):
        if label.startswith("button Sign out"):  # which needs no sign-in
            continue
        page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        page.switch_page(f"pages/{name}.py")
        page.query_params["study"] = uid
        page.run()
        use = next((use for found, use in actions(page) if found == label), None)
        if use is None:
            continue
        store.accounts.lock(token)
        before = everything(store)
        use()
        page.run()
        assert everything(store) == before, label
        assert "signed out" in words(page), label
        store.accounts.unlock(token, PASSWORD)


def test_the_widgets_would_have_done_something(
    store: Repository, take_in: TakeIn, enter: Callable[..., AppTest]
) -> None:
    """The walk above looks at tables that deeds do change, and presses so that they do."""
    uid = keep_film(store, take_in)
    page = enter("pages/account.py", study=uid)
    before = everything(store)
    dict(actions(page))["toggle Blind first read"]()
    page.run()
    assert everything(store) != before


def test_who_locks_the_screen_sees_no_page(
    store: Repository, enter: Callable[..., AppTest]
) -> None:
    page = enter("pages/account.py")
    token = page.session_state["token"]
    page = next(b for b in page.button if b.label == "Lock screen").click().run()
    assert "signed out" in words(page) and not page.toggle
    found = store.accounts.find_sign_in(token)
    assert found is not None and found.locked


def test_signing_out_everywhere_ends_the_other_computer(
    store: Repository, enter: Callable[..., AppTest]
) -> None:
    _account, elsewhere = store.accounts.sign_in("ada", PASSWORD)
    page = enter("pages/account.py")
    next(b for b in page.button if b.label == "Sign out everywhere").click().run()
    assert store.accounts.account_of(elsewhere) is None


@pytest.mark.parametrize(
    ("typed", "signs"), [(PASSWORD, True), ("", False), ("wrong wrong", False)]
)
def test_the_site_may_ask_for_the_password_before_a_final_signature(
    store: Repository,
    take_in: TakeIn,
    enter: Callable[..., AppTest],
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    signs: bool,
) -> None:
    monkeypatch.setenv("LIGHTBOX_SIGNATURE_PASSWORD", "1")
    uid = keep_film(store, take_in)
    page = enter("pages/review.py", study=uid)
    page = decide(page, uid)
    page.text_input(key=session.field(uid, "signature-password")).set_value(typed)
    page = next(b for b in page.button if b.label == "Sign final").click().run()
    review = store.studies.get(uid).review
    assert review is not None and (review.stage is Stage.FINAL) is signs
    if signs:
        return
    assert "do not match" in words(page)
    assert page.text_input(key=session.field(uid, "signature-password")).value == ""


def test_no_fragment_is_drawn_for_nobody() -> None:
    """`deeds.fragment` asks first; Streamlit's own would not."""
    bare = [
        path.relative_to(ROOT).as_posix()
        for path in [ROOT / "app.py", *(ROOT / "pages").rglob("*.py")]
        if "st.fragment" in path.read_text(encoding="utf-8")
    ]
    assert bare == ["pages/ui/deeds.py"]


def test_only_the_sign_in_page_does_anything_for_nobody() -> None:
    found = {
        f"{path.stem}.{node.name}"
        for path in (ROOT / "pages").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and "deed_of_anybody" in map(ast.unparse, node.decorator_list)
    }
    assert found == _ANYBODY


def test_an_idle_screen_locks_and_a_used_one_does_not(
    store: Repository, enter: Callable[..., AppTest]
) -> None:
    page = enter("pages/account.py")
    token = page.session_state["token"]
    with store._database.writing() as rows:
        soon = datetime.now(UTC) + timedelta(seconds=0.5)
        rows.execute(update(SessionTable).values(active_until=soon))
    store.accounts.note_activity(token)
    time.sleep(0.6)
    assert "signed out" not in words(page.run())
    with store._database.writing() as rows:
        rows.execute(update(SessionTable).values(active_until=datetime.now(UTC)))
    assert "signed out" in words(page.run())
    store.accounts.note_activity(token)
    assert store.accounts.account_of(token) is None, "activity opens no locked screen"


def test_the_database_file_is_where_the_walk_looks(store: Repository, home: Path) -> None:
    assert (home / "lightbox.db").exists() and everything(store).keys() >= {"reviews", "audit"}
