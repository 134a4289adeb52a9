"""What an answer consists of: sections, which a guideline declares in the order of its JSON.

A section is typed by its kind. Every reading of an answer (JSON, text, page, RDF, FHIR, cards,
reference cases, comparisons) goes through the sections and knows their kinds, never the
guideline's own names.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, get_args

from calx.reasoner.model.names import Key, Text, key_of

SEVERITIES = ("critical", "warning", "info")
"""Of alerts, the gravest first."""


@dataclass(frozen=True)
class _Section:
    key: str
    """Of the JSON answer."""
    label: Text
    order: int
    """Place in what people read; 0: it stands in JSON alone."""
    binding: bool
    """Knowledge that nobody verified may not decide it."""
    listed: bool
    """An unknown fact that could change it is listed as missing."""
    detail: bool
    """People are told of it only where they ask for more."""

    @property
    def shown(self) -> tuple[str, ...]:
        """The properties whose terms it shows."""
        return ()

    @property
    def asked(self) -> tuple[str, ...]:
        """The properties of which it tells what is not settled."""
        return self.shown

    @property
    def bound(self) -> tuple[str, ...]:
        """The properties that decide it."""
        return self.shown


@dataclass(frozen=True)
class One(_Section):
    """The one term of a functional property, with its rule, level, disputes, and whether it is
    settled.
    """

    predicate: str
    brief: bool
    """Its id alone stands in the JSON."""
    leads: bool
    """What an answer says in short: lists, cards and messages show it first."""

    @property
    def shown(self) -> tuple[str, ...]:
        return (self.predicate,)


@dataclass(frozen=True)
class Members(_Section):
    """All terms of a property, and of those below it."""

    predicates: tuple[str, ...]

    @property
    def shown(self) -> tuple[str, ...]:
        return self.predicates

    @property
    def asked(self) -> tuple[str, ...]:
        return self.predicates if self.listed else ()


@dataclass(frozen=True)
class Tally(_Section):
    """A number that points add up to, with the points that unknown facts could still add."""

    predicate: str
    """Of the points."""
    total: str
    """Name of the number."""
    weights: tuple[tuple[str, int], ...]
    """What each point counts, by its local name."""

    @property
    def shown(self) -> tuple[str, ...]:
        return (self.predicate,)

    @property
    def bound(self) -> tuple[str, ...]:
        return (self.predicate, self.total)


@dataclass(frozen=True)
class Standing:
    """One status that a thing can have."""

    predicate: str
    """Property that gives a thing this status."""
    word: str
    """For it in the JSON."""
    label: Text
    mark: str
    """How it is shown: ``best``, ``good``, ``bad``; ``idle`` where nothing speaks for a thing."""

    @property
    def usable(self) -> bool:
        """A thing of this status may be used."""
        return self.mark in ("best", "good")


@dataclass(frozen=True)
class Status(_Section):
    """For each thing of a kind one of several statuses, with reasons, cautions and sizes."""

    kind: str
    """Of the things."""
    statuses: tuple[Standing, ...]
    """The first that holds counts; the last where none does."""
    indicated: str | None
    """The property for what speaks for a thing at all."""
    favoured: str | None
    """The property for what speaks for it before others."""
    forbidden: str | None
    """The property for what forbids it; also a status."""
    usable: str | None
    """The property of things that may be used."""
    caution: str | None
    """The property for what to mind with a thing."""
    hindered: str | None
    """The property for what keeps a thing from being used, harmful or not."""
    adjunct: str | None
    """The property for what speaks for a thing beside another; such a thing is an adjunct."""
    ranked: bool
    """The things that may be used stand in one order."""

    @property
    def shown(self) -> tuple[str, ...]:
        roles = (
            *(self.indicated, self.favoured, self.forbidden, self.usable, self.caution),
            *(self.hindered, self.adjunct),
        )
        return tuple(
            dict.fromkeys(
                [*(s.predicate for s in self.statuses), *(role for role in roles if role)]
            )
        )

    @property
    def asked(self) -> tuple[str, ...]:
        more = (self.forbidden, self.hindered, self.indicated)
        names = [*(s.predicate for s in self.statuses), *(name for name in more if name)]
        return tuple(dict.fromkeys(names))

    @property
    def bound(self) -> tuple[str, ...]:
        roles = (
            *(self.indicated, self.favoured, self.forbidden, self.hindered, self.adjunct),
            *(status.predicate for status in self.statuses),
        )
        return tuple(role for role in roles if role)

    def keys(self, thing: str) -> list[Key]:
        """The conclusions that give a thing its status."""
        return [key_of(status.predicate, thing) for status in self.statuses]

    @cached_property
    def called(self) -> dict[str, Standing]:
        """The statuses by their words."""
        return {status.word: status for status in self.statuses}

    @property
    def in_reading_order(self) -> list[Standing]:
        """What may be used, then what may not, then the rest."""
        order = ("best", "good", "bad", "idle")
        return sorted(self.statuses, key=lambda status: order.index(status.mark))


@dataclass(frozen=True)
class Alerts(_Section):
    """Terms with a severity, and with the advice and factors that rules give in their name."""

    kind: str
    """Of the alerts."""
    severities: tuple[tuple[str, str], ...]
    """Properties that raise an alert, and the severity that each gives it, the gravest first."""
    raised: tuple[str, ...]
    """Properties that raise one without saying how grave it is."""
    left_open: tuple[str, ...]
    """Of the severities those whose alerts are told where unknown facts leave them open."""
    factor: str | None
    advice: str | None

    @property
    def shown(self) -> tuple[str, ...]:
        more = (self.factor, self.advice)
        return (*self.raising, *(name for name in more if name))

    @property
    def gravest(self) -> str:
        """The gravest severity that its alerts can have."""
        return self.severities[0][1]

    @property
    def raising(self) -> tuple[str, ...]:
        """Every property that raises an alert."""
        return (*self.raised, *(name for name, _ in self.severities))

    @property
    def asked(self) -> tuple[str, ...]:
        return self.left_open

    @property
    def bound(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.severities)


@dataclass(frozen=True)
class Actions(_Section):
    """Advised actions in the one order in which they are done."""

    predicates: tuple[str, ...]

    @property
    def shown(self) -> tuple[str, ...]:
        return self.predicates

    @property
    def asked(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Criteria(_Section):
    """Criteria that are met, not met, or unknown."""

    kind: str
    """Of the criteria."""
    met: str
    not_met: str
    advice: str | None
    where: str | None
    """The fact that must be true, else there is nothing to judge."""

    @property
    def shown(self) -> tuple[str, ...]:
        return (self.met, self.not_met, *((self.advice,) if self.advice else ()))

    @property
    def asked(self) -> tuple[str, ...]:
        return (self.met,)

    @property
    def bound(self) -> tuple[str, ...]:
        return (self.met, self.not_met)


@dataclass(frozen=True)
class Numbers(_Section):
    """Computed numbers: those whose result key is the section's."""

    names: tuple[str, ...]

    @property
    def bound(self) -> tuple[str, ...]:
        return self.names


@dataclass(frozen=True)
class Picture(_Section):
    """A drawing of the facts, by code that registers under a name; no part of the JSON."""

    drawn_by: str


Section: TypeAlias = (
    One | Members | Tally | Status | Alerts | Actions | Criteria | Numbers | Picture
)
KINDS: tuple[type[Section], ...] = get_args(Section)
