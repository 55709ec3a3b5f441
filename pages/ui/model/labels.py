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
        "adult": _("Chest films of adults, by their pixels alone"),
        "brain_mri": _("MRI of the brain"),
        "dicom_unknown": _("DICOM without a modality"),
        "procedural": _("Patterns drawn by a program"),
        "inverted": _("Chest films, black and white exchanged"),
        "turned": _("Chest films, upside down"),
        "sideways": _("Chest films, lying on a side"),
        "cropped": _("Chest films, cut"),
    }
    return words.get(stored, _(stored.replace("_", " ")))


def films(stored: str) -> str:
    """Films, or what was done to them, or what a trivial predictor sees of them."""
    if stored.endswith(_MATCHED):
        return _("{what}, films of one size").format(what=films(stored.removesuffix(_MATCHED)))
    before, after = _MISLED
    if stored.startswith(before) and stored.endswith(after):
        misled = films(stored.removeprefix(before).removesuffix(after))
        return _("Where this is wrong: {what}").format(what=misled)
    return _film_words().get(stored, _(stored))


def _film_words() -> dict[str, str]:
    return {
        "plain": _("Whole film"),
        "border": _("Border hidden"),
        "corners": _("Corners hidden"),
        "marks": _("Letters and text hidden"),
        "lungs removed": _("Lungs hidden"),
        "lungs removed lines": _("Lungs and their outline hidden"),
        "usual lungs removed": _("Usual place of the lungs hidden"),
        "lungs only": _("Lungs alone"),
        "majority": _("Always the commoner answer"),
        "area": _("Size of the picture"),
        "aspect": _("Shape of the picture"),
        "framing": _("Place of the lungs"),
        "thumbnail": _("Tiny picture"),
        "framed thumbnail": _("Tiny picture of the lungs"),
        "border tone": _("Brightness of the border"),
        "medmnist split = test": _("Films that are in PneumoniaMNIST's test split too"),
        "medmnist split empty": _("Films that are not in PneumoniaMNIST"),
    }
