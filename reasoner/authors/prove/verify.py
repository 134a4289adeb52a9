"""What a guideline proves of every valid case, and what it does not: each failure with the smallest
lesion that shows it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import combinations
from typing import assert_never, cast

import z3

from calx.ontology import GuidelineFiles
from calx.ontology.files import HEADER_FILE
from calx.reasoner.authors.prove.phrases import describe_literals
from calx.reasoner.authors.prove.session import Lesion, Region, Session, UndecidedError
from calx.reasoner.authors.prove.verdicts import Counterexample, Remark, Verdict, Verification
from calx.reasoner.authors.prove.witness import Witnesses
from calx.reasoner.engine.compiler import Reading
from calx.reasoner.model.condition import (
    ALWAYS,
    AllOf,
    AnyOf,
    AtLeast,
    Compare,
    Derived,
    find,
    leaves,
    properties_read,
    unguarded,
    values_read,
)
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.names import Key, key_of, predicate_of, term_of
from calx.reasoner.model.requirement import (
    Advised,
    Always,
    Graded,
    InItsName,
    Ladder,
    Never,
    NotAbove,
    OneValue,
    Partition,
    Requirement,
    Settles,
    Stable,
)
from calx.reasoner.model.rule import Assertion, Rule
from calx.reasoner.model.section import Criteria, Status
from calx.reasoner.symbolic.fractions import NO, Quotient, Truth, both, either, exceeds, none
from calx.reasoner.symbolic.solver import AnyLesion, Given
from calx.reasoner.tell.prose import Prose
from calx.words import listed, wording

MOST_REGIONS = 4


def verify(
    files: GuidelineFiles,
    guideline: Guideline,
    progress: Callable[[str], None] = lambda told: None,
    only: str | None = None,
    effort: int = 1,
) -> Verification:
    """Prove or refute every requirement of a guideline, and look for rules that do nothing.

    Args:
        files: of the guideline, for pySHACL to judge counterexamples by.
        guideline: read from them without fault.
        progress: told what is being proved.
        only: the id of the one requirement to prove.
        effort: how many times the usual work one question may take before it is left undecided.

    Raises:
        DisagreementError: solver, engine and pySHACL do not agree on a counterexample.
    """
    prover = _Prover(files, guideline, effort)
    verdicts = []
    for requirement in requirements(guideline):
        if only in (None, requirement.id):
            progress(requirement.label["en"])
            verdicts.append(prover.verdict(requirement))
    remarks: tuple[Remark, ...] = ()
    if only is None:
        progress("rules that do nothing")
        remarks = tuple(prover.remarks())
    return Verification(
        tuple(verdicts), remarks, len(guideline.rules), prover.questions, only is None
    )


def requirements(guideline: Guideline) -> list[Requirement]:
    """Those that a guideline states, and those that every guideline must meet."""
    return [*guideline.requirements, *_understood(guideline)]


def _understood(guideline: Guideline) -> Iterator[Requirement]:
    """What every guideline must meet without saying so: at most one term of a functional property,
    at most one value of what rules compute, one status for each thing of a section, no criterion
    both met and not met, no advice in the name of an alert that is not raised.
    """
    for name, described in guideline.properties.items():
        keys = [term_of(key) for key in guideline.program.keys_of(name)]
        if described.functional and len(keys) > 1:
            overlaps = AnyOf(
                tuple(
                    AllOf((Derived(name, one), Derived(name, other)))
                    for one, other in combinations(keys, 2)
                )
            )
            label = wording("remark", "at most one", property=described.label)
            rationale = wording("remark", "at most one why")
            yield Requirement(
                f"at-most-one-{name}", label, rationale, ALWAYS, Never(overlaps), HEADER_FILE
            )
    for name, fact in guideline.facts.items():
        if len(guideline.program.writers_of.get(name, ())) > 1:
            label = wording("remark", "one value", fact=fact.label)
            rationale = wording("remark", "one value why")
            yield Requirement(
                f"one-value-{name}", label, rationale, ALWAYS, OneValue(name), HEADER_FILE
            )
    asked = {r.demand.predicates for r in guideline.requirements if isinstance(r.demand, Partition)}
    for section in guideline.sections:
        if isinstance(section, Status):
            statuses = tuple(status.predicate for status in section.statuses)
            if statuses not in asked:
                label = wording("remark", "one status", of=section.label)
                rationale = wording("remark", "one status why")
                yield Requirement(
                    f"one-status-{section.key}",
                    label,
                    rationale,
                    ALWAYS,
                    Partition(statuses),
                    HEADER_FILE,
                )
        elif isinstance(section, Criteria):
            denied = {
                frozenset(leaves(r.demand.condition))
                for r in guideline.requirements
                if isinstance(r.demand, Never) and isinstance(r.demand.condition, AllOf)
            }
            verdicts = [
                (Derived(section.met, term.local), Derived(section.not_met, term.local))
                for term in guideline.of_kind(section.kind)
            ]
            both_ways = [AllOf(pair) for pair in verdicts if frozenset(pair) not in denied]
            if both_ways:
                label = wording("remark", "one verdict", of=section.label)
                rationale = wording("remark", "one verdict why")
                demand = Never(AnyOf(tuple(both_ways)))
                yield Requirement(
                    f"one-verdict-{section.key}", label, rationale, ALWAYS, demand, HEADER_FILE
                )
    if guideline.owned:
        yield Requirement(
            "advice-in-its-alert",
            wording("remark", "in its alert"),
            wording("remark", "in its alert why"),
            ALWAYS,
            InItsName(),
            HEADER_FILE,
        )


class _Prover:
    def __init__(self, files: GuidelineFiles, guideline: Guideline, effort: int) -> None:
        self.guideline = guideline
        self.effort = effort
        self.questions = 0
        self.lesion = AnyLesion(guideline)
        self.session = Session(self.lesion, asked=self._count, effort=effort)
        self.witnesses = Witnesses(files, guideline)
        self._prose = {language: Prose(guideline, language) for language in guideline.title}

    @cached_property
    def other(self) -> AnyLesion:
        """A second lesion, for requirements that compare two."""
        return AnyLesion(self.guideline, Given(self.guideline.facts.values(), "other "), "other ")

    def _count(self) -> None:
        self.questions += 1

    # --- requirements -----------------------------------------------------------------

    def verdict(self, requirement: Requirement) -> Verdict:
        try:
            return self._verdict(requirement)
        except UndecidedError:
            return Verdict(requirement.id, requirement.label, requirement.rationale, "undecided")

    def _verdict(self, requirement: Requirement) -> Verdict:
        told = (requirement.id, requirement.label, requirement.rationale)
        if not self.session.possible(self.lesion.holds(requirement.whenever)):
            return Verdict(*told, "vacuous")
        if isinstance(requirement.demand, Ladder | Stable):
            holds, found = self._of_two(requirement)
            return Verdict(*told, "proved" if holds else "refuted", found)
        whenever = self.lesion.holds(requirement.whenever)
        broken = self._broken(requirement)
        example = self.session.smallest((self.lesion,), whenever, broken)
        if example is None:
            return Verdict(*told, "proved")
        regions = self._regions(requirement, whenever, broken)
        words = tuple(
            describe_literals(self.guideline, region.literals)
            for region in regions[:MOST_REGIONS]
            if region.exact
        )
        more = (
            not regions
            or len(regions) > MOST_REGIONS
            or not all(region.exact for region in regions)
        )
        return Verdict(
            *told, "refuted", self.witnesses.confirmed(requirement, example), words, more
        )

    def _regions(self, requirement: Requirement, whenever: Truth, broken: Truth) -> list[Region]:
        """The lesions that break it, as far as the solver can tell them."""
        found = list[Region]()
        with contextlib.suppress(UndecidedError):
            for region in self.session.regions(
                self.lesion, broken, (whenever,), self._about(requirement), MOST_REGIONS + 1
            ):
                found.append(region)
        return found

    def _about(self, requirement: Requirement) -> tuple[str, ...]:
        """The conclusions that a requirement is about."""
        match requirement.demand:
            case Never(condition) | Always(condition):
                return (*values_read(condition), *properties_read(condition))
            case Settles(predicate) | Stable(predicate) | Ladder(predicate):
                return (predicate,)
            case Partition(predicates) | Graded(predicates):
                return predicates
            case Advised(predicates):
                owned = (key for keys in self.guideline.owned.values() for key in keys)
                return *predicates, *dict.fromkeys(predicate_of(key) for key in owned)
            case InItsName():
                return ()
            case OneValue(fact):
                return (fact,)
            case NotAbove(lesser, greater):
                return lesser, greater
            case _:
                assert_never(requirement.demand)

    def _broken(self, requirement: Requirement) -> Truth:
        """That a lesion of which the requirement speaks does not meet it."""
        lesion = self.lesion
        match requirement.demand:
            case Never(condition):
                return lesion.holds(condition)
            case Always(condition):
                return none(lesion.holds(condition))
            case Settles(predicate):
                return none(
                    either(
                        lesion.certain[key]
                        for key in lesion.terms(predicate)
                        if key in lesion.certain
                    )
                )
            case NotAbove(lesser, greater):
                return either(
                    both([one.guard, other.guard, exceeds(one.value, other.value)])
                    for one in lesion.values.get(lesser, ())
                    for other in lesion.values.get(greater, ())
                    if isinstance(one.value, Quotient) and isinstance(other.value, Quotient)
                )
            case Partition(predicates):
                kind = self.guideline.properties[predicates[0]].kind
                return either(
                    none(_one_of(self._concluded(predicates, term.local)))
                    for term in self.guideline.of_kind(kind)
                )
            case Graded(predicates):
                kind = self.guideline.properties[predicates[0]].kind
                every = [
                    name
                    for name, described in self.guideline.properties.items()
                    if described.kind == kind
                ]
                return either(
                    both(
                        [
                            either(self._concluded(every, term.local)),
                            none(_one_of(self._concluded(predicates, term.local))),
                        ]
                    )
                    for term in self.guideline.of_kind(kind)
                )
            case Advised(predicates, exempt):
                return either(
                    both(
                        [
                            either(self._concluded(predicates, term.local)),
                            none(either(self._of(self.guideline.owned.get(term.local, ())))),
                        ]
                    )
                    for kind in self.guideline.owners
                    for term in self.guideline.of_kind(kind)
                    if term.local not in exempt
                )
            case InItsName():
                return either(
                    both(
                        [
                            lesion.production[rule.id, number],
                            none(either(self._of(self.guideline.raised_by(rule.alert)))),
                        ]
                    )
                    for rule in self.guideline.rules
                    if rule.alert is not None
                    for number, production in enumerate(rule.productions)
                    if production.conclusion.key in self.guideline.advice_of(rule)
                )
            case OneValue(fact):
                return either(lesion.disputed[fact])
            case Stable() | Ladder():
                raise TypeError("it compares two lesions")
            case _:
                assert_never(requirement.demand)

    def _concluded(self, predicates: Iterable[str], term: str) -> list[Truth]:
        """That each of these properties is concluded of a term."""
        return self._of(key_of(name, term) for name in predicates)

    def _of(self, keys: Iterable[str]) -> list[Truth]:
        return [self.lesion.derived.get(key, NO) for key in keys]

    def _of_two(self, requirement: Requirement) -> tuple[bool, Counterexample | None]:
        """Requirements that compare a lesion with another one: whether it holds, and two lesions
        that show it where not.
        """
        other = self.other
        demand = requirement.demand
        goals = (
            self._graver(other, demand)
            if isinstance(demand, Ladder)
            else self._completed(other, demand.predicate)
            if isinstance(demand, Stable)
            else iter(())
        )
        session = Session(self.lesion, other, asked=self._count, effort=self.effort)
        for relation, broken in goals:
            example = session.smallest(
                (self.lesion, other), self.lesion.holds(requirement.whenever), relation, broken
            )
            if example is not None:
                return False, self.witnesses.confirmed(requirement, example)
        return True, None

    def _graver(self, other: AnyLesion, ladder: Ladder) -> Iterator[tuple[Truth, Truth]]:
        """The other lesion is graver in one fact, and its term is lower, or off the ladder."""
        mine, theirs = self.lesion.given, other.given
        steps = [
            (
                self.lesion.derived.get(key_of(ladder.predicate, term)),
                other.derived.get(key_of(ladder.predicate, term)),
            )
            for term in ladder.terms
        ]
        fallen = []
        for rank, (here, _) in enumerate(steps):
            if here is not None:
                kept = either(there for _, there in steps[rank:] if there is not None)
                fallen.append(both([here, none(kept)]))
        for name in (*ladder.raising, *ladder.lowering, *ladder.adding):
            alike = [
                both([mine.known[fact] == theirs.known[fact], mine.same(fact, theirs)])
                for fact in mine.facts
                if fact != name
            ]
            if name in ladder.adding:
                change = both([none(mine.true[name]), theirs.true[name]])
            else:
                less, more = (mine, theirs) if name in ladder.raising else (theirs, mine)
                change = both(
                    [mine.known[name], theirs.known[name], less.symbol[name] < more.symbol[name]]
                )
            yield both([*alike, change]), either(fallen)

    def _completed(self, other: AnyLesion, predicate: str) -> Iterator[tuple[Truth, Truth]]:
        """The other lesion is the same with more known, and something settled has changed."""
        mine, theirs = self.lesion.given, other.given
        more = [
            z3.Implies(mine.known[fact], both([theirs.known[fact], mine.same(fact, theirs)]))
            for fact in mine.facts
        ]
        lost = [
            both([self.lesion.certain[key], none(other.derived[key])])
            for key in self.lesion.terms(predicate)
            if key in self.lesion.certain
        ]
        won = [
            both([none(self.lesion.possible[key]), other.derived[key]])
            for key in self.lesion.terms(predicate)
            if key in self.lesion.possible
        ]
        yield both(more), either([*lost, *won])

    # --- rules ------------------------------------------------------------------------

    def remarks(self) -> Iterator[Remark]:
        """Rules that never fire, never matter, or fire without
        a citation; thresholds that tell no lesions apart.
        """
        for rule in self.guideline.rules:
            try:
                yield from self._dead(rule)
                yield from self._uncited(rule)
            except UndecidedError:
                yield Remark("undecided", rule.id, wording("remark", "undecided"))
        for found in (self._redundant, self._unreachable):
            try:
                yield from found()
            except UndecidedError:
                yield Remark("unfinished", "–", wording("remark", "unfinished"))

    def _dead(self, rule: Rule) -> Iterator[Remark]:
        dead = [
            index
            for index in range(len(rule.productions))
            if not self.session.possible(self.lesion.production[rule.id, index])
        ]
        if dead and len(dead) < len(rule.productions):
            for index in dead:
                concluded = {
                    language: prose.conclusion(rule.productions[index])
                    for language, prose in self._prose.items()
                }
                yield Remark(
                    "idle",
                    rule.id,
                    wording("remark", "never concludes", conclusion=concluded),
                )
            return
        if not dead:
            return
        productions_ = [rule.productions[index] for index in dead]
        alone = [
            unguarded(p.condition, p.conclusion.predicate)
            if isinstance(p.conclusion, Assertion)
            else p.condition
            for p in productions_
        ]
        free = [part for part in alone if self.session.possible(self.lesion.holds(part))]
        if not free:
            yield Remark(
                "dead",
                rule.id,
                wording("remark", "no valid lesion"),
            )
            return
        holds = either(self.lesion.holds(part) for part in free)
        above = [
            other.id
            for other in self.guideline.rules
            if other.layer < rule.layer
            and _same_property(rule, other)
            and self.session.possible(holds, self.lesion.fires[other.id])
        ]
        rules = ", ".join(above)
        yield Remark("shadowed", rule.id, wording("remark", "never fires", rules=rules))

    def _uncited(self, rule: Rule) -> Iterator[Remark]:
        live = [
            self.guideline.statements[s] for s in rule.evidence if s in self.guideline.statements
        ]
        live = [
            s
            for s in live
            if s.stance == "supports" and not self.guideline.studies[s.study].withdrawn
        ]
        if any(statement.when is None and statement.when_known is None for statement in live):
            return
        concerns = [
            both(
                [
                    self.lesion.holds(s.when or ALWAYS),
                    self.lesion.holds(s.when_known, Reading.CERTAIN)
                    if s.when_known is not None
                    else z3.BoolVal(True),
                ]
            )
            for s in live
        ]
        example = self.session.smallest(
            (self.lesion,), self.lesion.fires[rule.id], none(either(concerns))
        )
        if example is not None:
            told = _told(example[0])
            yield Remark(
                "uncited",
                rule.id,
                wording("remark", "without citation", lesion=told),
            )

    def _redundant(self) -> Iterator[Remark]:
        """Rules whose conclusion never arises from them alone: the term itself, or the property of
        which others only ask how many there are.
        """
        conditions = [clause.production.condition for clause in self.guideline.program.clauses]
        counted = {
            leaf.predicate
            for condition in conditions
            for leaf in find(condition, AtLeast)
            if leaf.count == 1
        }
        asked = {leaf.key for condition in conditions for leaf in find(condition, Derived)}
        for rule in self.guideline.rules:
            reasons = [
                self._stands_in(rule, index, counted, asked)
                for index in range(len(rule.productions))
            ]
            if reasons and all(reason is not None for reason in reasons):
                others = list(dict.fromkeys(other for reason in reasons for other in reason or ()))
                design = rule.redundant_by_design
                told = wording("remark", "never alone", others=listed(others, "or"))
                if design is not None:
                    told = wording("remark", "by design", remark=told, why=design)
                yield Remark("redundant by design" if design else "redundant", rule.id, told)

    def _stands_in(
        self, rule: Rule, index: int, counted: set[str], asked: set[Key]
    ) -> list[str] | None:
        """The other rules of which one always fires with
        this production; None where it may fire alone.
        """
        conclusion = rule.productions[index].conclusion
        if not isinstance(conclusion, Assertion) or not self.session.possible(
            self.lesion.production[rule.id, index]
        ):
            return None
        peers = [
            (
                other.rule.id,
                self.lesion.production[other.rule.id, other.number],
                other.production.conclusion.key,
            )
            for other in self.guideline.program.writers_of[conclusion.predicate]
            if other.rule.id != rule.id and other.rule.layer <= rule.layer
        ]
        wholes = conclusion.predicate in counted
        peers = [peer for peer in peers if wholes or peer[2] == conclusion.key]
        if not peers or self.session.possible(
            self.lesion.production[rule.id, index], *(none(truth) for _, truth, _ in peers)
        ):
            return None
        needed = peers
        for peer in peers:
            fewer = [other for other in needed if other is not peer]
            if fewer and not self.session.possible(
                self.lesion.production[rule.id, index], *(none(truth) for _, truth, _ in fewer)
            ):
                needed = fewer
        return list(dict.fromkeys(name for name, _, _ in needed))

    def _unreachable(self) -> Iterator[Remark]:
        """Comparisons that say the same of every valid lesion whose value is known."""
        seen = set[tuple[str, Compare]]()
        for clause in self.guideline.program.clauses:
            rule = clause.rule
            for leaf in find(clause.production.condition, Compare):
                if (rule.id, leaf) not in seen:
                    seen.add((rule.id, leaf))
                    meets = self.lesion.holds(leaf)
                    for truth, key in (
                        (meets, "holds of none"),
                        (both([self.lesion.known(leaf.fact), none(meets)]), "holds of all"),
                    ):
                        if not self.session.possible(truth):
                            condition = {
                                language: prose.condition(leaf)
                                for language, prose in self._prose.items()
                            }
                            told = wording("remark", key, condition=condition)
                            yield Remark("unreachable", rule.id, told)


def _one_of(parts: list[Truth]) -> Truth:
    """Exactly one of them holds."""
    return cast("Truth", z3.PbEq([(part, 1) for part in parts], 1))


def _same_property(rule: Rule, other: Rule) -> bool:
    concluded = [
        {p.conclusion.predicate for p in one.productions if isinstance(p.conclusion, Assertion)}
        for one in (rule, other)
    ]
    return bool(concluded[0] & concluded[1])


def _told(facts: Lesion) -> str:
    return (
        ", ".join(
            f"{name} = {str(value).lower() if isinstance(value, bool) else value}"
            for name, value in facts.items()
        )
        or "an undescribed case"
    )
