"""When a reader first saw an answer or a map, for the record of the reading.

What is noted is that the browser was given it: the moment from which on the reader may have seen
it. Noted once a session; the store keeps the first time of each study and account.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from imaging.entities import Assessment, ModelIdentity
from imaging.errors import StoreError
from imaging.review.events import Moment
from imaging.review.rights import Right
from pages.ui import resources, session

log = logging.getLogger(__name__)


def note_answer(study_instance_uid: str, answer: Assessment | None) -> None:
    """Keep that the answer about a film was shown beside it."""
    if answer is not None and answer.findings and answer.model is not None:
        _note([study_instance_uid], Moment.ANSWER, {"where": "review", **_named(answer.model)})


def note_listed(study_instance_uids: Iterable[str], where: str) -> None:
    """Keep that a list showed the answers about some studies."""
    _note(list(study_instance_uids), Moment.ANSWER, {"where": where})


def note_map(study_instance_uid: str, answer: Assessment | None) -> None:
    """Keep that a map of the evidence for an answer was drawn over a film."""
    if answer is not None and answer.model is not None:
        _note([study_instance_uid], Moment.MAP, _named(answer.model))


def _note(uids: list[str], kind: Moment, detail: dict[str, str | float | bool]) -> None:
    """Keep it; while that cannot be done it goes to the log, and is kept once it can."""
    if not session.may(Right.FINDINGS):
        return
    account = session.account().name
    new = [uid for uid in uids if session.first_time(f"{account}-{kind.value}-{uid}")]
    try:
        resources.repository().reading.note_seen(new, kind, detail, account=account)
    except StoreError as exc:
        for uid in new:
            session.not_yet(f"{account}-{kind.value}-{uid}")
        log.warning("account %s saw answers, not in the record: %s", account, exc)


def _named(model: ModelIdentity) -> dict[str, str | float | bool]:
    return {"model": model.name, "version": model.version, "sha256": model.sha256}
