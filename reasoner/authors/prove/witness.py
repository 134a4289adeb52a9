"""Is a counterexample of the solver one indeed? The
engine and pySHACL are asked before anybody sees it.
"""

from __future__ import annotations

from collections.abc import Container
from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, assert_never

from rdflib import SH, URIRef

from calx.errors import CalxError
from calx.ontology import GuidelineFiles
from calx.reasoner.authors.prove.pyshacl_judge import Judge
from calx.reasoner.authors.prove.session import Lesion
from calx.reasoner.engine.compiler import compiled_tests
from calx.reasoner.engine.evaluation import Trace
from calx.reasoner.engine.uncertainty import Uncertainty
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.load.source import CALX
from calx.reasoner.model.condition import Condition
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.names import IRI, Text, key_of, predicate_of
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
from calx.reasoner.model.section import Status
from calx.reasoner.model.values import FRACTION_DIGITS, as_json
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.symbolic.solver import asked_of
from calx.words import LANGUAGES
from calx.words import words as words_of

if TYPE_CHECKING:
    from calx.reasoner.authors.prove.verdicts import Counterexample


class DisagreementError(CalxError):
    """Solver, engine and pySHACL do not agree: a fault of Calx, not of the guideline."""


class Witnesses:
    """Confirms counterexamples by the engine that answers cases, and by stock pySHACL."""

    def __init__(self, files: GuidelineFiles, guideline: Guideline) -> None:
        self._guideline = guideline
        self._reasoner = Reasoner(guideline)
        self._judge = Judge(files, guideline)
        self._uncertainty = Uncertainty(guideline, asked_of(guideline))

    def confirmed(
        self, requirement: Requirement, lesions: tuple[Lesion, ...]
    ) -> Counterexample | None:
        """The counterexample with who confirmed it; None where
        its numbers have more digits than a case may give.

        Raises:
            DisagreementError: one of them does not see what the solver saw.
        """
        from calx.reasoner.authors.prove.verdicts import Counterexample

        cases = tuple(runnable(requirement.id, lesions, number) for number in range(len(lesions)))
        try:
            admitted = [self._reasoner.gate.admit(case).facts for case in cases]
        except CaseError as error:
            if all(
                value == round(value, FRACTION_DIGITS)
                for facts in lesions
                for value in facts.values()
                if isinstance(value, Decimal)
            ):
                raise DisagreementError(
                    f"{requirement.id}: the gate does not admit {cases} ({error}); please report "
                    "this as a fault of Calx"
                ) from None
            return None
        traces = [self._reasoner.evaluation.run(facts) for facts in admitted]
        if not self._engine(requirement, traces):
            raise DisagreementError(
                f"{requirement.id}: the engine does not confirm {cases}; please report this as a "
                "fault of Calx"
            )
        asked = self._pyshacl(requirement, admitted)
        if asked is False:
            raise DisagreementError(
                f"{requirement.id}: pySHACL does not confirm {cases}; please report this as a "
                "fault of Calx"
            )
        shown = tuple(self._shown(trace) for trace in traces)
        return Counterexample(cases, shown, ("engine",) if asked is None else ("engine", "pySHACL"))

    # --- the engine -------------------------------------------------------------------

    def _engine(self, requirement: Requirement, traces: list[Trace]) -> bool:
        first = traces[0]
        if not _meets(first, requirement.whenever):
            return False
        match requirement.demand:
            case Never(condition):
                return _meets(first, condition)
            case Always(condition):
                return not _meets(first, condition)
            case Settles(predicate):
                outlook = self._uncertainty.outlook(first.values)
                return not any(outlook.holds(key) for key in self._keys(predicate))
            case NotAbove(lesser, greater):
                one, other = first.values.get(lesser), first.values.get(greater)
                return isinstance(one, Decimal) and isinstance(other, Decimal) and one > other
            case Partition() | Graded() | Advised():
                return self._breaks(requirement.demand, first.derived)
            case InItsName():
                return any(
                    production.conclusion.key in self._guideline.advice_of(rule)
                    and not any(
                        key in first.derived for key in self._guideline.raised_by(rule.alert)
                    )
                    for rule, production, _, _ in first.steps
                    if rule.alert is not None
                )
            case OneValue(fact):
                return fact in self._reasoner.evaluation.contradictions(first)
            case Ladder(predicate, terms):
                here, there = (
                    [key_of(predicate, term) in trace.derived for term in terms] for trace in traces
                )
                return True in here and True not in there[here.index(True) :]
            case Stable(predicate):
                outlook = self._uncertainty.outlook(first.values)
                later = traces[1].derived
                return any(
                    (outlook.holds(key) is True and key not in later)
                    or (outlook.holds(key) is False and key in later)
                    for key in self._keys(predicate)
                )
            case _:
                assert_never(requirement.demand)

    def _breaks(self, demand: Partition | Graded | Advised, concluded: Container[str]) -> bool:
        """Whether the keys concluded of a lesion break what is demanded of each term."""
        guideline, predicates = self._guideline, demand.predicates
        kind = guideline.properties[predicates[0]].kind
        every = [name for name, found in guideline.properties.items() if found.kind == kind]
        for term in guideline.of_kind(kind):
            count = sum(key_of(name, term.local) in concluded for name in predicates)
            match demand:
                case Partition():
                    broken = count != 1
                case Graded():
                    raised = any(key_of(name, term.local) in concluded for name in every)
                    broken = raised and count != 1
                case Advised(_, exempt):
                    owned = guideline.owned.get(term.local, ())
                    broken = (
                        count > 0
                        and term.local not in exempt
                        and not any(key in concluded for key in owned)
                    )
                case _:
                    assert_never(demand)
            if broken:
                return True
        return False

    def _keys(self, predicate: str) -> list[str]:
        kind = self._guideline.properties[predicate].kind
        return [key_of(predicate, term.local) for term in self._guideline.of_kind(kind)]

    # --- pySHACL ----------------------------------------------------------------------

    def _pyshacl(self, requirement: Requirement, admitted: list[Lesion]) -> bool | None:
        """Whether pySHACL draws conclusions that break the requirement too; None where it is not
        installed or knows no such thing.
        """
        if find_spec("pyshacl") is None:
            return None
        judge = self._judge
        expanded = [judge.run(judge.lesions([(facts, ())])) for facts in admitted]
        names = self._guideline.names
        node = URIRef(names(f"requirement/{requirement.id}"))
        graph = judge.everything
        whenever = graph.value(node, CALX.whenever)
        if whenever is not None and not judge.meets(expanded[0], whenever):
            return False
        case = URIRef(f"{IRI}case/0")
        concluded = [
            {
                f"{names.below(p)}:{str(o).rpartition('/')[2]}"
                for p, o in data.predicate_objects(case)
                if names.has(p)
            }
            for data in expanded
        ]
        match requirement.demand:
            case Never(condition):
                never = graph.value(node, CALX.never)
                return (
                    judge.meets(expanded[0], never)
                    if never is not None
                    else _derived(condition, concluded[0])
                )
            case Always():
                always = graph.value(node, CALX.always)
                return always is not None and not judge.meets(expanded[0], always)
            case NotAbove():
                (pair,) = graph.objects(node, SH.property)
                one, other = (
                    expanded[0].value(case, graph.value(pair, predicate))
                    for predicate in (SH.path, SH.lessThanOrEquals)
                )
                return (
                    one is not None
                    and other is not None
                    and Decimal(str(one)) > Decimal(str(other))
                )
            case Partition() | Graded() | Advised():
                return self._breaks(requirement.demand, concluded[0])
            case Ladder(predicate, terms):
                here, there = (
                    [key_of(predicate, term) in keys for term in terms] for keys in concluded
                )
                return True in here and True not in there[here.index(True) :]
            case Stable(predicate):
                return {key for key in concluded[0] if key.startswith(f"{predicate}:")} != {
                    key for key in concluded[1] if key.startswith(f"{predicate}:")
                }
            case Settles():
                return None  # three truth values are beyond SHACL
            case InItsName() | OneValue():
                return None  # SHACL tells what was concluded, and not by which rule
            case _:
                assert_never(requirement.demand)

    def _shown(self, trace: Trace) -> Text:
        """What the guideline concludes, in brief."""
        told: Text = {}
        for language in LANGUAGES:
            words, parts = words_of("language", language), []
            for name in _told_first(self._guideline):
                terms = [
                    self._guideline.term(name, term).label[language] for term in trace.terms(name)
                ]
                parts.append(
                    f"{self._guideline.properties[name].label[language]}: "
                    f"{words['comma'].join(sorted(terms)) or words['nothing']}"
                )
            told[language] = "; ".join(parts)
        return told


def _told_first(guideline: Guideline) -> list[str]:
    """The properties whose terms are told of a counterexample: what leads, and what may be used or
    is forbidden.
    """
    found = [guideline.lead.predicate] if guideline.lead else []
    for section in guideline.sections:
        if isinstance(section, Status):
            used = [section.usable] if section.usable else []
            found += [*used, *([section.forbidden] if section.forbidden else [])]
    return found


def _derived(condition: Condition, keys: set[str]) -> bool:
    (test,) = compiled_tests([condition])
    counts: dict[str, list[str]] = {}
    for key in keys:
        counts.setdefault(predicate_of(key), []).append(key)
    return test({}, dict.fromkeys(keys, 0), counts)


def _meets(trace: Trace, condition: Condition) -> bool:
    (test,) = compiled_tests([condition])
    return test(trace.values, trace.derived, trace.by_property)


def runnable(name: str, lesions: tuple[Lesion, ...], number: int = 0) -> dict[str, Any]:
    """A lesion as a case that `calx recommend` takes."""
    suffix = "" if len(lesions) == 1 else f"-{number + 1}"
    return {
        "case_id": f"{name}{suffix}"[:64],
        **{fact: as_json(value) for fact, value in lesions[number].items()},
    }
