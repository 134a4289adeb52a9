"""Does a guideline ever say two things of which only one can be true? Asked of all lesions."""

from __future__ import annotations

import json
from itertools import combinations
from typing import NamedTuple

import z3

from calx.ontology import AuthoringProblem
from calx.reasoner.model.condition import Value
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.names import predicate_of
from calx.reasoner.model.values import as_json
from calx.reasoner.symbolic.fractions import Truth, both, either
from calx.reasoner.symbolic.solver import EFFORT, SOLVING, AnyLesion


class Contradiction(NamedTuple):
    """A lesion of which a guideline says two things, of which only one can be true."""

    about: str
    """Name of the functional property, or of the fact or quantity."""
    rules: tuple[str, ...]
    """That say so."""
    lesion: dict[str, Value]


def overlaps(lesion: AnyLesion) -> dict[str, Truth]:
    """By functional property, and by fact or quantity that rules give a value: two hold at once."""
    guideline = lesion.guideline
    found = {
        name: either(
            both([lesion.derived[one], lesion.derived[other]])
            for one, other in combinations(guideline.program.keys_of(name), 2)
        )
        for name, described in guideline.properties.items()
        if described.functional
    }
    return found | {name: either(parts) for name, parts in lesion.disputed.items() if parts}


def contradictions(guideline: Guideline) -> list[Contradiction]:
    """Each property or quantity of which some valid lesion is told two things, with such a lesion.

    What the solver leaves undecided is not listed: the engine watches every answer all the same.
    """
    lesion, solver = AnyLesion(guideline), z3.Solver()
    solver.set("rlimit", EFFORT)
    solver.add(lesion.valid)
    solver.add(lesion.definitions)
    found = []
    for about, truth in overlaps(lesion).items():
        if solver.check(truth) == z3.sat:
            model = solver.model()
            rules = (
                clause.rule.id
                for clause in guideline.program.clauses
                if predicate_of(clause.production.conclusion.key) == about
                and z3.is_true(
                    model.eval(
                        lesion.production[clause.rule.id, clause.number], model_completion=True
                    )
                )
            )
            found.append(
                Contradiction(about, tuple(dict.fromkeys(rules)), lesion.given.read(model))
            )
    return found


def faults(guideline: Guideline) -> list[AuthoringProblem]:
    """The same as problems of the rules that contradict each other."""
    found = []
    with SOLVING:
        contradicting = contradictions(guideline)
    for about, rules, lesion in contradicting:
        read = dict.fromkeys(
            fact
            for rule in rules
            for production in guideline.rule[rule].productions
            for fact in production.reads
        )
        shown = {name: as_json(lesion[name]) for name in read if name in lesion}
        message = (
            f"{' and '.join(rules)} say two things of {about}, which can only be one, for a case "
            f"like {json.dumps(shown)}; narrow one of them ('calx verify' shows the smallest "
            "lesion)"
        )
        rule = guideline.rule[rules[-1]]
        found.append(AuthoringProblem("contradiction", rule.file, message, rule.id))
    return found
