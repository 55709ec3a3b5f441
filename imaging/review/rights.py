"""Which role may do what: the one table that pages, routes and the store ask.

Least privilege (NIST SP 800-53 AC-6): a role holds what its work needs, and who has several roles
holds what each of them gives. A technologist judges whether a film is good enough, and must not be
led by what the network found on it. A researcher needs pictures, and no patient. An administrator
runs the installation, and reads no films by that. An auditor looks at what all others did, and so
does none of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from imaging.review.roles import Role


class Right(StrEnum):
    """What an account may be allowed to do, or to see."""

    OWN = "own"  # its own settings, password and sign-ins
    MODEL = "model"  # the network's card: nothing of any patient
    INTAKE = "intake"  # hand films in, and steer the batches that it handed in
    WORKLIST = "worklist"  # which studies there are, and of whom
    FILMS = "films"  # the films, their quality, and why one was refused
    FACTS = "facts"  # whose a film is, which way up, what of a photograph is the film
    FINDINGS = "findings"  # what networks and readers found: answers, maps, reports, cases
    RESCORE = "rescore"  # have networks asked again about studies that are stored
    DRAFT = "draft"  # findings, marks, notes and first reads
    SIGN = "sign"
    REFERENCE = "reference"  # which signed films others are compared with
    STATISTICS = "statistics"  # how readers and network compare
    EXPORT = "export"  # results and reports that may name the patient
    DEIDENTIFY = "deidentify"  # copies without the patient, of a study that is on screen
    RELEASE = "release"  # such copies of studies that are known by a number alone
    BATCHES = "batches"  # steer what others handed in
    SITE = "site"  # the order of reading, for everybody
    ACCOUNTS = "accounts"  # who may sign in, and with which roles
    DELETE = "delete"  # a study, for good
    TRAIL = "trail"  # the audit trail


_ANYBODY = frozenset({Right.OWN, Right.MODEL})
_FILMS = frozenset({Right.INTAKE, Right.WORKLIST, Right.FILMS, Right.FACTS})
_READING = _FILMS | {
    Right.FINDINGS,
    Right.RESCORE,
    Right.DRAFT,
    Right.STATISTICS,
    Right.EXPORT,
    Right.DEIDENTIFY,
}
RIGHTS: dict[Role, frozenset[Right]] = {
    Role.READER: _ANYBODY | _READING,
    Role.SIGNER: _ANYBODY | _READING | {Right.SIGN, Right.REFERENCE},
    Role.TECHNOLOGIST: _ANYBODY | _FILMS,
    Role.RESEARCHER: _ANYBODY | {Right.RELEASE},
    Role.ADMINISTRATOR: _ANYBODY | {Right.BATCHES, Right.SITE, Right.ACCOUNTS, Right.DELETE},
    Role.AUDITOR: _ANYBODY | {Right.TRAIL},
}


def rights_of(roles: Iterable[Role]) -> frozenset[Right]:
    """All that some roles may do together; nothing without a role."""
    return frozenset().union(*(RIGHTS[role] for role in roles))
