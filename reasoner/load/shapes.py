"""Reads SHACL shapes and rules into conditions and productions. What is outside the profile is an
error, never dropped.

The profile (docs/authors.md): a condition is a node shape built from property shapes on facts,
quantities and conclusions (value ranges, ``sh:hasValue``, ``sh:in``, counts, also of the terms of a
class or list with ``sh:qualifiedValueShape``), ``sh:and``,
``sh:or``, ``sh:not`` and ``sh:node``; a rule is a ``sh:TripleRule`` about ``sh:this``, or a
``sh:SPARQLRule`` that computes one number with one ``BIND``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from rdflib import RDF, RDFS, SH, XSD, BNode, Graph, Literal, URIRef, Variable
from rdflib.collection import Collection
from rdflib.term import Node

from calx.errors import CalxError
from calx.reasoner.load.sums import UnreachableError, on_points
from calx.reasoner.model.condition import (
    Absent,
    AllOf,
    AnyOf,
    Arithmetic,
    AtLeast,
    Comparator,
    Compare,
    Condition,
    Constant,
    Derived,
    Expression,
    Not,
    Of,
    OneOf,
    Operator,
    Value,
    all_of,
)
from calx.reasoner.model.guideline import ConclusionProperty, Fact
from calx.reasoner.model.names import IRI, Names
from calx.reasoner.model.rule import Assertion, Assignment, Number, Production
from calx.reasoner.model.section import Tally
from calx.reasoner.model.values import LARGEST

BOUNDS: dict[URIRef, Comparator] = {
    SH.minExclusive: ">",
    SH.minInclusive: ">=",
    SH.maxExclusive: "<",
    SH.maxInclusive: "<=",
}
OPERATORS: dict[str, Operator] = {"+": "+", "-": "-", "*": "*", "/": "/"}
QUALIFIED = {SH.qualifiedValueShape, SH.qualifiedMinCount, SH.qualifiedMaxCount}
PROPERTY_SHAPE = {SH.path, SH.minCount, SH.maxCount, SH.hasValue, SH["in"], *BOUNDS, *QUALIFIED}
NODE_SHAPE = {
    RDF.type,
    SH.property,
    SH["or"],
    SH["and"],
    SH["not"],
    SH.node,
    RDFS.comment,
    RDFS.label,
}
LARGEST_CONDITION = 1000
"""Parts that a condition may have; shared shapes count wherever they are used."""
DEEPEST_CONDITION = 100
"""Shapes that may stand inside each other."""
RANK = [Derived, AtLeast, Compare, OneOf, AllOf, AnyOf, Absent, Not]
TRIPLE_RULE = {RDF.type, SH.order, SH.subject, SH.predicate, SH.object, SH.condition}
SPARQL_RULE = {RDF.type, SH.order, SH.prefixes, SH.construct}


class ProfileError(CalxError):
    """A construct that Calx does not read; the text names it and says what to use instead."""

    def __init__(self, message: str, kind: str = "profile") -> None:
        super().__init__(message)
        self.kind = kind


def kind_of(error: Exception) -> str:
    """The kind of problem that an error of reading is."""
    return error.kind if isinstance(error, ProfileError) else "profile"


def describe_error(error: Exception) -> str:
    """An error of reading, in one line."""
    if isinstance(error, RecursionError):
        return "its conditions are nested too deeply"
    return " ".join(str(error).split())[:300] or type(error).__name__


def number(literal: Node | None) -> Decimal:
    """The number that a literal stands for.

    Raises:
        ProfileError: not a finite number.
    """
    if isinstance(literal, Literal) and literal.datatype in (XSD.integer, XSD.decimal, XSD.double):
        try:
            value = Decimal(str(literal))
        except ArithmeticError:
            value = Decimal("NaN")
        if value.is_finite() and abs(value) < LARGEST:
            return value
    raise ProfileError(
        f"{str(literal)[:40]} is not a number that can be compared; write a plain number", "number"
    )


class ShapeReader:
    """Reads the shapes of one graph, given the facts and conclusions that they may speak of."""

    def __init__(
        self,
        graph: Graph,
        facts: dict[str, Fact],
        properties: dict[str, ConclusionProperty],
        term: Callable[[str, Node], str],
        names: Names,
        tallies: Iterable[Tally] = (),
    ) -> None:
        self.graph = graph
        self.names, self._short = names, names.short
        self.facts = {fact.local: fact for fact in facts.values()}
        self.properties = properties
        self.term = term
        """Checks that a node is a term that the property can have, and gives its local name."""
        self._tallies = {tally.total: tally for tally in tallies}
        self.sums: dict[Condition, Compare] = {}
        """What was read as a condition on the points of a tally, and what authors wrote."""
        self._open: dict[Node, None] = {}
        self._size = 0
        self._numbers: list[Number] = []

    # --- conditions -----------------------------------------------------------------

    def condition(self, node: Node) -> tuple[Condition, tuple[Number, ...]]:
        """The condition that a node shape states, and the literals in it.

        Raises:
            ProfileError: the shape uses something outside the profile.
        """
        self._numbers, self._open, self._size = [], {}, 0
        return self._node_shape(node), tuple(sorted(set(self._numbers), key=repr))

    def _node_shape(self, node: Node) -> Condition:
        self._size += 1
        if self._size > LARGEST_CONDITION:
            raise ProfileError(
                f"a condition of more than {LARGEST_CONDITION} parts; split the rule, or share "
                "less through sh:node"
            )
        if node in self._open:
            raise ProfileError(
                f"{self._short(node)} refers to itself through sh:node; break the loop"
            )
        if len(self._open) >= DEEPEST_CONDITION:
            raise ProfileError(
                f"{self._short(node)} is nested too deeply: more than {DEEPEST_CONDITION} shapes "
                "inside each other; split the rule"
            )
        if (node, None, None) not in self.graph:
            raise ProfileError(
                f"{self._short(node)} is used as a condition and not defined", "undefined"
            )
        self._only(node, NODE_SHAPE, "a condition")
        self._open[node] = None
        graph = self.graph
        parts: list[Condition] = [
            self._property_shape(part) for part in graph.objects(node, SH.property)
        ]
        parts += [self._node_shape(part) for part in graph.objects(node, SH.node)]
        parts += [Not(self._part(part)) for part in graph.objects(node, SH["not"])]
        parts += [AllOf(self._list(part)) for part in graph.objects(node, SH["and"])]
        parts += [AnyOf(self._list(part)) for part in graph.objects(node, SH["or"])]
        del self._open[node]
        if not parts:
            raise ProfileError(
                f"{self._short(node)} states no condition; give it a sh:property, sh:or, sh:and, "
                "sh:not or sh:node"
            )
        # RDF keeps no order among them; a fixed one makes answers reproducible
        parts.sort(key=lambda part: (RANK.index(type(part)), repr(part)))
        return all_of(parts)

    def _part(self, node: Node) -> Condition:
        return (
            self._property_shape(node)
            if (node, SH.path, None) in self.graph
            else self._node_shape(node)
        )

    def _list(self, head: Node) -> tuple[Condition, ...]:
        members = list(Collection(self.graph, head))
        if not members:
            raise ProfileError("an empty sh:or or sh:and; list its parts")
        return tuple(self._part(member) for member in members)

    def _property_shape(self, node: Node) -> Condition:
        self._only(node, PROPERTY_SHAPE, "a property shape")
        path = self._one(node, SH.path)
        local = self.names.below(path)
        if not isinstance(path, URIRef) or not (local in self.facts or local in self.properties):
            raise ProfileError(
                (
                    f"sh:path {self._short(path)} is neither a fact, a quantity nor a conclusion; "
                    "a path is one property of the case"
                ),
                "unknown-fact",
            )
        if local in self.facts:
            return self._about_value(node, self.facts[local])
        return self._about_conclusion(node, local)

    def _about_value(self, node: Node, fact: Fact) -> Condition:
        graph, parts = self.graph, list[Condition]()
        minimum, maximum = (self._count(node, count) for count in (SH.minCount, SH.maxCount))
        allowed, exact = (
            self._one(node, SH["in"], optional=True),
            self._one(node, SH.hasValue, optional=True),
        )
        for predicate in BOUNDS:
            if len(list(graph.objects(node, predicate))) > 1:
                raise ProfileError(
                    (
                        f"{self._short(predicate)} stands twice on {fact.name}; give one bound (a "
                        "decimal is written with a point)"
                    ),
                    "repeated",
                )
        bounds = [
            (comparator, bound)
            for predicate, comparator in BOUNDS.items()
            for bound in graph.objects(node, predicate)
        ]
        if maximum == 0 and minimum is None and not bounds and allowed is None and exact is None:
            return Absent(fact.name)
        if maximum is not None or minimum not in (None, 1):
            raise ProfileError(
                f"counts on {fact.name} may be sh:minCount 1 (known) or sh:maxCount 0 alone "
                "(unknown)"
            )
        if (bounds or allowed is not None) and minimum != 1:
            raise ProfileError(
                f"a range or sh:in on {fact.name} needs sh:minCount 1: without it the shape also "
                "holds where the value is missing"
            )
        for comparator, limit in self._limits(fact, bounds):
            parts.append(self._compared(Compare(fact.name, comparator, limit)))
            self._record(fact, comparator, limit)
        if allowed is not None:
            members = tuple(self.value(fact, member) for member in Collection(graph, allowed))
            if not members:
                raise ProfileError(f"an empty sh:in on {fact.name}; list the values that count")
            parts.append(OneOf(fact.name, members))
        if exact is not None:
            parts.append(OneOf(fact.name, (self.value(fact, exact),)))
        if fact.kind in ("number", "integer") and (allowed is not None or exact is not None):
            raise ProfileError(
                "sh:hasValue and sh:in compare how a number is written (0 is not 0.0); for "
                f"{fact.name} use sh:minInclusive and sh:maxInclusive"
            )
        if not parts:
            if minimum != 1:
                raise ProfileError(
                    f"nothing is asked of {fact.name}; give a bound, sh:hasValue, sh:in or a count"
                )
            return Not(Absent(fact.name))
        return all_of(parts)

    def _compared(self, compare: Compare) -> Condition:
        """A comparison; of the number of a tally what it says of the points."""
        tally = self._tallies.get(compare.fact)
        if tally is None:
            return compare
        try:
            found = on_points(compare, tally)
        except UnreachableError as error:
            raise ProfileError(f"{compare.fact}: {error}", "number") from None
        self.sums[found] = compare
        return found

    @staticmethod
    def _limits(
        fact: Fact, bounds: list[tuple[Comparator, Node]]
    ) -> list[tuple[Comparator, Decimal]]:
        """The limits of a range; equal inclusive limits are one equality."""
        if bounds and fact.kind not in ("number", "integer"):
            raise ProfileError(f"{fact.name} is not a number and cannot be compared")
        limits = [(comparator, number(bound)) for comparator, bound in bounds]
        if (
            len(limits) == 2
            and {comparator for comparator, _ in limits} == {">=", "<="}
            and limits[0][1] == limits[1][1]
        ):
            return [("=", limits[0][1])]
        return limits

    def _about_conclusion(self, node: Node, name: str) -> Condition:
        minimum, maximum = (self._count(node, count) for count in (SH.minCount, SH.maxCount))
        exact = self._one(node, SH.hasValue, optional=True)
        if (node, SH.qualifiedValueShape, None) in self.graph:
            return self._about_some(node, name)
        others = {str(predicate) for predicate in self.graph.predicates(node)} - {
            str(p) for p in (SH.path, SH.minCount, SH.maxCount, SH.hasValue)
        }
        if others:
            raise ProfileError(f"{name} is a conclusion: ask for it with sh:hasValue or a count")
        if exact is not None:
            if minimum is not None or maximum is not None:
                raise ProfileError(f"{name}: sh:hasValue and counts in one property shape; use two")
            return Derived(name, self.term(name, exact))
        if minimum is None and maximum is None:
            raise ProfileError(f"nothing is asked of {name}; give sh:hasValue or a count")
        parts: list[Condition] = []
        if minimum:
            parts.append(AtLeast(minimum, name))
        if maximum is not None:
            parts.append(Not(AtLeast(maximum + 1, name)))
        if minimum and minimum == maximum:
            self._numbers.append(Number(name, "=", Decimal(minimum), "1"))
        else:
            if minimum and minimum > 1:
                self._numbers.append(Number(name, ">=", Decimal(minimum), "1"))
            if maximum:
                self._numbers.append(Number(name, "<=", Decimal(maximum), "1"))
        return all_of(parts)

    def _about_some(self, node: Node, name: str) -> Condition:
        """How many terms of a class, or of a list, were concluded."""
        self._only(node, {SH.path, *QUALIFIED}, "a count of some terms")
        inner = self._one(node, SH.qualifiedValueShape)
        self._only(inner, {SH["class"], SH["in"], RDF.type}, "a sh:qualifiedValueShape")
        cls, listed = (self._one(inner, p, optional=True) for p in (SH["class"], SH["in"]))
        if (cls is None) is (listed is None):
            raise ProfileError(
                f"{name}: a sh:qualifiedValueShape names a class with sh:class, or lists terms "
                "with sh:in"
            )
        nodes = self._of_class(cls) if cls is not None else Collection(self.graph, listed)
        among = tuple(dict.fromkeys(self.term(name, each) for each in nodes))
        if not among:
            raise ProfileError(
                f"{name}: nothing is of the class {self._short(cls)}", "unknown-term"
            )
        minimum, maximum = (
            self._count(node, count) for count in (SH.qualifiedMinCount, SH.qualifiedMaxCount)
        )
        if minimum is None and maximum is None:
            raise ProfileError(f"{name}: give sh:qualifiedMinCount or sh:qualifiedMaxCount")
        if minimum is not None and minimum > len(among):
            raise ProfileError(
                f"{name}: asks for {minimum} of {len(among)} terms, which can never be", "number"
            )
        for comparator, count in ((">=", minimum), ("<=", maximum)):
            if count and count > (comparator == ">="):
                self._numbers.append(Number(name, comparator, Decimal(count), "1"))
        parts: list[Condition] = []
        if minimum:
            parts.append(self._some(minimum, name, among))
        if maximum is not None and maximum < len(among):
            parts.append(Not(self._some(maximum + 1, name, among)))
        return all_of(parts)

    @staticmethod
    def _some(count: int, name: str, among: tuple[str, ...]) -> Condition:
        if count == 1:
            each = tuple(Derived(name, term) for term in among)
            return each[0] if len(each) == 1 else AnyOf(each)
        return AtLeast(count, name, among)

    def _of_class(self, cls: Node) -> list[Node]:
        """The individuals of a class, in their order."""
        below = set(self.graph.transitive_subjects(RDFS.subClassOf, cls))
        found = {node for one in below for node in self.graph.subjects(RDF.type, one)}
        return sorted(
            found, key=lambda node: (str(self.graph.value(node, SH.order)).zfill(4), node)
        )

    def value(self, fact: Fact, node: Node) -> Value:
        """A constant that the fact can have.

        Raises:
            ProfileError: it has another type, or is not among the fact's values.
        """
        if fact.kind in ("number", "integer"):
            return number(node)
        if fact.kind == "boolean":
            if (
                isinstance(node, Literal)
                and node.datatype == XSD.boolean
                and str(node) in ("true", "false")
            ):
                return str(node) == "true"
            raise ProfileError(f"{fact.name} is true or false, not {node!s}", "unknown-value")
        if (
            isinstance(node, Literal)
            and node.datatype in (None, XSD.string)
            and node.language is None
            and (not fact.values or str(node) in fact.values)
        ):
            return str(node)
        raise ProfileError(
            f"{fact.name} cannot be {node!s}; it is one of {', '.join(fact.values)}",
            "unknown-value",
        )

    # --- rules ----------------------------------------------------------------------

    def production(self, node: Node) -> Production:
        """One ``sh:rule`` of a rule shape.

        Raises:
            ProfileError: the rule uses something outside the profile.
        """
        kinds = set(self.graph.objects(node, RDF.type))
        if kinds == {SH.TripleRule}:
            return self._triple_rule(node)
        if kinds == {SH.SPARQLRule}:
            return self._sparql_rule(node)
        raise ProfileError(
            f"a rule of type {', '.join(map(self._short, kinds)) or 'none'}; use sh:TripleRule, or "
            "sh:SPARQLRule to compute a number"
        )

    def _triple_rule(self, node: Node) -> Production:
        self._only(node, TRIPLE_RULE, "a triple rule")
        if self._one(node, SH.subject) != SH.this:
            raise ProfileError("sh:subject must be sh:this: rules conclude about the case")
        numbers: list[Number] = []
        parts = []
        for shape in self.graph.objects(node, SH.condition):
            part, literals = self.condition(shape)
            parts.append(part)
            numbers += literals
        parts.sort(key=repr)
        condition = all_of(parts)
        predicate, target = self._one(node, SH.predicate), self._one(node, SH.object)
        local = self.names.below(predicate)
        if local in self.facts:
            assignment, literal = self._assignment(self.facts[local], target)
            return Production(condition, assignment, tuple(sorted({*numbers, *literal}, key=repr)))
        if local in self.properties:
            return Production(
                condition,
                Assertion(local, self.term(local, target)),
                tuple(sorted(set(numbers), key=repr)),
            )
        raise ProfileError(
            f"sh:predicate {self._short(predicate)} is neither a conclusion nor a fact",
            "unknown-fact",
        )

    def _assignment(self, fact: Fact, target: Node) -> tuple[Assignment, list[Number]]:
        if isinstance(target, BNode):
            self._only(target, {SH.path}, "the value of a rule")
            local = self.names.below(self._one(target, SH.path))
            if local not in self.facts:
                raise ProfileError(
                    f"sh:object takes its value from {local}, which is no fact or quantity",
                    "unknown-fact",
                )
            return Assignment(fact.name, Of(self.facts[local].name)), []
        self._numbers = []
        value = self.value(fact, target)
        if isinstance(value, Decimal):
            self._record(fact, "=", value)
        return Assignment(fact.name, Constant(value)), self._numbers

    def _sparql_rule(self, node: Node) -> Production:
        self._only(node, SPARQL_RULE, "a SPARQL rule")
        target, expression = self._computation(str(self._one(node, SH.construct)))
        self._numbers = []
        self._factors(target, expression)
        return Production(
            AllOf(()), Assignment(target.name, expression), tuple(dict.fromkeys(self._numbers))
        )

    def _computation(self, query: str) -> tuple[Fact, Expression]:
        from rdflib.plugins.sparql import prepareQuery

        form = (
            "write CONSTRUCT { $this calx:quantity ?result } WHERE { $this calx:fact ?x … "
            "BIND( arithmetic AS ?result ) }"
        )
        try:
            algebra = prepareQuery(
                query, initNs={"calx": IRI, self.names.prefix: self.names.iri}
            ).algebra
            (subject, predicate, result), *more = algebra.template
            extend = algebra.p.p
            bgp = extend.p
            fine = (
                algebra.name == "ConstructQuery"
                and not more
                and extend.name == "Extend"
                and bgp.name == "BGP"
                and not algebra.datasetClause
            )
        except Exception as error:
            raise ProfileError(
                f"a SPARQL rule that cannot be read ({str(error)[:100]}); {form}"
            ) from None
        if not fine or result != extend.var or any(s != subject for s, _, _ in bgp.triples):
            raise ProfileError(f"a SPARQL rule beyond one number from facts of the case; {form}")
        names = {variable: self._fact_at(path) for _, path, variable in bgp.triples}
        return self._fact_at(predicate), self._expression(extend.expr, names)

    def _fact_at(self, path: Node) -> Fact:
        local = self.names.below(path)
        if local not in self.facts or self.facts[local].kind not in ("number", "integer"):
            raise ProfileError(f"{self._short(path)} is no number of the case")
        return self.facts[local]

    def _expression(self, node: Any, names: dict[Node, Fact]) -> Expression:
        if isinstance(node, Literal):
            return Constant(number(node))
        if isinstance(node, Variable) and node in names:
            return Of(names[node].name)
        if getattr(node, "name", "") in ("MultiplicativeExpression", "AdditiveExpression"):
            expression = self._expression(node.expr, names)
            for operator, other in zip(node.op or [], node.other or [], strict=True):
                expression = Arithmetic(
                    OPERATORS[str(operator)], expression, self._expression(other, names)
                )
            return expression
        raise ProfileError(
            f"{getattr(node, 'name', node)} in a computation; use + - * / on numbers and facts"
        )

    # --- literals -------------------------------------------------------------------

    def _record(self, fact: Fact, comparator: str, value: Decimal) -> None:
        """Note a literal that evidence must back; ``= 0`` and ``> 0`` need none."""
        if not (value == 0 and comparator in ("=", ">")):
            self._numbers.append(Number(fact.name, comparator, value, fact.unit or ""))

    def _factors(self, target: Fact, expression: Expression) -> None:
        if not isinstance(expression, Arithmetic):
            return
        for side in (expression.left, expression.right):
            if isinstance(side, Constant):
                assert isinstance(side.value, Decimal)
                unit = (
                    (target.unit or "")
                    if expression.operator in "+-"
                    or (target.unit == "%" and expression.operator == "*")
                    else "1"
                )
                sign = (
                    f"c{expression.operator}"
                    if side is expression.left and expression.operator in "-/"
                    else expression.operator
                )
                self._numbers.append(Number(target.name, sign, side.value, unit))
            self._factors(target, side)

    # --- nodes ----------------------------------------------------------------------

    def _only(self, node: Node, allowed: set[URIRef], what: str) -> None:
        strange = sorted(self._short(p) for p in set(self.graph.predicates(node)) - allowed)
        if strange:
            raise ProfileError(f"{', '.join(strange)} in {what} is outside the supported profile")

    def _one(self, node: Node, predicate: URIRef, optional: bool = False) -> Any:
        values = list(self.graph.objects(node, predicate))
        if len(values) == 1:
            return values[0]
        if not values and optional:
            return None
        raise ProfileError(
            f"{self._short(predicate)} must stand exactly once, not {len(values)} times"
        )

    def _count(self, node: Node, predicate: URIRef) -> int | None:
        literal = self._one(node, predicate, optional=True)
        if literal is None:
            return None
        value = number(literal)
        if value != int(value) or value < 0:
            raise ProfileError(f"{self._short(predicate)} {literal} is not a count")
        return int(value)
