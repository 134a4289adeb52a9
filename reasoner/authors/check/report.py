"""What check found, told to a person or a program."""

from __future__ import annotations

from typing import Any

from calx.ontology import AuthoringProblem
from calx.reasoner.authors.check.check import Report

CHECKED = {
    "en": {
        "sound": (
            "{rules} rules, {statements} statements, {studies} studies, {cases} reference "
            "cases: no fault found"
        ),
        "at fault": (
            "errors: {errors}, warnings: {warnings}, infos: {infos}; calx explain KIND "
            "tells what each kind is"
        ),
        "consistent": "; the terms are consistent (HermiT)",
        "not asked": (
            "; OWL consistency not checked (needs the extra: pip install 'calx[authoring]')"
        ),
    },
    "zh": {
        "sound": (
            "{rules}条规则、{statements}条陈述、{studies}项研究、{cases}个参考病例：未发现问题"
        ),
        "at fault": "错误{errors}、警告{warnings}、提示{infos}；各类问题的说明：calx explain 类别",
        "consistent": "；术语一致（HermiT）",
        "not asked": "；未检查OWL一致性（需安装：pip install 'calx[authoring]'）",
    },
}


def problem_as_text(problem: AuthoringProblem, language: str) -> str:
    """One problem on one line; in Chinese the kind of problem is told first."""
    if language == "en":
        return str(problem)
    place = f"{problem.file}:{problem.line}" if problem.line else problem.file
    return (
        f"{place}: {problem.severity}: {problem.described.zh}: "
        f"{problem.rule + ': ' if problem.rule else ''}{problem.message} [{problem.kind}]"
    )


def check_summary(report: Report, language: str) -> str:
    """The last line of a check."""
    words = CHECKED[language]
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
        "title": {"en": problem.described.en, "zh": problem.described.zh},
        "file": problem.file,
        "line": problem.line,
        "rule": problem.rule,
        "message": problem.message,
        "explain": f"calx explain {problem.kind}",
    }
