"""Every completion of a case at once (Z3): whether anything unknown can change its answer at all,
and which facts do only together.
"""

from __future__ import annotations

from collections.abc import Iterator

import z3

from calx.reasoner.symbolic.fractions import either, none
from calx.reasoner.symbolic.solver import EFFORT
from calx.reasoner.whatif.goals import NONE, Goal, possible
from calx.reasoner.whatif.next_facts import Next
from calx.reasoner.whatif.stability import Elsewhere
from calx.reasoner.whatif.towards import Towards

MOST_PAIRS = 5
"""Sets of facts that change something only together."""


def decided(elsewhere: Elsewhere, towards: Towards) -> bool | None:
    """Whether the answer is the same whatever the unknown facts are; None: not decided."""
    found = _solver(elsewhere, towards).check()
    return None if found == z3.unknown else bool(found == z3.unsat)


def together(elsewhere: Elsewhere, towards: Towards) -> Iterator[Next]:
    """Facts that change something only together."""
    solver, lesion = _solver(elsewhere, towards), towards.lesion
    told = dict[str, tuple[str, ...]]()
    unknown = [name for name in lesion.given.facts if name not in elsewhere.facts]
    for size in range(2, len(unknown) + 1):
        solver.push()
        solver.add(z3.AtMost(*(lesion.given.known[name] for name in unknown), size))
        while (answer := solver.check()) == z3.sat and len(told) < MOST_PAIRS:
            model = solver.model()
            names = tuple(n for n in unknown if z3.is_true(model.eval(lesion.given.known[n])))
            told |= {name: names for name in names if name not in told}
            solver.add(either(none(lesion.given.known[name]) for name in names))
        solver.pop()
        if told or answer == z3.unknown:
            break
    facts = elsewhere.reasoner.guideline.facts
    for name, names in told.items():
        others = tuple(other for other in names if other != name)
        yield Next(name, 0.0, 0.0, facts[name].cost, (), others, sampled=False)


def _solver(elsewhere: Elsewhere, towards: Towards) -> z3.Solver:
    """Every completion of a case in which something is told otherwise."""
    lesion, guideline = towards.lesion, elsewhere.reasoner.guideline
    solver = z3.Solver()
    solver.set("rlimit", EFFORT)
    solver.add(*lesion.valid, *lesion.definitions)
    solver.add(*(lesion.given.is_(name, value) for name, value in elsewhere.facts.items()))
    same = [
        towards.goals.reached(Goal(name, elsewhere.here.get(name)))
        for name, values in possible(guideline).items()
        if name in elsewhere.here or NONE in values
    ]
    solver.add(either(none(one) for one in same))
    return solver
