"""Proofs told to a person or a program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # check and its report need no solver
    from calx.reasoner.authors.prove.verdicts import Verification


VERIFIED = {
    "en": {
        "proved": "proved",
        "refuted": "REFUTED",
        "vacuous": "VACUOUS",
        "undecided": "UNDECIDED",
        "vacuously": "no valid lesion is of the kind that it speaks of",
        "given up": "the solver gave up; neither proved nor refuted",
        "open": "it fails for",
        "more": "and for others",
        "case": "smallest lesion",
        "cases": "smallest pair of lesions",
        "concludes": "the guideline concludes",
        "confirmed": "confirmed by {who}",
        "rules": "Rules",
        "none dead": (
            "each of the {rules} rules fires for some valid lesion, and none without a citation"
        ),
        "sum": (
            "{proved} of {all} requirements proved over every valid case ({questions} "
            "questions to Z3)"
        ),
        "fails": "{failed} not proved",
        "faults": "{count} rules at fault",
    },
    "zh": {
        "proved": "已证明",
        "refuted": "被推翻",
        "vacuous": "空洞成立",
        "undecided": "未决",
        "vacuously": "没有合法病变属于其所述类型",
        "given up": "求解器未得出结论",
        "open": "不成立的病变",
        "more": "以及其他病变",
        "case": "最小反例",
        "cases": "最小反例（两个病变）",
        "concludes": "指南得出",
        "confirmed": "经{who}确认",
        "rules": "规则",
        "none dead": "{rules}条规则均可被某一合法病变触发，且均有引证",
        "sum": "{all}项要求中{proved}项对所有合法病例成立（向Z3提问{questions}次）",
        "fails": "{failed}项未证明",
        "faults": "{count}条规则有误",
    },
}


KINDS_OF_REMARK = {
    "dead": ("dead", "失效"),
    "shadowed": ("shadowed", "被遮蔽"),
    "redundant": ("redundant", "冗余"),
    "redundant by design": ("redundant by design", "有意冗余"),
    "unreachable": ("threshold without effect", "无效阈值"),
    "uncited": ("uncited", "无引证"),
    "idle": ("idle in part", "部分闲置"),
}


def verify_as_text(found: Verification, language: str) -> str:
    """Every requirement with its verdict; a refuted one with the lesions that break it."""
    words = VERIFIED[language]
    lines: list[str] = []
    for verdict in found.verdicts:
        lines.append(f"{words[verdict.outcome]:>10}  {verdict.id}: {verdict.label[language]}")
        if verdict.outcome != "proved":
            lines.append(f"            {verdict.rationale[language]}")
        if verdict.outcome in ("vacuous", "undecided"):
            lines.append(
                f"            {words['vacuously' if verdict.outcome == 'vacuous' else 'given up']}"
            )
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
                f"  {KINDS_OF_REMARK[remark.kind][language == 'zh']}: {remark.rule}: "
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
