"""The coded list a reader's findings come from: SNOMED CT, and DICOM where SNOMED has no word."""

from __future__ import annotations

from imaging.review.records import Code, Side, Site

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
    "osteoarthritis": Code("396275006", SNOMED, "Osteoarthritis"),
}

SIDES = {  # PS3.16 CID 244
    Side.RIGHT: Code("24028007", SNOMED, "Right"),
    Side.LEFT: Code("7771000", SNOMED, "Left"),
    Side.BOTH: Code("51440002", SNOMED, "Bilateral"),
}
SITES = {
    Site.UPPER_ZONE: Code("281392002", SNOMED, "Upper zone of lung"),
    Site.MIDDLE_ZONE: Code("281393007", SNOMED, "Middle zone of lung"),
    Site.LOWER_ZONE: Code("281394001", SNOMED, "Lower zone of lung"),
    Site.UPPER_LOBE: Code("45653009", SNOMED, "Upper lobe of lung"),
    Site.MIDDLE_LOBE: Code("72481006", SNOMED, "Middle lobe of right lung"),
    Site.LOWER_LOBE: Code("90572001", SNOMED, "Lower lobe of lung"),
}
LUNG = Code("39607008", SNOMED, "Lung")
_LUNG = (
    *("pneumonia", "bacterial", "viral", "consolidation", "opacity", "atelectasis", "edema"),
    *("nodule", "mass"),
)
# where a finding is that has a side: zones and lobes are a lung's; the heart has no side
PARTS = {
    **dict.fromkeys(_LUNG, LUNG),
    **dict.fromkeys(("effusion", "pneumothorax"), Code("3120008", SNOMED, "Pleura")),
    "rib_fracture": Code("113197003", SNOMED, "Rib"),
}
# what a study shows nothing of that is called normal: a reader's words, not the network's
NORMAL = ("consolidation", "effusion", "pneumothorax", "cardiomegaly")


def sites_of(code: str, side: Side | None) -> tuple[Site, ...]:
    """Where a finding of a side may lie; nothing without a side, and outside the lungs."""
    if side is None or PARTS.get(code) is not LUNG:
        return ()
    return tuple(s for s in Site if s is not Site.MIDDLE_LOBE or side is Side.RIGHT)


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
