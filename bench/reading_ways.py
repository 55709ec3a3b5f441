"""A reader at the keyboard of a real Chromium, before the server of the tree on the path.

    python -P bench/reading_ways.py WARD [--next COUNT]

`bench.reading` and `bench.sessions` run this file as it stands on another tree than its own, too,
with that tree's server: so it uses nothing of `bench`, and of the page only what all trees have,
the keys of its elements and the state Streamlit tells of itself. Before Review had keys of its own
a reader pressed Tab until the wanted control had the focus, and so does `ByTabs`.

The keys that are pressed are real and all counted; the characters of a note are counted apart. No
time to think passes between two keys, so seconds are what the page makes a reader wait. The next
study is *ready* when the browser holds the viewer of that study with its film painted, nothing of
the study before is left on the page, and the server has drawn the page to its end: what stands in
the panel then is of that patient. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from imaging.jobs import JobKind
from imaging.review import drafting
from imaging.review.records import Account, Stage
from imaging.settings import ROOT
from imaging.store import Repository
from imaging.worklist.order import leading_assessment
from tests.browser.lightbox import PATIENCE, Server, find_chromium, open_chromium, open_page

READER = "Dr Bench"
NOTE = "Not a chest film."
_MOST_TABS = 400
_START = '[data-testid="stBaseButton-primary"]:not([disabled])'  # the worklist's one: read next
_REST = 2.5  # seconds between two studies where their opening alone is timed

# The study on the page, once the page is of it and done; null before. The viewer, and what carries
# pixels to it, have the study's UID in their keys, which Streamlit makes classes of; the viewer
# lies in a shadow root.
_READY = """
(before) => {
  const uid = new URLSearchParams(location.search).get("study");
  if (!uid || uid === before) return null;
  const own = `st-key-viewer-${uid.replace(/[^a-zA-Z0-9_-]/g, "-")}`;
  const keys = [...document.querySelectorAll('[class*="st-key-viewer-"]')].map(
    (e) => [...e.classList].find((name) => name.startsWith("st-key-viewer-")));
  const pixels = (key) => key.startsWith(`${own}-f`) || key.startsWith(`${own}-o`);
  if (!keys.includes(own) || keys.some((key) => key !== own && !pixels(key))) return null;
  const inside = (node) => {
    const found = [...node.querySelectorAll("*")];
    return found.concat(found.filter((e) => e.shadowRoot).flatMap((e) => inside(e.shadowRoot)));
  };
  const shown = inside(document.querySelector(`.${own}`));
  const panes = shown.filter((e) => e.classList.contains("pane"));
  if (!panes.length || panes.some((pane) => pane.dataset.ready !== "true")) return null;
  if (document.querySelector('[data-stale="true"]')) return null;
  const app = document.querySelector('[data-testid="stApp"]');
  return app.dataset.testScriptState === "notRunning" ? uid : null;
}
"""
_FOCUSED = """
() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return [at?.tagName ?? "", at?.getAttribute("role") ?? "", at?.innerText ?? ""];
}
"""
_SETTLED = """
() => document.querySelector('[data-testid="stApp"]').dataset.testScriptState === "notRunning"
"""
_DONE = "() => Number(document.querySelector('.lb-acts')?.dataset.acts ?? -1)"

Focus = tuple[str, str, str]
"""Tag, role and words of the element with the focus."""


@dataclass
class Case:
    """What one study took: keys, characters of a note, seconds until ready and until signed."""

    kind: str
    keys: int
    characters: int
    opened: float
    seconds: float


class Reader(ABC):
    """Reads one study after the other, in the order of the worklist.

    Parameters
    ----------
    page : Page
        Signed in to the server at `address`.
    store : Repository
        What that server keeps: signed is what is signed there, whatever the page says.
    kinds : mapping of str to dict
        By file name: "kind", and "present" (None: no film to find anything on).
    """

    def __init__(
        self, page: Page, address: str, store: Repository, kinds: dict[str, dict[str, Any]]
    ) -> None:
        self._page, self._store, self.kinds = page, store, kinds
        self._keys = self._characters = 0
        page.goto(f"{address}/triage")
        page.locator(_START).first.wait_for()
        page.wait_for_function(_SETTLED)

    def read_next(self) -> Case:
        """Open the next unread study, decide on it, and sign it final."""
        self._keys = self._characters = 0
        start = time.perf_counter()
        uid = self.open_next()
        opened = time.perf_counter() - start
        kind, present = self._what(uid)
        self._decide(uid, kind, present)
        self._sign(uid)
        if not self._is_final(uid):
            raise RuntimeError(f"a {kind} study is not signed")
        seconds = time.perf_counter() - start
        return Case(kind, self._keys, self._characters, opened, seconds)

    def open_next(self) -> str:
        """Press the key for the next unread study; its UID, once it is ready."""
        before = self._page.evaluate("() => new URLSearchParams(location.search).get('study')")
        self._press("n")
        ready = self._page.wait_for_function(_READY, arg=before, polling="raf")
        return str(ready.json_value())

    def count_signed(self) -> int:
        """How many studies of the ward have a final report in the store, each of its own."""
        uids = self._store.worklist.study_uids()
        return sum(self._is_final(uid) and self._name(uid) in self.kinds for uid in uids)

    @abstractmethod
    def _decide(self, uid: str, kind: str, present: bool | None) -> None:
        """State what the film shows; on what is no chest film, a note."""

    @abstractmethod
    def _sign(self, uid: str) -> None:
        """Sign final, and see it signed on the page."""

    def _what(self, uid: str) -> tuple[str, bool | None]:
        """The kind of a study, and whether it shows pneumonia."""
        what = self.kinds[self._name(uid)]
        return what["kind"], what["present"]

    def _name(self, uid: str) -> str:
        return Path(self._store.studies.get(uid).instances[0].file_name).name

    def _network_says(self, uid: str) -> bool | None:
        """What the network says of the finding that is asked for; None where it says nothing."""
        lead = leading_assessment(self._store.studies.get(uid))
        if lead is None or not lead.findings:
            return None
        return drafting.network_says(lead.findings[0], lead.answer)

    def _is_final(self, uid: str) -> bool:
        return self._store.studies.get(uid).final is not None

    def _press(self, key: str) -> None:
        self._page.keyboard.press(key)
        self._keys += 1

    def _type(self, text: str) -> None:
        self._page.keyboard.type(text)
        self._characters += len(text)

    def _until(self, holds: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        """Whether something came to hold within the time."""
        end = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > end:
                return False
            self._page.wait_for_timeout(10)
        return True


class ByKeys(Reader):
    """The ways of a tree whose Review has keys for every act."""

    def _decide(self, uid: str, kind: str, present: bool | None) -> None:
        panes = self._page.locator(".pane")
        if kind == "prior" and panes.count() == 1:
            self._press("s")
            self._until(lambda: panes.count() > 1)
        if present is None:
            self._press("Alt+n")
            self._type(NOTE)
            self._press("Escape")
            self._until(lambda: self._stated(uid))
            self._page.wait_for_function(_SETTLED)
            return
        says = self._network_says(uid)
        if says is None:
            self._act("Alt+p" if present else "Alt+a")
        else:
            self._act("Enter" if says == present else "j")

    def _sign(self, uid: str) -> None:
        self._act("Control+Enter")
        question = self._page.locator(".st-key-sign-question")
        for _more in range(3):  # a second look, where there is one, is gone past by the same key
            question.wait_for()
            self._act("Enter")
            if self._until(lambda: self._is_final(uid), 5):
                break
        question.wait_for(state="detached")
        self._page.wait_for_function(_SETTLED)

    def _act(self, key: str) -> None:
        """Press a key that asks the page for something, and see it done."""
        before = self._page.evaluate(_DONE)
        self._press(key)
        self._page.wait_for_function(f"before => ({_DONE})() > before", arg=before, polling="raf")

    def _stated(self, uid: str) -> bool:
        return self._store.studies.get(uid).review is not None


class ByTabs(Reader):
    """The ways of a tree without such keys: Tab to a control, and Space or Enter on it."""

    def _decide(self, uid: str, kind: str, present: bool | None) -> None:
        if present is None:
            self._tab_to(lambda tag, _role, _words: tag == "TEXTAREA")
            self._type(NOTE)
            self._press("Tab")
        else:
            self._tab_to(lambda _tag, role, words: role == "radio" and words.startswith("Present"))
            if not present:
                self._press("ArrowRight")  # Tab stops at a group once
            self._press(" ")
        self._until(lambda: self._store.studies.get(uid).review is not None)
        self._page.get_by_text("Draft, version 1").first.wait_for()
        self._page.wait_for_function(_SETTLED)

    def _sign(self, uid: str) -> None:
        self._tab_to(lambda tag, _role, words: tag == "BUTTON" and words == "Sign final")
        self._press("Enter")
        self._until(lambda: self._is_final(uid))
        self._page.get_by_text("Final, version").first.wait_for()
        self._page.wait_for_function(_SETTLED)

    def _tab_to(self, wanted: Callable[[str, str, str], bool]) -> None:
        for _at in range(_MOST_TABS):
            if wanted(*self._page.evaluate(_FOCUSED)):
                return
            self._press("Tab")
        raise RuntimeError("no way by Tab")


def reader_of(tree: Path = ROOT) -> type[Reader]:
    """The ways of a tree."""
    has_keys = (tree / "pages" / "ui" / "review" / "key_acts.py").exists()
    return ByKeys if has_keys else ByTabs


@contextmanager
def open_ward(ward: Path, home: Path) -> Iterator[Reader]:
    """Serve a ward's films, its earlier studies signed, and open a browser at the worklist."""
    executable = find_chromium()
    if executable is None:
        raise RuntimeError("no Chromium or Chrome on this computer")
    weights = ROOT / "models" / "weights"
    server = Server(home, weights, READER, roots=ward)
    server.start()
    try:
        with closing(Repository.open(home)) as store:
            for uid in take_in(store, ward / "earlier"):
                reader = Account(READER, READER)
                draft = drafting.draft(uid, None, reader)
                store.reviews.add(drafting.sign(draft, Stage.FINAL))
            take_in(store, ward / "films")
            with open_chromium(executable) as browser, open_page(browser) as page:
                kinds = json.loads((ward / "ward.json").read_text(encoding="utf-8"))
                yield reader_of()(page, server.address, store, kinds)
    finally:
        server.stop()


def take_in(store: Repository, folder: Path) -> tuple[str, ...]:
    """Have the server work off a folder; the studies that are there then."""
    if any(folder.iterdir()):
        job = store.jobs.open(JobKind.FOLDER, str(folder))
        end = time.monotonic() + 10 * PATIENCE
        while not store.jobs.progress(job).finished:
            if time.monotonic() > end:
                raise TimeoutError("the films were not worked off")
            time.sleep(0.2)
    return store.worklist.study_uids()


def read_ward(ward: Path, home: Path) -> dict[str, Any]:
    """Read all studies of a ward: "cases", one by one, and how many are "signed" in the store."""
    with open_ward(ward, home) as reader:
        cases = [asdict(reader.read_next()) for _study in reader.kinds]
        return {"cases": cases, "signed": reader.count_signed()}


def time_next(ward: Path, home: Path, count: int) -> list[float]:
    """Seconds from the key until the next study was ready, so many times; nothing is stated."""
    times = []
    with open_ward(ward, home) as reader:
        reader.open_next()  # the first one loads the page itself
        for _time in range(count):
            time.sleep(_REST)
            start = time.perf_counter()
            reader.open_next()
            times.append(time.perf_counter() - start)
    return times


def main() -> int:
    """Read a ward, or step through it; the last line is JSON."""
    parser = argparse.ArgumentParser(description="See the module.")
    parser.add_argument("ward", type=Path)
    parser.add_argument("--next", type=int, default=0, metavar="COUNT")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        told = (
            time_next(options.ward, home, options.next)
            if options.next
            else read_ward(options.ward, home)
        )
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
