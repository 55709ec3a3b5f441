"""Hanging protocols: one, two or four films, the prior on the right, an explanation beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import streamlit as st

from imaging.entities import Assessment, Instance
from imaging.review.rights import Right
from imaging.study import StudyRecord
from pages.ui import labels, session
from pages.ui.deeds import deed
from pages.ui.i18n import _
from pages.ui.review import series
from pages.ui.viewer import Layout


class Hanging(StrEnum):
    """A way to hang films."""

    ONE = "one"
    PRIOR = "prior"  # current on the left, prior on the right
    EXPLAINED = "explained"  # the original on the left, under its explanation on the right
    METHODS = "methods"  # one film, explained by two methods
    FOUR = "four"


@dataclass(frozen=True, slots=True)
class Prior:
    """An earlier study that hangs beside; ``doubt`` says in words why it may be another person's.

    It is empty for a study that is the patient's own.
    """

    record: StudyRecord
    doubt: str = ""

    @property
    def title(self) -> str:
        """What stands above it: its date, and that it may be another's."""
        when = labels.date(self.record.instances[0].acquisition.study_date)
        words = _("Perhaps another patient, {date}") if self.doubt else _("Prior, {date}")
        return words.format(date=when)


@dataclass(frozen=True, slots=True)
class Hung:
    """One film on the wall. ``explained`` films carry their explanation, hidden at first."""

    instance: Instance
    assessment: Assessment | None
    prior: bool = False
    second: bool = False  # the second picture of the same film
    title: str = ""
    explained: bool = True


def choices(record: StudyRecord, priors: Sequence[Prior], *, explained: bool) -> list[Hanging]:
    """The ways that make sense for a study, the usual one first."""
    ways = [Hanging.PRIOR, Hanging.ONE] if priors else [Hanging.ONE]
    if explained:
        ways += [Hanging.EXPLAINED, Hanging.METHODS]
    if len(record.instances) > 1 or (len(record.instances) == 1 and priors):
        ways.append(Hanging.FOUR)
    return ways


def render_choice(uid: str, possible: Sequence[Hanging]) -> Hanging:
    """A row of buttons; a single possibility needs none."""
    if len(possible) == 1:
        return possible[0]
    names = {
        Hanging.ONE: _("One image"),
        Hanging.PRIOR: _("With prior"),
        Hanging.EXPLAINED: _("With explanation"),
        Hanging.METHODS: _("Two methods"),
        Hanging.FOUR: _("Four images"),
    }
    key, kept = f"hanging-{uid}", session.hanging()
    chosen = st.segmented_control(
        _("Hanging"),
        possible,
        default=kept if kept in possible else possible[0],
        required=True,
        format_func=names.__getitem__,
        key=key,
        label_visibility="collapsed",
        on_change=_keep,
        args=(key,),
    )
    return Hanging(chosen or possible[0])


@deed(Right.FILMS)
def _keep(key: str) -> None:
    """Hang the next studies so, too; but no map opens that nobody asked for of that film."""
    chosen = st.session_state[key]
    if chosen not in (Hanging.EXPLAINED, Hanging.METHODS):
        session.set_hanging(chosen)


@deed(Right.FILMS)
def want_prior(uid: str) -> None:
    """Hang a prior beside from now on: the reader has just asked for one."""
    st.session_state[f"hanging-{uid}"] = Hanging.PRIOR


def hang(
    way: Hanging, record: StudyRecord, priors: Sequence[Prior], chosen: Instance
) -> tuple[Hung, ...]:
    """The films of a hanging, in reading order."""
    answers = dict(zip(record.instances, record.assessments, strict=True))
    first = Hung(chosen, answers[chosen])
    if way is Hanging.PRIOR:
        return first, _prior(priors[0])
    if way in (Hanging.EXPLAINED, Hanging.METHODS):
        plain = replace(first, explained=way is Hanging.METHODS)
        return plain, Hung(chosen, answers[chosen], second=True)
    if way is Hanging.FOUR:
        others = [i for i in record.instances if i is not chosen]
        hung = [first, *(Hung(i, answers[i]) for i in others), *map(_prior, priors)]
        return tuple(hung[:4])
    return (first,)


def hung_beside(
    record: StudyRecord, priors: Sequence[Prior], chosen: Instance
) -> tuple[Prior, ...]:
    """The patient's own earlier studies that hang beside the film now; no doubtful one."""
    way = st.session_state.get(f"hanging-{record.study_instance_uid}")
    if way is None:
        return ()
    on_wall = {film.instance for film in hang(Hanging(way), record, priors, chosen) if film.prior}
    own = (prior for prior in priors if not prior.doubt)
    return tuple(prior for prior in own if prior.record.instances[0] in on_wall)


def layout(hung: Sequence[Hung]) -> Layout:
    """The viewer's layout for that many films."""
    return "1" if len(hung) == 1 else "2" if len(hung) == 2 else "4"


def _prior(prior: Prior) -> Hung:
    record = prior.record
    return Hung(record.instances[0], record.assessments[0], prior=True, title=prior.title)


def choose_instance(record: StudyRecord, lead: Assessment | None) -> Instance:
    """The image to look at: by choice, else the one with the leading answer, else the first.

    The first is that of the series that came first, in the order in which it is gone through.
    """
    wanted = session.chosen_image(record.study_instance_uid)
    leading = lead.sop_instance_uid if lead else ""
    by_uid = {i.identity.sop_instance_uid: i for i in record.instances}
    return (
        by_uid.get(wanted) or by_uid.get(leading) or series.members(record, record.instances[0])[0]
    )
