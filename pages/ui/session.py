"""Every session_state key, behind typed getters and setters.

A session ends with the browser's reload: what must last lies in the store, what names it in the
address line. Pictures and explanations may be kept here, never in a cache shared between readers.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import streamlit as st

from imaging.decoding import DistantImage
from imaging.entities import Assessment
from imaging.errors import AccessError
from imaging.fidelity import Fidelity
from imaging.person import Person
from imaging.review.events import AiScope
from imaging.review.records import Account, Annotation, Presentation, Review, Stage
from imaging.review.rights import Right, rights_of
from imaging.worklist.query import WorklistQuery
from models.explain.base.subject import Subject
from models.explain.checks.receipt import Receipt
from models.explain.methods.explainer import Attribution, Explainer
from models.explain.probes.erase import NamedStep, Outcome, Step
from models.explain.probes.refusal import Refusal
from models.explain.probes.robustness import Curve
from models.rules.crop_box import CropBox

T = TypeVar("T")
SeenFilms = tuple[tuple[str, int, Person], ...]
"""Films by their SOP Instance UID, each with the version of what is typed of it and whose it is."""


@dataclass(frozen=True, slots=True)
class WaitingChange:
    """A change that could not be saved yet, and the note that was typed, where it is one."""

    step: Callable[[Review], Review]
    note: str | None = None


HIDE_IDENTITY = "hide_identity"

_KEEP_IMAGES, _KEEP_PICTURES, _KEEP_ATTRIBUTIONS = 6, 60, 24
_KEEP_OUTCOMES = 40
_KEEP_RECEIPTS = 100  # small: figures, no picture


def account() -> Account:
    """The reader who is signed in.

    Raises
    ------
    AccessError
        If nobody is.
    """
    reader: Account | None = st.session_state.get("account")
    if reader is None:
        raise AccessError("Please sign in first.")
    return reader


def reads_blind() -> bool:
    """True while lists must not tell what the network says.

    To a reader who wants to read before it is heard, and to who may not know it at all.
    """
    reader: Account | None = st.session_state.get("account")
    return reader is not None and (reader.blind or not may(Right.FINDINGS))


def may(*rights: Right) -> bool:
    """Whether the account that is signed in holds one of these rights; nobody holds any."""
    reader: Account | None = st.session_state.get("account")
    return reader is not None and not rights_of(reader.roles).isdisjoint(rights)


def chosen_language() -> str | None:
    """The language that the reader chose, empty for the browser's; None while nobody is here."""
    reader: Account | None = st.session_state.get("account")
    return reader.language if reader else None


def set_account(reader: Account | None) -> None:
    """Note who is signed in."""
    st.session_state["account"] = reader


def token() -> str:
    """The token of this sign-in; empty before it."""
    return str(st.session_state.get("token", ""))


def set_token(value: str) -> None:
    """Keep the token of this sign-in."""
    st.session_state["token"] = value


def set_onward(address: str) -> None:
    """Where the browser goes once nobody is signed in any more; empty: to the sign-in."""
    st.session_state["onward"] = address


def take_onward() -> str:
    """That address, once."""
    return str(st.session_state.pop("onward", ""))


def factor_secret(make: Callable[[], str]) -> str:
    """The secret of a second factor that is being set up; the same until it is."""
    secret: str = st.session_state.setdefault("factor-secret", make())
    return secret


def forget_factor_secret() -> None:
    """It is set up: the next one is another."""
    st.session_state.pop("factor-secret", None)


def set_recovery_codes(codes: Sequence[str]) -> None:
    """Keep new recovery codes on screen until the reader has them; no codes: not any more."""
    st.session_state["recovery-codes"] = tuple(codes)


def recovery_codes() -> tuple[str, ...]:
    """The recovery codes that were just made."""
    codes: tuple[str, ...] = st.session_state.get("recovery-codes", ())
    return codes


def first_time(what: str) -> bool:
    """True once in a session for every name."""
    before = bool(st.session_state.get(f"once-{what}"))
    st.session_state[f"once-{what}"] = True
    return not before


def not_yet(what: str) -> None:
    """Take back that `first_time` was asked: what was to be done once could not be done."""
    st.session_state[f"once-{what}"] = False


def since(what: str) -> float:
    """Seconds since this session first asked for a name."""
    start: float = st.session_state.setdefault(f"since-{what}", time.monotonic())
    return time.monotonic() - start


def identity_hidden() -> bool:
    """True while patients shall not be named on screen."""
    return bool(st.session_state.get(HIDE_IDENTITY, False))


def worklist_query() -> WorklistQuery:
    """The list this session last looked at, without its page; all studies before that."""
    query: WorklistQuery = st.session_state.get("worklist-query", WorklistQuery())
    return replace(query, blind=reads_blind())


def set_worklist_query(query: WorklistQuery) -> None:
    """Note which list is looked at; the next case comes from it."""
    st.session_state["worklist-query"] = query.whole


def worklist_page() -> int:
    """The page of the worklist this session is at, from 1."""
    return int(st.session_state.get("worklist-page", 1))


def set_worklist_page(number: int) -> None:
    """Go to a page of the worklist."""
    st.session_state["worklist-page"] = number


def unfolded_studies() -> frozenset[str]:
    """The studies whose priors this session has unfolded in the worklist."""
    return frozenset(st.session_state.get("unfolded-studies", ()))


def fold_study(study_instance_uid: str) -> None:
    """Unfold the priors of a study, or fold them again."""
    st.session_state["unfolded-studies"] = unfolded_studies() ^ {study_instance_uid}


def field(study_instance_uid: str, name: str) -> str:
    """Key of a field of the review: another one whenever the fields are filled anew (`settled`)."""
    times = st.session_state.get(f"filled-{study_instance_uid}", 0)
    return f"field-{study_instance_uid}-{name}" + (f"-filled-{times}" if times else "")


class ReplacedError(Exception):
    """A widget that was replaced meanwhile: what the browser tells of it late is nobody's word."""


def told(key: str) -> Any:
    """What the widget of that key says, asked by its callback.

    Raises
    ------
    ReplacedError
        If another stands in its place by now; a `deed` then does nothing.
    """
    if key not in st.session_state:
        raise ReplacedError
    return st.session_state[key]


def settle(key: str, value: object) -> None:
    """Give a widget its stored value, unless it has it.

    A value that is sent again reaches the browser after what the reader pressed meanwhile, undoes
    it there, and is reported back as if the reader had.
    """
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value


def settled(name: str, value: object) -> str:
    """The key of a widget that shows a stored value: another one whenever somebody else set it.

    The browser sends the state of every widget along with whatever it asks. What was asked just
    before it drew a finding stated by key, an undo or another reader's word says what stood there
    until then, and would be taken for the reader's own: the finding would be gone again. A widget
    of another key is another widget, about which the late message says nothing.

    Parameters
    ----------
    name : str
        As `field` gives it: the widget's first key.
    value : object
        What is stored.
    """
    turns: dict[str, int] = st.session_state.setdefault("turns", {})
    key = settled_key(name)
    if name not in turns:
        turns[name] = 0
        st.session_state[key] = value
    elif key not in st.session_state or st.session_state[key] != value:
        turns[name] += 1
        key = settled_key(name)
        st.session_state[key] = value
    return key


def settled_key(name: str) -> str:
    """The key that a widget of that name has now."""
    turn = st.session_state.get("turns", {}).get(name, 0)
    return f"{name}-turn-{turn}" if turn else name


def forget_fields(study_instance_uid: str) -> None:
    """Let every field of a review be filled from the store again."""
    shown = [k for k in st.session_state if str(k).startswith(f"field-{study_instance_uid}-")]
    for key in shown:
        del st.session_state[key]
    if shown:
        times = f"filled-{study_instance_uid}"
        st.session_state[times] = st.session_state.get(times, 0) + 1


def seen_version(study_instance_uid: str) -> int:
    """The version of the review that is on screen."""
    return int(st.session_state.get(f"seen-{study_instance_uid}", 0))


def set_seen_version(study_instance_uid: str, version: int) -> None:
    """Note which version is on screen."""
    st.session_state[f"seen-{study_instance_uid}"] = version


def seen_films(study_instance_uid: str) -> SeenFilms:
    """The films of a study that are on screen, each with what is typed of it and whose it is."""
    films: SeenFilms = st.session_state.get(f"seen-films-{study_instance_uid}", ())
    return films


def set_seen_films(study_instance_uid: str, films: SeenFilms) -> None:
    """Note which films are on screen, and whose they are."""
    st.session_state[f"seen-films-{study_instance_uid}"] = films


def chosen_image(study_instance_uid: str) -> str:
    """SOP Instance UID the reader chose to look at; empty for the first."""
    return str(st.session_state.get(f"image-{study_instance_uid}", ""))


def choose_image(study_instance_uid: str, sop_instance_uid: str) -> None:
    """Look at an image of a study."""
    st.session_state[f"image-{study_instance_uid}"] = sop_instance_uid


def presentations(study_instance_uid: str) -> tuple[Presentation, ...] | None:
    """How the viewer left the images of a study in this session; None before it reported that."""
    presentations: tuple[Presentation, ...] | None = st.session_state.get(
        f"presentations-{study_instance_uid}"
    )
    return presentations


def set_presentations(study_instance_uid: str, presentations: tuple[Presentation, ...]) -> None:
    """Note how the viewer left the images of a study."""
    st.session_state[f"presentations-{study_instance_uid}"] = presentations


def waiting_changes() -> dict[str, list[WaitingChange]]:
    """Changes this reader made that could not be saved yet, by study, in their order.

    They outlive the page, and wait for the account that made them.
    """
    changes: dict[str, list[WaitingChange]] = st.session_state.setdefault(
        f"waiting-{account().name}", {}
    )
    return changes


def unsaved_note(study_instance_uid: str) -> str | None:
    """A note that could not be saved, once; it is offered again."""
    note: str | None = st.session_state.pop(f"unsaved-{study_instance_uid}", None)
    return note


def keep_unsaved_note(study_instance_uid: str, note: str) -> None:
    """Keep a note that could not be saved."""
    st.session_state[f"unsaved-{study_instance_uid}"] = note


def forget_drawn(study_instance_uid: str) -> None:
    """Let the viewer take the stored marks, which are known to differ from its own."""
    st.session_state.pop(f"drawn-{study_instance_uid}", None)


def set_drawn(study_instance_uid: str, annotations: tuple[Annotation, ...]) -> None:
    """Note which marks the viewer holds."""
    st.session_state[f"drawn-{study_instance_uid}"] = annotations


def drawn_marks(study_instance_uid: str) -> tuple[Annotation, ...] | None:
    """The marks the viewer holds; None before it got any."""
    annotations: tuple[Annotation, ...] | None = st.session_state.get(f"drawn-{study_instance_uid}")
    return annotations


def generation(study_instance_uid: str, annotations: tuple[Annotation, ...]) -> int:
    """Which marks the viewer must show: a new number when the stored ones are not its own.

    So it is after an undo, and when another tab or reader was faster.
    """
    key = f"generation-{study_instance_uid}"
    if drawn_marks(study_instance_uid) != annotations:
        st.session_state[key] = int(st.session_state.get(key, 0)) + 1
        set_drawn(study_instance_uid, annotations)
    return int(st.session_state.get(key, 0))


def hanging() -> str | None:
    """The way to hang films that the reader chose last; None until one is chosen."""
    return st.session_state.get("hanging")


def set_hanging(way: str) -> None:
    """Keep it for the studies that come."""
    st.session_state["hanging"] = way


def signature_asked(study_instance_uid: str) -> Stage | None:
    """The signature that was asked for by key and waits to be confirmed."""
    return st.session_state.get(f"signature-{study_instance_uid}")


def ask_signature(study_instance_uid: str, stage: Stage | None) -> None:
    """Ask to confirm a signature, or no longer."""
    st.session_state[f"signature-{study_instance_uid}"] = stage


def shows_second_look(study_instance_uid: str) -> bool:
    """Whether a second look stands beside Sign."""
    return bool(st.session_state.get(f"second-look-{study_instance_uid}", False))


def show_second_look(study_instance_uid: str, shown: bool) -> None:
    """Show a second look, or no longer."""
    st.session_state[f"second-look-{study_instance_uid}"] = shown


def finding_at(study_instance_uid: str) -> int:
    """How often the reader went on to the next finding by key."""
    return int(st.session_state.get(f"finding-at-{study_instance_uid}", 0))


def set_finding_at(study_instance_uid: str, at: int) -> None:
    """Go to another finding."""
    st.session_state[f"finding-at-{study_instance_uid}"] = at


def prepared_export(study_instance_uid: str) -> bytes | None:
    """The export made in this session for a study, if neither review nor patient changed since."""
    kept = st.session_state.get("prepared")
    return bytes(kept[1]) if kept and kept[0] == _on_screen(study_instance_uid) else None


def set_prepared(study_instance_uid: str, content: bytes) -> None:
    """Keep an export; the one made before is forgotten."""
    st.session_state["prepared"] = (_on_screen(study_instance_uid), content)


def _on_screen(uid: str) -> tuple[object, ...]:
    """What an export is made of: the review, the films, and whether AI may be heard."""
    off = st.session_state.get(f"seen-ai-off-{uid}")
    return uid, seen_version(uid), seen_films(uid), off


def set_seen_ai_off(study_instance_uid: str, off: AiScope | None) -> None:
    """Note whether AI was off for the study that is on screen."""
    st.session_state[f"seen-ai-off-{study_instance_uid}"] = off


def take_notice() -> tuple[str, str] | None:
    """The notice (kind, sentence) left by a callback, once."""
    notice: tuple[str, str] | None = st.session_state.pop("notice", None)
    return notice


def leave_notice(kind: str, sentence: str) -> None:
    """Leave a notice for the next drawing of the page; kind is success, warning or error."""
    st.session_state["notice"] = (kind, sentence)


def image(sha256: str, make: Callable[[], DistantImage]) -> DistantImage:
    """A decoded image by the hash of its file."""
    return _recall("images", sha256, make, _KEEP_IMAGES)


def picture(key: tuple[Hashable, ...], make: Callable[[], str]) -> str:
    """A drawn picture (data URI) by everything that went into it."""
    return _recall("pictures", key, make, _KEEP_PICTURES)


def fidelity(sha256: str, make: Callable[[], Fidelity]) -> Fidelity:
    """How a file became a picture, by the hash of the file."""
    return _recall("fidelities", sha256, make, _KEEP_RECEIPTS)


def attribution(key: tuple[Hashable, ...], make: Callable[[], Attribution]) -> Attribution:
    """An explanation by (file hash, weights hash, method, target, part of the film)."""
    return _recall("attributions", key, make, _KEEP_ATTRIBUTIONS)


def subject(
    sha256: str, explainer: Explainer, image: DistantImage, answer: Assessment | None
) -> Subject:
    """The part of a film an answer is about, by the hashes of file and weights, and that part."""
    key = (sha256, explainer.card.weights_sha256, answer and answer.view)
    make = partial(_look_at, explainer, image, answer)
    return _recall("subjects", key, make, _KEEP_IMAGES)


def _look_at(explainer: Explainer, image: DistantImage, answer: Assessment | None) -> Subject:
    return explainer.look(image.luminance_values(0), answer)


def eraser_steps(sop_instance_uid: str) -> list[NamedStep]:
    """The steps of the eraser on a film, in their order."""
    steps: list[NamedStep] = st.session_state.setdefault(f"tried-{sop_instance_uid}", [])
    return steps


def add_eraser_step(sop_instance_uid: str, step: NamedStep) -> None:
    """Add a step of the eraser."""
    eraser_steps(sop_instance_uid).append(step)


def outcome(
    sha256: str,
    weights_sha256: str,
    view: CropBox,
    steps: Sequence[Step],
    make: Callable[[], Outcome],
) -> Outcome:
    """The answer to what is left of a film; asked once, so that a step costs one forward."""
    key = (sha256, weights_sha256, view, *(step.key for step in steps))
    return _recall("outcomes", key, make, _KEEP_OUTCOMES)


def undo_eraser_step(sop_instance_uid: str) -> None:
    """Take the last step of the eraser back."""
    if eraser_steps(sop_instance_uid):
        eraser_steps(sop_instance_uid).pop()


def forget_eraser_steps(sop_instance_uid: str) -> None:
    """Begin with the whole film again."""
    eraser_steps(sop_instance_uid).clear()


def curve(key: tuple[Hashable, ...]) -> Curve | None:
    """A curve of the robustness dial that was worked out in this session."""
    curve: Curve | None = st.session_state.get("curves", {}).get(key)
    return curve


def keep_curve(key: tuple[Hashable, ...], curve: Curve) -> None:
    """Keep a curve of the robustness dial."""
    st.session_state.setdefault("curves", {})[key] = curve


def refusal(key: tuple[Hashable, ...]) -> Refusal | None:
    """Why a picture was refused, if that was found out in this session."""
    refusal: Refusal | None = st.session_state.get("refusals", {}).get(key)
    return refusal


def keep_refusal(key: tuple[Hashable, ...], refusal: Refusal) -> None:
    """Keep why a picture was refused."""
    st.session_state.setdefault("refusals", {})[key] = refusal


def known_attribution(key: tuple[Hashable, ...]) -> Attribution | None:
    """An explanation that was made before; None otherwise."""
    kept: OrderedDict[Hashable, Attribution] = st.session_state.get(
        "kept-attributions", OrderedDict()
    )
    return kept.get(key)


def receipt(key: tuple[Hashable, ...]) -> Receipt | None:
    """A receipt by (file hash, weights hash, method, target), if it was made in this session."""
    kept: OrderedDict[Hashable, Receipt] = st.session_state.get("kept-receipts", OrderedDict())
    return kept.get(key)


def keep_receipt(key: tuple[Hashable, ...], receipt: Receipt) -> None:
    """Keep a receipt."""
    _recall("receipts", key, lambda: receipt, _KEEP_RECEIPTS)


def kept_for(name: str, seconds: float, make: Callable[[], T]) -> T:
    """A value that this session made, at most so many seconds ago."""
    kept = st.session_state.get(f"kept-for-{name}")
    if kept is None or time.monotonic() - kept[0] > seconds:
        kept = st.session_state[f"kept-for-{name}"] = (time.monotonic(), make())
    value: T = kept[1]
    return value


def _recall(shelf: str, key: Hashable, make: Callable[[], T], keep: int) -> T:
    """The kept value of a key, made when missing; the longest unused leaves first."""
    kept: OrderedDict[Hashable, T] = st.session_state.setdefault(f"kept-{shelf}", OrderedDict())
    if key not in kept:
        kept[key] = make()
    kept.move_to_end(key)
    while len(kept) > keep:
        kept.popitem(last=False)
    return kept[key]
