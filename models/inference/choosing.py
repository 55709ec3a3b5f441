"""Which of several networks answers for a film, and why; or, in one sentence, why none does.

The doctor chose no network. So where another would have fitted, too, the answer says which and why
this one was taken; where the age alone could tell a network of children from one of adults, nobody
guesses; and where none fits, the reason of the network that came nearest is told, not that of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import combinations

from imaging.entities import Instance, Patient, SourceKind
from models.checkpoint.card import ModelCard, Scope
from models.inference.age_scope import age_words, stated_ages, studied_ends
from models.inference.anatomy import is_part, reads_part
from models.inference.next_steps import CORRECT_OR_READ, READ_WITHOUT
from models.inference.scope import POPULATION, ScopeVerdict, mismatches, stated_parts
from models.rules.gate_rules import UNLIKE

NO_PART = "None of the installed models reads this part of the body: {0}. They read {1}."
SEVERAL_PARTS = "The header names several parts of the body, {0}: which is shown is not known."
NO_AGE = {  # whole sentences: what is typed of an age later is told by `imaging.worklist.order`
    "years": "The models for this image were tested on ages {0} to {1} and {2} to {3}; this "
    "patient is {4}.",
    "months": "The models for this image were tested on ages {0} to {1} and {2} to {3}; this "
    "patient is {4} months.",
    "days": "The models for this image were tested on ages {0} to {1} and {2} to {3}; this "
    "patient is {4} days.",
}
WHICH_AGE = (
    "The patient's age decides which model reads this image, and it is not known: one was tested "
    "on ages {0} to {1}, another on {2} to {3}."
)
_AGE_DECIDES = WHICH_AGE.partition(":")[0]
TYPE_AGE = "Enter the age beside the image, or read it without the AI."
STATE_AGE = "Have the age put into the header, or read this image without the AI."
SUPPOSED = (
    "The age is not known. {0} was asked, for ages {1} to {2}: the image is far more like those it "
    "learned from than like those of the other models. Check the age before you rely on it."
)
# Of the distance to the other networks' films. Chosen by looking at some 550 images of six sets,
# which are among those of docs/panel.md: what it does to a seventh hospital's is not known.
PLAINLY = 0.7
FEWER_DOUBTS = (
    "Model {0} could read this image, too; {1} answered, as there was less reason to be careful."
)
MORE_ALIKE = (
    "Model {0} could read this image, too; {1} answered, as it knows more images like this."
)
BY_NAME = "Model {0} could read this image, too; {1} answered, as its name comes first."
# What the header says of the patient and the part of the body, in contrast to the file itself.
_PATIENT = POPULATION - {"Modality"}


class Reached(IntEnum):
    """How far a film came with a network."""

    HEADER = 0  # refused by what the header says, or by the file itself
    PIXELS = 1  # refused by the gate
    REGION = 2  # what the network reads was not found in it
    OPEN = 3  # nothing is refused


@dataclass(frozen=True, slots=True)
class Candidate:
    """One network beside a film.

    Attributes
    ----------
    card : ModelCard
    verdict : ScopeVerdict
        What refuses the film, and what warns of its answer.
    reached : Reached
    kind : str
        What the gate took the film for (`gate_rules.REASONS`); "fits" or empty else.
    score : float
        The gate's: the lower, the more the film is like those the network knows.
    distance : float
        The gate's features to those of the network's own films (Mahalanobis); 0 without a gate.
    """

    card: ModelCard
    verdict: ScopeVerdict
    reached: Reached
    kind: str = ""
    score: float = 0.0
    distance: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """Which candidate answers, or speaks where none does.

    ``refused`` holds the reasons where none answers, else None. ``note`` says which other would
    have fitted and why it was not asked; empty where none would.
    """

    at: int
    refused: tuple[str, ...] | None = None
    note: str = ""


def choose(instance: Instance, candidates: Sequence[Candidate], *, outside: bool = False) -> Choice:
    """Of those that refuse nothing the one with fewest warnings, then the surest gate, answers.

    Parameters
    ----------
    instance : Instance
        With what a reader typed of it.
    candidates : sequence of Candidate
        Every installed network, in the order of preference.
    outside : bool
        Somebody asks outside the studied population, and is not asked for an age.
    """
    fitting = [m for m, one in enumerate(candidates) if one.reached is Reached.OPEN]
    if not fitting:
        return _refuse(instance, candidates)
    best = min(fitting, key=lambda m: _rank(candidates[m]))
    if not outside and not stated_ages(instance.patient):
        # whatever their gates say: those look for another part of the body, not for an age
        asked = [one for one in candidates if one.reached > Reached.HEADER]
        rivals = [one for one in asked if _share_parts(one.card, candidates[best].card)]
        ends = _apart([one.card.scope for one in rivals])
        if ends is not None:
            child = next((m for m in fitting if _is_plainly(candidates[m], rivals)), None)
            if child is not None:
                low, high = studied_ends(candidates[child].card.scope)
                return Choice(child, note=SUPPOSED.format(candidates[child].card.name, low, high))
            step = TYPE_AGE if instance.source is SourceKind.FILM else STATE_AGE
            return Choice(best, (f"{WHICH_AGE.format(*ends)} {step}",))
    return Choice(best, note=_note(best, fitting, candidates))


def _rank(one: Candidate) -> tuple[int, float]:
    return len(one.verdict.warnings), one.score


def _is_plainly(best: Candidate, rivals: Sequence[Candidate]) -> bool:
    """Whether the picture itself tells who is shown: those for the youngest alone may do that.

    A gate learns the hospital sooner than the age: children's films of other hospitals looked like
    those of adults, and never the other way round. So a film is taken for a child's where it is far
    more like the children's own films than like those of adults, and for an adult's never.
    """
    others = [one for one in rivals if one is not best]
    if best not in rivals or any(
        one.card.scope.age_years < best.card.scope.age_years for one in others
    ):
        return False
    return best.distance > 0 and all(best.distance <= PLAINLY * one.distance for one in others)


def _share_parts(one: ModelCard, other: ModelCard) -> bool:
    return any(is_part(part, other.scope.body_parts) for part in one.scope.body_parts)


def _apart(scopes: Sequence[Scope]) -> tuple[str, ...] | None:
    """Ends of two ranges of age that share no age, each network's margin included."""
    ordered = sorted(scopes, key=lambda scope: scope.age_years)
    for younger, older in combinations(ordered, 2):
        if _reaches(younger)[1] < _reaches(older)[0]:
            return *studied_ends(younger), *studied_ends(older)
    return None


def _reaches(scope: Scope) -> tuple[float, float]:
    (low, high), margin = scope.age_years, scope.age_margin_years
    return low - margin, high + margin


def _note(best: int, fitting: Sequence[int], candidates: Sequence[Candidate]) -> str:
    """Which others would have fitted, and why the best one was taken; empty for none."""
    others = [candidates[m] for m in fitting if m != best]
    if not others:
        return ""
    own, next_best = _rank(candidates[best]), min(map(_rank, others))
    why = BY_NAME if own == next_best else FEWER_DOUBTS if own[0] < next_best[0] else MORE_ALIKE
    return why.format(", ".join(one.card.name for one in others), candidates[best].card.name)


def _refuse(instance: Instance, candidates: Sequence[Candidate]) -> Choice:
    """The nearest reason first, and no other where it says all."""
    first, *rest = (one.verdict.refusals for one in candidates)
    shared = tuple(r for r in dict.fromkeys(first) if all(r in others for others in rest))
    wrong = [mismatches(instance, one.card.scope) for one in candidates]
    of_the_patient = {m.reason for m in wrong[0] if m.keyword in _PATIENT}
    plain = tuple(reason for reason in shared if reason not in of_the_patient)
    if plain:  # what is wrong with the file, or for any plain film: all say the same
        return Choice(0, plain)
    if all(any(m.keyword == "BodyPartExamined" for m in one) for one in wrong) and rest:
        return Choice(0, (_other_part(instance, [one.card.scope for one in candidates]),))
    if shared:
        return Choice(0, shared)
    furthest = max(one.reached for one in candidates)
    near = [m for m, one in enumerate(candidates) if one.reached is furthest]
    if furthest is Reached.HEADER:
        keywords = [{m.keyword for m in one} & _PATIENT for one in wrong]
        return _refuse_header(instance, candidates, keywords)
    vague = ("foreign", UNLIKE, "")
    best = min(near, key=lambda m: (candidates[m].kind in vague, candidates[m].score))
    return Choice(best, candidates[best].verdict.refusals)


def _refuse_header(
    instance: Instance, candidates: Sequence[Candidate], wrong: Sequence[set[str]]
) -> Choice:
    """The network with fewest mismatches speaks; two that lack the age alone do it together."""
    fewest = min(map(len, wrong))
    near = [m for m, keywords in enumerate(wrong) if len(keywords) == fewest]
    if all(wrong[m] == {"PatientAge"} for m in near):
        sentence = _other_age(instance.patient, [candidates[m].card.scope for m in near])
        if sentence:
            return Choice(near[0], (sentence,))
    return Choice(near[0], candidates[near[0]].verdict.refusals)


def _other_part(instance: Instance, scopes: Sequence[Scope]) -> str:
    parts = stated_parts(instance.acquisition)
    if len(parts) > 1:  # of which a network may read one
        return f"{SEVERAL_PARTS.format(' / '.join(parts))} {CORRECT_OR_READ}"
    known = any(reads_part(part, scope.body_parts) for part in parts for scope in scopes)
    read = dict.fromkeys(scope.body_parts[0] for scope in scopes)
    said = NO_PART.format(" / ".join(parts), " / ".join(read))
    return f"{said} {CORRECT_OR_READ if known else READ_WITHOUT}"


def _other_age(patient: Patient, scopes: Sequence[Scope]) -> str:
    """An age between, before or after those of two networks or more; empty where one says it."""
    ages = stated_ages(patient)
    if patient.age_years is None or len(ages) != 1 or len(scopes) < 2:
        return ""
    ordered = sorted(scopes, key=lambda scope: scope.age_years)
    older = next((i for i, s in enumerate(ordered) if s.age_years[0] > ages[0]), len(ordered) - 1)
    at = max(1, older)
    number, _sep, unit = age_words(ages[0]).partition(" ")
    ends = *studied_ends(ordered[at - 1]), *studied_ends(ordered[at])
    said = NO_AGE[unit or "years"].format(*ends, number)
    return f"{said} {READ_WITHOUT if ages[0] else CORRECT_OR_READ}"  # 000Y is what nobody typed


def asks_for_age(messages: Sequence[str]) -> bool:
    """True where a film was refused because nobody knows the age that decides on its network."""
    return any(message.startswith(_AGE_DECIDES) for message in messages)
