"""Names of what was measured, in a reader's words; another task's stay as they are stored."""

from __future__ import annotations

from pages.ui.i18n import _

_MATCHED, _MISLED = " matched size", ("where ", " misleads")


def kind(stored: str) -> str:
    """A kind of picture shown to the scope gate."""
    if stored.startswith("dicom_") and stored != "dicom_unknown":
        return _("DICOM of modality {modality}").format(modality=stored[6:].upper())
    words = {
        "chest_test": _("Chest films of children, test split"),
        "knee_test": _("Crops of one knee, test split"),
        "chest": _("Chest films of children"),
        "adult_chest": _("Chest films of adults"),
        "adult": _("Chest films of adults, by the image alone"),
        "adult_test": _("Chest images of adults, test split"),
        "adult_elsewhere": _("Chest images of adults of another hospital"),
        "child": _("Chest images of children"),
        "knee": _("X-rays of knees"),
        "brain_mri": _("MRI of the brain"),
        "dicom_unknown": _("DICOM without a modality"),
        "procedural": _("Patterns drawn by a program"),
        "inverted": _("Fitting images, black and white exchanged"),
        "turned": _("Fitting images, upside down"),
        "sideways": _("Fitting images, lying on a side"),
        "cropped": _("Fitting images, cut"),
        "whole": _("Whole images composed of fitting ones"),
    }
    return words.get(stored, _(stored.replace("_", " ")))


def limit(stored: str) -> str:
    """A limit of a card in plain words; one that is not known here as it is stored.

    A card is sealed with the model it belongs to, so its words stay and are said otherwise here.
    """
    return _limits().get(stored, _(stored))


def _limits() -> dict[str, str]:
    return {
        "One hospital, one age group, films that are either normal or pneumonia: a film with "
        "another disease was never seen, and specificity will not carry over to a ward.": _(
            "One hospital, one age group, images that are either normal or pneumonia: another "
            "disease was never seen, and on a ward more images will be falsely flagged."
        ),
        "It looks at what its localiser takes for the lungs, and at nothing else; the frame is "
        "drawn on every explanation. If the frame is wrong, so may the answer be.": _(
            "It looks only at what it takes for the lungs; every explanation shows that frame. If "
            "the frame is wrong, the answer may be wrong."
        ),
        "It calls more normal films of the official test split pneumonia than of the validation "
        "split: the two differ in ways that are only partly understood, and a third source may "
        "differ more.": _(
            "It falsely flags more normal images in the test set than in the validation set: the "
            "two differ in ways that are only partly understood, and your images may differ more."
        ),
        "Exposure, framing and age go with the label in these films. Size, aspect, framing and "
        "tone are removed before the network; other shortcuts may remain.": _(
            "In the training images exposure, framing and age go with the diagnosis. Size, shape, "
            "framing and tone are removed before the AI looks; other shortcuts may remain."
        ),
        "Bacterial and viral labels come from clinical work-up; a film alone cannot settle "
        "them.": _(
            "Bacterial or viral was decided by clinical work-up; an image alone cannot settle it."
        ),
        "On films of adults with disease in one lung, the map lies on the other side in some; no "
        "test of the map can tell when the network is consistently wrong.": _(
            "On images of adults with disease in one lung, the map lies on the wrong side in some; "
            "no test of the map can tell when the AI is consistently wrong."
        ),
        "Its maps follow the sides of the picture as much as the disease: on adults' films marked "
        "by radiologists many lie on the wrong side. Every map is tested before it is shown.": _(
            "Its maps follow the sides of the picture as much as the disease: on adults' images "
            "annotated by radiologists many lie on the wrong side. Every map is tested before it "
            "is shown."
        ),
    }


def split(stored: str) -> str:
    """Which part of the images a figure was measured on."""
    words = {"test": _("test"), "val": _("validation"), "train": _("training")}
    return words.get(stored, stored)


def films(stored: str) -> str:
    """Films, or what was done to them, or what a trivial predictor sees of them."""
    if stored.endswith(_MATCHED):
        return _("{what}, images of one size").format(what=films(stored.removesuffix(_MATCHED)))
    before, after = _MISLED
    if stored.startswith(before) and stored.endswith(after):
        misled = films(stored.removeprefix(before).removesuffix(after))
        return _("Where this is wrong: {what}").format(what=misled)
    return _film_words().get(stored, _(stored))


def _film_words() -> dict[str, str]:
    return {
        "plain": _("Whole image"),
        "border": _("Border hidden"),
        "corners": _("Corners hidden"),
        "marks": _("Letters and text hidden"),
        "lungs removed": _("Lungs hidden"),
        "lungs removed lines": _("Lungs and their outline hidden"),
        "usual lungs removed": _("Usual position of the lungs hidden"),
        "lungs only": _("Lungs alone"),
        "majority": _("Always the commoner answer"),
        "area": _("Size of the picture"),
        "aspect": _("Shape of the picture"),
        "framing": _("Position of the lungs"),
        "thumbnail": _("Tiny picture"),
        "framed thumbnail": _("Tiny picture of the lungs"),
        "border tone": _("Brightness of the border"),
        "medmnist split = test": _("Images that are in PneumoniaMNIST's test split too"),
        "medmnist split empty": _("Images that are not in PneumoniaMNIST"),
    }
