"""Compiles conditions into Python functions: does it
hold (closed world, certainly, possibly), and why.

A test is one Python expression a condition, built from the algebra (never from text of an author:
names are quoted, constants are bound), because nested closures cost three times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import InvalidOperation
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, assert_never, cast

from calx.reasoner.model.condition import (
    Absent,
    AllOf,
    AnyOf,
    Arithmetic,
    AtLeast,
    Compare,
    Condition,
    Constant,
    Derived,
    Expression,
    Not,
    Of,
    OneOf,
    Value,
)
from calx.reasoner.model.values import Counts, Derivations, Values

Holds: TypeAlias = Callable[[Values, Derivations, Counts], bool]

NEUTRAL = -1
"""Rank of a premise that counts nothing: a fact, or a conclusion that was not derived."""


# --- does it hold? -----------------------------------------------------------------


class Reading(Enum):
    """How unknown facts are taken.

    ``CLOSED``: what is not known does not hold. ``CERTAIN`` and ``POSSIBLE`` together are the
    strong three-valued (Kleene) reading: what holds whatever the unknown facts are, and what holds
    for some of their values, taken one by one.
    """

    CLOSED = "closed"
    CERTAIN = "certain"
    POSSIBLE = "possible"


NOTHING: Mapping[str, Condition] = MappingProxyType({})
OPPOSITE = {
    Reading.CLOSED: Reading.CLOSED,
    Reading.CERTAIN: Reading.POSSIBLE,
    Reading.POSSIBLE: Reading.CERTAIN,
}
"""A "not" is certain where its part is not even possible."""
PARAMETERS = "v, d, c, p, q"
"""Values; derivations and counts (the certain ones,
where there are two); possible derivations and counts.
"""


class Compiler:
    """Turns conditions into Python expressions, and expressions into functions."""

    def __init__(self, inapplicable: Mapping[str, Condition] = NOTHING) -> None:
        self.constants: dict[str, object] = {}
        self.inapplicable = inapplicable
        """Facts that do not always apply, and where they do not. Read with three truth values such
        a fact is not unknown there, and what tests it is false.
        """

    def bound(self, value: object) -> str:
        """A name for a constant."""
        self.constants[name := f"k{len(self.constants)}"] = value
        return name

    def function(self, parameters: str, expression: str) -> Any:
        """The function of these parameters that the expression is."""
        scope = {"__builtins__": {"len": len}, **self.constants}
        code = compile(f"lambda {parameters}: {expression}", "<conditions>", "eval")
        return eval(code, scope)  # noqa: S307  made from the algebra alone

    def source(self, condition: Condition, reading: Reading = Reading.CLOSED) -> str:
        """The expression that tests a condition."""
        if (
            isinstance(condition, Compare | OneOf | Absent)
            and condition.fact in self.inapplicable
            and reading is (Reading.CERTAIN if isinstance(condition, Absent) else Reading.POSSIBLE)
        ):
            fact = condition.fact
            off = f"({fact!r} not in v and {self.source(self.inapplicable[fact], Reading.CERTAIN)})"
            test = self._source(condition, reading)
            return off if isinstance(condition, Absent) else f"({test} and not {off})"
        return self._source(condition, reading)

    def _source(self, condition: Condition, reading: Reading) -> str:
        possible = reading is Reading.POSSIBLE
        derived, counts = ("p", "q") if possible else ("d", "c")
        match condition:
            case Compare(fact, comparator, limit):
                known = f"{fact!r} not in v or" if possible else f"{fact!r} in v and"
                return (
                    f"({known} v[{fact!r}] {'==' if comparator == '=' else comparator} "
                    f"{self.bound(limit)})"
                )
            case OneOf(fact, (bool() as value,)):
                return (
                    f"v.get({fact!r}) is not {not value}"
                    if possible
                    else f"v.get({fact!r}) is {value}"
                )
            case OneOf(fact, values):
                return (
                    f"v.get({fact!r}) in "
                    f"{self.bound(frozenset((*values, None) if possible else values))}"
                )
            case Absent(fact):
                return "False" if reading is Reading.CERTAIN else f"{fact!r} not in v"
            case Derived():
                return f"{condition.key!r} in {derived}"
            case AtLeast(count, among=(_, *_)):
                each = " + ".join(f"({key!r} in {derived})" for key in condition.keys)
                return f"({each}) >= {int(count)}"
            case AtLeast(1, name):
                return f"{name!r} in {counts}"
            case AtLeast(count, name):
                return f"len({counts}.get({name!r}, ())) >= {int(count)}"
            case Not(part):
                return f"not ({self.source(part, OPPOSITE[reading])})"
            case AllOf(parts):
                return (
                    "(" + " and ".join(self.source(part, reading) for part in parts) + ")"
                    if parts
                    else "True"
                )
            case AnyOf(parts):
                return "(" + " or ".join(self.source(part, reading) for part in parts) + ")"
            case _:
                assert_never(condition)


def compiled_tests(conditions: Sequence[Condition]) -> list[Holds]:
    """One closed-world test a condition: ``test(values, derivations, counts)``."""
    compiler = Compiler()
    tests = compiler.function(
        "",
        "["
        + ",".join(f"lambda v, d, c: {compiler.source(condition)}" for condition in conditions)
        + "]",
    )
    return cast("list[Holds]", tests())


def tested_together(
    conditions: Sequence[Condition],
    reading: Reading = Reading.CLOSED,
    inapplicable: Mapping[str, Condition] = NOTHING,
) -> Callable[..., tuple[bool, ...]]:
    """One test for many conditions, as a tuple; its parameters are ``v, d, c`` where the reading is
    closed, else `PARAMETERS`.
    """
    compiler = Compiler(inapplicable)
    sources = [compiler.source(condition, reading) for condition in conditions]
    parameters = "v, d, c" if reading is Reading.CLOSED else PARAMETERS
    return cast(
        "Callable[..., tuple[bool, ...]]",
        compiler.function(parameters, "(" + "".join(f"{source}," for source in sources) + ")"),
    )


Blame: TypeAlias = Callable[..., int]
"""The unknown facts that leave a condition unknown, as bits; its parameters are `PARAMETERS` and
``o``, the bits of each conclusion that is possible and not certain."""


def blame(
    condition: Condition,
    bits: Mapping[str, Mapping[str, int]],
    keys_of: Callable[[str], Iterable[str]],
    inapplicable: Mapping[str, Condition] = NOTHING,
) -> Blame:
    """Which unknown facts leave a condition unknown.

    Args:
        condition: the condition.
        bits: for each value, the bits of the given facts that it comes from.
        keys_of: the keys of all that rules can conclude for a property.
        inapplicable: facts that do not always apply, and where they do not.
    """
    compiler = Compiler(inapplicable)

    def where_unknown(whole: Condition, blamed: Iterable[str]) -> str:
        possible = compiler.source(whole, Reading.POSSIBLE)
        certain = compiler.source(whole, Reading.CERTAIN)
        return f"(({' | '.join(blamed) or 0}) if {possible} and not {certain} else 0)"

    def of_conclusion(key: str) -> str:
        return f"(0 if {key!r} in d else o.get({key!r}, 0))"

    def of_fact(name: str, bit: int) -> str:
        off = inapplicable.get(name)
        if off is None:
            return f"(0 if {name!r} in v else {bit})"
        certain = compiler.source(off, Reading.CERTAIN)
        return f"(0 if {name!r} in v or {certain} else {bit} | {source(off)})"

    def source(part: Condition) -> str:
        match part:
            case Compare(fact, _, _) | OneOf(fact, _) | Absent(fact):
                each = [of_fact(base, bit) for base, bit in bits[fact].items()]
                if [*bits[fact]] == [fact]:
                    return each[0]
                return f"(0 if {fact!r} in v else {' | '.join(each) or 0})"
            case Derived():
                return of_conclusion(part.key)
            case AtLeast(_, name):
                return where_unknown(part, map(of_conclusion, part.keys or keys_of(name)))
            case Not(inner):
                return source(inner)
            case AllOf(parts) | AnyOf(parts):
                return where_unknown(part, map(source, parts)) if parts else "0"
            case _:
                assert_never(part)

    return cast("Blame", compiler.function(f"{PARAMETERS}, o", source(condition)))


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
            case _:
                assert_never(part)

    def calculate(values: Values) -> Value | None:
        try:
            return formula(values)
        except (KeyError, ZeroDivisionError, InvalidOperation):
            return None

    formula = cast("Callable[[Values], Value]", compiler.function("v", source(expression)))
    return formula if isinstance(expression, Constant) else calculate


# --- why? --------------------------------------------------------------------------


class Premise(NamedTuple):
    """One premise of a step: a value read, a conclusion
    of an earlier step, or the absence of one.
    """

    kind: str
    """``fact``, ``conclusion`` or ``not``."""
    of: str
    """Name of the value, or key of the conclusion."""


class Reasons(NamedTuple):
    """Premises that are the same in every case, and those of them whose level counts."""

    premises: tuple[Premise, ...]
    keys: tuple[str, ...]


Explain: TypeAlias = Callable[[Values, Derivations, Counts], tuple[tuple[Premise, ...], int]]
"""The premises that made a condition hold (some may
repeat), and the rank of the weakest link of the best proof.
"""


def explanation(condition: Condition) -> Reasons | Explain:
    """Why the condition holds, asked only where it does."""
    writer = _Explaining()
    why = writer.explain(condition)
    if isinstance(why, Reasons):
        return why
    premises, rank = why
    return cast("Explain", writer.function("v, d, c", f"({premises}, {rank})"))


Varying: TypeAlias = tuple[str, str]
"""Expressions for premises and rank that differ from case to case."""


class _Explaining(Compiler):
    """Writes the expressions that say why a condition holds, or does not."""

    def __init__(self) -> None:
        super().__init__()
        self.constants |= {
            "tuple": tuple,
            "min": min,
            "max": max,
            "sorted": sorted,
            "Premise": Premise,
        }

    def explain(self, condition: Condition) -> Reasons | Varying:
        """Why the condition holds."""
        match condition:
            case Compare(fact, _, _) | OneOf(fact, _) | Absent(fact):
                return Reasons((Premise("fact", fact),), ())
            case Derived():
                return Reasons((Premise("conclusion", condition.key),), (condition.key,))
            case AtLeast(count):
                held = self._held(condition)
                return (
                    f"tuple([Premise('conclusion', key) for key in {held}])",
                    f"sorted([d[key] for key in {held}])[{count - 1}]",
                )
            case Not(part):
                return self.refute(part)
            case AllOf(parts):
                return self._together([self.explain(part) for part in parts])
            case AnyOf(parts):
                return self._alternatives(parts, [self.explain(part) for part in parts])
            case _:
                assert_never(condition)

    def refute(self, condition: Condition) -> Reasons | Varying:
        """Why the condition does not hold."""
        match condition:
            case Compare(fact, _, _) | OneOf(fact, _) | Absent(fact):
                return Reasons((Premise("fact", fact),), ())
            case Derived():
                return Reasons((Premise("not", condition.key),), ())
            case AtLeast(1, among=(_, *_)):
                return Reasons(tuple(Premise("not", key) for key in condition.keys), ())
            case AtLeast(1, name):
                return Reasons((Premise("not", name),), ())
            case AtLeast(_, name):
                return (
                    (
                        f"(tuple([Premise('conclusion', key) for key in {self._held(condition)}]) "
                        "or "
                        f"{self.bound((Premise('not', name),))})"
                    ),
                    str(NEUTRAL),
                )
            case Not(part):
                return self.explain(part)
            case AllOf(parts):
                return self._alternatives(
                    tuple(Not(part) for part in parts), [self.refute(part) for part in parts]
                )
            case AnyOf(parts):
                return self._together([self.refute(part) for part in parts])
            case _:
                assert_never(condition)

    def _held(self, condition: AtLeast) -> str:
        """The conclusions that count and were drawn."""
        return (
            f"[key for key in {self.bound(condition.keys)} if key in d]"
            if condition.among
            else f"c.get({condition.predicate!r}, ())"
        )

    def _together(self, reasons: list[Reasons | Varying]) -> Reasons | Varying:
        """Every part is needed: all premises, and the weakest sets the rank."""
        fixed = [part for part in reasons if isinstance(part, Reasons)]
        merged = Reasons(
            tuple(dict.fromkeys(premise for part in fixed for premise in part.premises)),
            tuple(dict.fromkeys(key for part in fixed for key in part.keys)),
        )
        varying = [part for part in reasons if not isinstance(part, Reasons)]
        if not varying:
            return merged
        parts = [self._written(merged), *varying]
        ranks = dict.fromkeys(rank for _, rank in parts if rank != str(NEUTRAL))
        return " + ".join(premises for premises, _ in parts), _chosen("max", list(ranks))

    def _alternatives(
        self, parts: tuple[Condition, ...], reasons: list[Reasons | Varying]
    ) -> Varying:
        """Every alternative that holds is shown; the best sets the rank."""
        written = [
            (self.source(part), *self._written(why))
            for part, why in zip(parts, reasons, strict=True)
        ]
        premises = " + ".join(f"({premises} if {test} else ())" for test, premises, _ in written)
        if all(rank == str(NEUTRAL) for _, _, rank in written):
            return f"({premises})", str(NEUTRAL)
        return f"({premises})", _chosen(
            "min", [f"({rank} if {test} else {WORSE_THAN_ANY})" for test, _, rank in written]
        )

    def _written(self, why: Reasons | Varying) -> Varying:
        if not isinstance(why, Reasons):
            return why
        return self.bound(why.premises), _chosen("max", [f"d[{key!r}]" for key in why.keys])


WORSE_THAN_ANY = 99
"""Above the rank of every level."""


def _chosen(function: str, ranks: list[str]) -> str:
    return (
        str(NEUTRAL)
        if not ranks
        else ranks[0]
        if len(ranks) == 1
        else f"{function}({', '.join(ranks)})"
    )
