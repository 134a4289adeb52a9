"""Problems as RFC 9457 has them, with every fault of a case listed. Never an internal message."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

from calx.errors import CalxError
from calx.reasoner.intake.errors import CaseError, ContradictionError, Problem, visible
from calx.reasoner.model.names import IRI
from calx.words import words

KINDS: dict[str, int] = {
    "invalid-case": 422,
    "unreadable": 400,
    "bad-query": 400,
    "refused-query": 403,
    "query-too-long": 504,
    "query-too-large": 413,
    "token-needed": 401,
    "not-allowed": 403,
    "wrong-origin": 403,
    "not-found": 404,
    "wrong-method": 405,
    "not-acceptable": 406,
    "too-slow": 408,
    "conflict": 409,
    "invalid-edit": 422,
    "not-publishable": 422,
    "unanswered": 422,
    "facts-missing": 412,
    "too-large": 413,
    "wrong-form": 415,
    "too-many": 429,
    "internal": 500,
    "contradiction": 500,
    "not-installed": 501,
    "not-stored": 503,
    "busy": 503,
}
"""Kinds of problem, and the status of each; titles are in `calx.words`, what to do in
`docs/problems.md`.
"""
MEDIA = "application/problem+json"


class ServiceError(CalxError):
    """A request that was not fulfilled."""

    def __init__(
        self,
        kind: str,
        detail: str,
        problems: list[Problem] | None = None,
        case_id: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.kind, self.detail, self.problems, self.case_id, self.headers = (
            kind,
            visible(detail),
            problems or [],
            case_id,
            headers or {},
        )
        super().__init__(detail)

    @property
    def status(self) -> int:
        return KINDS[self.kind]

    def json(self) -> dict[str, Any]:
        """The members of RFC 9457, then `case_id` and `problems`."""
        status, title = KINDS[self.kind], words("problem")[self.kind]
        found: dict[str, Any] = {
            "type": f"{IRI}problem/{self.kind}",
            "title": title,
            "status": status,
            "detail": self.detail,
        }
        if self.case_id:
            found["case_id"] = self.case_id
        if self.problems:
            found["problems"] = [problem.json() for problem in self.problems]
        return found

    def response(self) -> Response:
        return Response(orjson.dumps(self.json()), self.status, self.headers, MEDIA)


def of_case(error: CaseError) -> ServiceError:
    """A case that cannot be answered, with everything that is wrong: with it, or with a guideline
    that contradicts itself of it.
    """
    if isinstance(error, ContradictionError):
        return ServiceError(
            "contradiction",
            "the guideline says two things of this case, of which only one can be true; no answer "
            "is given until its authors mend it",
            error.problems,
            error.case_id,
        )
    count = len(error.problems)
    return ServiceError(
        "invalid-case",
        f"{count} problem{'s' if count != 1 else ''}; each says what to do",
        error.problems,
        error.case_id,
    )
