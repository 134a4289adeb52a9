"""What a proof comes to: verdicts, counterexamples, remarks on rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from calx.reasoner.model.names import Text

Outcome: TypeAlias = Literal["proved", "refuted", "vacuous", "undecided"]
"""Vacuous: no valid lesion is of the kind that the requirement speaks of."""


@dataclass(frozen=True)
class Counterexample:
    """Lesions that break a requirement; two where it compares a lesion with another."""

    cases: tuple[dict[str, Any], ...]
    """Runnable: as `calx recommend` takes them."""
    shown: tuple[Text, ...]
    """What the guideline concludes of each."""
    confirmed: tuple[str, ...]
    """Who found the same: ``engine``, ``pySHACL``."""


@dataclass(frozen=True)
class Verdict:
    """One requirement, proved over every valid case or refuted."""

    id: str
    label: Text
    rationale: Text
    outcome: Outcome
    counterexample: Counterexample | None = None
    open: tuple[Text, ...] = ()
    """The lesions for which it fails, in words; together all of them unless `more`."""
    more: bool = False


@dataclass(frozen=True)
class Remark:
    """Something about one rule that an author should know."""

    kind: Literal[
        "dead",
        "shadowed",
        "redundant",
        "redundant by design",
        "unreachable",
        "uncited",
        "idle",
        "undecided",
        "unfinished",
    ]
    rule: str
    message: Text

    @property
    def at_fault(self) -> bool:
        return self.kind in ("dead", "shadowed", "uncited", "undecided")


@dataclass(frozen=True)
class Verification:
    """Everything that was proved, refuted or noticed."""

    verdicts: tuple[Verdict, ...]
    remarks: tuple[Remark, ...]
    rules: int
    questions: int = field(compare=False)
    """Asked of the solver."""
    whole: bool = True
    """Whether the rules were looked at too, not one requirement alone."""

    @property
    def holds(self) -> bool:
        return all(verdict.outcome == "proved" for verdict in self.verdicts) and not any(
            remark.at_fault for remark in self.remarks
        )
