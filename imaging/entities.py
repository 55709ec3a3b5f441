"""The frozen records that pass between rooms: what was scanned, and what was found.

Names follow DICOM (PS3.3, PS3.6). Nothing here knows a file format, a database or a screen. What
is put together from these, documents and reviews stands in `imaging.study`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

RESEARCH_USE = "Research use - not for diagnosis"


class SourceKind(StrEnum):
    """Where an instance's header came from."""

    DICOM = "dicom"
    FILM = "film"  # a PNG or JPEG: no patient data in this file


class Status(StrEnum):
    """Outcome of one file."""

    OK = "ok"
    WARNED = "warned"  # answered, with a reason to be careful
    REFUSED = "refused"  # readable, but outside what the network was built for
    ERROR = "error"  # could not be read
    DOCUMENT = "document"  # no picture: kept with its study, nothing to classify
    HELPER = "helper"  # no film and not meant as one, such as a disc's viewer; not kept


class Answer(StrEnum):
    """The one thing the network says about its leading finding. Never a bare percentage."""

    PRESENT = "present"
    ABSENT = "absent"
    UNSURE = "unsure"  # a reader has to decide without the network
    UNSUITABLE = "unsuitable"  # not a picture the network was built for


class LengthPlane(StrEnum):
    """Where lengths in millimetres hold that are taken from a picture (PS3.3 10.7.1.1)."""

    BODY = "body"  # in the patient, as on CT and MR; or there is no spacing
    DETECTOR = "detector"  # at the detector: what lies in the body is magnified
    FILM = "film"  # on the sheet that was scanned
    CORRECTED = "corrected"  # at the detector, divided by the header's magnification
    CALIBRATED = "calibrated"  # by geometry or against an object of known size
    UNKNOWN = "unknown"  # a projection that does not say which of these


@dataclass(frozen=True, slots=True)
class Identity:
    """The UIDs that name an instance (PS3.3 C.12.1) and the SHA-256 of its bytes (hex)."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    sha256: str


@dataclass(frozen=True, slots=True)
class OtherPatientId:
    """Another number of the patient (PS3.3 C.7.1.1, OtherPatientIDsSequence), with its issuer."""

    patient_id: str
    issuer: str = ""
    issuer_uid: str = ""
    id_type: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """Patient module (PS3.3 C.7.1.1); empty strings and None where the file is silent.

    ``age_years`` comes from PatientAge (0010,1010), else from birth and study date. Where these
    contradict each other, or the age lacks its unit, ``age_otherwise`` is the other reading. A
    number means something only within its issuer: ``issuer`` is IssuerOfPatientID (0010,0021),
    ``issuer_uid`` the universal entity ID of its qualifiers (0010,0024) with its type before it
    ("ISO 1.2.3"), ``id_type`` TypeOfPatientID (0010,0022). Whether two are the same person is said
    by `imaging.person.compare`, never by comparing these fields.
    """

    name: str = ""
    patient_id: str = ""
    birth_date: str = ""
    sex: str = ""
    age_years: float | None = None
    age_otherwise: float | None = None
    issuer: str = ""
    issuer_uid: str = ""
    id_type: str = ""
    other_ids: tuple[OtherPatientId, ...] = ()


@dataclass(frozen=True, slots=True)
class Acquisition:
    """How and when the picture was taken; empty strings where the file is silent.

    ``image_type`` holds the values of (0008,0008), such as ORIGINAL, PRIMARY; ``intent`` is
    PresentationIntentType (0008,0068): FOR PRESENTATION or FOR PROCESSING. ``body_part`` and
    ``view_position`` are the words of the header, else its codes; ``coded_body_parts``,
    ``coded_views`` and ``view_modifiers`` are what it codes, in words of PS3.16, upper case.
    """

    modality: str = ""
    body_part: str = ""
    view_position: str = ""
    laterality: str = ""
    patient_orientation: tuple[str, ...] = ()
    study_date: str = ""
    study_time: str = ""
    study_description: str = ""
    series_description: str = ""
    accession_number: str = ""
    manufacturer: str = ""
    station_name: str = ""
    synthetic: bool = False  # the header says the picture shows no patient
    image_type: tuple[str, ...] = ()
    intent: str = ""
    instance_number: int | None = None  # (0020,0013): its place in the series
    coded_body_parts: tuple[str, ...] = ()  # AnatomicRegionSequence (0008,2218)
    coded_views: tuple[str, ...] = ()  # ViewCodeSequence (0054,0220)
    view_modifiers: tuple[str, ...] = ()  # ViewModifierCodeSequence (0054,0222)
    acquired_at: str = ""  # YYYYMMDDHHMMSS and fractions, for the order in time
    indication: str = ""  # why the study was asked for, in the words of the request


@dataclass(frozen=True, slots=True)
class Geometry:
    """Size and encoding of the pixels.

    ``pixel_spacing`` is (row, column) spacing in millimetres, or None when the file gives none;
    lengths taken by it hold in the ``length_plane``, and ``magnification`` is the factor they are
    corrected by already. ``image_position`` (mm) and ``image_orientation`` (cosines of a row, then
    of a column) place the first frame in the patient (PS3.3 C.7.6.2.1.1).
    """

    rows: int
    columns: int
    frames: int
    samples_per_pixel: int
    photometric_interpretation: str
    bits_stored: int
    pixel_spacing: tuple[float, float] | None = None
    pixel_spacing_source: str = ""  # attribute keyword the spacing came from
    length_plane: LengthPlane = LengthPlane.BODY
    magnification: float | None = None
    image_position: tuple[float, float, float] | None = None
    image_orientation: tuple[float, float, float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class VoiPreset:
    """A display window of the file: a centre and width, or a VOI LUT (PS3.3 C.11.2).

    ``index`` counts within its kind, in file order. ``kind`` is "window" or "lut"; centre and
    width are in modality units and None for a LUT.
    """

    kind: str
    index: int
    explanation: str = ""
    window_center: float | None = None
    window_width: float | None = None
    function: str = "LINEAR"


Corners = tuple[tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]]


Box = tuple[int, int, int, int]  # left, top, right, bottom


class DerivationKind(StrEnum):
    """What a reader made out of what."""

    PHOTOGRAPH = "photograph"  # a film, cut out of a photograph of it and straightened
    REGION = "region"  # a box of a film, its pixels as they were


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a reader made a film out of a photograph of one, or a region out of a film, and who did.

    Attributes
    ----------
    study_instance_uid : str
        The source's study, which the film joins.
    source_sop_instance_uid, source_sha256 : str
        The photograph or the larger film, and the SHA-256 (hex) of its file.
    corners : tuple of four (float, float)
        (column, row) of the film's upper left, upper right, lower right and lower left corner, in
        pixels of the source as it is shown; the upper left corner of its first pixel is (0, 0).
        Those of a region are whole numbers and make an upright box.
    quarter_turns : int
        Clockwise, 0 to 3, after it was straightened.
    mirrored : bool
        Left and right were swapped, after the turn. Only a reader does that.
    account, reader : str
        Who did it: the name to sign in with, and the name under a report.
    created_at : datetime
        When.
    kind : DerivationKind
        Records from before there were regions are of photographs.
    side : str
        Of a region: the patient's side that it shows, "R" or "L", by the reader's word; "" for a
        part that is not paired.
    """

    study_instance_uid: str
    source_sop_instance_uid: str
    source_sha256: str
    corners: Corners
    quarter_turns: int
    mirrored: bool
    account: str
    reader: str
    created_at: datetime
    kind: DerivationKind = DerivationKind.PHOTOGRAPH
    side: str = ""

    @property
    def is_region(self) -> bool:
        """True for a box of a film; nothing was resampled, and lengths hold."""
        return self.kind is DerivationKind.REGION

    @property
    def box(self) -> Box:
        """Of a region: its edges in pixels of the source, the right and lower one not included."""
        (left, top), _, (right, bottom), _ = self.corners
        return int(left), int(top), int(right), int(bottom)


@dataclass(frozen=True, slots=True)
class TypedFacts:
    """Facts that a reader typed of a film whose file says nothing of its patient, as one version.

    ``name`` is a PN (PS3.5 6.2), dates are YYYYMMDD, ``age_years`` is the age at the study;
    empty strings and None where nothing was typed. ``account`` and ``reader`` say who typed it,
    ``typed_at`` when. ``version`` counts from 1; 0 is what is not stored yet.
    """

    name: str = ""
    patient_id: str = ""
    birth_date: str = ""
    age_years: float | None = None
    sex: str = ""
    study_date: str = ""
    view_position: str = ""
    account: str = ""
    reader: str = ""
    typed_at: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Instance:
    """An image instance: everything the header says, nothing of the pixels.

    ``typed`` is what a reader typed where a film has no header; `imaging.typed_facts` puts it into
    ``patient`` and ``acquisition``. None for what speaks for itself.
    ``derivation`` is set for a film that was made here out of another image: the film in a
    photograph, or a region of a film.
    """

    identity: Identity
    patient: Patient
    acquisition: Acquisition
    geometry: Geometry
    voi_presets: tuple[VoiPreset, ...] = ()
    source: SourceKind = SourceKind.DICOM
    file_name: str = ""
    typed: TypedFacts | None = None
    derivation: Derivation | None = None


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """The network that answered. Printed beside every score.

    ``files_sha256`` goes over every file that decides on an answer: weights, graphs, thresholds,
    gate (`models.checkpoint.sealing`); empty in records of Lightbox 0.2 and before.
    """

    name: str
    version: str
    weights_sha256: str
    files_sha256: str = ""

    @property
    def sha256(self) -> str:
        """The one hash (hex) by which it is known: over all files, or else of the weights."""
        return self.files_sha256 or self.weights_sha256

    @property
    def short_hash(self) -> str:
        """First 12 hex digits of `sha256`."""
        return self.sha256[:12]


@dataclass(frozen=True, slots=True)
class Finding:
    """An answer of the network about an image.

    ``probability`` is calibrated, in [0, 1]; ``operating_point`` is the threshold in the same
    scale chosen on validation data. ``exploratory`` findings are shown but never set a priority.
    Where a film may show several findings, each has its own ``answer`` and ``conformal_set`` (see
    `Assessment`); else that of the leading one stands in the assessment, and here is none.
    ``advice`` is what an answer about it does not say, and what to do next: one English sentence of
    the model's card, or nothing.
    """

    code: str
    label: str
    probability: float
    operating_point: float
    exploratory: bool = False
    answer: Answer | None = None
    conformal_set: tuple[str, ...] = ()
    advice: str = ""

    @property
    def positive(self) -> bool:
        """True when the probability reaches the operating point."""
        return self.probability >= self.operating_point


@dataclass(frozen=True, slots=True)
class Assessment:
    """Outcome of one instance: its status, the network's findings, the reason in words.

    ``messages`` are English sentences from the message catalogue, without patient identifiers.
    ``conformal_set`` holds what cannot be ruled out of "present" and "absent" at ``error_rate``;
    ``disagreement`` is the largest difference between two members' leading probabilities;
    ``probabilities`` the calibrated (class, probability) pairs, which sum to one unless a film may
    show several classes; where classes are grades in order, ``grades`` names their scale and is
    empty otherwise, or where nothing is promised; ``engine`` says what computed them, and at what
    precision. ``view`` is the part of the picture that was looked at: top, left, bottom and right
    edge in fractions of its height and width, in [0, 1] from the upper left corner
    (`models.rules.crop_box.CropBox.edges`). None where no network answered, and in records older
    than this field. ``choice`` is a sentence that says which other network could have read the
    image and why this one was asked; it is no reason to be careful, and empty where no other
    could. ``typed_version`` says with which version of what a reader typed of the film
    (`TypedFacts`) the network was asked; 0 with none.
    """

    sop_instance_uid: str
    status: Status
    model: ModelIdentity | None = None
    findings: tuple[Finding, ...] = ()
    messages: tuple[str, ...] = ()
    created_at: datetime | None = None
    answer: Answer | None = None
    conformal_set: tuple[str, ...] = ()
    error_rate: float | None = None
    disagreement: float | None = None
    probabilities: tuple[tuple[str, float], ...] = ()
    grades: str = ""
    engine: str = ""
    view: tuple[float, float, float, float] | None = None
    typed_version: int = 0
    choice: str = ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """All that is said beside an answer: reasons to be careful, then the ``choice``."""
        return (*self.messages, self.choice) if self.choice else self.messages

    @property
    def primary(self) -> Finding | None:
        """The finding that leads: the first that is not exploratory.

        Of several with answers of their own the first that is present, else the first the network
        is unsure of, else the first.
        """
        return leading_finding(self.findings)

    def answer_to(self, finding: Finding) -> Answer | None:
        """What is said about one finding; None where its operating point alone decides."""
        if finding.answer is not None:
            return finding.answer
        primary = self.primary
        return self.answer if primary is None or primary.code == finding.code else None

    def answers(self, finding: Finding) -> bool:
        """True for the leading finding, and for one with an answer of its own."""
        return finding is self.primary or finding.answer is not None

    def about(self, finding: Finding) -> Assessment:
        """What is said about one finding alone, as if it led."""
        labels = self.conformal_set if finding.answer is None else finding.conformal_set
        answer = self.answer_to(finding)
        return replace(self, findings=(finding,), answer=answer, conformal_set=labels)


def leading_finding(findings: Sequence[Finding]) -> Finding | None:
    """The finding that leads of those that are not exploratory, see `Assessment.primary`."""
    firm = [f for f in findings if not f.exploratory]
    return min(firm, key=lambda f: _RANKS[f.answer], default=None)


_RANKS = {None: 0, Answer.PRESENT: 0, Answer.UNSURE: 1, Answer.ABSENT: 2, Answer.UNSUITABLE: 2}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A film that is kept although its pixels cannot be read, and why: one sentence."""

    instance: Instance
    reason: str


@dataclass(frozen=True, slots=True)
class JobFile:
    """A file of a queued job: waiting while ``status`` is None, else done.

    ``duplicate`` says where its bytes were before: earlier in the job ("job"), or in the store
    ("store"); "" for bytes that were new.
    """

    position: int
    file_name: str
    status: Status | None
    message: str = ""
    study_instance_uid: str = ""
    sop_instance_uid: str = ""
    duplicate: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A batch of files handed in together, with how far it has come."""

    job_id: str
    created_at: datetime
    files: tuple[JobFile, ...]
    account: str = ""  # who handed them in

    @property
    def total(self) -> int:
        """Number of files."""
        return len(self.files)

    @property
    def done(self) -> int:
        """Number of files that have their outcome."""
        return sum(f.status is not None for f in self.files)

    @property
    def finished(self) -> bool:
        """True when no file waits any more."""
        return self.done == self.total
