"""The coded list a reader's findings come from: SNOMED CT, and DICOM where SNOMED has no word."""

from __future__ import annotations

from imaging.review.records import Code

SNOMED, DICOM = "SCT", "DCM"

# key of a finding, as network and reader use it -> its concept; the order is the list's on screen
TERMS: dict[str, Code] = {
    "pneumonia": Code("233604007", SNOMED, "Pneumonia"),
    "bacterial": Code("53084003", SNOMED, "Bacterial pneumonia"),
    "viral": Code("75570004", SNOMED, "Viral pneumonia"),
    "consolidation": Code("95436008", SNOMED, "Lung consolidation"),
    "opacity": Code("112123", DICOM, "Opacity"),
    "effusion": Code("60046008", SNOMED, "Pleural effusion"),
    "pneumothorax": Code("36118008", SNOMED, "Pneumothorax"),
    "atelectasis": Code("46621007", SNOMED, "Atelectasis"),
    "cardiomegaly": Code("8186001", SNOMED, "Cardiomegaly"),
    "edema": Code("19242006", SNOMED, "Pulmonary edema"),
    "nodule": Code("427359005", SNOMED, "Solitary nodule of lung"),
    "mass": Code("4147007", SNOMED, "Mass"),
    "rib_fracture": Code("33737001", SNOMED, "Fracture of rib"),
}


def concept(code: str, label: str = "") -> Code:
    """The concept of a finding; one of our own scheme (99LIGHTBOX) where the list has none.

    Parameters
    ----------
    code : str
        Key of a finding; for the private scheme it becomes the code value (SH, 16 characters).
    label : str
        Its meaning where the list has none (LO, 64 characters).
    """
    term = TERMS.get(code)
    return term or Code(code[:16].upper(), "99LIGHTBOX", (label or code)[:64])
