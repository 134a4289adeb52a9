"""Reference cases: what must come out of a lesion, and why. They live beside the guideline, in
``cases/*.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, assert_never

from calx.ontology import AuthoringProblem
from calx.ontology.reference_cases import ReferenceCase
from calx.reasoner.engine.answer import Answer
from calx.reasoner.engine.parts import RankedThing
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.model.section import (
    Actions,
    Alerts,
    Criteria,
    Members,
    Numbers,
    One,
    Picture,
    Status,
    Tally,
)
from calx.reasoner.recommendation import Reasoner
from calx.words import DEFAULT


def observe(answer: Answer) -> dict[str, Any]:
    """The parts of an answer that a reference case can speak of: each section under its key, and
    what belongs to it under ``key.part``.
    """
    found: dict[str, Any] = {}
    for section in answer.guideline.sections:
        key = section.key
        match section:
            case One():
                chosen = answer.chosen(section, DEFAULT)
                found[key] = chosen.id if chosen else None
                if section.leads:
                    found["settled"] = chosen.settled if chosen else False
                    found["disputed_by"] = chosen.disputed_by if chosen else []
            case Members():
                found[key] = answer.members(section)
            case Tally():
                total = answer.total(section)
                found |= {key: total.value, f"{key}.points": total.points}
                found[f"{key}.unknown"] = total.unknown
            case Status():
                things = answer.things(section, DEFAULT)
                found[key] = {thing.id: thing.status for thing in things}
                found[f"{key}.contraindications"] = {
                    thing.id: [c.rule for c in thing.contraindications] for thing in things
                }
                found[f"{key}.cautions"] = {
                    thing.id: sorted(c.id for c in thing.cautions) for thing in things
                }
                found[f"{key}.parameters"] = {thing.id: thing.parameters for thing in things}
                if section.ranked:
                    ranked = [thing for thing in things if isinstance(thing, RankedThing)]
                    found[f"{key}.unavailable"] = {
                        thing.id: [c.rule for c in thing.unavailable] for thing in ranked
                    }
                    found[f"{key}.role"] = {thing.id: thing.role for thing in ranked}
                    ranks = {thing.rank: thing.id for thing in ranked if thing.rank is not None}
                    found[f"{key}.in_rank"] = [ranks[rank] for rank in sorted(ranks)]
            case Alerts():
                alerts = answer.alerts(section, DEFAULT)
                found[key] = {alert.id: alert.severity for alert in alerts}
                found[f"{key}.advice"] = {alert.id: alert.advice for alert in alerts}
                found[f"{key}.factors"] = sorted(f for alert in alerts for f in alert.factors)
            case Actions():
                found[key] = [action.id for action in answer.actions(section, DEFAULT)]
            case Criteria():
                found[key] = answer.judged(section).criteria
            case Numbers():
                found[key] = answer.numbers(section)
            case Picture():
                pass
            case _:
                assert_never(section)
    found["missing"] = {item.fact: _decided(answer, item.decides) for item in answer.missing}
    found["possible_alerts"] = [alert.id for alert in answer.possible_alerts(DEFAULT)]
    return found


def _decided(answer: Answer, decides: list[str]) -> str:
    """The section that an unknown fact decides, the leading one before others."""
    sections = sorted(answer.guideline.sections, key=lambda s: s != answer.guideline.lead)
    return next(
        section.key
        for section in sections
        if section.key in decides
        or (
            isinstance(section, Status)
            and {thing.id for thing in answer.guideline.of_kind(section.kind)} & set(decides)
        )
    )


REFUSED = "the case is no longer admitted"


def judge(
    reasoner: Reasoner, cases: list[ReferenceCase]
) -> tuple[list[AuthoringProblem], set[str]]:
    """What no longer holds, and the rules that fired."""
    problems: list[AuthoringProblem] = []
    fired = set[str]()
    for case in cases:
        facts = {
            name: Decimal(str(value)) if isinstance(value, float) else value
            for name, value in case.facts.items()
        }
        try:
            answer = reasoner.recommend({"case_id": case.id, **facts})
        except CaseError as error:
            told = "; ".join(str(problem) for problem in error.problems)
            problems.append(
                AuthoringProblem(
                    "reference-case",
                    case.file,
                    f"{REFUSED}: {told}",
                    case.id,
                    case.line,
                )
            )
            continue
        fired |= {step[0].id for step in answer.trace.steps}
        for key, expected, seen in _differences(case.expect, observe(answer)):
            message = (
                f"{key} must be {_shown(expected)} and is {_shown(seen)} ({case.why}); mend "
                "the rule, or say why the case must change"
            )
            problems.append(
                AuthoringProblem("reference-case", case.file, message, case.id, case.line)
            )
    return problems, fired


def _differences(expect: dict[str, Any], seen: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for key, expected in expect.items():
        if key not in seen:
            yield key, expected, "no part of an answer"
        elif isinstance(expected, dict) and expected and isinstance(seen[key], dict):
            for name, value in expected.items():
                if seen[key].get(name) != value:
                    yield f"{key} {name}", value, seen[key].get(name)
        elif seen[key] != expected:
            yield key, expected, seen[key]


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "empty"
    return (
        "none"
        if value is None
        else "empty"
        if value == {}
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
