"""Proofs told to a person or a program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from calx.words import words as words_of

if TYPE_CHECKING:  # check and its report need no solver
    from calx.reasoner.authors.prove.verdicts import Verification


def verify_as_text(found: Verification, language: str) -> str:
    """Every requirement with its verdict; a refuted one with the lesions that break it."""
    words = words_of("verify", language)
    lines: list[str] = []
    for verdict in found.verdicts:
        lines.append(f"{words[verdict.outcome]:>10}  {verdict.id}: {verdict.label[language]}")
        if verdict.outcome != "proved":
            lines.append(f"            {verdict.rationale[language]}")
        if verdict.outcome in ("vacuous", "undecided"):
            why = words["vacuously" if verdict.outcome == "vacuous" else "given up"]
            lines.append(f"            {why.format(id=verdict.id)}")
        if verdict.open:
            lines.append(f"            {words['open']}:")
            lines += [f"            - {region[language]}" for region in verdict.open]
        if verdict.more:
            lines.append(f"            - {words['more']}")
        if verdict.counterexample is not None:
            example = verdict.counterexample
            who = ", ".join(example.confirmed)
            lines.append(
                f"            {words['case' if len(example.cases) == 1 else 'cases']} "
                f"({words['confirmed'].format(who=who)}):"
            )
            for case, shown in zip(example.cases, example.shown, strict=True):
                lines.append(f"              {json.dumps(case, ensure_ascii=False)}")
                lines.append(f"              {words['concludes']}: {shown[language]}")
    if found.remarks or found.whole:
        lines += ["", words["rules"]]
        if not any(remark.at_fault for remark in found.remarks):
            lines.append(f"  {words['none dead'].format(rules=found.rules)}")
        lines += [
            (
                f"  {words_of('remark kind', language)[remark.kind]}: {remark.rule}: "
                f"{remark.message[language]}"
            )
            for remark in found.remarks
        ]
    proved = sum(verdict.outcome == "proved" for verdict in found.verdicts)
    total = words["sum"].format(proved=proved, all=len(found.verdicts), questions=found.questions)
    failed = (
        [words["fails"].format(failed=len(found.verdicts) - proved)]
        if proved < len(found.verdicts)
        else []
    )
    faults = sum(remark.at_fault for remark in found.remarks)
    return "\n".join(
        [
            *lines,
            "",
            "; ".join(
                [total, *failed, *([words["faults"].format(count=faults)] if faults else [])]
            ),
        ]
    )


def verify_as_json(found: Verification) -> dict[str, Any]:
    """A verification for programs."""
    return {
        "holds": found.holds,
        "rules": found.rules,
        "questions": found.questions,
        "requirements": [
            {
                "id": verdict.id,
                "label": verdict.label,
                "rationale": verdict.rationale,
                "outcome": verdict.outcome,
                "fails_for": list(verdict.open),
                "fails_for_others_too": verdict.more,
                "counterexample": None
                if verdict.counterexample is None
                else {
                    "cases": list(verdict.counterexample.cases),
                    "concluded": list(verdict.counterexample.shown),
                    "confirmed_by": list(verdict.counterexample.confirmed),
                },
            }
            for verdict in found.verdicts
        ],
        "remarks": [
            {
                "kind": remark.kind,
                "rule": remark.rule,
                "message": remark.message,
                "at_fault": remark.at_fault,
            }
            for remark in found.remarks
        ],
    }
