"""In which order things that may be used are shown. It is no rule: it follows from marks that the
guideline gives, and from what stands beside each thing.
"""

from __future__ import annotations

from collections.abc import Sequence

from calx.reasoner.engine.parts import RankedThing, Thing, WeighedCaution
from calx.reasoner.model.section import Status


def in_rank(
    section: Status, things: Sequence[RankedThing], levels: Sequence[str]
) -> list[RankedThing]:
    """The things that may be used, the first first: by status, role, number of weighty cautions,
    dispute, direct level, and then as they came.

    Args:
        section: whose statuses say what may be used.
        things: in the order of their terms.
        levels: of evidence, the best first.
    """
    good = [s.word for s in section.in_reading_order if s.usable]

    def place(thing: RankedThing) -> tuple[int, ...]:
        weighty = [c for c in thing.cautions if isinstance(c, WeighedCaution) and c.weighty]
        return (
            good.index(thing.status),
            thing.role == "adjunct",
            len(weighty),
            bool(thing.disputed_by),
            levels.index(thing.direct_level or levels[-1]),
        )

    return sorted((thing for thing in things if thing.status in good), key=place)


def by_rank(things: Sequence[Thing]) -> list[Thing]:
    """Things as people read them: in the order of their rank, as far as they have one."""
    return sorted(
        things, key=lambda t: (t.rank or len(things) + 1) if isinstance(t, RankedThing) else 0
    )
