"""The result of a what-if, as the public contract has it."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from calx.reasoner.model.condition import Value
from calx.reasoner.model.values import as_json
from calx.reasoner.whatif.compare import SideBySide
from calx.reasoner.whatif.errors import MeasurementError
from calx.reasoner.whatif.outcomes import Turn
from calx.reasoner.whatif.stability import Beyond, Stability, share
from calx.reasoner.whatif.why_not import WhyNot

if TYPE_CHECKING:
    from calx.reasoner.whatif.asking import HowSure
    from calx.reasoner.whatif.towards import Moved, Ways


def as_result(asked: HowSure) -> dict[str, Any]:
    """All that was asked, as JSON has it; every key is always there."""
    guideline = asked.answer.guideline
    together = asked.joint
    return {
        "case_id": asked.answer.case.id,
        "guideline": {
            "iri": guideline.iri,
            "version": guideline.version,
            "digest": guideline.digest,
        },
        "stability": [of_stability(item, asked.errors.get(item.fact)) for item in asked.stability],
        "joint": together
        and {
            "share": {"low": round(together.low, 4), "high": round(together.high, 4)},
            "independent": True,
            "facts": list(together.facts),
        },
        "decided": asked.decided,
        "next": [
            {
                "fact": item.fact,
                "share": item.share,
                "weight": item.weight,
                "cost": item.cost,
                "decides": list(item.decides),
                "together_with": list(item.together),
                "sampled": item.sampled,
            }
            for item in asked.next
        ],
        "frequencies": {"lesions": asked.lesions},
        "to": asked.to and of_ways(asked.to),
        "why_not": [of_why_not(item) for item in asked.why_not],
        "compare": asked.comparison and of_comparison(asked.comparison),
    }


def of_stability(item: Stability, error: MeasurementError | None) -> dict[str, Any]:
    """One known fact."""
    stands = item.stands
    return {
        "fact": item.fact,
        "value": as_json(item.value),
        "stands": stands
        and {
            "low": number(stands.low),
            "low_closed": stands.low_closed,
            "high": number(stands.high),
            "high_closed": stands.high_closed,
        },
        "error": error
        and {
            "sd": round(error.deviation, 4),
            "below": round(error.below, 4),
            "above": round(error.above, 4),
            "unit": error.unit,
            "source": error.source,
            "assumed": error.assumed,
            "statement": error.statement,
        },
        "share": share(item, error),
        "beyond": [_of_beyond(end) for end in item.beyond],
    }


def _of_beyond(end: Beyond) -> dict[str, Any]:
    return {
        "side": end.side,
        "at": number(end.at),
        "possible": end.possible,
        "changes": _of_changes(end.changes),
        "constraint": end.constraint,
        "followed_by": {
            "facts": [{"fact": name, "value": as_json(value)} for name, value in end.followed],
            "until": number(end.until),
            "until_closed": end.until_closed,
            "changes": _of_changes(end.then),
        }
        if end.followed
        else None,
    }


def _of_changes(changes: Iterable[Turn]) -> list[dict[str, str | None]]:
    return [
        {"of": change.of, "from": change.before, "to": change.after, "rule": change.rule}
        for change in changes
    ]


def of_ways(ways: Ways) -> dict[str, Any]:
    """The ways to an outcome."""
    return {
        "outcome": str(ways.goal),
        "sets": [
            {
                "changes": [_of_moved(moved) for moved in way.moved],
                "size": len(way.moved),
                "errors": way.errors,
                "actionable": way.actionable,
                "rules": list(way.rules),
            }
            for way in ways.found
        ],
        "complete_up_to": ways.complete_up_to,
        "larger_exist": ways.larger_exist,
    }


def _of_moved(moved: Moved) -> dict[str, Any]:
    return {
        "fact": moved.fact,
        "from": as_json(moved.before),
        "limit": number(moved.limit),
        "direction": moved.direction,
        "closed": moved.closed,
    }


def of_why_not(item: WhyNot) -> dict[str, Any]:
    """Why something was not said."""
    return {
        "of": item.of,
        "status": item.status,
        "not": item.other,
        "because": [
            {
                "rule": because.rule,
                "missing": [
                    {"fact": lack.fact, "value": as_json(lack.value), "needs": lack.needs}
                    for lack in because.missing
                ],
            }
            for because in item.because
        ],
    }


def of_comparison(comparison: SideBySide) -> dict[str, Any]:
    """Two cases side by side."""
    return {
        "other": comparison.other,
        "facts": [
            {"fact": name, "from": as_json(here), "to": as_json(there)}
            for name, (here, there) in comparison.facts.items()
        ],
        "rules": {
            "only_here": list(comparison.only_here),
            "only_there": list(comparison.only_there),
        },
        "changes": [
            {**told, "explained_by": [list(names) for names in explained.by]}
            for explained in comparison.changes
            for told in _of_changes([explained.change])
        ],
    }


def number(value: Value | Fraction | None) -> bool | str | int | float | None:
    """A value as JSON has it."""
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return as_json(value)
