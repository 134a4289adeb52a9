"""May an edit be published? What forbids it, and what must be answered first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from calx.reasoner.authors.check.check import Report
from calx.reasoner.authors.compare.difference import Difference
from calx.reasoner.authors.compare.questions import OpenQuestion, of_warnings
from calx.reasoner.authors.prove.verdicts import Verification
from calx.reasoner.model.names import Text
from calx.words import wording


@dataclass(frozen=True)
class Obstacle:
    """What forbids publishing until it is mended."""

    place: str
    """A file and line, or the id of a requirement or rule."""
    message: Text
    how: Text

    def json(self) -> dict[str, Any]:
        return {"place": self.place, "message": self.message, "how": self.how}


@dataclass(frozen=True)
class Review:
    """What stands between an edit and its publishing."""

    blocks: tuple[Obstacle, ...]
    questions: tuple[OpenQuestion, ...]

    def json(self) -> dict[str, Any]:
        return {
            "blocks": [block.json() for block in self.blocks],
            "questions": [question.json() for question in self.questions],
        }


def review(found: Difference, before: Report, after: Report) -> Review:
    """The review of an edit.

    Args:
        found: what it changes.
        before: what check finds in the guideline as it was.
        after: and as it is now.
    """
    asked = (*of_warnings(before.problems, after.problems), *found.questions)
    return Review((*_faults(after), *_unproved(found.verified)), asked)


def _faults(report: Report) -> Iterator[Obstacle]:
    for problem in report.problems:
        if problem.severity == "error":
            key = "reference-case" if problem.kind == "reference-case" else "error"
            yield Obstacle(
                f"{problem.file}:{problem.line or 1}",
                wording("block", "problem", subject=problem.rule or "", message=problem.message),
                wording("block", key, kind=problem.kind),
            )


def _unproved(verified: Verification) -> Iterator[Obstacle]:
    for verdict in verified.verdicts:
        if verdict.outcome != "proved":
            yield Obstacle(
                verdict.id,
                wording("block", verdict.outcome, label=verdict.label),
                wording("block", f"{verdict.outcome} how", id=verdict.id),
            )
    for remark in verified.remarks:
        if remark.at_fault:
            yield Obstacle(
                remark.rule,
                wording("block", "rule", rule=remark.rule, message=remark.message),
                wording("block", f"{remark.kind} rule how"),
            )
