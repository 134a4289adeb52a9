"""In which order things that may be used are shown. It is no rule: it follows from marks that the
guideline gives, and from what stands beside each thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from calx.reasoner.engine.parts import Caution, RankedThing, Thing, WeighedCaution
from calx.reasoner.model.section import Status


def in_rank(
    section: Status,
    things: Sequence[RankedThing],
    levels: Sequence[str],
    precedence: Mapping[str, int],
) -> list[RankedThing]:
    """The things that may be used, the first first: by status, role, number of weighty cautions,
    dispute, direct level, and then by their precedence.

    Args:
        section: whose statuses say what may be used.
        things: in the order of their terms.
        levels: of evidence, the best first.
        precedence: place among things that rank alike, by id.
    """
    good = [s.word for s in section.in_reading_order if s.usable]

    def place(thing: RankedThing) -> tuple[int, ...]:
        return (
            good.index(thing.status),
            thing.role == "adjunct",
            len(weighty(thing)),
            bool(thing.disputed_by),
            levels.index(thing.direct_level or levels[-1]),
            precedence[thing.id],
        )

    return sorted((thing for thing in things if thing.status in good), key=place)


def weighty(thing: Thing) -> list[Caution]:
    """The cautions of a thing that count in its rank."""
    return [c for c in thing.cautions if isinstance(c, WeighedCaution) and c.weighty]


def by_rank(things: Sequence[Thing]) -> list[Thing]:
    """Things as people read them: in the order of their rank, as far as they have one."""
    return sorted(
        things, key=lambda t: (t.rank or len(things) + 1) if isinstance(t, RankedThing) else 0
    )
