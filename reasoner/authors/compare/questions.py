"""What a person must answer before an edit is published: what no proof can settle.

A proof tells what follows from an edit; whether it is meant, only its authors know. Each question
has an id that stays the same as long as the question does, and says how to go on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from calx.ontology import AuthoringProblem
from calx.ontology.reference_cases import ReferenceCase
from calx.reasoner.authors.compare.conditions import logic
from calx.reasoner.authors.compare.impact import Impact
from calx.reasoner.authors.reference_cases import judge
from calx.reasoner.engine.evaluation import Trace
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.model.guideline import Guideline, Statement
from calx.reasoner.model.names import Text
from calx.reasoner.recommendation import Reasoner
from calx.words import DEFAULT, LANGUAGES, wording

VERIFIED = {"unverified": 0, "secondary": 1, "review": 1, "page": 2}
"""How much the ways to verify a statement count; none comes by a mere edit."""
QUOTED = ("study", "text", "numbers", "locator", "population", "when", "when_known")
RECORDED = ("citation", "participants", "identifiers")
MOST_NAMED = 6


@dataclass(frozen=True)
class OpenQuestion:
    """One question to whoever publishes an edit."""

    id: str
    """Such as ``unshown:J4``."""
    message: Text
    how: Text
    """How to go on."""

    def json(self) -> dict[str, Any]:
        return {"id": self.id, "message": self.message, "how": self.how}


def questions(
    old: Guideline,
    new: Guideline,
    old_cases: list[ReferenceCase],
    new_cases: list[ReferenceCase],
    impact: Impact | None,
) -> Iterator[OpenQuestion]:
    """Everything that an edit leaves to be answered."""
    yield from _unshown(old, new, new_cases, impact)
    yield from _removed(old, new, old_cases, new_cases)
    yield from _expected(old_cases, new_cases)
    yield from _required(old, new)
    yield from _widened(old, new)
    yield from _evidence(old, new)
    yield from _quoted(old, new)
    if impact is not None and impact.refused is not None:
        yield _question("refused", "refused", case=_case(impact.refused))
    if impact is not None and impact.undecided:
        named = {
            language: ", ".join(about[language] for about in impact.undecided)
            for language in LANGUAGES
        }
        yield _question("undecided", "undecided", about=named)


def of_warnings(
    before: Iterable[AuthoringProblem], after: Iterable[AuthoringProblem]
) -> Iterator[OpenQuestion]:
    """The warnings of `calx check` that an edit brings."""
    known = {(problem.kind, problem.rule, problem.message) for problem in before}
    new: dict[tuple[str, str], list[str]] = {}
    for problem in after:
        if (
            problem.severity == "warning"
            and (problem.kind, problem.rule, problem.message) not in known
        ):
            new.setdefault((problem.kind, problem.rule or problem.file), []).append(problem.message)
    for (kind, subject), messages in new.items():
        told = "; ".join(messages)
        yield _question(f"{kind}:{subject}", "warning", kind=kind, subject=subject, message=told)


def of_leftovers(untold: dict[str, str], codes: bool) -> Iterator[OpenQuestion]:
    """What neither rules nor words are made of, and codes of other terminologies."""
    for subject, what in untold.items():
        yield _question(f"other:{subject}", "other", subject=subject, what=what)
    if codes:
        yield _question("codes", "codes")


def _question(name: str, key: str, /, **parts: object) -> OpenQuestion:
    return OpenQuestion(
        name, wording("question", key, **parts), wording("question", f"{key} how", **parts)
    )


def _case(case: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in case.items() if name != "case_id"})


# --- rules that no reference case shows -------------------------------------------------


def _unshown(
    old: Guideline, new: Guideline, cases: list[ReferenceCase], impact: Impact | None
) -> Iterator[OpenQuestion]:
    """Rules that say something else than before, where no reference case would tell if they did
    not: none in which the rule concludes otherwise expects what the old guideline does not say.
    """
    touched = [
        name
        for name in sorted({*old.rule, *new.rule})
        if name not in old.rule
        or name not in new.rule
        or logic(old.rule[name]) != logic(new.rule[name])
        or old.rule[name].layer != new.rule[name].layer
    ]
    if not touched:
        return
    reasoners = Reasoner(old), Reasoner(new)
    shown = set[str]()
    for case in cases:
        # it tells the two apart: by one of them it is not answered as it expects
        if any(judge(reasoner, [case])[0] for reasoner in reasoners):
            here, there = (_concluded(reasoner, case) for reasoner in reasoners)
            shown |= {name for name in touched if here.get(name, set()) != there.get(name, set())}
    for name in touched:
        if name not in shown:
            example = _example(name, impact)
            if example is None:
                yield _question(f"unshown:{name}", "unshown", rule=name)
            else:
                yield _question(f"unshown:{name}", "unshown case", rule=name, case=_case(example))


def _concluded(reasoner: Reasoner, case: ReferenceCase) -> dict[str, set[str]]:
    """What each rule concludes of a case."""
    try:
        admitted = reasoner.gate.admit({"case_id": case.id, **case.facts})
    except CaseError:
        return {}
    trace: Trace = reasoner.evaluation.run(admitted.facts)
    found: dict[str, set[str]] = {}
    for rule, production, _, _ in trace.steps:
        key = production.conclusion.key
        found.setdefault(rule.id, set()).add(f"{key} {trace.values.get(key, '')}")
    return found


def _example(rule: str, impact: Impact | None) -> dict[str, Any] | None:
    """A lesion of which the rule says something else than before."""
    for shift in impact.shifts if impact is not None else ():
        if any(rule in rules.split(", ") for rules in shift.rules):
            for where in shift.where:
                found = where.border.changed if where.border is not None else where.example
                if found:
                    return found
    return None


# --- what is gone, or asks for less -----------------------------------------------------


def _removed(
    old: Guideline,
    new: Guideline,
    old_cases: list[ReferenceCase],
    new_cases: list[ReferenceCase],
) -> Iterator[OpenQuestion]:
    suspended = {found.rule for found in new.suspended}
    for kind, before, after in (
        ("rule", set(old.rule), set(new.rule) | suspended),
        ("requirement", {r.id for r in old.requirements}, {r.id for r in new.requirements}),
        ("reference-case", {case.id for case in old_cases}, {case.id for case in new_cases}),
        ("term", set(old.terms), set(new.terms)),
        ("fact", set(old.facts), set(new.facts)),
        ("shape", {c.id for c in old.constraints}, {c.id for c in new.constraints}),
    ):
        for name in sorted(before - after):
            told = wording("question", kind)
            yield _question(f"removed:{kind}:{name}", "removed", what=told, name=name)


def _expected(old: list[ReferenceCase], new: list[ReferenceCase]) -> Iterator[OpenQuestion]:
    """Reference cases that ask for another answer: what is edited with its test tests nothing."""
    known = {case.id: case for case in old}
    for case in new:
        before = known.get(case.id)
        if before is not None and (before.facts, before.expect) != (case.facts, case.expect):
            yield _question(f"case:{case.id}", "expects", name=case.id)


def _widened(old: Guideline, new: Guideline) -> Iterator[OpenQuestion]:
    """Facts that may be what they could not be, and terms that come in another order."""
    for name, fact in new.facts.items():
        before = old.facts.get(name)
        if before is None or not fact.given:
            continue
        low = before.minimum is not None and (
            fact.minimum is None
            or (fact.minimum, fact.exclusive_minimum) < (before.minimum, before.exclusive_minimum)
        )
        high = before.maximum is not None and (
            fact.maximum is None or fact.maximum > before.maximum
        )
        if low or high or (before.values and set(fact.values) - set(before.values)):
            yield _question(f"widened:{name}", "widened", name=name, label=fact.label)
        if (name in old.of_patient) != (name in new.of_patient):
            key = "of patient" if name in new.of_patient else "of lesion"
            yield _question(f"patient:{name}", key, name=name, label=fact.label)
    moved = sorted(
        name
        for name, term in new.terms.items()
        if name in old.terms and old.terms[name].order != term.order
    )
    if moved:
        yield _question("order", "order", names=_listed(moved))
    renamed = [
        f"{name}: “{old.terms[name].label[DEFAULT]}” → “{term.label[DEFAULT]}”"
        for name, term in sorted(new.terms.items())
        if name in old.terms and old.terms[name].label != term.label
    ]
    if renamed:
        yield _question("labels", "labels", names=_listed(renamed))


def _required(old: Guideline, new: Guideline) -> Iterator[OpenQuestion]:
    known = {requirement.id: requirement for requirement in old.requirements}
    for requirement in new.requirements:
        before = known.get(requirement.id)
        if before is not None and (before.whenever, before.demand) != (
            requirement.whenever,
            requirement.demand,
        ):
            yield _question(
                f"requirement:{requirement.id}",
                "requires",
                name=requirement.id,
                label=requirement.label,
            )


# --- evidence that counts for more ------------------------------------------------------


def _evidence(old: Guideline, new: Guideline) -> Iterator[OpenQuestion]:
    better: dict[tuple[str, str], list[str]] = {}
    for name, statement in new.statements.items():
        before = old.statements.get(name)
        if before is None:
            continue
        if VERIFIED[statement.verified] > VERIFIED[before.verified]:
            better.setdefault((before.verified, statement.verified), []).append(name)
        if statement.stance != before.stance:
            yield _question(
                f"stance:{name}", "stance", name=name, old=before.stance, new=statement.stance
            )
    for (before_, after), names in better.items():
        yield _question(
            f"verified:{before_}:{after}",
            "verified",
            count=len(names),
            names=_listed(names),
            old=before_,
            new=after,
        )
    for name, study in new.studies.items():
        known = old.studies.get(name)
        if known is None:
            continue
        ranks = {level: rank for rank, level in enumerate(new.levels)}
        if ranks[study.level] < ranks.get(known.level, len(ranks)):
            yield _question(f"level:{name}", "level", name=name, old=known.level, new=study.level)
        if known.withdrawn and not study.withdrawn:
            yield _question(f"restored:{name}", "restored", name=name)
    for name, rule in new.rule.items():
        if name not in old.rule:
            continue
        had, has = old.rule[name].evidence, rule.evidence
        if not _supports(old, had) & _supports(new, has):
            yield _question(f"evidence:{name}", "exchanged", rule=name)
        silenced = [
            statement
            for statement in had
            if statement not in has
            and statement in old.statements
            and old.statements[statement].stance != "supports"
        ]
        if silenced:
            yield _question(f"dissent:{name}", "dissent", rule=name, names=_listed(silenced))


def _quoted(old: Guideline, new: Guideline) -> Iterator[OpenQuestion]:
    """Sources that are said to say something else than before."""
    for name, statement in new.statements.items():
        before = old.statements.get(name)
        if before is not None and any(
            getattr(before, part) != getattr(statement, part) for part in QUOTED
        ):
            yield _question(
                f"quoted:{name}", "quoted", name=name, study=new.studies[statement.study].label
            )
    for name, study in new.studies.items():
        known = old.studies.get(name)
        if known is not None and any(
            getattr(known, part) != getattr(study, part) for part in RECORDED
        ):
            yield _question(f"record:{name}", "record", name=name)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (" …" if len(names) > MOST_NAMED else "")


def _supports(guideline: Guideline, evidence: tuple[str, ...]) -> set[str]:
    found: list[Statement] = [
        guideline.statements[name] for name in evidence if name in guideline.statements
    ]
    return {statement.id for statement in found if statement.stance != "limits"}
