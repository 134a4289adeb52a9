"""All lesions at once: the rules of a guideline read into Z3, one symbolic lesion standing for
every valid case.

A value is a list of guarded alternatives, each a constant or a fraction of the numbers given; a
comparison becomes linear by multiplying with the denominator. Every conclusion is a named truth
value defined by its rules, layer by layer, just as `engine.evaluation` draws it (closed world) and
`engine.uncertainty` (certain, possible).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import NamedTuple, TypeAlias, assert_never, cast

import z3

from calx.reasoner.engine.compiler import OPPOSITE, Reading
from calx.reasoner.engine.uncertainty import asked_by_sections, properties_followed
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
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.names import predicate_of
from calx.reasoner.model.program import Clause, Layer
from calx.reasoner.model.requirement import Settles, Stable
from calx.reasoner.model.rule import Assignment
from calx.reasoner.model.values import LARGEST
from calx.reasoner.symbolic.fractions import (
    NO,
    YES,
    Quotient,
    Truth,
    both,
    calculate,
    differ,
    either,
    none,
    number,
    says,
)

EFFORT = 10_000_000
"""Resource units of Z3 (`rlimit`) that one question may take. They count work and not time, so that
a question is decided or not on a busy machine as on an idle one; the guideline's take 0.2 million.
"""


SOLVING = threading.RLock()
"""Held by who asks Z3: what it keeps is not for two threads at a time."""


class Alternative(NamedTuple):
    """A value that something has while the guard holds."""

    guard: Truth
    value: bool | str | Quotient


Alternatives: TypeAlias = tuple[Alternative, ...]
Conclusions: TypeAlias = Mapping[Reading, dict[str, Truth]]
"""By reading, what holds of each key."""


class Given:
    """The facts that a case may give, as symbols; several guidelines can read the same ones.

    What is said of each here holds for any guideline; bounds and values are the guideline's
    (`AnyLesion`).
    """

    def __init__(self, facts: Iterable[Fact], name: str = "") -> None:
        self.facts = {fact.name: fact for fact in facts if fact.given}
        self.known: dict[str, Truth] = {}
        self.symbol: dict[str, z3.ArithRef] = {}
        """Of numbers."""
        self.true: dict[str, Truth] = {}
        """Of booleans."""
        self.alternatives: dict[str, Alternatives] = {}
        self.domain: list[Truth] = []
        for fact in self.facts.values():
            self._declare(fact, f"{name}{fact.name}")

    def _declare(self, fact: Fact, name: str) -> None:
        known = cast("Truth", z3.Bool(f"{name} known"))
        if fact.kind == "boolean":
            true = self.true[fact.name] = cast("Truth", z3.Bool(f"{name} true"))
            self.domain.append(cast("Truth", z3.Implies(true, known)))
            self.alternatives[fact.name] = (
                Alternative(true, True),
                Alternative(both([known, none(true)]), False),
            )
        elif fact.kind == "text":
            each = {value: cast("Truth", z3.Bool(f"{name} = {value}")) for value in fact.values}
            self.domain.append(cast("Truth", known == either(each.values())))
            self.domain.append(cast("Truth", z3.AtMost(*each.values(), 1)))
            self.alternatives[fact.name] = tuple(
                Alternative(is_, value) for value, is_ in each.items()
            )
        else:
            symbol = cast("z3.ArithRef", z3.Int(name) if fact.kind == "integer" else z3.Real(name))
            self.symbol[fact.name] = symbol
            self.alternatives[fact.name] = (
                Alternative(
                    known,
                    Quotient(
                        cast("z3.ArithRef", z3.ToReal(symbol)) if fact.kind == "integer" else symbol
                    ),
                ),
            )
        self.known[fact.name] = known

    def same(self, name: str, other: Given) -> Truth:
        """Both lesions have the same value of a fact, where it is known."""
        if name in self.symbol:
            return cast("Truth", self.symbol[name] == other.symbol[name])
        pairs = zip(self.alternatives[name], other.alternatives[name], strict=True)
        return both(cast("Truth", mine.guard == theirs.guard) for mine, theirs in pairs)

    def read(self, model: z3.ModelRef) -> dict[str, Value]:
        """The facts of a model; numbers exact, so perhaps with more digits than a case may give."""
        found: dict[str, Value] = {}
        for name, alternatives in self.alternatives.items():
            for alternative in alternatives:
                if z3.is_true(model.eval(alternative.guard, model_completion=True)):
                    found[name] = (
                        self._number(model, name)
                        if isinstance(alternative.value, Quotient)
                        else alternative.value
                    )
        return found

    def _number(self, model: z3.ModelRef, name: str) -> Decimal:
        value = model.eval(self.symbol[name], model_completion=True)
        fraction = (
            Fraction(value.as_long())
            if z3.is_int_value(value)
            else Fraction(value.numerator_as_long(), value.denominator_as_long())
        )
        return Decimal(fraction.numerator) / Decimal(fraction.denominator)

    def is_(self, name: str, value: Value | None) -> Truth:
        """The fact has this value; None: it is unknown."""
        if value is None:
            return none(self.known[name])
        if name in self.symbol:
            return both(
                [
                    self.known[name],
                    cast("Truth", self.symbol[name] == number(cast("Decimal", value))),
                ]
            )
        return next(
            alternative.guard
            for alternative in self.alternatives[name]
            if alternative.value == value
        )


class AnyLesion:
    """What a guideline concludes of a symbolic lesion.

    Args:
        guideline: whose rules are read.
        given: the symbols of the facts; those of another guideline may be shared.
        name: prefix of the names of conclusions, where several are in one solver.
    """

    def __init__(self, guideline: Guideline, given: Given | None = None, name: str = "") -> None:
        self.guideline = guideline
        self.given = given or Given(guideline.facts.values())
        self.name = name
        self.definitions: list[Truth] = []
        self._whole = False
        """Whether every layer was read, so that a condition means the same from now on."""
        self._asked: dict[Condition, Truth] = {}
        self.values: dict[str, Alternatives] = dict(self.given.alternatives)
        self.derived: dict[str, Truth] = {}
        self.fires: dict[str, Truth] = {}
        """By rule: some production of it holds."""
        self.production: dict[tuple[str, int], Truth] = {}
        """By rule and number of the production."""
        self.disputed: dict[str, list[Truth]] = {}
        """By fact or quantity, that two rules give it two values; the first is kept."""
        for layer in guideline.program.completing:
            self._read(layer)
        self._completed = dict(self.values)
        for layer in guideline.program.concluding:
            self._read(layer)
        domain = [
            admitted
            for name, fact in self.given.facts.items()
            for admitted in self._domain(name, fact)
        ]
        consistent = [
            none(self._closed(constraint.condition, self._completed))
            for constraint in guideline.constraints
        ]
        self.valid = [*self.given.domain, *domain, *consistent]
        """A case that the gate admits."""
        self._whole = True

    def _domain(self, name: str, symbol: Fact) -> Iterator[Truth]:
        """Which values of a fact this guideline admits."""
        fact, known = self.guideline.facts.get(name), self.given.known[name]
        if fact is None or not fact.given:
            yield none(known)
        elif fact.kind == "text":
            yield from (
                none(self.given.is_(name, value))
                for value in symbol.values
                if value not in fact.values
            )
        elif fact.kind in ("number", "integer"):
            number_ = self.given.symbol[name]
            low = (
                None
                if fact.minimum is None
                else number_ > number(fact.minimum)
                if fact.exclusive_minimum
                else number_ >= number(fact.minimum)
            )
            high = number_ <= number(fact.maximum if fact.maximum is not None else LARGEST)
            yield cast("Truth", z3.Implies(known, both([*([] if low is None else [low]), high])))

    # --- rules ----------------------------------------------------------------------

    def _read(self, layer: Layer) -> None:
        """One layer as `Layer` says it: all its clauses are read before any of them writes."""
        applies = {
            clause.name: self._named(clause.name, self.holds(clause.production.applies))
            for clause in layer.clauses
        }
        by_rule: dict[str, list[Truth]] = {}
        for clause in layer.clauses:
            self.production[clause.rule.id, clause.number] = applies[clause.name]
            by_rule.setdefault(clause.rule.id, []).append(applies[clause.name])
        self.fires |= {rule: either(each) for rule, each in by_rule.items()}
        for fact, clauses in layer.assigning.items():
            self._assign(fact, [(applies[c.name], _expression(c)) for c in clauses])
        for key, clauses in layer.asserting.items():
            self._assert(self.derived, key, [applies[clause.name] for clause in clauses])

    def _assert(
        self, conclusions: dict[str, Truth], key: str, parts: list[Truth], reading: str = ""
    ) -> None:
        """A conclusion holds where some clause of it does, or one of a layer before did."""
        before = [conclusions[key]] if key in conclusions else []
        conclusions[key] = self._named(f"{reading}{key}", either([*before, *parts]))

    def _assign(self, fact: str, assignments: list[tuple[Truth, Expression]]) -> None:
        before = self.values.get(fact, ())
        free = [none(alternative.guard) for alternative in before]
        found = list(before)
        # a fact that is given is implied only where it is absent, so that what came before cannot
        # meet what is implied now
        first = len(before) if self.guideline.facts[fact].given else 0
        for holds, expression in assignments:
            results = list(self._results(expression))
            self.disputed.setdefault(fact, []).extend(
                both([earlier.guard, holds, guard, unlike])
                for guard, value in results
                for earlier in found[first:]
                if not z3.is_false(unlike := _unlike(earlier.value, value))
            )
            fresh = [Alternative(both([*free, holds, guard]), value) for guard, value in results]
            found += [
                Alternative(self._named(f"{fact}#{len(found) + index}", guard), value)
                for index, (guard, value) in enumerate(fresh)
            ]
            free.append(
                none(
                    either(
                        [holds]
                        if isinstance(expression, Constant)
                        else [alternative.guard for alternative in fresh]
                    )
                )
            )
        self.values[fact] = tuple(found)

    def _results(self, expression: Expression) -> Iterator[Alternative]:
        match expression:
            case Constant(value):
                yield Alternative(
                    YES,
                    Quotient(number(value))
                    if isinstance(value, Decimal | int) and not isinstance(value, bool)
                    else value,
                )
            case Of(fact):
                yield from self.values.get(fact, ())
            case Arithmetic(sign, left, right):
                for (guard, one), (other_guard, other) in product(
                    self._results(left), self._results(right)
                ):
                    if isinstance(one, Quotient) and isinstance(other, Quotient):
                        result, defined = calculate(sign, one, other, self._positive(right))
                        yield Alternative(both([guard, other_guard, defined]), result)
            case _:
                assert_never(expression)

    def _positive(self, expression: Expression) -> bool:
        match expression:
            case Constant(value):
                return isinstance(value, Decimal | int) and value > 0
            case Of(fact):
                described = self.guideline.facts[fact]
                return described.minimum is not None and (
                    described.minimum > 0
                    or (described.minimum == 0 and described.exclusive_minimum)
                )
            case Arithmetic(sign, left, right):
                return sign != "-" and self._positive(left) and self._positive(right)
            case _:
                assert_never(expression)

    def _named(self, name: str, truth: Truth) -> Truth:
        """A name for a truth value, so that the solver meets it once."""
        if (
            z3.is_true(truth)
            or z3.is_false(truth)
            or (z3.is_const(truth) and truth.decl().kind() == z3.Z3_OP_UNINTERPRETED)
        ):
            return truth
        symbol = cast("Truth", z3.Bool(f"{self.name}{name}"))
        self.definitions.append(cast("Truth", symbol == truth))
        return symbol

    # --- conditions -----------------------------------------------------------------

    def known(self, fact: str) -> Truth:
        """The value is known: given, implied or computed."""
        return either(alternative.guard for alternative in self.values.get(fact, ()))

    def holds(self, condition: Condition, reading: Reading = Reading.CLOSED) -> Truth:
        """The condition of a lesion, with what was concluded so far."""
        if reading is not Reading.CLOSED:
            return self._holds(condition, reading, self.values, self._outlook)
        if not self._whole:
            return self._closed(condition, self.values)
        if condition not in self._asked:
            self._asked[condition] = self._closed(condition, self.values)
        return self._asked[condition]

    def _closed(self, condition: Condition, values: dict[str, Alternatives]) -> Truth:
        return self._holds(condition, Reading.CLOSED, values, {Reading.CLOSED: self.derived})

    def _holds(
        self,
        condition: Condition,
        reading: Reading,
        values: dict[str, Alternatives],
        conclusions: Conclusions,
    ) -> Truth:
        match condition:
            case Compare() | OneOf() as leaf:
                parts = [
                    both([guard, says(leaf, value)]) for guard, value in values.get(leaf.fact, ())
                ]
                if reading is Reading.POSSIBLE:
                    applies = none(self._inapplicable(leaf.fact, values, conclusions))
                    unknown = none(either(guard for guard, _ in values.get(leaf.fact, ())))
                    parts.append(both([unknown, applies]))
                return either(parts)
            case Absent(fact):
                unknown = none(either(guard for guard, _ in values.get(fact, ())))
                if reading is not Reading.CERTAIN:
                    return unknown
                return both([unknown, self._inapplicable(fact, values, conclusions)])
            case Derived():
                return conclusions[reading].get(condition.key, NO)
            case AtLeast(count, predicate):
                keys = condition.keys or self.guideline.program.keys_of(predicate)
                each = [conclusions[reading][key] for key in keys if key in conclusions[reading]]
                return (
                    either(each)
                    if count == 1
                    else cast("Truth", z3.AtLeast(*each, count))
                    if len(each) >= count
                    else NO
                )
            case Not(part):
                return none(self._holds(part, OPPOSITE[reading], values, conclusions))
            case AllOf(parts_):
                return both(self._holds(part, reading, values, conclusions) for part in parts_)
            case AnyOf(parts_):
                return either(self._holds(part, reading, values, conclusions) for part in parts_)
            case _:
                assert_never(condition)

    def _inapplicable(
        self, fact: str, values: dict[str, Alternatives], conclusions: Conclusions
    ) -> Truth:
        """It is certain that a fact does not apply: where it is absent, it is not unknown."""
        where = self.guideline.inapplicable.get(fact)
        if where is None:
            return NO
        return self._holds(where, Reading.CERTAIN, values, conclusions)

    def some(self, predicate: str) -> Truth:
        """Some term of a property is concluded."""
        return either(self.derived[key] for key in self.terms(predicate))

    def terms(self, predicate: str) -> tuple[str, ...]:
        """Keys of what rules can conclude for a property."""
        return self.guideline.program.keys_of(predicate)

    # --- the three-valued reading -----------------------------------------------------

    @property
    def certain(self) -> dict[str, Truth]:
        """Conclusions that hold whatever the unknown facts are, of the properties in `asked_of`."""
        return self._outlook[Reading.CERTAIN]

    @property
    def possible(self) -> dict[str, Truth]:
        """Conclusions that may hold."""
        return self._outlook[Reading.POSSIBLE]

    @cached_property
    def _outlook(self) -> Conclusions:
        certain: dict[str, Truth] = {}
        possible: dict[str, Truth] = {}
        outlook = {Reading.CERTAIN: certain, Reading.POSSIBLE: possible}
        followed = properties_followed(self.guideline, asked_of(self.guideline))
        for layer in self.guideline.program.concluding:
            written: list[tuple[str, list[Truth], list[Truth]]] = []
            for key, clauses in layer.asserting.items():
                if predicate_of(key) in followed:
                    conditions = [clause.production.condition for clause in clauses]
                    could, surely = (
                        [self._holds(each, reading, self.values, outlook) for each in conditions]
                        for reading in (Reading.POSSIBLE, Reading.CERTAIN)
                    )
                    sure = [both(pair) for pair in zip(surely, could, strict=True)]
                    written.append((key, sure, could))
            for key, sure, could in written:
                self._assert(certain, key, sure, "certain ")
                self._assert(possible, key, could, "possible ")
        return outlook


def _unlike(one: bool | str | Quotient, other: bool | str | Quotient) -> Truth:
    """Two values are not the same."""
    if isinstance(one, Quotient) and isinstance(other, Quotient):
        return cast("Truth", z3.simplify(differ(one, other)))
    return NO if one == other else YES


def asked_of(guideline: Guideline) -> tuple[str, ...]:
    """The properties to read with three truth values: those of an answer, and those that
    requirements speak of.
    """
    demanded = (
        r.demand.predicate for r in guideline.requirements if isinstance(r.demand, Settles | Stable)
    )
    return tuple(dict.fromkeys((*asked_by_sections(guideline), *demanded)))


def _expression(clause: Clause) -> Expression:
    conclusion = clause.production.conclusion
    assert isinstance(conclusion, Assignment)
    return conclusion.expression
