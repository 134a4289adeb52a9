"""The parts of an answer, as the public contract has them: each is JSON as it stands.

Which parts an answer has, and under which keys, the guideline's sections say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

Number: TypeAlias = bool | str | int | float | None
"""A value as JSON has it."""


class About(NamedTuple):
    """What an answer says of one thing: told as ``strategy``, or ``device cutting_balloon``."""

    of: str
    """Key of a section, or kind of a thing."""
    id: str | None = None

    def __str__(self) -> str:
        return self.of if self.id is None else f"{self.of} {self.id}"


@dataclass
class Chosen:
    """The one term of a property."""

    id: str
    rule: str
    label: str
    settled: bool
    level: str | None
    direct_level: str
    """Best level among the rules that conclude it themselves."""
    disputed_by: list[str]
    limits: list[str]


@dataclass
class Total:
    """What points add up to so far, and the points that unknown facts could still add."""

    value: Number
    points: list[str]
    unknown: list[str]


@dataclass
class Against:
    """Why a thing must not be used."""

    rule: str
    facts: list[str]
    level: str
    disputed_by: list[str]
    limits: list[str]


@dataclass
class Caution:
    """What to mind with a thing."""

    id: str
    rule: str
    label: str
    level: str | None
    disputed_by: list[str]
    limits: list[str]


@dataclass
class Thing:
    """One thing with its status: a device, a drug, a place of care."""

    id: str
    label: str
    status: str
    indicated_by: list[str]
    preferred_by: list[str]
    contraindications: list[Against]
    cautions: list[Caution]
    unverified: list[str]
    parameters: dict[str, Number]
    level: str | None
    disputed_by: list[str]
    limits: list[str]

    @property
    def against(self) -> list[Against]:
        """All that keeps it from being used."""
        return self.contraindications

    @property
    def reasons(self) -> list[str]:
        """The rules that tell its status: those against it, else those for it."""
        against = [reason.rule for reason in self.against]
        return against or [*self.preferred_by, *self.indicated_by]


@dataclass
class WeighedCaution(Caution):
    """A caution of a thing that has a rank."""

    weighty: bool


@dataclass
class RankedThing(Thing):
    """A thing with its place among those that may be used."""

    role: str | None
    """``primary``, or ``adjunct`` beside another; None where nothing speaks for it."""
    rank: int | None
    """1 the first; None for what may not be used. An order of presentation."""
    unavailable: list[Against]
    direct_level: str | None
    """Best level among the rules that speak for it themselves."""

    @property
    def against(self) -> list[Against]:
        """All that keeps it from being used, harmful or not."""
        return [*self.contraindications, *self.unavailable]


@dataclass
class Alert:
    """A warning, with the advice that rules give in its name."""

    id: str
    severity: str
    rules: list[str]
    label: str
    factors: list[str]
    advice: list[str]
    level: str
    disputed_by: list[str]
    limits: list[str]


@dataclass
class Action:
    """An advised action, with who asks for it."""

    id: str
    label: str
    alerts: list[str]
    rules: list[str]
    level: str | None
    alternative_to: list[str]


@dataclass
class Judgement:
    """Criteria that are ``met``, ``not_met`` or ``unknown``; none where nothing is judged."""

    criteria: dict[str, str]
    advice: list[str]
    limits: list[str]


@dataclass
class Missing:
    """An unknown fact that could change the answer."""

    fact: str
    decides: list[str]


@dataclass
class PossibleAlert:
    """An alert that unknown facts leave open."""

    id: str
    label: str
    because_of: tuple[str, ...]


@dataclass
class Step:
    """One step of the proof."""

    rule: str
    label: str
    conclusion: str
    premises: list[dict[str, Any]]
    evidence: Any
    level: str
    level_set_by: str


Reserved: TypeAlias = Chosen | Against | Caution | Thing | Alert
"""A conclusion with its level and what speaks against it."""
Part: TypeAlias = (
    Chosen
    | Total
    | Judgement
    | list[str]
    | list[Thing]
    | list[Alert]
    | list[Action]
    | dict[str, Number]
    | str
    | None
)
"""What stands under the key of a section."""
