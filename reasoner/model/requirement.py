"""What a guideline requires of itself, over every valid case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from calx.reasoner.model.condition import Condition
from calx.reasoner.model.names import Text


@dataclass(frozen=True)
class Never:
    """No lesion meets this condition."""

    condition: Condition


@dataclass(frozen=True)
class Always:
    """Every lesion meets this condition."""

    condition: Condition


@dataclass(frozen=True)
class Settles:
    """A term of the property is concluded, and no unknown fact could change which."""

    predicate: str


@dataclass(frozen=True)
class Stable:
    """What is settled of the property stays so, whatever the unknown facts turn out to be."""

    predicate: str


@dataclass(frozen=True)
class Partition:
    """Each term of the kind has exactly one of these properties."""

    predicates: tuple[str, ...]


@dataclass(frozen=True)
class NotAbove:
    """Where both values are known, the first is not above the second."""

    lesser: str
    greater: str


@dataclass(frozen=True)
class Ladder:
    """A graver lesion never gets a lower term of the
    property than a milder one that is otherwise alike.
    """

    predicate: str
    terms: tuple[str, ...]
    """From the lowest."""
    raising: tuple[str, ...] = ()
    """Numbers that make a lesion graver as they grow."""
    lowering: tuple[str, ...] = ()
    """Numbers that do as they shrink."""
    adding: tuple[str, ...] = ()
    """Findings that do once they are there."""


@dataclass(frozen=True)
class Graded:
    """Each term of which any property of its kind is concluded has exactly one of these."""

    predicates: tuple[str, ...]


@dataclass(frozen=True)
class Advised:
    """Each term of these properties comes with advice that a rule gives in its name."""

    predicates: tuple[str, ...]
    exempt: tuple[str, ...] = ()
    """Terms of which this is not asked."""


@dataclass(frozen=True)
class InItsName:
    """No rule gives advice in the name of a term that is not concluded."""


@dataclass(frozen=True)
class OneValue:
    """No two rules give the fact or quantity two values."""

    fact: str


Demand: TypeAlias = (
    Never
    | Always
    | Settles
    | Stable
    | Partition
    | Graded
    | Advised
    | InItsName
    | OneValue
    | NotAbove
    | Ladder
)


@dataclass(frozen=True)
class Requirement:
    """What must hold over every valid case; `calx verify` proves or refutes it."""

    id: str
    label: Text
    rationale: Text
    whenever: Condition
    """The lesions that it speaks of."""
    demand: Demand
    file: str
