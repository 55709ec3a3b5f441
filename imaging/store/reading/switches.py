"""Whether AI may be heard: for the site, a study, an account; off hides answers, deletes none."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from imaging.review.events import AiScope, Moment
from imaging.store.access.sessions import hears_no_ai
from imaging.store.schema.tables import ReadingEventTable as Event
from imaging.store.schema.tables import SiteTable

AI = "ai"  # the site's setting in `SiteTable`
_SWITCHES = (Moment.AI_OFF.value, Moment.AI_ON.value)


def site_hears_no_ai(session: Session) -> bool:
    """Whether an administrator switched AI off for everybody."""
    row = session.get(SiteTable, AI)
    return row is not None and bool(row.value.get("off"))


def studies_without_ai(session: Session, study_instance_uids: Sequence[str]) -> frozenset[str]:
    """Those of some studies for which AI is switched off: by the newest switch of each."""
    study = Event.study_instance_uid
    newest = (
        select(study, func.max(Event.at))
        .where(study.in_(study_instance_uids), Event.kind.in_(_SWITCHES))
        .group_by(study)
    )
    query = select(study).where(
        tuple_(study, Event.at).in_(newest), Event.kind == Moment.AI_OFF.value
    )
    return frozenset(session.scalars(query))


def ai_off(session: Session, study_instance_uid: str) -> AiScope | None:
    """Why no answer about a study may be shown to who asks; None where AI may be heard.

    The widest switch is named: who switches on must know which one.
    """
    return off_for_all(session) or (
        AiScope.STUDY if studies_without_ai(session, [study_instance_uid]) else None
    )


def off_for_all(session: Session) -> AiScope | None:
    """Why no answer about any study may be shown to who asks."""
    if site_hears_no_ai(session):
        return AiScope.SITE
    return AiScope.ACCOUNT if hears_no_ai() else None
