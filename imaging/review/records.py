"""Records of a reader's work: findings, annotations, presentations, and the versions of a review.

Frozen records like those of `imaging.entities`; DICOM's names (PS3.3, PS3.16) where it has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from imaging.entities import Answer, LengthPlane, ModelIdentity
from imaging.review.roles import EVERYDAY, Role

Points = tuple[tuple[float, float], ...]


class Stage(StrEnum):
    """How far a version of a review has come."""

    DRAFT = "draft"  # saved by itself; the reader is still at work
    PRELIMINARY = "preliminary"  # signed, and to be confirmed (PS3.3 C.17.2, Preliminary Flag)
    FINAL = "final"  # signed off; what follows is an amendment


class Call(StrEnum):
    """A reader's word on one finding."""

    ACCEPTED = "accepted"  # as the network answered
    OVERRULED = "overruled"  # the opposite of what the network answered
    EDITED = "edited"  # the network's finding, restated in other terms
    ADDED = "added"  # the reader's own
    UNAIDED = "unaided"  # decided where the network gave no firm answer
    STATED = "stated"  # while AI is off: beside which answer is not told; never stored


class Side(StrEnum):
    """The patient's side a finding is on (PS3.16 CID 244, Laterality)."""

    RIGHT = "right"
    LEFT = "left"
    BOTH = "both"


class Site(StrEnum):
    """Where in a lung a finding lies: a zone of the film, or a lobe where that can be told."""

    UPPER_ZONE = "upper_zone"
    MIDDLE_ZONE = "middle_zone"
    LOWER_ZONE = "lower_zone"
    UPPER_LOBE = "upper_lobe"
    MIDDLE_LOBE = "middle_lobe"  # the right lung has one, the left has not
    LOWER_LOBE = "lower_lobe"


class Course(StrEnum):
    """What became of a finding since an earlier study."""

    NEW = "new"
    WORSE = "worse"
    SAME = "same"
    BETTER = "better"
    RESOLVED = "resolved"


class Shape(StrEnum):
    """Kinds of annotation."""

    POINT = "point"  # one point: the value of a pixel
    LENGTH = "length"  # two ends
    ANGLE = "angle"  # end, vertex, end
    RECTANGLE = "rectangle"  # two opposite corners
    ELLIPSE = "ellipse"  # four ends: of the major axis, then of the minor (SCOORD ELLIPSE)
    RATIO = "ratio"  # cardiothoracic: two ends of the heart's, then of the thorax's width
    REGION = "region"  # closed polygon around a finding


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept (PS3.3 8.8): value, coding scheme designator, meaning."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A number taken from an annotation. ``unit`` is UCUM: mm, deg, mm2, {pixels}, [hnsf'U] ...

    ``name`` is one of: length, angle, area, mean, deviation, minimum, maximum, value, ratio.
    ``plane`` is where a length or an area in millimetres holds; None for other measures, and for
    those from before this was recorded. A CORRECTED one was divided by ``magnification``.
    """

    name: str
    value: float
    unit: str
    plane: LengthPlane | None = None
    magnification: float | None = None


@dataclass(frozen=True, slots=True)
class Annotation:
    """A mark on one frame of an image.

    ``points`` are (column, row) pairs in pixels with sub-pixel resolution, the origin being the
    upper left corner of the upper left pixel, so that its centre is (0.5, 0.5): the coordinates of
    SCOORD (PS3.3 C.18.6.1.2) and of a presentation state's PIXEL units (PS3.3 C.10.5.1.2).
    ``frame`` counts from 0. ``finding`` names what it marks, or is empty.
    """

    uid: str
    sop_instance_uid: str
    shape: Shape
    points: Points
    frame: int = 0
    label: str = ""
    finding: str = ""
    measures: tuple[Measure, ...] = ()


@dataclass(frozen=True, slots=True)
class Presentation:
    """How the reader left an image on the screen (PS3.3 A.33, Softcopy Presentation State).

    ``window_center`` and ``window_width`` are in modality units; None means the file's own first
    preset. ``rotation`` (0, 90, 180 or 270 degrees clockwise) is applied after the flip.
    ``overlays`` is False where the reader took the file's overlay planes off the film.
    """

    sop_instance_uid: str
    frame: int = 0
    window_center: float | None = None
    window_width: float | None = None
    function: str = "LINEAR"
    inverted: bool = False
    flipped: bool = False  # left and right exchanged
    rotation: int = 0
    overlays: bool = True


@dataclass(frozen=True, slots=True)
class ReadFinding:
    """A finding as the reader states it.

    ``code`` is a key of `imaging.review.terms`; ``replaces`` is the network's code where the reader
    restated it; ``regions`` are the uids of the annotations that mark it. ``unsure`` is True where
    the network had answered that it is unsure; False, too, in versions from before this was kept.
    ``sites`` need a side. ``course`` is since the study that the review is compared with.
    """

    code: str
    present: bool
    call: Call
    note: str = ""
    replaces: str = ""
    regions: tuple[str, ...] = ()
    side: Side | None = None
    sites: tuple[Site, ...] = ()
    course: Course | None = None
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """The earlier study of the same patient that a review is compared with.

    ``study_date`` is YYYYMMDD, as that study said when it hung beside.
    """

    study_instance_uid: str
    study_date: str


@dataclass(frozen=True, slots=True)
class Trial:
    """The network asked again after a part of a film was taken out, kept as a remark on its answer.

    Attributes
    ----------
    sop_instance_uid : str
        The film.
    regions : tuple of str
        What was done, step by step, in the reader's words: "Without right lower (blur)".
    fill : str
        What stood in the place of what the last step took out: "lung", "blur", "inpaint" or "mean".
    kept : bool
        True when the last step took out everything but its region.
    code : str
        The finding asked about.
    before, after : float
        Its calibrated probability with the film as it is, and after the last step.
    answer_before, answer_after : Answer
        What the network said.
    model : ModelIdentity
        Which network was asked.
    at : datetime
        When.
    """

    sop_instance_uid: str
    regions: tuple[str, ...]
    fill: str
    kept: bool
    code: str
    before: float
    after: float
    answer_before: Answer
    answer_after: Answer
    model: ModelIdentity
    at: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """A version of a reader's work on a study. Versions are appended, never overwritten.

    ``version`` counts from 1. ``account`` is the reader's sign-in name, ``reader`` the name that
    stands under a signature. ``restores`` is the version whose content an undo brought back.
    ``ai_off`` is True where AI was off for this account or study when it was saved.
    ``indication`` is why the study was asked for, as the reader wrote it; None leaves it to the
    header. ``note`` is the free text of the findings, ``impression`` that of the conclusion.
    """

    study_instance_uid: str
    version: int
    stage: Stage
    account: str
    reader: str
    created_at: datetime
    findings: tuple[ReadFinding, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    presentations: tuple[Presentation, ...] = ()
    note: str = ""
    trials: tuple[Trial, ...] = ()
    restores: int | None = None
    ai_off: bool = False
    indication: str | None = None
    impression: str = ""
    compared: Compared | None = None

    @property
    def signed(self) -> bool:
        """True when somebody stands for this version with a name."""
        return self.stage is not Stage.DRAFT

    def finding(self, code: str) -> ReadFinding | None:
        """The reader's word on a finding of the network or of the list; None while undecided."""
        return next((f for f in self.findings if code in (f.replaces, f.code)), None)


@dataclass(frozen=True, slots=True)
class FirstRead:
    """A call committed before the network's answer was shown; one per study and reader.

    ``present`` is about the study's leading finding ``code``. ``network_present`` is what the
    network had answered (None: unsure, or no answer) with ``probability`` and ``model``;
    ``seconds`` is the time from opening the study to committing.
    """

    study_instance_uid: str
    account: str
    code: str
    present: bool
    seconds: float
    committed_at: datetime
    network_present: bool | None = None
    probability: float | None = None
    model: ModelIdentity | None = None


@dataclass(frozen=True, slots=True)
class Truth:
    """The outcome of a study, from a source outside the reading (follow-up, CT, panel)."""

    study_instance_uid: str
    code: str
    present: bool
    source: str


@dataclass(frozen=True, slots=True)
class Account:
    """A reader. ``name`` is for signing in (lower case), ``reader`` what a signature shows.

    ``blind`` makes every study a blind first read. ``bindings`` are (action, key) pairs that
    replace the viewer's default keys. Who is ``disabled`` cannot sign in any more. ``roles`` say
    what the account may do. ``language`` is one of `imaging.language.languages`; empty for the
    browser's. With ``ai_off`` it is shown no answer of a network. Until ``tour_closed`` it is shown
    the tour of a first sign-in.
    """

    name: str
    reader: str
    blind: bool = False
    bindings: tuple[tuple[str, str], ...] = ()
    disabled: bool = False
    roles: frozenset[Role] = EVERYDAY
    language: str = ""
    ai_off: bool = False
    tour_closed: bool = False


class AuditEvent(StrEnum):
    """Events that the audit trail records."""

    SIGN_IN = "sign-in"
    SIGN_IN_REFUSED = "sign-in refused"
    BREAK_GLASS = "break-glass"  # a local account signed in though the site has a provider
    SIGN_OUT = "sign-out"  # by the reader, or ended by somebody else
    ACCOUNT = "account"  # created or its settings changed
    SITE = "site"  # a setting that holds for all readers was changed
    RECEIVE = "receive"  # an instance was stored
    DERIVE = "derive"  # a film was made out of a photograph
    SCORE = "score"  # the network answered
    VIEW = "view"
    LIST = "list"  # studies were listed, with whom they are of, in words or small pictures
    JOB = "job"  # a batch was queued, paused, resumed, cancelled, hastened
    DESCRIBE = "describe"  # a reader typed whose film it is, or what it shows
    FIRST_READ = "first read"
    CHANGE = "change"  # a draft version was saved
    SIGN = "sign"
    IDENTIFY = "identify"  # a reader said which patient a held study is of
    SEPARATE = "separate"  # a reader took another patient's files out of a study
    EXPORT = "export"
    DELETE = "delete"
    BACKUP = "backup"
    ENCRYPTION = "encryption"  # the data folder encrypted or decrypted; what opens it changed
    RESTORE = "restore"  # what follows was written in a data folder that a backup was put into
    CLOCK = "clock"  # this computer's clock was set back: the line before is of a later moment
    SEEN = "seen"  # a network's answer, or its map, came onto a reader's screen for the first time
    AI = "ai"  # AI was switched off, or on again: for a study, an account, the site
    SEAL = "seal"  # what was found at an upgrade; a key that seals from now on


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A line of the audit trail. ``digest`` is the SHA-256 (hex) over the line and ``previous``.

    ``detail`` holds no patient data: versions, formats, model names and the like.
    """

    number: int
    at: datetime
    account: str
    deed: AuditEvent
    study_instance_uid: str
    detail: str
    previous: str
    digest: str
