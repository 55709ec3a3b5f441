"""Who has to be named where films of the open sets were used beside a task's own."""

from __future__ import annotations

from pathlib import Path

from models.checkpoint.card import ModelCard

# First folder of the manifest, below the folder of the data -> whom to name.
CREDITS = {
    "shenzhen_tb": (
        "Shenzhen chest X-ray set, Shenzhen No. 3 People's Hospital and US National Library of "
        "Medicine (attribution requested): Jaeger S, et al. Quant Imaging Med Surg 2014;4:475-477; "
        "Candemir S, et al. IEEE Trans Med Imaging 2014;33:577-590"
    ),
    "montgomery_tb": (
        "Montgomery County chest X-ray set, Department of Health and Human Services, Montgomery "
        "County, MD, USA, and US National Library of Medicine (attribution requested): Jaeger S, "
        "et al. Quant Imaging Med Surg 2014;4:475-477; Candemir S, et al. IEEE Trans Med Imaging "
        "2014;33:577-590"
    ),
    "nih_adult_weak": (
        "NIH ChestX-ray14, NIH Clinical Center (free use with citation): Wang X, et al. CVPR "
        "2017:2097-2106"
    ),
    "kermany_cxr": (
        "Kermany D, Zhang K, Goldbaum M, Mendeley Data rscbjbr9sj (CC BY 4.0): Kermany D, et al. "
        "Cell 2018;172:1122-1131"
    ),
}


def credits_of(card: ModelCard) -> tuple[str, ...]:
    """Whom to name for films beside the task's own: companions, and hospitals that measured.

    What its networks started from counts too. A set that `CREDITS` does not know is named by its
    folder.
    """
    own = _folder(card.training.get("data", {}).get("manifest", ""))
    members = list(card.training.get("members", ()))
    used: dict[str, None] = {}
    while members:
        member = members.pop(0)
        tables = (*member.get("companions", ()), *member.get("elsewhere", ()))
        used |= dict.fromkeys(_folder(table["manifest"]) for table in tables)
        members += member.get("origin") or ()
    return tuple(CREDITS.get(name, name) for name in used if name != own)


def _folder(manifest: str) -> str:
    return Path(manifest).parts[0] if manifest else ""
