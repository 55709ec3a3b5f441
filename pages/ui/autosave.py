"""Every change a reader makes is saved at once, as a version on top of the one seen.

Nothing waits for a save button, so a reload, a crash or a closed lid loses at most what was still
being typed. Who was overtaken by another tab or reader is told, and their text is offered again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from imaging.errors import AssistantError, ConflictError, NotFoundError, StoreError
from imaging.person import person_of
from imaging.review import drafting
from imaging.review.records import Compared, Review, Stage
from imaging.review.rights import Right
from imaging.store.database import waiting_at_most
from imaging.study import StudyRecord
from imaging.text import clean_note
from pages.ui import labels, poll, resources, session
from pages.ui.deeds import deed, fragment
from pages.ui.i18n import _, ngettext, sentence

_AGAIN = 3.0  # seconds between two tries to save what waits
_SHORT = 0.5  # seconds of one: the reader goes on meanwhile

PASSWORD, CODE = "signature-password", "signature-code"


def open_record(study_instance_uid: str) -> StudyRecord:
    """The study as it is now; the version on screen is what later changes are made on top of.

    Where somebody else has saved meanwhile, fields are filled anew: nobody signs a note that is
    not the one on the screen.
    """
    if session.waiting_changes().get(study_instance_uid):
        _save_waiting(study_instance_uid)
    record = resources.repository().studies.get(study_instance_uid)
    newest = record.review.version if record.review else 0
    if newest != session.seen_version(study_instance_uid):
        session.forget_fields(study_instance_uid)
    session.set_seen_version(study_instance_uid, newest)
    session.set_seen_films(study_instance_uid, _films(record))
    session.set_seen_ai_off(study_instance_uid, record.ai_off)
    return record


def change(
    study_instance_uid: str, step: Callable[[Review], Review], *, note: str | None = None
) -> bool:
    """Apply one step of `imaging.review.drafting` to what is on screen and save it as a draft.

    While the store cannot be written the step is kept in the session, is tried again by every page
    (`render_waiting`), and is saved before anything later.

    Parameters
    ----------
    note : str, optional
        The text that the step saves, to be offered again should somebody else be faster.

    Returns
    -------
    bool
        False when it could not be saved, nor waits; a notice says why.
    """
    waiting = session.waiting_changes().setdefault(study_instance_uid, [])
    waiting.append(session.WaitingChange(step, note))
    return _save_waiting(study_instance_uid)


def waiting_note(study_instance_uid: str) -> str | None:
    """The note that waits to be saved; None where none does."""
    changes = session.waiting_changes().get(study_instance_uid, [])
    return next((one.note for one in reversed(changes) if one.note is not None), None)


def render_waiting() -> None:
    """Say on every page what waits to be saved, and try again until it is."""
    if any(session.waiting_changes().values()):
        _watch_waiting()


@fragment(Right.DRAFT)
def _watch_waiting() -> None:
    """Try to save; draw the page anew once all is."""
    with waiting_at_most(_SHORT):
        for uid in list(session.waiting_changes()):
            _save_waiting(uid)
    count = sum(map(len, session.waiting_changes().values()))
    if not count:
        poll.redraw()
    st.warning(
        ngettext(
            "{count} change is not saved yet. It is kept here and tried again by itself: do not "
            "close this window, nor reload it.",
            "{count} changes are not saved yet. They are kept here and tried again by themselves: "
            "do not close this window, nor reload it.",
            count,
        ).format(count=count)
    )
    poll.beat("unsaved", every=_AGAIN)


def _save_waiting(study_instance_uid: str) -> bool:
    """Save all that waits for a study as one version; False when it never will be."""
    waiting = session.waiting_changes().get(study_instance_uid, [])
    try:
        record = resources.repository().studies.get(study_instance_uid)
        before = after = drafting.draft(study_instance_uid, record.review, session.account())
        for one in waiting:
            after = one.step(after)
        after = _with_viewer_windows(after)
        saved = drafting.same_content(before, after) or _save(record, after, waits=True)
    except (NotFoundError, ConflictError) as exc:
        session.leave_notice("error", sentence(str(exc)))
        saved = False
    except StoreError as exc:
        session.leave_notice("warning", sentence(str(exc)))
        return True  # it waits
    except Exception:
        session.waiting_changes().pop(study_instance_uid, None)  # a step that fails, always would
        raise
    session.waiting_changes().pop(study_instance_uid, None)
    for one in waiting:
        if not saved and one.note is not None:
            session.keep_unsaved_note(study_instance_uid, one.note)
    return saved


def _nothing_waits(study_instance_uid: str) -> bool:
    """Save what waits first; what comes after it may rely on it."""
    if session.waiting_changes().get(study_instance_uid):
        _save_waiting(study_instance_uid)
    return not session.waiting_changes().get(study_instance_uid)


@deed(Right.DRAFT)
def undo(study_instance_uid: str) -> None:
    """Take the last change back."""
    if not _nothing_waits(study_instance_uid):
        return
    record = resources.repository().studies.get(study_instance_uid)
    back = drafting.undo(record.reviews, session.account())
    if back is not None and _save(record, back):
        session.forget_fields(study_instance_uid)
        session.forget_drawn(study_instance_uid)


@deed(Right.DRAFT)
def amend(study_instance_uid: str) -> None:
    """Begin a new version of what is signed off; the signed one stays as it is."""
    if not _nothing_waits(study_instance_uid):
        return
    record = resources.repository().studies.get(study_instance_uid)
    _save(record, drafting.draft(study_instance_uid, record.review, session.account()))


@deed(Right.SIGN)
def sign(study_instance_uid: str, stage: Stage) -> None:
    """Put the reader's name under what is on screen. A signature never waits: it is told.

    Where the site asks for the password again, a final signature is refused without it.
    """
    if not _nothing_waits(study_instance_uid):
        return
    if stage is Stage.FINAL and asks_password():
        _confirm_identity(study_instance_uid)
    record = resources.repository().studies.get(study_instance_uid)
    compared = record.review.compared if record.review else None
    if compared is not None and not is_same_patients(study_instance_uid, compared):
        return
    last = drafting.draft(study_instance_uid, record.review, session.account())
    signed = drafting.sign(_with_viewer_windows(last), stage)
    if _save(record, signed):
        name = labels.stage(stage)
        session.leave_notice(
            "success", _("{stage}, signed by {reader}.").format(stage=name, reader=signed.reader)
        )


def is_same_patients(study_instance_uid: str, earlier: Compared) -> bool:
    """Whether an earlier study is of the same patient still; a notice says so where it is not."""
    same = resources.repository().studies.priors(study_instance_uid).same
    if earlier.study_instance_uid in {one.study_instance_uid for one in same}:
        return True
    session.leave_notice(
        "error",
        _(
            "The study of {date} is not known to be this patient's: take the comparison out, or "
            "look at whose images these are."
        ).format(date=labels.date(earlier.study_date)),
    )
    return False


def _confirm_identity(study_instance_uid: str) -> None:
    """Ask once more who it is: the password and a code, or the provider's word.

    Raises
    ------
    AccessError
        If that was not given.
    """
    accounts, me = resources.repository().accounts, session.account().name
    if not accounts.has_password(me):
        accounts.spend_confirmation(session.token())
        return
    typed = []
    for field in (PASSWORD, CODE):
        key = session.field(study_instance_uid, field)
        typed.append(str(st.session_state.get(key, "")))
        if key in st.session_state:
            st.session_state[key] = ""
    accounts.confirm(me, *typed)


def asks_password() -> bool:
    """Whether a final signature asks again who it is (21 CFR 11.200)."""
    settings = resources.settings()
    return settings.signature_password and not settings.single_reader


def shows_whose(record: StudyRecord) -> bool:
    """Whether the films on screen are still this study's and the same patient's.

    False after another reader typed whose they are, said it, or separated them: nobody writes
    about another patient than is on screen. A notice says so.
    """
    now = set(_films(record))
    if now.issuperset(session.seen_films(record.study_instance_uid)):
        return True
    session.leave_notice(
        "error",
        _(
            "Somebody said meanwhile whose images these are, and nothing was saved: look at "
            "them, then do it again."
        ),
    )
    session.forget_drawn(record.study_instance_uid)
    return False


def _films(record: StudyRecord) -> session.SeenFilms:
    """Its films, each with what is typed of it and whose it is."""
    return tuple(
        (
            film.identity.sop_instance_uid,
            film.typed.version if film.typed else 0,
            person_of(film.patient),
        )
        for film in record.instances
    )


def _with_viewer_windows(review: Review) -> Review:
    """The same, with the windows as the viewer has them: they are no version of their own."""
    shown = session.presentations(review.study_instance_uid)
    return review if shown is None else replace(review, presentations=shown)


def _save(record: StudyRecord, review: Review, *, waits: bool = False) -> bool:
    """Append a version on top of the one that was on screen.

    Raises
    ------
    StoreError
        Where it `waits`: if it can be saved later.
    """
    uid = record.study_instance_uid
    if not shows_whose(record):
        return False
    try:
        _insist_on_seen(record)
        stored = resources.repository().reviews.add(review)
    except ConflictError:
        session.leave_notice("error", _describe_conflict(resources.repository().studies.get(uid)))
        session.forget_drawn(uid)
        return False
    except StoreError as exc:
        if waits:
            raise
        session.leave_notice("error", sentence(str(exc)))
        return False
    except AssistantError as exc:
        session.leave_notice("error", sentence(str(exc)))
        return False
    session.set_seen_version(uid, stored.version)
    return True


def _insist_on_seen(record: StudyRecord) -> None:
    """Refuse when the newest version is not the one this reader sees."""
    newest = record.review.version if record.review else 0
    if newest != session.seen_version(record.study_instance_uid):
        raise ConflictError("Somebody else saved this study first. Reload the page and compare.")


def _describe_conflict(record: StudyRecord) -> str:
    """Say who saved first, and what became of this reader's own change."""
    newest = record.review
    who = newest.reader if newest else _("Somebody else")
    return _(
        "{reader} saved this study in another window at {time}. Your last change was not saved; "
        "the page now shows what is stored. Please make it again if it still applies; a note you "
        "typed still stands in its field."
    ).format(reader=who, time=labels.moment(newest.created_at) if newest else "")


def with_note(text: str) -> Callable[[Review], Review]:
    """A step that sets the free note."""
    return lambda review: replace(review, note=clean_note(text))
