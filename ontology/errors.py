"""What can be wrong with a guideline, told so that its author can mend it."""

from __future__ import annotations

from dataclasses import dataclass

from calx.errors import CalxError
from calx.ontology.kinds import KINDS, Severity


@dataclass(frozen=True)
class AuthoringProblem:
    """One fault of the guideline's files: where it stands, what is wrong, what to do.

    >>> message = "has no label in zh"
    >>> print(AuthoringProblem("label", "facts.ttl", message, rule="calx:thrombus", line=12))
    facts.ttl:12: error: calx:thrombus: has no label in zh [label]
    """

    kind: str
    """Key of `KINDS`."""
    file: str
    message: str
    rule: str | None = None
    """Id of the rule, or the prefixed name of what else is at fault."""
    line: int | None = None

    def __post_init__(self) -> None:
        assert self.kind in KINDS, self.kind

    @property
    def severity(self) -> Severity:
        return KINDS[self.kind]

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        subject = f" {self.rule}:" if self.rule else ""
        return f"{place}: {self.severity}:{subject} {self.message} [{self.kind}]"


class GuidelineError(CalxError):
    """The guideline cannot be used as it stands; `problems` lists every fault found.

    >>> from pathlib import Path
    >>> import calx
    >>> try:
    ...     calx.Reasoner.load(Path("no-such-folder"))
    ... except GuidelineError as error:
    ...     [problem.kind for problem in error.problems]
    ['file']
    """

    def __init__(self, problems: list[AuthoringProblem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))
