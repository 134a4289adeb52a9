"""What would lead to another outcome, where Z3 is installed."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from calx.api.contract.problems import ServiceError
from calx.api.server.state import Service
from calx.reasoner.engine.answer import Answer
from calx.reasoner.intake.errors import Problem
from calx.reasoner.model.guideline import Guideline

if TYPE_CHECKING:
    from calx.reasoner.whatif.goals import Goal
    from calx.reasoner.whatif.towards import Ways


def solver_is_there() -> bool:
    """Whether Z3 is installed."""
    return importlib.util.find_spec("z3") is not None


def needs_solver() -> None:
    """Raises ServiceError where it is not."""
    if not solver_is_there():
        raise ServiceError("not-installed", "what-if needs Z3: pip install 'calx[authoring]'")


def possible_outcomes(guideline: Guideline) -> dict[str, tuple[str, ...]]:
    """The outcomes that can be asked for; none without Z3."""
    if not solver_is_there():
        return {}
    from calx.reasoner.whatif.goals import possible

    return possible(guideline)


def goal_of(guideline: Guideline, text: str | None, language: str) -> Goal | None:
    """The outcome that a request asks for.

    Raises:
        ServiceError: the guideline cannot say that.
    """
    from calx.reasoner.whatif.goals import NoSuchOutcomeError, goal

    try:
        return goal(guideline, text, language) if text else None
    except NoSuchOutcomeError as error:
        raise ServiceError("unreadable", str(error), [Problem(str(error))]) from None


def ways_to(service: Service, answer: Answer, text: str | None, language: str) -> Ways | None:
    """What would lead to the outcome that a page asks for.

    Raises:
        ServiceError: the guideline cannot say that, or Z3 is not there.
    """
    if not text:
        return None
    needs_solver()
    return service.what_if.ask(answer, goal_of(answer.guideline, text, language)).to
