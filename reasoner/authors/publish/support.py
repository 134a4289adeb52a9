"""What every rule rests on, and which rules fall with one study: a graph of studies and rules, as
table and picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import networkx as nx

from calx.reasoner.model.guideline import Guideline, Study
from calx.reasoner.model.rule import Rule
from calx.words import words as words_of

COLOURS = {"supports": "#2b6cb0", "disputes": "#c53030", "limits": "#b7791f"}


@dataclass(frozen=True)
class Support:
    """What one rule rests on."""

    rule: Rule
    supports: tuple[Study, ...]
    disputes: tuple[Study, ...]
    limits: tuple[Study, ...]
    withdrawn: tuple[Study, ...]
    suspended: bool

    @property
    def falls_with(self) -> Study | None:
        """The one study without which the rule would not fire."""
        return self.supports[0] if len(self.supports) == 1 and not self.suspended else None


def supports(whole: Guideline) -> list[Support]:
    """What each rule of a guideline rests on, those that fall with one study first, the weakest
    evidence first among them.

    Args:
        whole: the guideline with the rules that are suspended.
    """
    found = [_support(whole, rule) for rule in whole.rules]
    alone: dict[str, int] = {}
    for support in found:
        if support.falls_with:
            alone[support.falls_with.id] = alone.get(support.falls_with.id, 0) + 1
    return sorted(
        found,
        key=lambda s: (
            not s.suspended,
            s.falls_with is None,
            -alone.get(s.falls_with.id if s.falls_with else "", 0),
            s.rule.layer,
            s.rule.id,
        ),
    )


def _support(whole: Guideline, rule: Rule) -> Support:
    stances: dict[str, dict[str, Study]] = {"supports": {}, "disputes": {}, "limits": {}}
    withdrawn: dict[str, Study] = {}
    for name in rule.evidence:
        statement = whole.statements.get(name)
        if statement is not None:
            study = whole.studies[statement.study]
            (withdrawn if study.withdrawn else stances[statement.stance])[study.id] = study
    ranked = {
        stance: tuple(
            sorted(known.values(), key=lambda study: (whole.levels.index(study.level), study.id))
        )
        for stance, known in stances.items()
    }
    return Support(
        rule,
        ranked["supports"],
        ranked["disputes"],
        ranked["limits"],
        tuple(withdrawn.values()),
        bool(withdrawn) and not ranked["supports"],
    )


def graph(found: list[Support]) -> nx.MultiDiGraph[str]:
    """Studies and rules: an edge for every stance,
    ``alone`` where the rule falls with the study.
    """
    drawn: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for support in found:
        rule = f"rule {support.rule.id}"
        drawn.add_node(rule, kind="rule", label=support.rule.id, level=support.rule.level)
        for stance, studies in (
            ("supports", support.supports),
            ("disputes", support.disputes),
            ("limits", support.limits),
        ):
            for study in studies:
                drawn.add_node(f"study {study.id}", kind="study", label=study.id, level=study.level)
                drawn.add_edge(
                    f"study {study.id}",
                    rule,
                    stance=stance,
                    alone=support.falls_with == study and stance == "supports",
                )
    return drawn


def fallen(found: list[Support]) -> list[tuple[Study, list[str]]]:
    """For each study the rules that fall with it, the study with most of them first."""
    rules: dict[str, tuple[Study, list[str]]] = {}
    for support in found:
        if support.falls_with is not None:
            rules.setdefault(support.falls_with.id, (support.falls_with, []))[1].append(
                support.rule.id
            )
    return sorted(rules.values(), key=lambda entry: (-len(entry[1]), entry[0].id))


# --- shown ---------------------------------------------------------------------------------


def as_text(found: list[Support], language: str = "en") -> str:
    """For a terminal: single points of failure, then every rule."""
    words = words_of("support", language)
    lines = [words["alone"]]
    lines += [
        f"  {words['falls'].format(study=study.id, level=study.level, rules=', '.join(rules))}"
        for study, rules in fallen(found)
    ]
    if len(lines) == 1:
        lines.append(f"  {words['none']}")
    lines.append("")
    width = max((len(support.rule.id) for support in found), default=4)
    for support in found:
        lines.append(
            f"{support.rule.id:<{width}}  {support.rule.level:<4}  "
            f"{'; '.join(_parts(support, language))}"
        )
    return "\n".join(lines)


def _parts(support: Support, language: str) -> list[str]:
    words = words_of("support", language)
    parts = (
        [words["suspended"].format(studies=", ".join(study.id for study in support.withdrawn))]
        if support.suspended
        else []
    )
    for stance, studies in (
        ("supports", support.supports),
        ("disputes", support.disputes),
        ("limits", support.limits),
    ):
        if studies:
            sole = f" ({words['sole']})" if stance == "supports" and support.falls_with else ""
            parts.append(
                f"{words[stance]} "
                f"{', '.join(f'{study.id} {study.level}' for study in studies)}{sole}"
            )
    if support.withdrawn and not support.suspended:
        parts.append(f"{words['withdrawn']} {', '.join(study.id for study in support.withdrawn)}")
    return parts


def as_markdown(found: list[Support], language: str = "en") -> str:
    """For a page."""
    words = words_of("support", language)
    lines = [f"## {words['alone']}", ""]
    lines += [
        (
            "- "
            + words["falls"].format(
                study=f"`{study.id}`", level=study.level, rules=", ".join(rules)
            )
        )
        for study, rules in fallen(found)
    ]
    lines += [
        "",
        (
            f"| {words['rule']} | {words['level']} | {words['supports']} | {words['disputes']} | "
            f"{words['limits']} |"
        ),
        "|---|---|---|---|---|",
    ]
    for support in found:
        cells = [
            ", ".join(f"`{study.id}`" for study in studies)
            for studies in (support.supports, support.disputes, support.limits)
        ]
        lines.append(
            f"| {support.rule.id} {support.rule.label[language].replace('|', '/')} | "
            f"{support.rule.level} | {' | '.join(cells)} |"
        )
    return "\n".join(lines)


def as_json(found: list[Support]) -> dict[str, object]:
    """For programs."""
    return {
        "falls_with_one_study": [
            {"study": study.id, "level": study.level, "rules": rules}
            for study, rules in fallen(found)
        ],
        "rules": [
            {
                "rule": support.rule.id,
                "label": support.rule.label,
                "level": support.rule.level,
                "supports": [study.id for study in support.supports],
                "disputes": [study.id for study in support.disputes],
                "limits": [study.id for study in support.limits],
                "withdrawn": [study.id for study in support.withdrawn],
                "suspended": support.suspended,
                "falls_with": support.falls_with.id if support.falls_with else None,
            }
            for support in found
        ],
    }


def as_svg(found: list[Support], language: str = "en") -> str:
    """The picture: studies left, rules right, lines by
    stance; each study stands near the rules that rest on it.
    """
    drawn = graph(found)
    rules = [f"rule {support.rule.id}" for support in found]
    height = {name: index for index, name in enumerate(rules)}
    studies = [name for name in drawn if name.startswith("study ")]
    alone = {study.id: index for index, (study, _) in enumerate(fallen(found))}
    centre = {
        study: sum(height[rule] for rule in drawn.successors(study))
        / max(1, drawn.out_degree(study))
        for study in studies
    }
    studies.sort(
        key=lambda name: (alone.get(name.removeprefix("study "), len(alone)), centre[name], name)
    )
    line, tall = 16, max(len(rules), len(studies))
    total, step = tall * line, tall * line / max(1, len(studies))
    place = {name: (250.0, (index + 1 / 2) * step) for index, name in enumerate(studies)} | {
        name: (650.0, (height[name] + 1 / 2) * line) for name in rules
    }
    words = words_of("support", language)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -40 900 {total + 64}" '
            'font-family="sans-serif" font-size="11" role="img">'
        )
    ]
    parts += [
        f"<title>{escape(words['title'])}</title>",
        f'<text x="10" y="-22" font-size="12">{escape(words["title"])}</text>',
    ]
    for index, (stance, colour) in enumerate(COLOURS.items()):
        parts.append(
            f'<text x="{10 + index * 120}" y="-6" fill="{colour}">— {escape(words[stance])}</text>'
        )
    for study, rule, data in sorted(
        drawn.edges(data=True), key=lambda edge: bool(edge[2]["alone"])
    ):
        (x, y), (u, v) = place[study], place[rule]
        bend, width = (x + u) / 2, "2" if data["alone"] else "0.7"
        curve = f"M{x:.0f} {y:.1f}C{bend:.0f} {y:.1f} {bend:.0f} {v:.1f} {u:.0f} {v:.1f}"
        parts.append(
            f'<path d="{curve}" fill="none" stroke="{COLOURS[data["stance"]]}" '
            f'stroke-width="{width}" opacity="0.75"/>'
        )
    for name, (x, y) in place.items():
        node, left = drawn.nodes[name], name.startswith("study ")
        label = f"{node['label']} · {node['level']}"
        weight = (
            ' font-weight="bold"'
            if any(data["alone"] for *_, data in drawn.edges(name, data=True))
            else ""
        )
        parts.append(
            f'<text x="{x - 6 if left else x + 6:.0f}" y="{y + 4:.1f}" '
            f'text-anchor="{"end" if left else "start"}"{weight}>{escape(label)}</text>'
        )
    return "\n".join([*parts, "</svg>"])
