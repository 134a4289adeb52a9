"""What can be wrong with a case, told so that the person who entered it can mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from calx.errors import CalxError


def visible(text: str) -> str:
    """The text on one line, with everything escaped
    that a terminal would obey or UTF-8 cannot carry.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode()
        for c in text[:1000]
    )


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a case: where, which fact, what to do.

    >>> str(Problem("is not a number", fact="age_years", place="line 3"))
    'line 3: age_years: is not a number'
    """

    message: str
    fact: str | None = None
    place: str | None = None
    facts: tuple[str, ...] = ()
    """All facts concerned, where a combination is at fault."""

    def __post_init__(self) -> None:
        for name in ("message", "fact", "place"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, visible(value))

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.fact, self.message) if part)

    def json(self) -> dict[str, Any]:
        return {"place": self.place, "fact": self.fact, "message": self.message}


class CaseError(CalxError):
    """A case that cannot be answered; `problems` lists everything that is wrong with it.

    >>> import calx
    >>> try:
    ...     calx.recommend({"case_id": "a", "thrombs": True, "age_years": -1})
    ... except CaseError as error:
    ...     [problem.fact for problem in error.problems]
    ['thrombs', 'age_years']
    """

    def __init__(self, problems: list[Problem], case_id: str | None = None) -> None:
        self.problems = problems
        self.case_id = case_id
        super().__init__("; ".join(str(problem) for problem in problems))

    def json(self) -> dict[str, Any]:
        """The error object of the public contract."""
        return {
            "case_id": self.case_id,
            "error": {"problems": [problem.json() for problem in self.problems]},
        }


class ContradictionError(CaseError):
    """The guideline says two things of this case, of which only one can be true. The case is well;
    the guideline's authors must mend it, and until then there is no answer.
    """
