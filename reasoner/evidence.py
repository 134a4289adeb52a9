"""What speaks for a rule and against it, in this case: statements by stance, and studies that dispute."""

from __future__ import annotations

from collections.abc import Iterable

from .closures import Holds, compiled_tests
from .condition import ALWAYS
from .evaluation import Trace
from .guideline import Guideline, Rule, Statement
from .uncertainty import Outlook


class Evidence:
    """The evidence of a guideline's rules. Immutable."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        live = {s.id: s for s in guideline.statements.values() if not guideline.studies[s.study].withdrawn}
        self._of_rule = {rule.id: tuple(live[s] for s in rule.evidence if s in live) for rule in guideline.rules}
        conditions = [statement.when or ALWAYS for statement in live.values()]
        self._concerns: dict[str, Holds] = dict(zip(live, compiled_tests(conditions), strict=True))
        self._citations = {language: {s.id: _citation(s, language) for s in live.values()} for language in guideline.title}
        self._plain = {rule.id: all(s.when is None and s.when_known is None for s in self._of_rule[rule.id]) for rule in guideline.rules}

    def of(self, rule: Rule, trace: Trace, outlook: Outlook) -> tuple[Statement, ...]:
        """The statements behind a rule that concern this case, supports first."""
        statements = self._of_rule[rule.id]
        if self._plain[rule.id]:
            return statements
        return tuple(
            statement
            for statement in statements
            if self._concerns[statement.id](trace.values, trace.derived, trace.by_property) and outlook.concerns(statement)
        )

    def cited(self, statements: tuple[Statement, ...], language: str) -> list[dict[str, str]]:
        """Statements as the contract shows them."""
        citations = self._citations[language]
        return [citations[statement.id] for statement in statements]


def _citation(statement: Statement, language: str) -> dict[str, str]:
    return {
        "id": statement.id,
        "study": statement.study,
        "statement": statement.text[language],
        "locator": statement.locator,
        "verified": statement.verified,
        "level": statement.level,
        "stance": statement.stance,
    }


def disputed_by(statements: Iterable[Statement]) -> list[str]:
    """Studies that dispute, sorted."""
    return sorted({statement.study for statement in statements if statement.stance == "disputes"})


def limits(statements: Iterable[Statement]) -> list[str]:
    """Statements that limit, sorted."""
    return sorted({statement.id for statement in statements if statement.stance == "limits"})
