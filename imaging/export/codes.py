"""The codes our reports use: DICOM's and SNOMED's where they have the word, our own elsewhere."""

from __future__ import annotations

from imaging.entities import Answer, LengthPlane
from imaging.export.common import PRIVATE
from imaging.review.records import Call, Code, Course, Measure, ReadFinding
from imaging.review.terms import PARTS, SITES

RADIOGRAPHY = Code("RG", "DCM", "Radiographic imaging")
PROCEDURES = {  # modality -> procedure reported (CID 100 has none for plain films)
    "CT": Code("77477000", "SCT", "Computed tomography"),
    "MR": Code("113091000", "SCT", "Magnetic resonance imaging"),
    "US": Code("16310003", "SCT", "Ultrasonography"),
}
COMMENT = Code("121106", "DCM", "Comment")
PRESENT = Code("52101004", "SCT", "Present")
ABSENT = Code("272519000", "SCT", "Absent")
CALL = Code("CALL", PRIVATE, "Doctor's word on the AI answer")
CALLS = {
    Call.ACCEPTED: Code("ACCEPTED", PRIVATE, "Agreed with the AI"),
    Call.OVERRULED: Code("OVERRULED", PRIVATE, "Disagreed with the AI"),
    Call.EDITED: Code("EDITED", PRIVATE, "AI finding reworded"),
    Call.ADDED: Code("ADDED", PRIVATE, "Added by the doctor"),
    Call.UNAIDED: Code("UNAIDED", PRIVATE, "Decided by doctor (no firm AI answer)"),
    Call.STATED: Code("STATED", PRIVATE, "Stated by the doctor"),
}
UNSURE = Code("UNAIDED_UNSURE", PRIVATE, "Decided by doctor (AI was unsure)")
FINDINGS = Code("121070", "DCM", "Findings")
IMPRESSION = Code("121073", "DCM", "Impression")
INDICATION = Code("121109", "DCM", "Indications for Procedure")
COMPARISON = Code("COMPARED_WITH", PRIVATE, "Compared with")
COURSE = Code("COURSE", PRIVATE, "Change since the compared study")
COURSES = {
    Course.NEW: Code("NEW", PRIVATE, "New"),
    Course.WORSE: Code("WORSE", PRIVATE, "Worse"),
    Course.SAME: Code("260388006", "SCT", "No change"),
    Course.BETTER: Code("BETTER", PRIVATE, "Better"),
    Course.RESOLVED: Code("413322009", "SCT", "Problem resolved"),
}
LATERALITY = Code("272741003", "SCT", "Laterality")
FINDING_SITE = Code("363698007", "SCT", "Finding Site")
ANSWER = Code("ANSWER", PRIVATE, "AI answer")
NOT_EVALUATED = Code("373121007", "SCT", "Not Evaluated")
ANSWERS = {
    Answer.PRESENT: PRESENT,
    Answer.ABSENT: ABSENT,
    Answer.UNSURE: Code("82334004", "SCT", "Indeterminate"),
    Answer.UNSUITABLE: NOT_EVALUATED,
}
PROBABILITY = Code("122157", "DCM", "Probability")
OPERATING_POINT = Code("OPERATING_POINT", PRIVATE, "Threshold")
DISAGREEMENT = Code("DISAGREEMENT", PRIVATE, "Disagreement within the model")
ERROR_RATE = Code("ERROR_RATE", PRIVATE, "Error rate the AI answer is set to")
AI = Code("123110", "DCM", "Artificial Intelligence")
IMAGE_QUALITY = Code("SUITABILITY", PRIVATE, "Suitability for the AI")
NO_UNIT = Code("1", "UCUM", "no units")
SALIENCY = Code("130404", "DCM", "Saliency")
GRAD_CAM = Code("130403", "DCM", "Gradient-weighted class activation")

PLANES = {  # measurement methods (PS3.16 TID 300): where a length holds
    LengthPlane.DETECTOR: Code("AT_DETECTOR", PRIVATE, "Measured at the detector"),
    LengthPlane.FILM: Code("ON_FILM", PRIVATE, "Measured on the scanned film"),
    LengthPlane.CORRECTED: Code(
        "DEMAGNIFIED", PRIVATE, "Measured at the detector, divided by the stated magnification"
    ),
    LengthPlane.CALIBRATED: Code("CALIBRATED", PRIVATE, "Measured by calibrated pixel spacing"),
    LengthPlane.UNKNOWN: Code("PLANE_UNKNOWN", PRIVATE, "Measured in a plane that is not stated"),
}
LENGTH_PLANE = Code("LENGTH_PLANE", PRIVATE, "Where lengths hold")

_ATTENUATION = Code("112031", "DCM", "Attenuation Coefficient")
_PIXEL_VALUE = Code("PIXEL_VALUE", PRIVATE, "Pixel value")
_DERIVATIONS = {
    "mean": Code("373098007", "SCT", "Mean"),
    "deviation": Code("386136009", "SCT", "Standard Deviation"),
    "minimum": Code("255605001", "SCT", "Minimum"),
    "maximum": Code("56851009", "SCT", "Maximum"),
}
_NAMES = {
    "length": Code("410668003", "SCT", "Length"),
    "angle": Code("1483009", "SCT", "Angle"),
    "area": Code("42798000", "SCT", "Area"),
    "ratio": Code("CTR", PRIVATE, "Cardiothoracic ratio"),
}
_UNITS = {
    "mm": "millimeter",
    "mm2": "square millimeter",
    "cm": "centimeter",
    "deg": "degree",
    "[hnsf'U]": "Hounsfield unit",
    "{pixels}": "pixels",
    "{pixels}2": "square pixels",
    "1": "no units",
}


def call_code(finding: ReadFinding) -> Code:
    """What a reader's statement is beside the network's answer."""
    if finding.call is Call.UNAIDED and finding.unsure:
        return UNSURE
    return CALLS[finding.call]


def sites_code(finding: ReadFinding) -> tuple[Code, ...]:
    """Where a finding lies: the zones or lobes stated, else the organ; empty without a side."""
    if finding.side is None or finding.code not in PARTS:
        return ()
    return tuple(SITES[site] for site in finding.sites) or (PARTS[finding.code],)


def measure_name(measure: Measure) -> tuple[Code, Code | None]:
    """Name of a measurement and its derivation (PS3.16 TID 300), None without one."""
    if measure.name in _NAMES:
        return _NAMES[measure.name], None
    values = _ATTENUATION if measure.unit == "[hnsf'U]" else _PIXEL_VALUE
    return values, _DERIVATIONS.get(measure.name)


def measure_unit(measure: Measure) -> Code:
    """UCUM code of a measurement's unit; "1" where it has none."""
    unit = measure.unit or "1"
    return Code(unit, "UCUM", _UNITS.get(unit, unit))


def method_code(method: str) -> Code:
    """The kind of map an attribution method makes (PS3.16 CID 217)."""
    return GRAD_CAM if "cam" in method.lower() else SALIENCY
