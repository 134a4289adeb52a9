"""What an edit changes, told to a person, to a pull request (Markdown) or to a program (JSON)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from calx.reasoner.authors.compare.cohort import Compared
from calx.reasoner.authors.compare.difference import Difference
from calx.reasoner.authors.compare.impact import Shift, Where
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.names import Text
from calx.words import wording
from calx.words import words as words_of

AREAS = ("logic", "evidence", "judgement", "wording")
MOST_CASES = 10


@dataclass
class Section:
    """A heading with lines below it, some with lines of their own."""

    heading: str
    lines: list[str | Section] = field(default_factory=list)


def as_text(found: Difference, language: str = "en") -> str:
    """For a terminal."""

    def lines(section: Section, depth: int) -> Iterator[str]:
        yield "  " * depth + section.heading
        for line in section.lines:
            if isinstance(line, Section):
                yield from lines(line, depth + 1)
            else:
                yield "  " * (depth + 1) + line

    return "\n".join(
        "\n".join(lines(section, 0)) + "\n" for section in _sections(found, language)
    ).rstrip("\n")


def as_markdown(found: Difference, language: str = "en") -> str:
    """For a pull request."""

    def lines(section: Section, depth: int) -> Iterator[str]:
        for line in section.lines:
            if isinstance(line, Section):
                yield f"{'  ' * depth}- {_escaped(line.heading)}"
                yield from lines(line, depth + 1)
            else:
                yield f"{'  ' * depth}- {f'`{line}`' if line.startswith('{') else _escaped(line)}"

    parts = [f"## {words_of('diff', language)['title']}"]
    parts += [
        f"### {section.heading}\n\n" + "\n".join(lines(section, 0))
        if section.lines
        else section.heading
        for section in _sections(found, language)
    ]
    return "\n\n".join(parts)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")


def _sections(found: Difference, language: str) -> Iterator[Section]:
    words = words_of("diff", language)
    if found.empty:
        yield Section(
            words["empty"].format(how=words["same files" if found.same_files else "layout only"])
        )
        return
    yield Section(
        words["says"],
        [
            _area(found, area, language)
            for area in AREAS
            if any(change.area == area for change in found.changes)
        ],
    )
    yield Section(words["all"], list(_all_lesions(found, language)))
    broken = (
        [Section(words["broken"], list(found.reference_broken))] if found.reference_broken else []
    )
    yield Section(words["reference"], [*_cases(found.reference, found, language), *broken])
    if found.cases is not None:
        yield Section(words["cases"], list(_cases(found.cases, found, language)))
    yield Section(words["proofs"], list(_proofs(found, language)))
    if found.questions:
        yield Section(
            words_of("question", language)["heading"],
            [
                Section(question.message[language], [question.how[language]])
                for question in found.questions
            ],
        )


def _area(found: Difference, area: str, language: str) -> Section:
    return Section(
        words_of("diff", language)[area],
        [
            f"{change.subject}: {change.message[language]}"
            for change in found.changes
            if change.area == area
        ],
    )


def _all_lesions(found: Difference, language: str) -> Iterator[str | Section]:
    words = words_of("diff", language)
    if found.impact is None:
        yield words["no logic"]
        return
    if not found.impact.told:
        yield words["types"]
        return
    shifts = [shift for shift in found.impact.shifts if not shift.only_with_lead]
    impact = found.impact
    if not (impact.shifts or impact.refused or impact.admitted or impact.undecided):
        yield words["no shift"]
    yield from (_shift(shift, language) for shift in shifts)
    dependent = [_named(shift, language) for shift in found.impact.shifts if shift.only_with_lead]
    if dependent:
        yield Section(words["with lead"].format(lead=_lead(found, language)), list(dependent))
    if found.impact.refused is not None:
        yield Section(words["refused"], [_case(found.impact.refused)])
    if found.impact.admitted is not None:
        yield Section(words["admitted"], [_case(found.impact.admitted)])
    if impact.undecided:
        named = ", ".join(subject[language] for subject in impact.undecided)
        yield f"{words['undecided outcomes']}: {named}"
    if found.impact.unchanged:
        yield (
            f"{words['same']}: {', '.join(subject[language] for subject in found.impact.unchanged)}"
        )


def _named(shift: Shift, language: str) -> str:
    rules = " → ".join(rule or "–" for rule in shift.rules)
    told = (
        f"{shift.about}: {shift.before[language]} → {shift.after[language]}"
        if not shift.about.startswith("value ")
        else shift.about
    )
    return f"{told} ({words_of('diff', language)['rules']} {rules})" if any(shift.rules) else told


def _shift(shift: Shift, language: str) -> Section:
    words = words_of("diff", language)
    where = [_where(where, language) for where in shift.where]
    return Section(_named(shift, language), [*where, *([words["more"]] if shift.more else [])])


def _where(where: Where, language: str) -> Section:
    words = words_of("diff", language)
    heading = (
        f"{words['where']}: {where.words[language]}" if where.words is not None else words["some"]
    )
    if where.border is None:
        return Section(heading, [_case(where.example)] if where.example else [])
    border = where.border
    return Section(
        heading,
        [
            f"{words['either side']}:",
            f"{words['changes']}: {_case(border.changed)}",
            f"{words['stays']}: {_case(border.unchanged)}",
        ],
    )


def _case(case: dict[str, Any]) -> str:
    return json.dumps(
        {key: value for key, value in case.items() if key != "case_id"}, ensure_ascii=False
    )


def _cases(compared: Compared, found: Difference, language: str) -> Iterator[str | Section]:
    words = words_of("diff", language)
    told = words["some of" if compared.changed else "none of"].format(
        seen=compared.seen, changed=len(compared.changed)
    )
    yield told + (
        f" ({words['unreadable'].format(count=compared.unreadable)})" if compared.unreadable else ""
    )
    for (before, after), count in compared.leading.most_common():
        yield words["from to"].format(
            lead=_lead(found, language),
            before=_leading(found.old, before, language),
            after=_leading(found.new, after, language),
            count=count,
        )
    if compared.regraded:
        yield Section(
            words["regraded"],
            [f"{outcome}: {count}" for outcome, count in compared.regraded.most_common(MOST_CASES)],
        )
    for change in compared.changed[:MOST_CASES]:
        outcome = [
            *(f"− {gone}" for gone in change.before),
            *(f"+ {come}" for come in change.after),
        ]
        yield Section(
            f"{change.case} ({words['rules']} {', '.join(change.rules) or '–'})",
            [", ".join(outcome)],
        )
    if len(compared.changed) > MOST_CASES:
        yield words["and more"].format(count=len(compared.changed) - MOST_CASES)


def _lead(found: Difference, language: str) -> str:
    """What leads an answer."""
    lead = found.new.lead or found.old.lead
    return lead.label[language] if lead else ""


def _leading(guideline: Guideline, local: str, language: str) -> str:
    kind = guideline.properties[guideline.lead.predicate].kind if guideline.lead else ""
    term = guideline.terms.get(f"{kind}/{local}")
    label: Text = term.label if term is not None else wording("change", "none")
    return label[language]


def _proofs(found: Difference, language: str) -> Iterator[str | Section]:
    words = words_of("diff", language)
    for proof in found.proofs:
        yield (
            f"{proof.id}: {words.get(proof.before, proof.before)} → "
            f"{words.get(proof.after, proof.after)} ({proof.label[language]})"
        )
        verdict = next(
            (
                verdict
                for verdict in found.verified.verdicts
                if verdict.id == proof.id and verdict.counterexample
            ),
            None,
        )
        if verdict is not None and verdict.counterexample is not None:
            yield Section(words["fact"], [_case(case) for case in verdict.counterexample.cases])
    proved = sum(verdict.outcome == "proved" for verdict in found.verified.verdicts)
    if not found.proofs:
        yield words["same proofs"].format(proved=proved, all=len(found.verified.verdicts))


def as_json(found: Difference) -> dict[str, Any]:
    """For programs."""
    return {
        "empty": found.empty,
        "same_files": found.same_files,
        "old": {"version": found.old.version, "digest": found.old.digest},
        "new": {"version": found.new.version, "digest": found.new.digest},
        "changes": [
            {"area": change.area, "subject": change.subject, "message": change.message}
            for change in found.changes
        ],
        "all_lesions": _impact_as_json(found),
        "reference_cases": {
            **_compared_as_json(found.reference),
            "broken": list(found.reference_broken),
        },
        "cases": None if found.cases is None else _compared_as_json(found.cases),
        "proofs": [
            {"id": proof.id, "label": proof.label, "before": proof.before, "after": proof.after}
            for proof in found.proofs
        ],
        "holds": found.verified.holds,
        "questions": [question.json() for question in found.questions],
    }


def _impact_as_json(found: Difference) -> dict[str, Any] | None:
    if found.impact is None:
        return None
    return {
        "comparable": found.impact.told,
        "shifts": [
            {
                "about": shift.about,
                "label": shift.subject,
                "before": shift.before,
                "after": shift.after,
                "rules": {"before": shift.rules[0] or None, "after": shift.rules[1] or None},
                "only_where_the_lead_changes": shift.only_with_lead,
                "where": [
                    {
                        "words": where.words,
                        "example": where.example,
                        "border": None
                        if where.border is None
                        else {
                            "fact": where.border.fact,
                            "changes": where.border.changed,
                            "stays": where.border.unchanged,
                        },
                    }
                    for where in shift.where
                ],
                "elsewhere_too": shift.more,
            }
            for shift in found.impact.shifts
        ],
        "unchanged_for_every_lesion": list(found.impact.unchanged),
        "no_longer_admitted": found.impact.refused,
        "admitted_anew": found.impact.admitted,
        "undecided": list(found.impact.undecided),
    }


def _compared_as_json(compared: Compared) -> dict[str, Any]:
    return {
        "seen": compared.seen,
        "unreadable": compared.unreadable,
        "changed": [
            {
                "case_id": c.case,
                "gone": list(c.before),
                "come": list(c.after),
                "rules": list(c.rules),
            }
            for c in compared.changed
        ],
        "leading": [
            {"before": before, "after": after, "cases": count}
            for (before, after), count in compared.leading.most_common()
        ],
        "outcomes": dict(compared.outcomes.most_common()),
        "levels": dict(compared.regraded.most_common()),
    }


def as_sections(found: Difference, language: str = "en") -> list[Any]:
    """For a page: each section as ``[heading, [line or section, …]]``."""

    def nested(section: Section) -> list[Any]:
        return [
            section.heading,
            [nested(line) if isinstance(line, Section) else line for line in section.lines],
        ]

    return [nested(section) for section in _sections(found, language)]
