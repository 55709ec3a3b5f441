"""What an export says of a film that was made out of another image: in words, and as DICOM."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom import Dataset
from pydicom.valuerep import DT

from imaging.entities import Derivation, Instance
from imaging.export.case import ExportCase
from imaging.export.common import SOFTWARE, code_item, local, person_name
from imaging.language import _
from imaging.review.records import Code

_JPEG = b"\xff\xd8\xff"
_RESAMPLED = Code("113085", "DCM", "Spatial resampling")
_SOURCE = Code("121322", "DCM", "Source image for image processing operation")
_MODIFYING = Code("109103", "DCM", "Modifying Equipment")


def origin_line(instance: Instance, films: Sequence[Instance] = ()) -> str:
    """Who made a film out of a photograph or of a region, and when; "" for any other film.

    Of a region also its side, and which of the study's `films` it was marked on.
    """
    derivation = instance.derivation
    if derivation is None:
        return ""
    if derivation.is_region:
        return _region_line(derivation, films)
    done = "cropped and straightened"
    if derivation.quarter_turns:
        done += f", turned by {90 * derivation.quarter_turns} degrees"
    if derivation.mirrored:
        done += ", MIRRORED (left and right swapped)"
    at = local(derivation.created_at).strftime("%Y-%m-%d %H:%M %Z").strip()
    return f"From a photograph, {done} by {derivation.reader}, {at}."


def is_calibrated(instance: Instance) -> bool:
    """False for a film out of a photograph: its score is no probability. A region's is one."""
    return instance.derivation is None or instance.derivation.is_region


def _region_line(derivation: Derivation, films: Sequence[Instance]) -> str:
    words = {
        "R": _("Region of the right side, marked by {reader}{film}, {time}."),
        "L": _("Region of the left side, marked by {reader}{film}, {time}."),
    }.get(derivation.side, _("Region marked by {reader}{film}, {time}."))
    uids = [film.identity.sop_instance_uid for film in films]
    source = derivation.source_sop_instance_uid
    film = ""
    if source in uids:
        film = " " + _("on image {number}").format(number=uids.index(source) + 1)
    at = local(derivation.created_at).strftime("%Y-%m-%d %H:%M %Z").strip()
    return words.format(reader=derivation.reader, film=film, time=at)


def describe_origin(dataset: Dataset, case: ExportCase, derivation: Derivation) -> None:
    """Write a film's origin into its Secondary Capture, in place.

    Notes
    -----
    PS3.3 C.7.6.1.1.3 and C.12.4.1 (derivation, source image), C.12.1 (Contributing Equipment),
    C.7.6.1.1.5 (what was compressed lossily once stays so).
    """
    film = case.instance(dataset.SOPInstanceUID)
    dataset.DerivationDescription = origin_line(film)
    if derivation.is_region:
        dataset.Laterality = derivation.side
    else:
        dataset.DerivationCodeSequence = [code_item(_RESAMPLED)]
    uids = {i.identity.sop_instance_uid: i.identity.sop_class_uid for i in case.record.instances}
    if derivation.source_sop_instance_uid in uids:
        item = Dataset()
        item.ReferencedSOPClassUID = uids[derivation.source_sop_instance_uid]
        item.ReferencedSOPInstanceUID = derivation.source_sop_instance_uid
        item.SpatialLocationsPreserved = "NO"
        item.PurposeOfReferenceCodeSequence = [code_item(_SOURCE)]
        dataset.SourceImageSequence = [item]
    device = Dataset()
    device.PurposeOfReferenceCodeSequence = [code_item(_MODIFYING)]
    device.Manufacturer = SOFTWARE
    device.ContributionDateTime = DT(local(derivation.created_at))
    device.OperatorsName = person_name(derivation.reader)
    dataset.ContributingEquipmentSequence = [device]
    photograph = case.contents.get(derivation.source_sop_instance_uid, b"")
    if photograph.startswith(_JPEG):
        dataset.LossyImageCompression, dataset.LossyImageCompressionMethod = "01", "ISO_10918_1"
