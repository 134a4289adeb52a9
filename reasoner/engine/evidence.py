"""What speaks for a rule and against it, in this
case: statements by stance, and studies that dispute.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from calx.reasoner.engine.compiler import Holds, compiled_tests
from calx.reasoner.engine.evaluation import Trace
from calx.reasoner.engine.uncertainty import Outlook
from calx.reasoner.model.condition import ALWAYS
from calx.reasoner.model.guideline import Guideline, Statement
from calx.reasoner.model.rule import Rule


class Evidence:
    """The evidence of a guideline's rules. Immutable."""

    def __init__(self, guideline: Guideline) -> None:
        live = {
            s.id: s
            for s in guideline.statements.values()
            if not guideline.studies[s.study].withdrawn
        }
        conditions = [statement.when or ALWAYS for statement in live.values()]
        self._concerns: dict[str, Holds] = dict(zip(live, compiled_tests(conditions), strict=True))
        self._citations = {
            language: {s.id: orjson.dumps(_citation(s, guideline, language)) for s in live.values()}
            for language in guideline.title
        }
        self._always: dict[str, tuple[Statement, ...]] = {}
        """The statements of the rules whose every statement concerns every case."""
        self._at_times: dict[str, tuple[Statement, ...]] = {}
        for rule in guideline.rules:
            statements = tuple(live[s] for s in rule.evidence if s in live)
            plain = all(s.when is None and s.when_known is None for s in statements)
            (self._always if plain else self._at_times)[rule.id] = statements
        self._reservations = {rule: reservations(found) for rule, found in self._always.items()}
        self.cited_always = {
            language: {rule: self._json(found, language) for rule, found in self._always.items()}
            for language in guideline.title
        }

    def of(self, rule: Rule, trace: Trace, outlook: Outlook) -> tuple[Statement, ...]:
        """The statements behind a rule that concern this case, supports first."""
        always = self._always.get(rule.id)
        if always is not None:
            return always
        return tuple(
            statement
            for statement in self._at_times[rule.id]
            if self._concerns[statement.id](trace.values, trace.derived, trace.by_property)
            and outlook.concerns(statement)
        )

    def reservations(
        self, rules: Sequence[Rule], statements: dict[str, tuple[Statement, ...]]
    ) -> dict[str, list[str]]:
        """What speaks against the conclusions of some
        rules, given the statements that concern the case.
        """
        if len(rules) == 1 and rules[0].id in self._reservations:
            return self._reservations[rules[0].id]
        return reservations(statement for rule in rules for statement in statements[rule.id])

    def of_all(self, trace: Trace, outlook: Outlook) -> dict[str, tuple[Statement, ...]]:
        """For each rule that fired the statements behind it that concern this case."""
        found: dict[str, tuple[Statement, ...]] = {}
        always = self._always
        for rule, _, _, _ in trace.steps:
            if rule.id not in found:
                found[rule.id] = (
                    always[rule.id] if rule.id in always else self.of(rule, trace, outlook)
                )
        return found

    def cited_at_times(
        self, statements: dict[str, tuple[Statement, ...]], language: str
    ) -> dict[str, orjson.Fragment]:
        """The statements of the rules whose statements differ from case to case, in JSON as the
        contract shows them.

        Those of the other rules stand in `cited_always`, by language and rule.
        """
        return {
            rule: self._json(statements[rule], language)
            for rule in self._at_times
            if rule in statements
        }

    def _json(self, statements: tuple[Statement, ...], language: str) -> orjson.Fragment:
        citations = self._citations[language]
        return orjson.Fragment(
            b"[" + b",".join([citations[statement.id] for statement in statements]) + b"]"
        )


def _citation(statement: Statement, guideline: Guideline, language: str) -> dict[str, str | None]:
    return {
        "id": statement.id,
        "study": statement.study,
        "citation": guideline.studies[statement.study].citation,
        "population": statement.population,
        "statement": statement.text[language],
        "locator": statement.locator,
        "verified": statement.verified,
        "level": statement.level,
        "stance": statement.stance,
    }


def reservations(statements: Iterable[Statement]) -> dict[str, list[str]]:
    """What speaks against a conclusion: the studies that
    dispute it and the statements that limit it, sorted.
    """
    disputing, limiting = set[str](), set[str]()
    for statement in statements:
        if statement.stance == "disputes":
            disputing.add(statement.study)
        elif statement.stance == "limits":
            limiting.add(statement.id)
    return {"disputed_by": sorted(disputing), "limits": sorted(limiting)}
