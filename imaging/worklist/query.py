"""A reader's query of the worklist: filter, words, sort and page; and one page of the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from imaging.study import WorklistItem

WAITING = "waiting"  # the status of a study the network has not answered yet
UNTOUCHED = "unread"  # the stage of a study nobody has begun to read
PAGE = 50  # rows


class Sort(StrEnum):
    """Orders of the list.

    None of them is by what the network says: such a sort could put its misses last.
    """

    READING = "reading"  # the order of reading (imaging.worklist.order)
    RECEIVED = "received"
    PATIENT = "patient"
    DATE = "date"
    MODALITY = "modality"
    AGE = "age"
    STAGE = "stage"  # how far the reading has come


class Replied(StrEnum):
    """The network's answer about a study, as a filter has it."""

    PRESENT = "present"
    ABSENT = "absent"
    UNSURE = "unsure"
    NOT = "not"  # refused, failed, a document, or not answered yet


@dataclass(frozen=True, slots=True)
class WorklistQuery:
    """A list to show; without arguments the first page of all studies in the order of reading.

    Attributes
    ----------
    words : str
        Every word must occur in what the row shows.
    unread : bool
        True leaves out what somebody signed off.
    modality : str
        DICOM's code; empty for all.
    status : str
        A `Status`, or WAITING; empty for all.
    stage : str
        A `Stage` of the newest version of the review, or UNTOUCHED; empty for all.
    urgency : int or None
        0 for routine studies alone, 1 to 3 for those of that level or above.
    answer : Replied or None
        What the network said.
    date_from, date_to : str
        StudyDate (0008,0020) as YYYYMMDD, both included; empty for no bound.
    sort : Sort
        READING has one direction.
    descending : bool
        Of the other sorts.
    blind : bool
        True for a reader who must not learn what the network says: the order of reading is that
        of arrival, words do not match its answer, and `urgency` and `answer` do not count, unless
        it asks for what was not answered.
    offset, limit : int
        Rows to skip, and at most to give.
    """

    words: str = ""
    unread: bool = False
    modality: str = ""
    status: str = ""
    stage: str = ""
    urgency: int | None = None
    answer: Replied | None = None
    date_from: str = ""
    date_to: str = ""
    sort: Sort = Sort.READING
    descending: bool = False
    blind: bool = False
    offset: int = 0
    limit: int = PAGE

    @property
    def filtered(self) -> bool:
        """True when it may leave studies out."""
        return self.whole != WorklistQuery()

    @property
    def looks_for(self) -> bool:
        """True when it looks for particular studies: then priors are listed, too, behind the rest.

        Else they are folded below their patient's current study.
        """
        return bool(self.words or self.status or self.stage or self.date_from or self.date_to)

    @property
    def whole(self) -> WorklistQuery:
        """Its filter alone: no page, no sort, nobody in particular."""
        return replace(self, sort=Sort.READING, descending=False, blind=False, offset=0, limit=PAGE)


@dataclass(frozen=True, slots=True)
class WorklistPage:
    """A page of a list.

    Attributes
    ----------
    items : tuple of WorklistItem
        Its rows, in order.
    total, unread : int
        How many studies pass the filter, and how many of those wait for a reader: nobody signed
        them off, and they are no priors.
    stored, stored_unread : int
        The same of all studies but folded priors, so that a page can say what its filter leaves
        out.
    overdue : int
        How many of all studies have waited longer than the site allows.
    """

    items: tuple[WorklistItem, ...]
    total: int
    unread: int
    stored: int
    stored_unread: int
    overdue: int


@dataclass(frozen=True, slots=True)
class View:
    """A list a reader keeps under a name."""

    name: str
    query: WorklistQuery
