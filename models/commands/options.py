"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

OutsidePopulation = Annotated[
    bool,
    typer.Option(
        "--outside-population",
        help="Ask about other patients than the model was made for too; no figure holds then.",
    ),
]
