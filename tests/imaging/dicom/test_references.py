"""Documents that name films by malformed UIDs find the films, under the stand-ins they have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import config, uid
from pydicom.dataset import Dataset

from imaging.dicom import read_image, read_object, read_presentation, read_report
from imaging.export import find_changes
from imaging.study import StudyRecord
from tests.factories import make_dataset, to_bytes
from tests.imaging.export_cases import SAID, case_with

STUDY, SERIES = "1A2B.77", "{9F-E1}"
FILMS = ("C0FFEE01", "C0FFEE02", "1.2.3.04X")
CT = "1.2.840.10008.5.1.4.1.1.2"
SYNTAXES = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian)


@pytest.fixture(autouse=True)
def _any_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the files say is the point: pydicom need not like it."""
    monkeypatch.setattr(config.settings, "writing_validation_mode", config.IGNORE)
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.IGNORE)


def film(instance: str, *, study: str = STUDY, series: str = SERIES) -> bytes:
    return to_bytes(
        make_dataset(
            StudyInstanceUID=study, SeriesInstanceUID=series, SOPInstanceUID=instance,
            WindowCenter=2000, WindowWidth=4000,
        )
    )  # fmt: skip


def known_as(content: bytes) -> str:
    return read_image(content).instance.identity.sop_instance_uid


def item(**values: Any) -> Dataset:
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def reference(instance: str) -> Dataset:
    return item(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=instance)


def document(kind: str, syntax: uid.UID, **values: Any) -> bytes:
    ds = make_dataset(
        SOPClassUID=kind, PixelData=None, StudyInstanceUID=STUDY,
        SeriesInstanceUID="F0", SOPInstanceUID="F1", **values,
    )  # fmt: skip
    ds.file_meta.TransferSyntaxUID = syntax
    return to_bytes(ds)


def presentation(films: tuple[str, ...], syntax: uid.UID, *, about: str) -> bytes:
    """A state of some films whose window and mark are about one of them."""
    line = item(
        GraphicAnnotationUnits="PIXEL", GraphicDimensions=2, NumberOfGraphicPoints=2,
        GraphicData=[1.0, 1.0, 5.0, 5.0], GraphicType="POLYLINE", GraphicFilled="N",
    )  # fmt: skip
    return document(
        "1.2.840.10008.5.1.4.1.1.11.1",
        syntax,
        Modality="PR",
        PresentationLUTShape="IDENTITY",
        ReferencedSeriesSequence=[
            item(SeriesInstanceUID=SERIES, ReferencedImageSequence=[reference(f) for f in films])
        ],
        SoftcopyVOILUTSequence=[
            item(WindowCenter=700, WindowWidth=300, ReferencedImageSequence=[reference(about)])
        ],
        GraphicAnnotationSequence=[
            item(
                GraphicLayer="A",
                ReferencedImageSequence=[reference(about)],
                GraphicObjectSequence=[line],
            )
        ],
    )


def report(
    films: tuple[str, ...], syntax: uid.UID, *, series: tuple[str, ...] = (SERIES,)
) -> bytes:
    """A report with a line for each film, and its evidence."""
    lines = [
        item(RelationshipType="CONTAINS", ValueType="IMAGE", ReferencedSOPSequence=[reference(f)])
        for f in films
    ]
    evidence = [
        item(SeriesInstanceUID=one, ReferencedSOPSequence=[reference(f) for f in films])
        for one in series
    ]
    return document(
        "1.2.840.10008.5.1.4.1.1.88.11",
        syntax,
        Modality="SR",
        ValueType="CONTAINER",
        ContentSequence=lines,
        CurrentRequestedProcedureEvidenceSequence=[
            item(StudyInstanceUID=STUDY, ReferencedSeriesSequence=evidence)
        ],
    )


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("about", FILMS)
def test_a_presentation_finds_its_films(about: str, syntax: uid.UID) -> None:
    state = read_presentation(presentation(FILMS, syntax, about=about))
    contents = [film(f) for f in FILMS]
    assert state.films == tuple(map(known_as, contents))
    for name, content in zip(FILMS, contents, strict=True):
        staging = state.on(read_image(content))
        assert (staging.presentation.window_center == 700) == (name == about)
        assert len(staging.annotations) == (name == about)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_report_finds_its_films(syntax: uid.UID) -> None:
    found = read_report(report(FILMS, syntax))
    assert [line.refers for line in found.lines] == [known_as(film(f)) for f in FILMS]


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_document_and_films_are_one_study(syntax: uid.UID) -> None:
    written = presentation(FILMS, syntax, about=FILMS[0]), report(FILMS, syntax)
    documents = [read_object(content).identity for content in written]  # type: ignore[union-attr]
    studies = {identity.study_instance_uid for identity in documents}
    assert studies == {read_image(film(FILMS[0])).instance.identity.study_instance_uid}


def test_a_name_that_means_two_films_leads_to_neither() -> None:
    found = read_report(report(("1",), SYNTAXES[0], series=(SERIES, "other")))
    assert [line.refers for line in found.lines] == ["1"]


def test_well_formed_references_stay() -> None:
    films = ("1.2.3", "1.2.04")
    found = read_report(report(films, SYNTAXES[0]))
    assert [line.refers for line in found.lines] == list(films)
    state = read_presentation(presentation(films, SYNTAXES[0], about="1.2.3"))
    assert state.films == films


@settings(deadline=None)
@given(st.text("0123456789ABCDEF.-{} ", min_size=1, max_size=80))
def test_whatever_a_film_is_called_it_is_found(name: str) -> None:
    if not name.strip():  # no name at all: nothing can refer to it
        return
    content = film(name)
    assert read_presentation(presentation((name,), SYNTAXES[0], about=name)).films == (
        known_as(content),
    )


def test_exports_tell_that_a_uid_is_a_stand_in() -> None:
    content = film(FILMS[0])
    instance = read_image(content).instance
    identity = instance.identity
    record = StudyRecord(identity.study_instance_uid, (instance,), (None,), (), SAID)
    changes = find_changes(case_with(record, {identity.sop_instance_uid: content}))
    told = {change.keyword: change.sentence for change in changes}
    for keyword, uid_ in (
        ("StudyInstanceUID", identity.study_instance_uid),
        ("SeriesInstanceUID", identity.series_instance_uid),
        ("SOPInstanceUID", identity.sop_instance_uid),
    ):
        assert f'"{uid_}" stands in for it' in told[keyword]
