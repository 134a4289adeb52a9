"""What can be wrong with a guideline, told so that its author can mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


class CalxError(Exception):
    """Root of every error that Calx raises on purpose."""


@dataclass(frozen=True)
class AuthoringProblem:
    """One fault of the guideline's files: where it stands, what is wrong, what to do."""

    file: str
    message: str
    rule: str | None = None
    line: int | None = None
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        subject = f" {self.rule}:" if self.rule else ""
        return f"{place}: {self.severity}:{subject} {self.message}"


class GuidelineError(CalxError):
    """The guideline cannot be used as it stands; `problems` lists every fault found."""

    def __init__(self, problems: list[AuthoringProblem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))
