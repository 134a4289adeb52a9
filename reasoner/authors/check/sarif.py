"""Problems of a guideline as SARIF 2.1.0, which code hosts show beside the changed lines."""

from __future__ import annotations

from typing import Any

import calx
from calx.ontology import KINDS, AuthoringProblem, title_of_kind
from calx.ontology.kinds import page

LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def log(problems: list[AuthoringProblem], base: str = "") -> dict[str, Any]:
    """A SARIF log with one run.

    Args:
        problems: what was found.
        base: folder of the guideline inside the repository, such as ``ontology/``.
    """
    kinds = sorted({problem.kind for problem in problems})
    rules = [
        {
            "id": kind,
            "shortDescription": {"text": title_of_kind(kind)},
            "helpUri": f"https://w3id.org/calx/checks/{kind}",
            "help": {"text": f"calx explain {kind}", "markdown": page(kind)},
            "defaultConfiguration": {"level": LEVELS[KINDS[kind]]},
        }
        for kind in kinds
    ]
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "calx check",
                        "version": calx.__version__,
                        "informationUri": "https://w3id.org/calx/",
                        "rules": rules,
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    _result(problem, kinds.index(problem.kind), base) for problem in problems
                ],
            }
        ],
    }


def _result(problem: AuthoringProblem, index: int, base: str) -> dict[str, Any]:
    subject = f"{problem.rule}: " if problem.rule else ""
    return {
        "ruleId": problem.kind,
        "ruleIndex": index,
        "level": LEVELS[problem.severity],
        "message": {"text": f"{subject}{problem.message}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {
                        "uri": f"{base}{problem.file}".lstrip("/").replace(" ", "%20")
                    },
                    "region": {"startLine": problem.line or 1},
                }
            }
        ],
        "partialFingerprints": {"calx/v1": f"{problem.kind}:{problem.file}:{problem.rule or ''}"},
    }
