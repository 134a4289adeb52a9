"""What check found, told to a person or a program."""

from __future__ import annotations

from typing import Any

from calx.ontology import AuthoringProblem, title_of_kind
from calx.reasoner.authors.check.check import Report
from calx.words import DEFAULT, LANGUAGES
from calx.words import words as words_of


def problem_as_text(problem: AuthoringProblem, language: str) -> str:
    """One problem on one line; where it is not English, the kind of problem is told first."""
    if language == DEFAULT:
        return str(problem)
    place = f"{problem.file}:{problem.line}" if problem.line else problem.file
    return (
        f"{place}: {problem.severity}: {title_of_kind(problem.kind, language)}: "
        f"{problem.rule + ': ' if problem.rule else ''}{problem.message} [{problem.kind}]"
    )


def check_summary(report: Report, language: str) -> str:
    """The last line of a check."""
    words = words_of("check", language)
    if report.guideline is None or not report.sound or report.problems:
        counts = words["at fault"].format(
            errors=report.count("error"),
            warnings=report.count("warning"),
            infos=report.count("info"),
        )
        return counts + (words["consistent"] if report.owl_asked and report.sound else "")
    guideline = report.guideline
    told = words["sound"].format(
        rules=len(guideline.rules),
        statements=len(guideline.statements),
        studies=len(guideline.studies),
        cases=report.cases,
    )
    return told + words["consistent" if report.owl_asked else "not asked"]


def check_as_json(report: Report) -> dict[str, Any]:
    """A check for programs."""
    return {
        "sound": report.sound,
        "owl_consistency_checked": report.owl_asked,
        "reference_cases": report.cases,
        "problems": [problem_as_json(problem) for problem in report.problems],
    }


def problem_as_json(problem: AuthoringProblem) -> dict[str, Any]:
    """One problem for programs."""
    return {
        "kind": problem.kind,
        "severity": problem.severity,
        "title": {language: title_of_kind(problem.kind, language) for language in LANGUAGES},
        "file": problem.file,
        "line": problem.line,
        "rule": problem.rule,
        "message": problem.message,
        "explain": f"calx explain {problem.kind}",
    }
