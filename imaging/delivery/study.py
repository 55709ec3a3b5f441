"""Export of a study: gather its records, originals and pictures, write them, hand them out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from imaging.decoding import DistantImage, Source, read_image
from imaging.decoding.files import header_of
from imaging.decoding.limits import is_large
from imaging.delivery.originals import source_of
from imaging.entities import Instance, SourceKind, VoiPreset
from imaging.errors import ExportError, StoreError
from imaging.export import (
    FORMATS,
    AttributionMap,
    Change,
    ExportCase,
    ExportedFile,
    Picture,
    export_case,
    find_changes,
)
from imaging.lengths import recorded_plane
from imaging.review.drafting import without_ai
from imaging.review.measure import METRIC
from imaging.review.records import AuditEvent, Measure, Presentation, Review
from imaging.review.rights import Right
from imaging.store import Repository, seal_file
from imaging.store.access.sessions import insist_on
from imaging.study import StudyRecord

_HIDDEN = "The doctor switched the file's overlay off: it is not drawn here."
_HEAD = 64  # bytes that tell a PNG from a JPEG
_UNDRAWN = {"sr", "html", "fhir", "csv"}  # hold no picture: reports of a batch decode nothing


def deliver(
    repository: Repository,
    study_uid: str,
    formats: Collection[str],
    *,
    maps: Sequence[AttributionMap] = (),
    account: str,
    now: datetime | None = None,
) -> tuple[ExportedFile, ...]:
    """Export a stored study and write it down in the audit trail.

    Parameters
    ----------
    repository : Repository
    study_uid : str
        Study Instance UID.
    formats : collection of str
        Some of `imaging.export.FORMATS`.
    maps : sequence of AttributionMap
        Explanations to export; "sc" and "map" have nothing to show without one.
    account : str
        Sign-in name of who exports.
    now : datetime, optional
        As for `export_case`.

    Returns
    -------
    tuple[ExportedFile, ...]
        As from `export_case`; what could not be made is named in a file of its own.

    Raises
    ------
    NotFoundError
        If there is no such study.
    ExportError
        If nothing asked for can be made; then nothing is written in the audit trail.
    HeldStudyError
        While the study's files name two patients.
    InputError
        If an original cannot be decoded any more, and a picture of it was asked for.
    """
    insist_on(Right.EXPORT)
    record = repository.studies.get(study_uid)
    record.insist_on_one_patient()
    signed = next((r for r in reversed(record.reviews) if r.signed), None)
    if signed is not None and any(i.typed for i in record.instances):
        # the patient as under the signature: what was typed since belongs to an amendment
        record = repository.studies.get(study_uid, typed_until=signed.created_at)
    if not record.instances:
        raise ExportError(
            "This study has no image, so there is nothing to export. Choose another study."
        )
    sources = _find_sources(repository, record)
    drawn = not set(formats) <= _UNDRAWN
    head = repository.audit.head()
    case = make_case(record, sources, maps=maps, drawn=drawn)
    files = export_case(replace(case, anchor=head.short if head else ""), formats, now)
    kinds = {file.name.partition("-")[0] for file in files}
    written = ",".join(name for name in FORMATS if name in kinds)
    seals: dict[str, str | None] = {}
    for file in files:
        seals |= seal_file(file.name, file.content)
    repository.audit.record(
        AuditEvent.EXPORT,
        account=account,
        study_instance_uid=study_uid,
        detail=written,
        seals=seals,
    )
    return files


def changes_of(repository: Repository, study_uid: str) -> tuple[Change, ...]:
    """What exports of a stored study write otherwise than its files do.

    Raises
    ------
    NotFoundError
        If there is no such study.
    """
    record = repository.studies.get(study_uid)
    return find_changes(
        ExportCase(record, None, _read_heads(_find_sources(repository, record), record))
    )


def make_case(
    record: StudyRecord,
    sources: Mapping[str, Source],
    *,
    maps: Sequence[AttributionMap] = (),
    drawn: bool = True,
    review: Review | None = None,
) -> ExportCase:
    """The case of a study: its newest signed review (else the draft) and the pictures it needs.

    Parameters
    ----------
    record : StudyRecord
    sources : mapping
        SOP Instance UID to original. An instance that lacks one has no picture, and forms that
        need its header or its pixels cannot be made.
    maps : sequence of AttributionMap
    drawn : bool
        False for a case nobody draws: it holds no pictures but those of PNG and JPEG films, which
        become DICOM.
    review : Review, optional
        Another version than that, such as the amendment under way.
    """
    contents = _read_heads(sources, record)
    review = review or next((r for r in reversed(record.reviews) if r.signed), record.review)
    review = _without_strangers(_with_planes(review, record), record) if review else None
    if record.ai_off is not None:  # nor what else was worked out of a network before it was
        maps, review = (), without_ai(review) if review else None
    pictures = [
        picture
        for instance in record.instances
        if instance.identity.sop_instance_uid in contents
        and not is_large(instance.geometry)
        and (drawn or instance.source is SourceKind.FILM)
        for picture in _render_pictures(instance, sources, review, maps)
    ]
    return ExportCase(record, review, contents, tuple(maps), tuple(pictures))


def _without_strangers(review: Review, record: StudyRecord) -> Review:
    """A review without what was done on films that are in another patient's study by now."""
    films = {instance.identity.sop_instance_uid for instance in record.instances}
    return replace(
        review,
        annotations=tuple(m for m in review.annotations if m.sop_instance_uid in films),
        presentations=tuple(p for p in review.presentations if p.sop_instance_uid in films),
        trials=tuple(trial for trial in review.trials if trial.sop_instance_uid in films),
    )


def write_files(files: Sequence[ExportedFile], folder: Path) -> tuple[Path, ...]:
    """Write exported files below a folder, made if need be; files of the same name are replaced.

    Raises
    ------
    ExportError
        If the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            (folder / file.name).write_bytes(file.content)
    except OSError as exc:
        raise ExportError(
            "The folder for the export cannot be written; check that it exists and is not full."
        ) from exc
    return tuple(folder / file.name for file in files)


def _with_planes(review: Review, record: StudyRecord) -> Review:
    """A review whose lengths all say where they hold, older ones too."""
    films = {i.identity.sop_instance_uid: i for i in record.instances}

    def tell(measure: Measure, film: Instance | None) -> Measure:
        if film is None or measure.unit not in METRIC:
            return measure
        return replace(measure, plane=recorded_plane(measure.plane, film))

    marks = (
        replace(m, measures=tuple(tell(one, films.get(m.sop_instance_uid)) for one in m.measures))
        for m in review.annotations
    )
    return replace(review, annotations=tuple(marks))


def _find_sources(repository: Repository, record: StudyRecord) -> dict[str, Source]:
    """SOP Instance UID to original."""
    return {
        instance.identity.sop_instance_uid: source_of(repository, instance.identity.sha256)
        for instance in record.instances
    }


def _read_heads(sources: Mapping[str, Source], record: StudyRecord) -> dict[str, bytes]:
    """SOP Instance UID to header, or the first bytes of a film without one.

    An original that is gone or altered hides nothing else.
    """
    heads = {}
    for instance in record.instances:
        uid = instance.identity.sop_instance_uid
        with suppress(KeyError, StoreError):
            if instance.source is SourceKind.FILM:
                heads[uid] = sources[uid].read()[:_HEAD]
            else:
                heads[uid] = header_of(sources[uid])
    return heads


def _render_pictures(
    instance: Instance,
    sources: Mapping[str, Source],
    review: Review | None,
    maps: Sequence[AttributionMap],
) -> list[Picture]:
    """The first frame, and every frame that was explained, marked or windowed."""
    uid = instance.identity.sop_instance_uid
    image = read_image(
        sources[uid], file_name=instance.file_name, expected=instance.geometry
    ).known_as(instance)
    presentations = review.presentations if review else ()
    marks = review.annotations if review else ()
    frames = {0, *(m.frame for m in maps if m.sop_instance_uid == uid)}
    frames |= {p.frame for p in presentations if p.sop_instance_uid == uid}
    frames |= {m.frame for m in marks if m.sop_instance_uid == uid}
    by_frame = {p.frame: p for p in presentations if p.sop_instance_uid == uid}
    return [
        _render_picture(image, frame, by_frame.get(frame))
        for frame in sorted(frames)
        if frame < instance.geometry.frames
    ]


def _render_picture(image: DistantImage, frame: int, presentation: Presentation | None) -> Picture:
    """A frame in the reader's window, else in the file's own first, else in the automatic one."""
    grey = image.instance.geometry.photometric_interpretation.startswith("MONOCHROME")
    preset = _choose_preset(image, frame, presentation) if grey else None
    film = image.instance.source is SourceKind.FILM
    planes = image.overlay_planes()
    covering = tuple(plane.group for plane in planes.drawn if plane.covers(frame))
    hidden = bool(covering) and presentation is not None and not presentation.overlays
    return Picture(
        sop_instance_uid=image.instance.identity.sop_instance_uid,
        frame=frame,
        values=image.display_values(frame, preset=preset),
        preset=preset,
        voi_lut=image.voi_lut(preset, frame) if preset else None,
        modality_lut=image.modality_lut(),
        stored=image.stored_values(frame) if film else None,
        overlay=None if hidden else image.overlay_mask(frame),
        overlay_groups=() if hidden else covering,
        aspect=image.pixel_aspect,
        notes=(*planes.undrawn, _HIDDEN) if hidden else planes.undrawn,
    )


def _choose_preset(image: DistantImage, frame: int, presentation: Presentation | None) -> VoiPreset:
    """The window of a grey frame."""
    if presentation is not None:
        center, width = presentation.window_center, presentation.window_width
        if center is not None and width is not None:
            function = presentation.function
            return VoiPreset("window", 0, "Doctor's window", center, width, function=function)
    presets = image.instance.voi_presets
    return presets[0] if presets else image.automatic_preset(frame)
