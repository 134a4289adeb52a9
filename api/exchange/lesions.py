"""Which observations are of one lesion of one patient at one time. Facts of two are never fused:
lesions are told apart by body site, focus and specimen; procedures by encounter, procedure and
moment; the newest counts and the older is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any, Final

from calx.api.exchange.moments import Moment
from calx.reasoner.intake.errors import Problem

SITE, FOCUS, SPECIMEN = "body site", "focus", "specimen"
PLACES = (SITE, FOCUS, SPECIMEN)
"""What tells lesions apart."""
ENCOUNTER, PROCEDURE, STUDY = "encounter", "procedure", "imaging study"
TEXT = "text:"
"""Before the words of a body site, beside its codes."""
UNKNOWN: Final = object()
"""Of a fact whose observation says that its value is not known."""


@dataclass(frozen=True)
class Told:
    """Of what an observation says that it is; empty where it does not say.

    Attributes:
        patient: references and identifiers of its subject.
        place: by name of `PLACES`, the tokens that name it.
        times: of the encounter and the procedure, likewise.
        moment: when it was observed.
        shown: how to name the places to a person.
    """

    patient: frozenset[str] = frozenset()
    place: tuple[tuple[str, frozenset[str]], ...] = ()
    times: tuple[tuple[str, frozenset[str]], ...] = ()
    moment: Moment | None = None
    shown: str = ""

    def over(self, other: Told) -> Told:
        """This one, and the other where this one does not say."""
        return Told(
            self.patient or other.patient,
            tuple({**dict(other.place), **dict(self.place)}.items()),
            tuple({**dict(other.times), **dict(self.times)}.items()),
            self.moment or other.moment,
            self.shown or other.shown,
        )


@dataclass(frozen=True)
class Observed:
    """A fact that was observed.

    Attributes:
        name: of the fact.
        value: as it was sent.
        where: its place in the request.
        told: of what it is; None for a fact of the request itself, which says nothing.
    """

    name: str
    value: Any
    where: str
    told: Told | None = None


@dataclass
class Lesion:
    """The facts of one lesion.

    Attributes:
        label: its places, as they were named; empty where none were.
        facts: by name.
        notes: what was left aside, and why.
    """

    label: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def lesions(
    observed: Sequence[Observed], of_patient: Iterable[str], *, several: bool
) -> tuple[list[Lesion], list[Problem]]:
    """Part observations into lesions.

    Args:
        observed: what was read, in the order of the request.
        of_patient: facts that hold of every lesion of the patient.
        several: more than one lesion may be told of; what names none of them is left aside then.

    Returns:
        The lesions, and what is wrong; no facts of two lesions are ever in one.
    """
    problems: list[Problem] = []
    patient = {*of_patient}
    plain = [item for item in observed if item.told is None]
    shared = [item for item in observed if item.told and _of_patient(item, patient)]
    own = [item for item in observed if item.told and not _of_patient(item, patient)]
    groups: dict[tuple[tuple[str, frozenset[str]], ...], list[Observed]] = {}
    for item in own:
        groups.setdefault(_told(item).place, []).append(item)
    keys = _merged(groups)
    unnamed = [item for key in keys if not _names_one(key, keys) for item in keys[key]]
    named = {key: items for key, items in keys.items() if _names_one(key, keys)}
    if unnamed and named:
        problems += _unnamed(unnamed, named)
    if len(keys) > 1 and (not named or (len(named) > 1 and not several)):
        problems.append(_of_several(list((named or keys).values()), told_apart=bool(named)))
    astray = [item for item in plain if item.name not in patient] if len(named) > 1 else []
    plain = [item for item in plain if item not in astray]
    if astray and not several:
        problems += _unnamed(astray, named)
    found = []
    for items in (named or {(): unnamed}).values():
        lesion = Lesion(_told(items[0]).shown if items and named else "")
        chosen, more = _newest_procedure(items, lesion)
        if several and unnamed and named:
            lesion.notes += [f"{problem}; left aside" for problem in _unnamed(unnamed, named)]
        problems += more
        if several:
            if astray:
                lesion.notes += [f"{problem}; left aside" for problem in _unnamed(astray, named)]
            lesion.notes += [f"facts of {_when(chosen[0])}"] if chosen and named else []
        kept, more = _shared_now(shared, chosen, lesion)
        problems += more
        problems += _settle([*kept, *chosen], plain, lesion)
        found.append(lesion)
    if several and unnamed and named:
        problems = [item for item in problems if item not in _unnamed(unnamed, named)]
    return [lesion for lesion in found if lesion.facts], problems


def _of_several(groups: list[list[Observed]], *, told_apart: bool) -> Problem:
    """The problem that facts are of two lesions, or may be."""
    first, second = (items[0] for items in groups[:2])
    told = (
        f"is of {_shown(second)}, another fact of {_shown(first)}: facts of two lesions make no "
        "answer; send one lesion"
        if told_apart
        else f"is told by {_parts(second)}, another fact by {_parts(first)}: whether they are of "
        "one lesion is not known; name the same of both"
    )
    return Problem(told, second.name, second.where)


def _of_patient(item: Observed, names: set[str]) -> bool:
    """Whether a fact is of the patient: one of those, and not said of a place."""
    return item.name in names and not (item.told and item.told.place)


def _told(item: Observed) -> Told:
    return item.told or Told()


def _parts(item: Observed) -> str:
    return " and ".join(part for part, _ in _told(item).place) or "no place"


def _shown(item: Observed) -> str:
    return _told(item).shown or "a lesion without a place"


def _merged(
    groups: dict[tuple[tuple[str, frozenset[str]], ...], list[Observed]],
) -> dict[tuple[tuple[str, frozenset[str]], ...], list[Observed]]:
    """Groups that name the same places are one."""
    merged: dict[tuple[tuple[str, frozenset[str]], ...], list[Observed]] = {}
    for key, items in groups.items():
        for known in merged:
            parts, others = dict(key), dict(known)
            if parts.keys() == others.keys() and all(_same(parts[k], others[k]) for k in parts):
                merged[known] += items
                break
        else:
            merged[key] = list(items)
    return merged


def _names_one(
    key: tuple[tuple[str, frozenset[str]], ...],
    keys: Iterable[tuple[tuple[str, frozenset[str]], ...]],
) -> bool:
    """Whether what a group says tells it from every other: it lacks no part that another has."""
    parts = {part for part, _ in key}
    return all(parts >= {part for part, _ in other} or _conflict(key, other) for other in keys)


def _conflict(
    one: tuple[tuple[str, frozenset[str]], ...], other: tuple[tuple[str, frozenset[str]], ...]
) -> bool:
    parts, others = dict(one), dict(other)
    return any(not _same(parts[part], others[part]) for part in parts.keys() & others.keys())


def _same(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two places are one: the same codes and, where both have them, the same words."""
    codes, words = _parted(one)
    others, said = _parted(other)
    if codes and others:
        return codes == others and (not words or not said or words == said)
    return bool(words & said)


def _parted(tokens: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    words = frozenset(token for token in tokens if token.startswith(TEXT))
    return tokens - words, words


def _unnamed(
    unnamed: list[Observed], named: dict[tuple[tuple[str, frozenset[str]], ...], list[Observed]]
) -> list[Problem]:
    """Facts that do not say of which lesion they are, beside others that do."""
    lesion = next(iter(named.values()))[0]
    lacking = {part for key in named for part, _ in key}
    return [
        Problem(
            f"names no {' or '.join(sorted(lacking - {p for p, _ in _told(item).place}))}, another "
            f"fact is of {_shown(lesion)}: of which lesion it is, is not known",
            item.name,
            item.where,
        )
        for item in unnamed
    ]


# --- one procedure -------------------------------------------------------------------


def _newest_procedure(
    items: list[Observed], lesion: Lesion
) -> tuple[list[Observed], list[Problem]]:
    """The observations of the newest procedure; the older ones are said."""
    parts = _procedures(items)
    if len(parts) < 2:
        return items, _of_two(items)
    newest = [
        part for part in parts if all(_before(other, part) for other in parts if other is not part)
    ]
    if len(newest) != 1:
        one, other = parts[0][0], parts[1][0]
        return items, [
            Problem(
                f"is of {_when(other)}, {one.name} of {_when(one)}: which of them is newer is not "
                "known, and facts are of one procedure; send one procedure",
                other.name,
                other.where,
            )
        ]
    kept = newest[0]
    for part in parts:
        if part is not kept:
            named = ", ".join(dict.fromkeys(item.name for item in part))
            lesion.notes.append(
                f"{named} of {_when(part[0])}: older than {_when(kept[0])}, left aside"
            )
    return kept, _of_two(kept)


def _of_two(items: list[Observed]) -> list[Problem]:
    """Facts that were joined over a third one, yet are of two encounters, procedures or days."""
    dated = [(item, moment) for item in items if (moment := _told(item).moment) is not None]
    for item, moment in dated[1:]:
        first, begun = dated[0]
        if moment.apart(begun):
            return [
                Problem(
                    f"is of {moment.text}, {first.name} of {begun.text}: facts are of one "
                    "procedure; send one",
                    item.name,
                    item.where,
                )
            ]
    for kind in (ENCOUNTER, PROCEDURE, STUDY):
        told = [item for item in items if dict(_told(item).times).get(kind)]
        for item in told[1:]:
            if not dict(_told(item).times)[kind] & dict(_told(told[0]).times)[kind]:
                return [
                    Problem(
                        f"is of another {kind} than {told[0].name}; facts are of one procedure: "
                        "send one",
                        item.name,
                        item.where,
                    )
                ]
    return []


def _procedures(items: list[Observed]) -> list[list[Observed]]:
    """Observations parted by procedure: by what they say of it or the encounter, else by day."""
    parts: list[list[Observed]] = []
    for item in items:
        near = [part for part in parts if any(_together(item, other) for other in part)]
        parts = [part for part in parts if part not in near]
        parts.append([*(other for part in near for other in part), item])
    return parts


def _together(one: Observed, other: Observed) -> bool:
    """Whether two observations are of one procedure, as far as the two say."""
    first, second = dict(_told(one).times), dict(_told(other).times)
    for kind in (PROCEDURE, STUDY):
        if kind in first and kind in second and not first[kind] & second[kind]:
            return False
    if PROCEDURE in first and PROCEDURE in second:
        return True
    visits = [told[ENCOUNTER] for told in (first, second) if ENCOUNTER in told]
    if len(visits) == 2 and not visits[0] & visits[1]:
        return False
    a, b = _told(one).moment, _told(other).moment
    if a is None or b is None:
        return a is b or len(visits) == 2
    return a.same(b) or not (a.vague or b.vague or a.apart(b))


def _before(part: list[Observed], other: list[Observed]) -> bool:
    """Whether all of one part certainly lies before all of another."""
    return all(
        (a := _told(one).moment) is not None
        and (b := _told(two).moment) is not None
        and a.before(b)
        for one in part
        for two in other
    )


def _when(item: Observed) -> str:
    told = _told(item)
    if told.moment is not None:
        return told.moment.text
    named = [f"{kind} {min(tokens)}" for kind, tokens in told.times]
    return named[0] if named else "an unknown time"


def _shared_now(
    shared: list[Observed], chosen: list[Observed], lesion: Lesion
) -> tuple[list[Observed], list[Problem]]:
    """Facts of the patient that are of the time of a lesion's; the others are said."""
    if not chosen:
        newest = Lesion()
        kept, problems = _newest_procedure(shared, newest)
        lesion.notes += newest.notes
        return kept, problems
    kept = []
    for item in shared:
        silent = _told(item).moment is None and not _told(item).times
        if silent or any(_together(item, other) for other in chosen):
            kept.append(item)
        else:
            lesion.notes.append(f"{item.name} of {_when(item)}: of another time, left aside")
    return kept, []


# --- one value -----------------------------------------------------------------------


def _settle(items: list[Observed], plain: list[Observed], lesion: Lesion) -> list[Problem]:
    """Enter one value of each fact: the newest, where they differ."""
    problems = []
    by_name: dict[str, list[Observed]] = {}
    for item in (*items, *plain):
        by_name.setdefault(item.name, []).append(item)
    for name, told in by_name.items():
        newest = sorted(told, key=cmp_to_key(_order))[-1]
        if newest.value is not UNKNOWN:
            lesion.facts[name] = newest.value
        for item in told:
            alike = isinstance(item.value, bool) == isinstance(newest.value, bool)
            if item.value == newest.value and alike:
                continue
            if _order(item, newest) < 0:
                lesion.notes.append(
                    f"{name}: {_value(newest)} of {_when(newest)} counts, {_value(item)} of "
                    f"{_when(item)} is older"
                )
            else:
                problems.append(
                    Problem(
                        f"stands twice, as {_value(item)} and {_value(newest)}, and neither is "
                        "known to be newer; send one",
                        name,
                        newest.where,
                    )
                )
    return problems


def _value(item: Observed) -> str:
    return "unknown" if item.value is UNKNOWN else str(item.value)


def _order(one: Observed, other: Observed) -> int:
    """Which of two observations is older: -1 the first, 1 the second, 0 not known."""
    a, b = _told(one).moment, _told(other).moment
    if a is None or b is None:
        return 0
    return -1 if a.before(b) else 1 if b.before(a) else 0


# --- one patient ---------------------------------------------------------------------


class Patients:
    """Which references and identifiers name one patient."""

    def __init__(self) -> None:
        self._groups: list[set[str]] = []
        self._links: list[set[str]] = []
        self.unnamed: list[str] = []
        """Places of observations that name no patient."""

    def add(self, tokens: frozenset[str], where: str = "") -> None:
        """Tokens that name one patient together."""
        if not tokens:
            self.unnamed.append(where)
            return
        self._groups.append(set(tokens))

    def link(self, tokens: frozenset[str]) -> None:
        """Tokens of one patient that is not yet known to be anybody's observation."""
        self._links.append(set(tokens))

    def problems(self) -> list[Problem]:
        """More than one patient, or one beside observations of nobody."""
        groups = self._joined()
        if len(groups) > 1:
            one, other = (min(group) for group in groups[:2])
            return [Problem(f"observations are of {one} and of {other}; send one patient's lesion")]
        if groups and self.unnamed:
            return [
                Problem(
                    f"names no patient, another observation is of {min(groups[0])}; name it",
                    place=place,
                )
                for place in self.unnamed
            ]
        return []

    def named(self) -> frozenset[str]:
        """All that names the one patient."""
        groups = self._joined()
        return frozenset(groups[0]) if groups else frozenset()

    def _joined(self) -> list[set[str]]:
        """The observations' patients, those joined that share a name, also over a Patient."""
        joined: list[set[str]] = []
        for tokens in (*self._links, *self._groups):
            near = [group for group in joined if group & tokens]
            joined = [group for group in joined if group not in near]
            joined.append(tokens.union(*near))
        own = set().union(*self._groups) if self._groups else set()
        return [group for group in joined if group & own]
