"""The site's own reference cases: which signed films are kept to compare others with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from imaging.errors import NotFoundError
from imaging.review.records import AuditEvent
from imaging.review.rights import Right
from imaging.store import audit
from imaging.store.base import Records
from imaging.store.schema.tables import CaseTable, InstanceTable


@dataclass(frozen=True, slots=True)
class SiteCase:
    """Where a film lies in a network's embedding.

    What the film shows is not kept here: it is what the study's newest signature or its outcome
    says, whenever that is asked.

    Attributes
    ----------
    study_instance_uid, sop_instance_uid : str
        The film.
    weights_sha256 : str
        The network; cases of others cannot be compared.
    features : bytes
        The network's features as little-endian 16-bit floats.
    """

    study_instance_uid: str
    sop_instance_uid: str
    weights_sha256: str
    features: bytes


class ReferenceCases(Records):
    """Reference cases, which go when their study goes."""

    def add(self, cases: tuple[SiteCase, ...], *, account: str) -> None:
        """Keep films of stored studies as reference cases; those kept before are replaced.

        Raises
        ------
        NotFoundError
            If one of them is not stored.
        """
        with self._database.writing(Right.REFERENCE) as session:
            for case in cases:
                if session.get(InstanceTable, case.sop_instance_uid) is None:
                    raise NotFoundError("This image is not in the records. Upload it again.")
                session.merge(
                    CaseTable(
                        sop_instance_uid=case.sop_instance_uid,
                        weights_sha256=case.weights_sha256,
                        study_instance_uid=case.study_instance_uid,
                        features=case.features,
                        added_at=datetime.now(UTC),
                    )
                )
            for study in dict.fromkeys(case.study_instance_uid for case in cases):
                _note(session, study, account, "reference case added")

    def all(self, weights_sha256: str = "") -> tuple[SiteCase, ...]:
        """All reference cases, or those of one network, in the order they were added."""
        query = select(CaseTable).order_by(CaseTable.added_at, CaseTable.sop_instance_uid)
        if weights_sha256:
            query = query.where(CaseTable.weights_sha256 == weights_sha256)
        with self._database.reading(Right.FINDINGS) as session:
            return tuple(
                SiteCase(
                    row.study_instance_uid, row.sop_instance_uid, row.weights_sha256, row.features
                )
                for row in session.scalars(query)
            )

    def remove(self, study_instance_uid: str, *, account: str) -> None:
        """Keep no film of a study as a reference case any more."""
        with self._database.writing(Right.REFERENCE) as session:
            session.execute(
                delete(CaseTable).where(CaseTable.study_instance_uid == study_instance_uid)
            )
            _note(session, study_instance_uid, account, "reference case removed")


def _note(session: Session, study_instance_uid: str, account: str, detail: str) -> None:
    audit.append(
        session,
        AuditEvent.CHANGE,
        account=account,
        study_instance_uid=study_instance_uid,
        detail=detail,
    )
