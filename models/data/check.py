"""What is wrong with a set of films, before anything is trained on it: sentences with a next step.

Sentences name lines of the manifest and classes, never a patient or a folder.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.data.dataset import Film, class_truth, select
from models.rules.findings import FindingSpec, finding_truth

SPLITS = ("train", "val", "test")
# Films with a finding, and films without it, below which nothing can be said.
LEAST = {"train": 8, "val": 5, "test": 5}
_NAMED = 5  # lines named of many


def check_films(
    films: Sequence[Film],
    classes: Sequence[str],
    findings: Sequence[FindingSpec],
    *,
    multi_label: bool,
) -> list[str]:
    """Problems of the films of a task; none when it can be trained.

    Raises
    ------
    SettingsError
        If a label is no class of the task.
    """
    truth = class_truth([film.label for film in films], classes, multi_label=multi_label)
    problems = []
    missing = [film.line for film in films if not film.path.is_file()]
    if missing:
        problems.append(
            f"{len(missing)} files of the manifest are missing ({_lines(missing)}). Put them into "
            "the folder of images, or take their lines out."
        )
    strangers = [film.line for film in films if film.split not in SPLITS]
    if strangers:
        problems.append(
            f"{len(strangers)} images are in a split of another name ({_lines(strangers)}). Name "
            "it train, val or test, or rename it by splits under [columns]."
        )
    for split in SPLITS:
        inside = [i for i, film in enumerate(films) if film.split == split]
        for finding in findings:
            present = finding_truth(truth[inside], classes, finding)
            counts = {"with": int(present.sum()), "without": int((~present).sum())}
            problems += [
                f"The split {split} has {count} images {word} {finding.code}, and at least "
                f"{LEAST[split]} are needed. Add some, or deal the images out anew."
                for word, count in counts.items()
                if count < LEAST[split] and not (finding.exploratory and split != "train")
            ]
    if not multi_label:
        seen = {film.label for film in select(films, "train")}
        problems += [
            f"No training image shows the class {name}. Add some, or take it out of classes."
            for name in classes
            if name not in seen
        ]
    return problems


def _lines(lines: Sequence[int]) -> str:
    """The lines of the manifest, the first of many."""
    named = ", ".join(map(str, lines[:_NAMED]))
    word = "line" if len(lines) == 1 else "lines"
    return f"{word} {named}{' ...' if len(lines) > _NAMED else ''}"
