"""How sure an answer must be to be held against a signature: what was chosen, read back."""

from __future__ import annotations

import json
from pathlib import Path

from models.checkpoint.installed import EVALUATION

SECOND_LOOK = "second_look.json"  # by `python -m models.evaluation.second_look`


def read_sure_from(folder: Path, weights_sha256: str) -> float | None:
    """The limit that was chosen for these weights, in [0.5, 1]; None where none was.

    Parameters
    ----------
    folder : Path
        Of the checkpoint.
    weights_sha256 : str
        A limit of other weights is none.
    """
    try:
        stored = json.loads((folder / EVALUATION / SECOND_LOOK).read_text())
        limit = float(stored["sure_from"])
        own = stored["weights_sha256"] == weights_sha256
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return limit if own and 0.5 <= limit <= 1 else None
