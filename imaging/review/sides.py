"""Which side of the patient an answer is about: of two knees the right one, or the left one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imaging.entities import Answer, Assessment, Instance
from imaging.regions import is_paired
from imaging.review.records import ReadFinding, Side

_SIDES = {"R": Side.RIGHT, "L": Side.LEFT}


def side_of(film: Instance) -> Side | None:
    """The side that a film shows, where it shows one of two; None where that is not told.

    A region's by the word of the reader who marked it, a film's by Image Laterality or Laterality
    (PS3.3 C.7.3.1.1.1), of parts of which everybody has two.
    """
    if film.derivation is not None and film.derivation.is_region:
        return _SIDES.get(film.derivation.side)
    taken = film.acquisition
    return _SIDES.get(taken.laterality) if is_paired(taken) else None


def sides_of(films: Sequence[Instance]) -> dict[str, Side]:
    """SOP Instance UID -> side, of the films that show one."""
    known = ((film.identity.sop_instance_uid, side_of(film)) for film in films)
    return {uid: side for uid, side in known if side is not None}


def side_said(
    code: str, assessments: Sequence[Assessment | None], sides: Mapping[str, Side]
) -> Side | None:
    """On which side networks see a finding, where every answer about it is firm and has a side.

    Parameters
    ----------
    code : str
        Of the finding.
    assessments : sequence of Assessment or None
        Of a study's films.
    sides : Mapping
        As `sides_of` gives it.

    Returns
    -------
    Side or None
        None where it is seen on none, or where one answer is unsure or of no told side.
    """
    seen: set[Side] = set()
    for one in assessments:
        for finding in one.findings if one is not None else ():
            if one is None or finding.code != code:
                continue
            answer, side = one.about(finding).answer, sides.get(one.sop_instance_uid)
            if side is None or answer not in (Answer.PRESENT, Answer.ABSENT):
                return None
            if answer is Answer.PRESENT:
                seen.add(side)
    if len(seen) > 1:
        return Side.BOTH
    return next(iter(seen), None)


def lacks_side(
    stated: ReadFinding, assessments: Sequence[Assessment | None], sides: Mapping[str, Side]
) -> bool:
    """True for a finding stated as present without a side, where both sides have an answer."""
    if not stated.present or stated.side is not None:
        return False
    code = stated.replaces or stated.code
    answered = {
        sides.get(one.sop_instance_uid)
        for one in assessments
        if one is not None and any(finding.code == code for finding in one.findings)
    }
    return answered >= {Side.RIGHT, Side.LEFT}
