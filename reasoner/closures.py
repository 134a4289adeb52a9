"""Compiles conditions into Python functions: does it hold, and why. The closed-world reading of SHACL.

A test is one Python expression a condition, built from the algebra (never from text of an author: names are
quoted, constants are bound), because nested closures cost three times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import InvalidOperation
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


def compiled_tests(conditions: Sequence[Condition]) -> list[Holds]:
    """One test a condition: ``test(values, derivations, counts)``."""
    constants: dict[str, object] = {}

    def bound(value: object) -> str:
        constants[name := f"k{len(constants)}"] = value
        return name

    def source(condition: Condition) -> str:
        match condition:
            case Compare(fact, comparator, limit):
                return f"({fact!r} in v and v[{fact!r}] {'==' if comparator == '=' else comparator} {bound(limit)})"
            case OneOf(fact, (True,)) | OneOf(fact, (False,)):
                return f"v.get({fact!r}) is {condition.values[0]}"
            case OneOf(fact, values):
                return f"v.get({fact!r}) in {bound(frozenset(values))}"
            case Absent(fact):
                return f"{fact!r} not in v"
            case Derived():
                return f"{condition.key!r} in d"
            case AtLeast(1, name):
                return f"{name!r} in c"
            case AtLeast(count, name):
                return f"len(c.get({name!r}, ())) >= {int(count)}"
            case Not(part):
                return f"not ({source(part)})"
            case All(parts):
                return "(" + " and ".join(map(source, parts)) + ")" if parts else "True"
            case Any(parts):
                return "(" + " or ".join(map(source, parts)) + ")"

    text = "[" + ",\n".join(f"lambda v, d, c: {source(condition)}" for condition in conditions) + "]"
    return cast("list[Holds]", eval(compile(text, "<conditions>", "eval"), {"__builtins__": {"len": len}, **constants}))  # noqa: S307


def calculation(expression: Expression) -> Callable[[Values], Value | None]:
    """The value of an expression, or None where an input is unknown or a divisor is 0."""
    constants: dict[str, object] = {}

    def source(part: Expression) -> str:
        match part:
            case Constant(value):
                constants[name := f"k{len(constants)}"] = value
                return name
            case Of(fact):
                return f"v[{fact!r}]"
            case Arithmetic(sign, left, right):
                return f"({source(left)} {sign} {source(right)})"

    def calculate(values: Values) -> Value | None:
        try:
            return formula(values)
        except (KeyError, ZeroDivisionError, InvalidOperation):
            return None

    formula = cast("Callable[[Values], Value]", eval(f"lambda v: {source(expression)}", {"__builtins__": {}, **constants}))  # noqa: S307
    return calculate


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
    if all(isinstance(part, Reasons) for part in parts):
        fixed = cast("list[Reasons]", parts)
        return Reasons(
            tuple(dict.fromkeys(premise for part in fixed for premise in part.premises)),
            tuple(dict.fromkeys(key for part in fixed for key in part.keys)),
        )

    def joined(v: Values, d: Derivations, c: Counts) -> tuple[tuple[Premise, ...], int]:
        found = [_reasons(part, v, d, c) for part in parts]
        return tuple(dict.fromkeys(premise for premises, _ in found for premise in premises)), max(rank for _, rank in found)

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
