"""The guideline as a book, and what leads its answers as a flow chart: both are read from the
rules, so that words and logic cannot part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby
from unicodedata import east_asian_width

from calx.reasoner.model.condition import ALWAYS, Condition, all_of, unguarded
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.rule import Assertion, Rule
from calx.reasoner.tell.prose import Prose
from calx.words import words as words_of


def book(whole: Guideline, language: str = "en") -> str:
    """Every rule in sentences, with its evidence, as Markdown."""
    return "\n".join(_book(whole, language)) + "\n"


def _book(whole: Guideline, language: str) -> Iterator[str]:
    words, prose = words_of("rulebook", language), Prose(whole, language, by_name=True)
    chapters = [
        (file, list(rules))
        for file, rules in groupby(
            sorted(whole.rules, key=lambda rule: _chapter_order(whole, rule)),
            key=lambda rule: rule.file,
        )
    ]
    yield f"# {words['title'].format(title=whole.title[language])}"
    yield ""
    yield words["made"].format(version=whole.version)
    yield ""
    yield words["read"]
    for file, rules in chapters:
        title = whole.chapters[file][language] if file in whole.chapters else file
        yield f"\n## {title}\n"
        for rule in rules:
            yield from _rule(whole, rule, prose, language)
    yield f"\n## {words['shared']}\n"
    for shared in sorted(whole.shared, key=lambda shared: shared.id):
        spelled = Prose(whole, language).condition(shared.condition)
        meant = words["means"].format(label=shared.label[language], condition=spelled)
        yield f"- `cond:{shared.id}` {meant}"
    yield f"\n## {words['consistency']}\n"
    yield from (
        f"- `{constraint.id}` {constraint.message[language]}" for constraint in whole.constraints
    )
    yield f"\n## {words['requirements']}\n"
    yield from (
        f"- `{requirement.id}` **{requirement.label[language]}.** {requirement.rationale[language]}"
        for requirement in whole.requirements
    )
    yield f"\n## {words['studies']}\n"
    for study in sorted(whole.studies.values(), key=lambda study: study.id.lower()):
        gone = f" **({words['withdrawn']})**" if study.withdrawn else ""
        identifiers = f" {', '.join(study.identifiers)}" if study.identifiers else ""
        cited = f"{study.label[language]}. {study.citation.rstrip('.')}.{identifiers}"
        yield f"- `{study.id}` ({study.level}){gone} {cited}"


def _rule(whole: Guideline, rule: Rule, prose: Prose, language: str) -> Iterator[str]:
    words = words_of("rulebook", language)
    yield f"### {rule.id}: {rule.label[language]}\n"
    level = words["level"].format(level=rule.level, layer=rule.layer)
    yield f"{rule.rationale[language]} {level}\n"
    yield from (f"- {sentence}" for sentence in prose.rule(rule))
    yield ""
    for name in rule.evidence:
        statement = whole.statements.get(name)
        if statement is None:
            continue
        study = whole.studies[statement.study]
        when = [
            prose.condition(condition)
            for condition in (statement.when, statement.when_known)
            if condition is not None
        ]
        told = [
            f"{words[statement.stance]}",
            f"`{study.id}`",
            statement.locator,
            statement.level,
            words[f"verified {statement.verified}"],
        ]
        told += [words["when"].format(condition=condition) for condition in when] + (
            [words["withdrawn"]] if study.withdrawn else []
        )
        yield f"  > *{', '.join(told)}*: {statement.text[language]}\n  >"
    yield ""


def _chapter_order(whole: Guideline, rule: Rule) -> tuple[int, str]:
    known = list(whole.chapters)
    return known.index(rule.file) if rule.file in known else len(known), rule.file


# --- the flow of what leads -------------------------------------------------------------


@dataclass(frozen=True)
class Box:
    """One question of the flow: a rule, its condition
    in lines, and what it concludes.
    """

    rule: Rule
    question: list[str]
    outcome: list[str]


WIDTH, LINE, GAP = 560, 17, 26


def flow(whole: Guideline, language: str = "en") -> str:
    """What leads an answer as a flow chart (SVG): questions from top to bottom, an outcome to the
    right of each.
    """
    boxes = [_box(whole, rule, condition, language) for rule, condition in _leading(whole)]
    words, parts, y = words_of("rulebook", language), list[str](), 44
    lead = whole.lead.label[language] if whole.lead else "–"
    title = words["flow"].format(lead=lead)
    for index, box in enumerate(boxes):
        height = LINE * (len(box.question) + 1) + 16
        middle = y + height / 2
        parts.append(
            f'<rect x="10" y="{y}" width="{WIDTH}" height="{height}" rx="6" class="question"/>'
        )
        parts.append(
            f'<text x="22" y="{y + 21}" class="name">{escape(box.rule.id)} · '
            f"{escape(box.rule.label[language])}</text>"
        )
        parts += [
            f'<text x="22" y="{y + 21 + LINE * (number + 1)}">{escape(line)}</text>'
            for number, line in enumerate(box.question)
        ]
        parts.append(f'<path d="M{WIDTH + 10} {middle:.0f}h56" class="way"/>')
        parts.append(
            f'<text x="{WIDTH + 27}" y="{middle - 6:.0f}" class="way-word">{words["yes"]}</text>'
        )
        tall = LINE * len(box.outcome) + 16
        parts.append(
            f'<rect x="{WIDTH + 66}" y="{middle - tall / 2:.0f}" width="250" height="{tall}" '
            'rx="14" class="outcome"/>'
        )
        for number, line in enumerate(box.outcome):
            at = f'x="{WIDTH + 79}" y="{middle - tall / 2 + 21 + LINE * number:.0f}"'
            parts.append(f"<text {at}>{escape(line)}</text>")
        y += height + GAP
        if index < len(boxes) - 1:
            parts.append(
                f'<path d="M{10 + WIDTH / 2:.0f} {y - GAP}v{GAP}" class="way"/>'
                f'<text x="{19 + WIDTH / 2:.0f}" y="{y - 8}" '
                f'class="way-word">{words["no"]}</text>'
            )
    style = (
        "text{font:13px sans-serif;fill:#1a202c}.name{font-weight:bold}"
        ".question{fill:#edf2f7;stroke:#4a5568}.outcome{fill:#e6fffa;stroke:#2c7a7b}"
        ".way{fill:none;stroke:#4a5568;stroke-width:1.5}.way-word{fill:#4a5568;font-size:12px}"
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 326} {y}" role="img">'
        f"<title>{escape(title)}</title><style>{style}</style>"
    )
    return (
        "\n".join(
            [
                head,
                f'<text x="10" y="24" class="name">{escape(title)}</text>',
                *parts,
                "</svg>",
            ]
        )
        + "\n"
    )


def _leading(whole: Guideline) -> Iterator[tuple[Rule, Condition]]:
    if whole.lead is None:
        return
    predicate = whole.lead.predicate
    for rule in whole.rules:
        conditions = [
            p.condition
            for p in rule.productions
            if isinstance(p.conclusion, Assertion) and p.conclusion.predicate == predicate
        ]
        if conditions:
            yield (
                rule,
                unguarded(all_of(conditions), predicate),
            )


def _box(whole: Guideline, rule: Rule, condition: Condition, language: str) -> Box:
    prose = Prose(whole, language, by_name=True)
    told = prose.condition(condition) if condition != ALWAYS else "–"
    (outcome, *_) = [p.conclusion for p in rule.productions if isinstance(p.conclusion, Assertion)]
    label = whole.term(outcome.predicate, outcome.term).label[language]
    return Box(rule, _wrapped(told, WIDTH - 24, language), _wrapped(label, 222, language))


def _wrapped(text: str, width: int, language: str) -> list[str]:
    """Lines of about a width, broken between words; anywhere where a language has no spaces."""
    lines, line, used = list[str](), "", 0.0
    gap = words_of("language", language)["between words"]
    wide = "WF" if gap else "WFA"  # quotation marks are as wide as characters, among them
    for piece in text.split(gap) if gap else list(text):
        size = _size(piece, wide)
        if line and used + _size(gap, wide) + size > width:
            lines.append(line)
            line, used = piece, size
        else:
            line, used = (
                (f"{line}{gap}{piece}", used + _size(gap, wide) + size) if line else (piece, size)
            )
    return [*lines, line] if line else lines


def _size(text: str, wide: str) -> float:
    """Pixels that a text takes, about; `wide` are the East Asian widths that count double."""
    return sum(13.0 if east_asian_width(character) in wide else 6.6 for character in text)
