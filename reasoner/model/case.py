"""A case that was admitted."""

from __future__ import annotations

import re
from dataclasses import dataclass

from calx.reasoner.model.measured import Measured
from calx.reasoner.model.values import Values

CASE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What an id of a case looks like; never a patient's name."""


@dataclass(frozen=True)
class Case:
    """An admitted case: one lesion at one moment, its given facts typed and consistent.

    >>> import calx
    >>> facts = {"case_id": "a", "max_superficial_arc_deg": 300, "thrombus": None}
    >>> case = calx.Reasoner.load().gate.admit(facts)
    >>> case.id, case.facts
    ('a', {'max_superficial_arc_deg': Decimal('300')})
    """

    id: str
    facts: Values
    measured: Measured | None = None
