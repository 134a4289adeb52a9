"""Is a guideline well formed? Every problem at once, each with its kind and place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.util import find_spec

from calx.ontology import UNREAD, AuthoringProblem, GuidelineError, GuidelineFiles
from calx.ontology.places import Places
from calx.ontology.reference_cases import read_reference_cases
from calx.reasoner.authors import reference_cases
from calx.reasoner.authors.check import owl, terms
from calx.reasoner.authors.check.relations import strangers
from calx.reasoner.authors.reference_cases import REFUSED
from calx.reasoner.load.reader import ReadGuideline, examine
from calx.reasoner.load.wellformed import unbacked
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.recommendation import Reasoner

SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class Report:
    """What was found."""

    problems: list[AuthoringProblem]
    """Errors first, then warnings and infos; each in the order of files and lines."""
    guideline: Guideline | None
    """None where the files could not be read."""
    owl_asked: bool
    """Whether HermiT judged the terms."""
    cases: int
    """Reference cases that were answered."""

    @property
    def sound(self) -> bool:
        """No error, so that the guideline gives advice."""
        return not any(problem.severity == "error" for problem in self.problems)

    def count(self, severity: str) -> int:
        return sum(problem.severity == severity for problem in self.problems)


def check(files: GuidelineFiles, with_owl: bool = True) -> Report:
    """Everything that is wrong with a guideline's files.

    Args:
        files: of the guideline.
        with_owl: whether to ask HermiT too (half a second and more; needs the extra ``authoring``).
    """
    cases, problems = read_reference_cases(files.directory)
    whole = bool(cases) and not problems
    """Whether the reference cases are all there; else rules would seem to have none."""
    if not cases and not problems:
        problems.append(
            AuthoringProblem(
                "no-case",
                "cases",
                "holds no reference case; add some that show what each rule does",
            )
        )
    try:
        reading = examine(files)
    except GuidelineError as error:
        return Report(_sorted([*error.problems, *problems]), None, False, 0)
    problems += terms.faults(reading.source, reading.whole)
    problems += reading.source.problems
    problems += reading.problems
    problems += _suspended(reading)
    problems += (
        replace(problem, line=_line(reading, problem.file, problem.rule or ""))
        for problem in (*strangers(reading.whole), *_contradictions(reading))
    )
    answered = 0
    if not any(problem.kind in UNREAD for problem in reading.problems):
        broken, fired = reference_cases.judge(Reasoner(reading.guideline), cases)
        problems += broken
        answered = len(cases)
        whole = whole and not any(REFUSED in problem.message for problem in broken)
        problems += (
            AuthoringProblem(
                "no-case",
                rule.file,
                "fires in no reference case; add one to cases/ that shows what it does",
                rule.id,
                _line(reading, rule.file, rule.id),
            )
            for rule in reading.guideline.rules
            if whole and rule.id not in fired
        )
    asked = None
    if with_owl and not any(problem.kind == "undefined" for problem in problems):
        asked = owl.faults(files, reading.source.names)
        problems += asked or []
    return Report(
        _sorted(_placed(files, reading, problems)), reading.guideline, asked is not None, answered
    )


def _line(reading: ReadGuideline, file: str, rule: str) -> int | None:
    return reading.source.line_of(file, reading.source.names(f"rule/{rule}"))


def _contradictions(reading: ReadGuideline) -> list[AuthoringProblem]:
    """Where the solver can tell (extra ``authoring``), and the rules are what the files say."""
    if find_spec("z3") is None or any(problem.kind in UNREAD for problem in reading.problems):
        return []
    from calx.reasoner.symbolic.contradictions import faults

    return faults(reading.guideline)


def _suspended(reading: ReadGuideline) -> list[AuthoringProblem]:
    found = []
    for suspension in reading.guideline.suspended:
        rule = reading.whole.rule[suspension.rule]
        message = (
            "does not fire: its only support was withdrawn "
            f"({', '.join(suspension.studies)}); find other evidence, or delete the rule"
        )
        found.append(
            AuthoringProblem(
                "suspended",
                rule.file,
                message,
                rule.id,
                _line(reading, rule.file, rule.id),
            )
        )
    return found


def _placed(
    files: GuidelineFiles, reading: ReadGuideline, problems: list[AuthoringProblem]
) -> list[AuthoringProblem]:
    """The problems of literals moved to the line of the literal itself."""
    if not any(problem.kind == "literal" for problem in problems):
        return problems
    places, exact = Places(files), dict[tuple[str, str], tuple[str, int]]()
    for rule in reading.whole.rules:
        for _, message, literal in unbacked(reading.whole, rule):
            local = (
                reading.whole.facts[literal.quantity].local
                if literal.quantity in reading.whole.facts
                else literal.quantity
            )
            place = places.of_literal(f"rule:{rule.id}", local, literal.value)
            if place is not None:
                exact[rule.id, message] = place
    moved = []
    for problem in problems:
        place = (
            exact.get((problem.rule or "", problem.message)) if problem.kind == "literal" else None
        )
        moved.append(replace(problem, file=place[0], line=place[1]) if place else problem)
    return moved


def _sorted(problems: list[AuthoringProblem]) -> list[AuthoringProblem]:
    return sorted(
        dict.fromkeys(problems),
        key=lambda p: (
            SEVERITIES.index(p.severity),
            p.file,
            p.line or 0,
            p.rule or "",
            p.kind,
            p.message,
        ),
    )
