"""The guideline as a book, and its strategies as a flow chart: both read from the rules, so that
words and logic cannot part.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby

from calx.reasoner.model.condition import ALWAYS, AllOf, Condition, unguarded
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.rule import Assertion, Rule
from calx.reasoner.tell.prose import Prose

CHAPTERS = {
    "rules/implied-facts.ttl": ("What facts imply", "事实的推论"),
    "rules/quantities.ttl": ("Computed numbers", "计算值"),
    "rules/assessment.ttl": ("Assessment", "评估"),
    "rules/strategy.ttl": ("Strategy", "策略"),
    "rules/devices.ttl": ("Devices", "器械"),
    "rules/device-status.ttl": ("Status of each device", "各器械状态"),
    "rules/alerts.ttl": ("Safety alerts", "安全警示"),
    "rules/stent.ttl": ("Stent", "支架"),
    "rules/complications.ttl": ("Complications", "并发症"),
    "rules/prognosis.ttl": ("Prognosis and comparisons", "预后与比较"),
    "rules/sizes.ttl": ("Sizes", "尺寸"),
}
WORDS = {
    "en": {
        "title": "{title}: the rule book",
        "made": (
            "Generated from the rules (version {version}) by `calx rulebook`; "
            "do not edit. Decision support for professionals and research; never an order."
        ),
        "read": (
            "A fact that is not known does not hold in a rule. A rule reads only what "
            "lower layers conclude. Each number is backed by a statement of a study."
        ),
        "contents": "Contents",
        "level": "Level {level}, layer {layer}.",
        "shared": "Conditions that rules share",
        "means": "“{label}” means: {condition}.",
        "consistency": "What no case may show",
        "requirements": "What must hold over every valid case",
        "studies": "Studies",
        "withdrawn": "withdrawn",
        "supports": "supports",
        "disputes": "disputes",
        "limits": "limits",
        "verified": {
            "page": "seen in the source",
            "secondary": "told by another source",
            "review": "the review's word",
            "unverified": "unverified",
        },
        "when": "only where {condition}",
        "flow": "At most one strategy: the first whose question is answered yes.",
        "yes": "yes",
        "no": "no",
    },
    "zh": {
        "title": "{title}：规则手册",
        "made": (
            "由`calx rulebook --lang zh`据规则（版本{version}）生成，请勿手工编辑。"
            "供专业人员与研究参考，绝非医嘱。"
        ),
        "read": "未知的事实在规则中视为不成立。规则只读取更低层的结论。每个数字均有研究陈述支持。",
        "contents": "目录",
        "level": "证据等级{level}，第{layer}层。",
        "shared": "规则共用的条件",
        "means": "“{label}”指：{condition}。",
        "consistency": "病例不得出现的组合",
        "requirements": "对所有合法病例须成立的要求",
        "studies": "研究",
        "withdrawn": "已撤回",
        "supports": "支持",
        "disputes": "争议",
        "limits": "限制",
        "verified": {
            "page": "见于原文",
            "secondary": "转引",
            "review": "综述所述",
            "unverified": "未核实",
        },
        "when": "仅适用于：{condition}",
        "flow": "至多一种策略：由上而下，首个答案为“是”者。",
        "yes": "是",
        "no": "否",
    },
}


def book(whole: Guideline, language: str = "en") -> str:
    """Every rule in sentences, with its evidence, as Markdown."""
    return "\n".join(_book(whole, language)) + "\n"


def _book(whole: Guideline, language: str) -> Iterator[str]:
    words, prose, chinese = WORDS[language], Prose(whole, language, by_name=True), language == "zh"
    chapters = [
        (file, list(rules))
        for file, rules in groupby(
            sorted(whole.rules, key=_chapter_order), key=lambda rule: rule.file
        )
    ]
    yield f"# {str(words['title']).format(title=whole.title[language])}"
    yield ""
    yield str(words["made"]).format(version=whole.version)
    yield ""
    yield str(words["read"])
    for file, rules in chapters:
        yield f"\n## {_chapter(file)[chinese]}\n"
        for rule in rules:
            yield from _rule(whole, rule, prose, language)
    yield f"\n## {words['shared']}\n"
    for shared in sorted(whole.shared, key=lambda shared: shared.id):
        spelled = Prose(whole, language).condition(shared.condition)
        meant = str(words["means"]).format(label=shared.label[language], condition=spelled)
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
    words = WORDS[language]
    yield f"### {rule.id}: {rule.label[language]}\n"
    level = str(words["level"]).format(level=rule.level, layer=rule.layer)
    yield f"{rule.rationale[language]} {level}\n"
    yield from (f"- {sentence}" for sentence in prose.rule(rule))
    yield ""
    for name in rule.evidence:
        statement = whole.statements.get(name)
        if statement is None:
            continue
        study, verified = whole.studies[statement.study], words["verified"]
        assert isinstance(verified, dict)
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
            verified[statement.verified],
        ]
        told += [str(words["when"]).format(condition=condition) for condition in when] + (
            [str(words["withdrawn"])] if study.withdrawn else []
        )
        yield f"  > *{', '.join(told)}*: {statement.text[language]}\n  >"
    yield ""


def _chapter(file: str) -> tuple[str, str]:
    return CHAPTERS.get(file, (file, file))


def _chapter_order(rule: Rule) -> tuple[int, str]:
    known = list(CHAPTERS)
    return known.index(rule.file) if rule.file in CHAPTERS else len(known), rule.file


# --- the flow of strategies -------------------------------------------------------------


@dataclass(frozen=True)
class Box:
    """One question of the flow: a rule, its condition in lines, and the strategy that it
    concludes.
    """

    rule: Rule
    question: list[str]
    outcome: list[str]


WIDTH, LINE, GAP = 560, 17, 26


def flow(whole: Guideline, language: str = "en") -> str:
    """The strategies as a flow chart (SVG): questions from top to bottom, a strategy to the right
    of each.
    """
    boxes = [_box(whole, rule, condition, language) for rule, condition in _strategies(whole)]
    words, parts, y = WORDS[language], list[str](), 44
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
        f"<title>{escape(str(words['flow']))}</title><style>{style}</style>"
    )
    return (
        "\n".join(
            [
                head,
                f'<text x="10" y="24" class="name">{escape(str(words["flow"]))}</text>',
                *parts,
                "</svg>",
            ]
        )
        + "\n"
    )


def _strategies(whole: Guideline) -> Iterator[tuple[Rule, Condition]]:
    for rule in whole.rules:
        conditions = [
            p.condition
            for p in rule.productions
            if isinstance(p.conclusion, Assertion) and p.conclusion.predicate == "strategy"
        ]
        if conditions:
            yield (
                rule,
                unguarded(
                    AllOf(tuple(conditions)) if len(conditions) > 1 else conditions[0], "strategy"
                ),
            )


def _box(whole: Guideline, rule: Rule, condition: Condition, language: str) -> Box:
    prose = Prose(whole, language, by_name=True)
    told = prose.condition(condition) if condition != ALWAYS else "–"
    (outcome, *_) = [p.conclusion for p in rule.productions if isinstance(p.conclusion, Assertion)]
    label = whole.term(outcome.predicate, outcome.term).label[language]
    return Box(rule, _wrapped(told, WIDTH - 24, language), _wrapped(label, 222, language))


def _wrapped(text: str, width: int, language: str) -> list[str]:
    """Lines of about a width, broken at spaces in English and anywhere in Chinese."""
    lines, line, used = list[str](), "", 0.0
    for piece in text.split(" ") if language == "en" else list(text):
        space = " " if language == "en" and line else ""
        size = sum(
            13.0 if ord(character) > ord("ÿ") and language == "zh" else 6.6
            for character in space + piece
        )
        if used + size > width and line:
            lines.append(line)
            line, used, space = "", 0.0, ""
            size = sum(
                13.0 if ord(character) > ord("ÿ") and language == "zh" else 6.6
                for character in piece
            )
        line, used = line + space + piece, used + size
    return [*lines, line] if line else lines
