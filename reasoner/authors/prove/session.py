"""Questions to the solver: can this be, show me the
smallest lesion, and which lesions are they all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import TypeAlias, cast

import z3

from calx.errors import CalxError
from calx.reasoner.authors.prove.literals import RegionWords, cuts, strength, strengthen
from calx.reasoner.authors.prove.phrases import Literal, conjunction
from calx.reasoner.model.condition import Condition, Value, leaves_on_values
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.values import FRACTION_DIGITS
from calx.reasoner.symbolic.fractions import Quotient, Truth, none
from calx.reasoner.symbolic.solver import EFFORT, AnyLesion

Lesion: TypeAlias = dict[str, Value]


class UndecidedError(CalxError):
    """The solver gave up: neither proved nor refuted."""


@dataclass(frozen=True)
class Region:
    """Lesions of which something holds, told by what they share.

    Where no words tell them apart (two computed numbers compared), there are no literals, and it is
    not `exact`: the example is one of them.
    """

    literals: tuple[Literal, ...]
    example: Lesion
    exact: bool


class Session:
    """A solver that knows what valid lesions are and what guidelines conclude of them."""

    def __init__(
        self, *lesions: AnyLesion, asked: Callable[[], None] = lambda: None, effort: int = 1
    ) -> None:
        """Each question may take `effort` times `EFFORT`."""
        self._solver = z3.Solver()
        self._solver.set("rlimit", EFFORT * effort)
        self._proxies: dict[int, tuple[Truth, Truth]] = {}
        """Names of what was asked, with what they stand
        for, which must live as long as its number is used.
        """
        self._told = asked
        self._lesions = lesions
        self._learned = [0] * len(lesions)
        for lesion in lesions:
            self._solver.add(lesion.valid)

    def _learn(self) -> None:
        """Add how the conclusions of the lesions are
        defined, those defined since the last question.
        """
        for index, lesion in enumerate(self._lesions):
            if len(lesion.definitions) > self._learned[index]:
                self._solver.add(lesion.definitions[self._learned[index] :])
                self._learned[index] = len(lesion.definitions)

    def possible(self, *goal: Truth) -> bool:
        """Whether all of the goal holds for some valid lesion.

        Raises:
            UndecidedError: the solver does not know.
        """
        self._told()
        self._learn()
        verdict = self._solver.check(*(self._literal(part) for part in goal))
        if verdict == z3.unknown:
            raise UndecidedError(self._solver.reason_unknown())
        return bool(verdict == z3.sat)

    def model(self, *goal: Truth) -> z3.ModelRef | None:
        """A model of valid lesions for which all of the goal holds; None where there is none.

        Raises:
            UndecidedError: the solver does not know.
        """
        return self._solver.model() if self.possible(*goal) else None

    def _better(self, *goal: Truth) -> z3.ModelRef | None:
        """The same, of a model that would only be a plainer one: none where the solver gives up."""
        try:
            return self.model(*goal)
        except UndecidedError:
            return None

    def _literal(self, truth: Truth) -> Truth:
        """Assumptions must be names or their negations."""
        inner = truth.arg(0) if z3.is_not(truth) else truth
        if z3.is_const(inner) and not z3.is_true(inner) and not z3.is_false(inner):
            return truth
        known = self._proxies.get(truth.get_id())
        if known is None:
            proxy = cast("Truth", z3.Bool(f"?{len(self._proxies)}"))
            self._solver.add(z3.Implies(proxy, truth))
            known = self._proxies[truth.get_id()] = proxy, truth
        return known[0]

    # --- the smallest lesion ----------------------------------------------------------

    def smallest(self, lesions: tuple[AnyLesion, ...], *goal: Truth) -> tuple[Lesion, ...] | None:
        """Lesions for which the goal holds, with as few facts as can be, and with plain numbers;
        None where there are none.

        Raises:
            UndecidedError: the solver does not know.
        """
        model = self.model(*goal)
        if model is None:
            return None
        fixed = [self._literal(part) for part in goal]
        for lesion in lesions:
            found = lesion.given.read(model)
            kept = set(found)
            absent = [none(known) for name, known in lesion.given.known.items() if name not in kept]
            for name in _dispensable(lesion.guideline, found):
                if name in kept:
                    smaller = self._better(*fixed, *absent, none(lesion.given.known[name]))
                    if smaller is not None:
                        model = smaller
                        kept = set(lesion.given.read(model))
                        absent = [
                            none(known)
                            for other, known in lesion.given.known.items()
                            if other not in kept
                        ]
            fixed += absent
            grid, model = self._on_a_grid(lesion, set(lesion.given.read(model)), fixed, model)
            fixed += grid
            for name, value in lesion.given.read(model).items():
                plain, model = self._plain(lesion, name, value, fixed, model)
                fixed.append(self._literal(lesion.given.is_(name, plain)))
        return tuple(lesion.given.read(model) for lesion in lesions)

    def _on_a_grid(
        self, lesion: AnyLesion, kept: set[str], fixed: list[Truth], model: z3.ModelRef
    ) -> tuple[list[Truth], z3.ModelRef]:
        """That the numbers of a lesion have as few decimals as can be, and no more than a case may
        give; nothing where they cannot.
        """
        for digits in (0, 1, 3, FRACTION_DIGITS):
            scale = 10**digits
            symbols = [symbol for name, symbol in lesion.given.symbol.items() if name in kept]
            grid = [
                cast("Truth", z3.IsInt((z3.ToReal(symbol) if symbol.is_int() else symbol) * scale))
                for symbol in symbols
            ]
            found = self._better(*fixed, *grid)
            if found is not None:
                return [self._literal(part) for part in grid], found
        return [], model

    def _plain(
        self, lesion: AnyLesion, name: str, value: Value, fixed: list[Truth], model: z3.ModelRef
    ) -> tuple[Value, z3.ModelRef]:
        """A value as a person would choose it, and the model that has it."""
        if not isinstance(value, Decimal):
            return value, model
        for candidate in _candidates(
            lesion.given.facts[name], cuts(lesion.guideline).get(name, []), value
        ):
            other = self._better(*fixed, lesion.given.is_(name, candidate))
            if other is not None:
                return candidate, other
        return value, model

    # --- all lesions ------------------------------------------------------------------

    def regions(
        self,
        lesion: AnyLesion,
        goal: Truth,
        within: tuple[Truth, ...] = (),
        speaking_of: tuple[str, ...] = (),
        most: int = 12,
        limits: dict[str, list[Decimal]] | None = None,
    ) -> Iterator[Region]:
        """The lesions for which the goal holds, told by
        what they share; together they are all of them.

        Args:
            lesion: whose facts the regions speak of.
            goal: what holds of the lesions sought.
            within: what is taken for granted, and not told.
            speaking_of: the conclusions that the goal is about; what hangs on them explains
                nothing, and what they do not hang on is not told.
            most: regions after which to stop, though there may be more.
            limits: the constants with which numbers are compared; those of the lesion's guideline
                if not given.
        """
        words = RegionWords(lesion.guideline, speaking_of, limits)
        blocked: list[Truth] = []
        for _ in range(most):
            model = self.model(goal, *within, *blocked)
            if model is None:
                return
            facts = self._completed(lesion, model, words.facts)
            literals = words.named(
                [
                    shared
                    for shared in words.shared
                    if z3.is_true(model.eval(lesion.holds(shared.condition), model_completion=True))
                ]
            )
            for name in words.facts:
                literals += words.of_fact(name, facts.get(name))
            kept = self._core(lesion, literals, none(goal), within)
            if kept is None:
                (example,) = self.smallest((lesion,), goal, *within, *blocked) or (facts,)
                yield Region((), example, False)
                return
            meant = lesion.holds(conjunction(kept))
            (example,) = self.smallest((lesion,), goal, *within, meant, *blocked) or (facts,)
            blocked.append(self._literal(none(meant)))
            yield Region(tuple(kept), example, True)

    def _completed(self, lesion: AnyLesion, model: z3.ModelRef, names: list[str]) -> Lesion:
        """Facts given and implied of a model."""
        given = lesion.given.read(model)
        found: Lesion = {}
        for name in names:
            for alternative in lesion.values.get(name, ()):
                if name not in found and z3.is_true(
                    model.eval(alternative.guard, model_completion=True)
                ):
                    value = alternative.value
                    found[name] = (
                        given[name]
                        if name in given
                        else value
                        if isinstance(value, bool | str)
                        else _decimal(model, value)
                    )
        return found

    def _core(
        self, lesion: AnyLesion, literals: list[Literal], refuted: Truth, within: tuple[Truth, ...]
    ) -> list[Literal] | None:
        """The fewest and weakest literals that leave no lesion
        outside the goal; None where even all of them do.
        """
        truths = {literal: self._literal(lesion.holds(literal.condition)) for literal in literals}
        base = (refuted, *within)

        def core_of(some: list[Literal]) -> list[Literal] | None:
            """Those of some literals that alone leave none; None where even all of them do."""
            if self.possible(*base, *(truths[literal] for literal in some)):
                return None
            core = {truth.get_id() for truth in cast("list[Truth]", self._solver.unsat_core())}
            return [literal for literal in some if truths[literal].get_id() in core]

        fewer = core_of(literals)
        if fewer is None:
            return None
        kept = list(literals)
        while len(fewer) < len(kept):  # cores of cores
            kept, fewer = fewer, core_of(fewer) or fewer
        about = {
            fact for literal in kept if not literal.named for fact in _facts(literal.condition)
        }
        kept = [
            literal
            for literal in literals
            if literal in kept or literal.named or about & set(_facts(literal.condition))
        ]
        for candidate in sorted(kept, key=strength, reverse=True):  # the strongest claims first
            others = [literal for literal in kept if literal is not candidate]
            if core_of(others) is not None:
                kept = others
        return [self._plainer(lesion, literal, kept, within) for literal in kept]

    def _plainer(
        self, lesion: AnyLesion, literal: Literal, all_: list[Literal], within: tuple[Truth, ...]
    ) -> Literal:
        """Say "above 180°" for "not known to be at most 180°", where it comes to the same."""
        strong = strengthen(lesion.guideline, literal.condition)
        if strong is None or literal.named:
            return literal
        meant = [self._literal(lesion.holds(other.condition)) for other in all_]
        return (
            literal
            if self.possible(*within, *meant, none(lesion.holds(strong)))
            else Literal(strong)
        )


def _decimal(model: z3.ModelRef, value: Quotient) -> Decimal:
    above, below = (
        model.eval(term, model_completion=True).as_fraction() if term is not None else Fraction(1)
        for term in (value.above, value.below)
    )
    return Decimal((above / below).numerator) / Decimal((above / below).denominator)


def _facts(condition: Condition) -> tuple[str, ...]:
    return tuple(leaf.fact for leaf in leaves_on_values(condition))


def _dispensable(guideline: Guideline, found: Lesion) -> list[str]:
    """Facts in the order in which to try to do without them: the least telling ones first."""
    readers = guideline.program.readers_of
    return sorted(found, key=lambda name: (len(readers.get(name, ())), name))


def _candidates(fact: Fact, limits: list[Decimal], value: Decimal) -> Iterator[Decimal]:
    """Plain numbers in the same gap between constants, then the value with more and more digits."""
    below = max(
        (limit for limit in limits if limit < value),
        default=fact.minimum if fact.minimum is not None else Decimal(0),
    )
    above = min(
        (limit for limit in limits if limit > value),
        default=fact.maximum if fact.maximum is not None else value + 10,
    )
    if value in limits:
        yield value
    middle = (below + above) / 2
    tried = set[Decimal]()
    for base in (middle, value):
        for digits in range(3 if base is middle else FRACTION_DIGITS + 1):
            candidate = base.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)
            if candidate not in tried and (
                below < candidate < above or candidate == value or base is value
            ):
                tried.add(candidate)
                yield candidate.normalize() + 0
