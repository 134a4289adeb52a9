"""Compiles conditions into Python functions: does it hold (closed world, certainly, possibly), and why.

A test is one Python expression a condition, built from the algebra (never from text of an author: names are
quoted, constants are bound), because nested closures cost three times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import InvalidOperation
from enum import Enum
from typing import Any as Any_
from typing import NamedTuple, TypeAlias, cast

from .condition import Absent, All, Any, Arithmetic, AtLeast, Compare, Condition, Constant, Derived, Expression, Not, Of, OneOf, Value

Values: TypeAlias = dict[str, Value]
Derivations: TypeAlias = dict[str, int]
"""For each conclusion (``property:term``) the rank of its evidence level, 0 the best."""
Counts: TypeAlias = dict[str, list[str]]
"""For each property the conclusions derived so far."""
Holds: TypeAlias = Callable[[Values, Derivations, Counts], bool]

NEUTRAL = -1
"""Rank of a premise that counts nothing: a fact, or a conclusion that was not derived."""


# --- does it hold? -----------------------------------------------------------------


class Reading(Enum):
    """How unknown facts are taken.

    ``CLOSED``: what is not known does not hold. ``CERTAIN`` and ``POSSIBLE`` together are the strong three-valued
    (Kleene) reading: what holds whatever the unknown facts are, and what holds for some of their values, taken one by one.
    """

    CLOSED = "closed"
    CERTAIN = "certain"
    POSSIBLE = "possible"


OPPOSITE = {Reading.CLOSED: Reading.CLOSED, Reading.CERTAIN: Reading.POSSIBLE, Reading.POSSIBLE: Reading.CERTAIN}
"""A "not" is certain where its part is not even possible."""
PARAMETERS = "v, d, c, p, q"
"""Values; derivations and counts (the certain ones, where there are two); possible derivations and counts."""


class Compiler:
    """Turns conditions into Python expressions, and expressions into functions."""

    def __init__(self) -> None:
        self.constants: dict[str, object] = {}

    def bound(self, value: object) -> str:
        """A name for a constant."""
        self.constants[name := f"k{len(self.constants)}"] = value
        return name

    def function(self, parameters: str, expression: str) -> Any_:
        """The function of these parameters that the expression is."""
        scope = {"__builtins__": {"len": len}, **self.constants}
        return eval(compile(f"lambda {parameters}: {expression}", "<conditions>", "eval"), scope)  # noqa: S307

    def source(self, condition: Condition, reading: Reading = Reading.CLOSED) -> str:
        """The expression that tests a condition."""
        possible = reading is Reading.POSSIBLE
        derived, counts = ("p", "q") if possible else ("d", "c")
        match condition:
            case Compare(fact, comparator, limit):
                known = f"{fact!r} not in v or" if possible else f"{fact!r} in v and"
                return f"({known} v[{fact!r}] {'==' if comparator == '=' else comparator} {self.bound(limit)})"
            case OneOf(fact, (bool() as value,)):
                return f"v.get({fact!r}) is not {not value}" if possible else f"v.get({fact!r}) is {value}"
            case OneOf(fact, values):
                return f"v.get({fact!r}) in {self.bound(frozenset((*values, None) if possible else values))}"
            case Absent(fact):
                return "False" if reading is Reading.CERTAIN else f"{fact!r} not in v"
            case Derived():
                return f"{condition.key!r} in {derived}"
            case AtLeast(1, name):
                return f"{name!r} in {counts}"
            case AtLeast(count, name):
                return f"len({counts}.get({name!r}, ())) >= {int(count)}"
            case Not(part):
                return f"not ({self.source(part, OPPOSITE[reading])})"
            case All(parts):
                return "(" + " and ".join(self.source(part, reading) for part in parts) + ")" if parts else "True"
            case Any(parts):
                return "(" + " or ".join(self.source(part, reading) for part in parts) + ")"


def compiled_tests(conditions: Sequence[Condition]) -> list[Holds]:
    """One closed-world test a condition: ``test(values, derivations, counts)``."""
    compiler = Compiler()
    tests = compiler.function("", "[" + ",".join(f"lambda v, d, c: {compiler.source(condition)}" for condition in conditions) + "]")
    return cast("list[Holds]", tests())


def tested_together(conditions: Sequence[Condition], reading: Reading = Reading.CLOSED) -> Callable[..., tuple[bool, ...]]:
    """One test for many conditions, as a tuple; its parameters are ``v, d, c`` where the reading is closed, else `PARAMETERS`."""
    compiler = Compiler()
    sources = [compiler.source(condition, reading) for condition in conditions]
    parameters = "v, d, c" if reading is Reading.CLOSED else PARAMETERS
    return cast("Callable[..., tuple[bool, ...]]", compiler.function(parameters, "(" + "".join(f"{source}," for source in sources) + ")"))


def calculation(expression: Expression) -> Callable[[Values], Value | None]:
    """The value of an expression whose inputs are known, or None where a divisor is 0."""
    compiler = Compiler()

    def source(part: Expression) -> str:
        match part:
            case Constant(value):
                return compiler.bound(value)
            case Of(fact):
                return f"v[{fact!r}]"
            case Arithmetic(sign, left, right):
                return f"({source(left)} {sign} {source(right)})"

    def calculate(values: Values) -> Value | None:
        try:
            return formula(values)
        except (KeyError, ZeroDivisionError, InvalidOperation):
            return None

    formula = cast("Callable[[Values], Value]", compiler.function("v", source(expression)))
    return formula if isinstance(expression, Constant) else calculate


# --- why? --------------------------------------------------------------------------


class Premise(NamedTuple):
    """One premise of a step: a value read, a conclusion of an earlier step, or the absence of one."""

    kind: str
    """``fact``, ``conclusion`` or ``not``."""
    of: str
    """Name of the value, or key of the conclusion."""


class Reasons(NamedTuple):
    """Premises that are the same in every case, and those of them whose level counts."""

    premises: tuple[Premise, ...]
    keys: tuple[str, ...]


Explain: TypeAlias = Callable[[Values, Derivations, Counts], tuple[tuple[Premise, ...], int]]
"""The premises that made a condition hold, and the rank of the weakest link of the best proof."""


def explanation(condition: Condition) -> Reasons | Explain:
    """Why the condition holds, asked only where it does."""
    match condition:
        case Compare(fact, _, _) | OneOf(fact, _) | Absent(fact):
            return Reasons((Premise("fact", fact),), ())
        case Derived():
            return Reasons((Premise("conclusion", condition.key),), (condition.key,))
        case AtLeast(count, name):
            return lambda v, d, c: (tuple(Premise("conclusion", key) for key in c[name]), sorted(d[key] for key in c[name])[count - 1])
        case Not(part):
            return _refutation(part)
        case All(parts):
            return _together([explanation(part) for part in parts])
        case Any(parts):
            return _alternatives(parts, [explanation(part) for part in parts])


def _refutation(condition: Condition) -> Reasons | Explain:
    """Why the condition does not hold, asked only where it does not."""
    match condition:
        case Compare(fact, _, _) | OneOf(fact, _) | Absent(fact):
            return Reasons((Premise("fact", fact),), ())
        case Derived():
            return Reasons((Premise("not", condition.key),), ())
        case AtLeast(1, name):
            return Reasons((Premise("not", name),), ())
        case AtLeast(_, name):
            return lambda v, d, c: (tuple(Premise("conclusion", key) for key in c.get(name, ())) or (Premise("not", name),), NEUTRAL)
        case Not(part):
            return explanation(part)
        case All(parts):
            return _alternatives(tuple(Not(part) for part in parts), [_refutation(part) for part in parts])
        case Any(parts):
            return _together([_refutation(part) for part in parts])


def _together(parts: list[Reasons | Explain]) -> Reasons | Explain:
    """Every part is needed: all premises, and the weakest sets the rank."""
    fixed = [part for part in parts if isinstance(part, Reasons)]
    varying = [part for part in parts if not isinstance(part, Reasons)]
    premises = tuple(dict.fromkeys(premise for part in fixed for premise in part.premises))
    keys = tuple(dict.fromkeys(key for part in fixed for key in part.keys))
    if not varying:
        return Reasons(premises, keys)

    def joined(v: Values, d: Derivations, c: Counts) -> tuple[tuple[Premise, ...], int]:
        found = dict.fromkeys(premises)
        weakest = max([d[key] for key in keys]) if keys else NEUTRAL
        for part in varying:
            more, rank = part(v, d, c)
            found |= dict.fromkeys(more)
            weakest = max(weakest, rank)
        return tuple(found), weakest

    return joined


def _alternatives(parts: tuple[Condition, ...], reasons: list[Reasons | Explain]) -> Explain:
    """Every alternative that holds is shown; the best sets the rank."""
    pairs = list(zip(compiled_tests(parts), reasons, strict=True))

    def joined(v: Values, d: Derivations, c: Counts) -> tuple[tuple[Premise, ...], int]:
        found = [_reasons(why, v, d, c) for test, why in pairs if test(v, d, c)]
        if len(found) == 1:
            return found[0]
        return tuple(dict.fromkeys(premise for premises, _ in found for premise in premises)), min(rank for _, rank in found)

    return joined


def _reasons(why: Reasons | Explain, v: Values, d: Derivations, c: Counts) -> tuple[tuple[Premise, ...], int]:
    if isinstance(why, Reasons):
        return why.premises, max((d[key] for key in why.keys), default=NEUTRAL)
    return why(v, d, c)
