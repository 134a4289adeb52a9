"""Many cases, one answer each: a bad case gets its problems, the others are answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from calx.reasoner.engine.answer import Answer
from calx.reasoner.intake.errors import CaseError, Problem
from calx.reasoner.intake.files import Submission
from calx.reasoner.model.case import Case
from calx.reasoner.recommendation import Reasoner


class Outcome(NamedTuple):
    """What came of one submission: an answer, or an error."""

    answer: Answer | None
    error: CaseError | None


def outcomes(
    reasoner: Reasoner,
    cases: Iterable[Submission],
    language: str = "en",
    seen: dict[str, str] | None = None,
    source: str = "",
) -> Iterator[Outcome]:
    """Answer each case in turn.

    Args:
        reasoner: answers them.
        cases: as they were handed in.
        language: of messages.
        seen: case ids already used, with their places; pass one dictionary for several files.
        source: name of the file, for the places of case ids.
    """
    used = {} if seen is None else seen
    for case in cases:
        try:
            admitted = admit(reasoner, case, language, used, source)
            yield Outcome(reasoner.answer(admitted, language), None)
        except CaseError as error:
            yield Outcome(None, error)


def admit(
    reasoner: Reasoner, case: Submission, language: str, used: dict[str, str], source: str
) -> Case:
    """Admit one case, adding the problems of the reading to those of the gate.

    Raises:
        CaseError: with every problem found.
    """
    problems, name = list(case.problems), case.raw.get("case_id")
    if not case.readable:
        raise CaseError(problems)
    if isinstance(name, str) and name in used:
        problems.append(
            Problem(
                f"the case_id '{name[:64]}' was used before ({used[name]}); give each case its own",
                "case_id",
                case.place,
            )
        )
    try:
        found = reasoner.gate.admit(case.raw, language)
    except CaseError as error:
        placed = [
            Problem(p.message, p.fact, p.place or case.place, p.facts) for p in error.problems
        ]
        raise CaseError(problems + placed, error.case_id) from None
    if problems:
        raise CaseError(problems, found.id)
    used[found.id] = ", ".join(part for part in (source, case.place) if part) or "earlier"
    return found
