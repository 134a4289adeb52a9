"""The facts that a case may give, as a list for people."""

from __future__ import annotations

from calx.reasoner.model.guideline import Fact, Guideline


def facts_as_text(guideline: Guideline, language: str) -> str:
    """The facts that a case may give."""
    given = [fact for fact in guideline.facts.values() if fact.given]
    return "".join(
        f"{fact.name}: {_type(fact)}\n    {fact.label[language]}. {fact.definition[language]}\n"
        for fact in given
    )


def facts_as_markdown(guideline: Guideline, language: str) -> str:
    """The same as a page for the documentation."""
    lines = [
        "# The facts of a case",
        "",
        (
            "Made by `calx facts --format markdown`. All are optional but `case_id` (1 to 64 "
            "letters, digits, `.`, `_`, `-`); absent or null means unknown."
        ),
        "",
    ]
    for group, label in guideline.groups.items():
        lines += [
            f"## {label[language]}",
            "",
            "| fact | type, unit, bounds | meaning | source |",
            "|---|---|---|---|",
        ]
        for fact in guideline.facts.values():
            if fact.given and fact.group == group:
                kind = " ".join(f"`{value}`" for value in fact.values) or _type(fact)
                lines.append(
                    f"| `{fact.name}` | {kind} | {fact.definition[language]} | {fact.source} |"
                )
        lines.append("")
    return "\n".join(lines)


def _type(fact: Fact) -> str:
    low = "" if fact.minimum is None else f"{'>' if fact.exclusive_minimum else '≥'} {fact.minimum}"
    high = "" if fact.maximum is None else f"≤ {fact.maximum}"
    return " | ".join(fact.values) or " ".join(
        part for part in (fact.kind, low, high, fact.unit if fact.unit != "1" else None) if part
    )
