"""What can be wrong with a cohort as a whole."""

from __future__ import annotations

from calx.errors import CalxError


class CohortError(CalxError):
    """A cohort that cannot be scored as it is; says what to do. Nothing half written is left."""
