"""Who wrote a report and who signed it off, where two doctors did; and the sites that ask for two.

In many hospitals one doctor writes a report and another reviews it; both stand under it, each with
the time. The first signature is a preliminary one (PS3.3 C.17.2, Preliminary Flag).
"""

from __future__ import annotations

from collections.abc import Iterable

from imaging.review.records import Review, Stage

TWO_DOCTORS = (
    "At this site two doctors sign a report: sign it as preliminary, and ask another doctor to "
    "sign it as final."
)


def find_written(versions: Iterable[Review], account: str) -> Review | None:
    """The version that another doctor signed as preliminary, where `account` would sign it off.

    Parameters
    ----------
    versions : iterable of Review
        Those that stand before the final signature, in any order.
    account : str
        Who signs it as final.

    Returns
    -------
    Review or None
        The newest signed version, if it is preliminary and of another account.
    """
    signed = (version for version in versions if version.signed)
    last = max(signed, key=lambda version: version.version, default=None)
    if last is None or last.stage is not Stage.PRELIMINARY or last.account == account:
        return None
    return last
