"""What indexing a folder learns about each file: a dozen header values, as a plain record."""

from __future__ import annotations

from typing import NamedTuple


class Listing(NamedTuple):
    """One file's line in an index; named after DICOM attributes (PS3.6).

    Texts are cleaned and "" where the file is silent; numbers are None where it states no single
    whole number. A NamedTuple because thousands are made a second.
    """

    transfer_syntax_uid: str = ""
    image_type: str = ""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    study_date: str = ""
    modality: str = ""
    series_description: str = ""
    patient_id: str = ""
    patient_age: str = ""
    body_part: str = ""
    view_position: str = ""
    study_instance_uid: str = ""
    series_instance_uid: str = ""
    instance_number: int | None = None
    frames: int | None = None
    rows: int | None = None
    columns: int | None = None
