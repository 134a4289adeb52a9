"""The proof as a picture: facts on the left, conclusions to the right of what they rest on, each
with its rule and level.
"""

from __future__ import annotations

from typing import Any

from markupsafe import escape

from calx.reasoner.model.condition import properties_read
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.section import Alerts, Criteria, One, Status

WIDTH, HEIGHT, ACROSS, DOWN, MARGIN = 232, 44, 296, 58, 24
COLOURS = {
    "fact": ("#e8f0fb", "#2a5da8"),
    "unknown": ("#fff6df", "#8a5a00"),
    "step": ("#eef7ee", "#2c6e3f"),
    "shown": ("#1f4e79", "#1f4e79"),
}


def draw_proof(result: dict[str, Any], guideline: Guideline, language: str) -> str:
    """The steps of an answer (of the public contract) as SVG."""
    nodes, edges = _network(result, guideline, language)
    columns: dict[int, list[str]] = {}
    for name in nodes:
        columns.setdefault(nodes[name]["column"], []).append(name)
    places = {
        name: (MARGIN + column * ACROSS, MARGIN + row * DOWN)
        for column, names in columns.items()
        for row, name in enumerate(names)
    }
    wide = MARGIN * 2 + max(columns, default=0) * ACROSS + WIDTH
    high = MARGIN * 2 + max((len(names) for names in columns.values()), default=1) * DOWN
    title = f"{result['case_id']}: {guideline.title[language]} {result['guideline']['version']}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high + 34}" width="{wide}" '
        f'height="{high + 34}" role="img" '
        'font-family="system-ui, sans-serif">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{wide}" height="{high + 34}" fill="#ffffff"/>',
        *(_edge(places[source], places[target], broken) for source, target, broken in edges),
        *(_node(places[name], node) for name, node in nodes.items()),
        f'<text x="{MARGIN}" y="{high + 17}" font-size="11" '
        f'fill="#333333">{escape(result["notice"])}</text>',
        "</svg>",
    ]
    return "".join(parts)


def _network(
    result: dict[str, Any], guideline: Guideline, language: str
) -> tuple[dict[str, dict[str, Any]], list[tuple[str, str, bool]]]:
    """Nodes with their column, and edges from what a step rests on."""
    nodes: dict[str, dict[str, Any]] = {}
    edges: list[tuple[str, str, bool]] = []
    by_rule: dict[str, list[str]] = {}
    shown = _shown(guideline)
    for number, step in enumerate(result["steps"]):
        name, column = f"step {number}", 1
        sources: list[tuple[str, bool]] = []
        for premise in step["premises"]:
            if "step" in premise:
                sources += [(source, False) for source in by_rule.get(premise["step"], ())]
            elif "fact" in premise:
                fact, value = premise["fact"], premise["value"]
                label = guideline.facts[fact].label[language] if fact in guideline.facts else fact
                source = f"fact {fact} {value is None}"
                nodes.setdefault(
                    source,
                    {
                        "column": 0,
                        "kind": "unknown" if value is None else "fact",
                        "text": label,
                        "under": _value(value),
                    },
                )
                sources.append((source, value is None))
        column = 1 + max((nodes[source]["column"] for source, _ in sources), default=0)
        kind = "shown" if _ends(step, shown, guideline) else "step"
        nodes[name] = {
            "column": column,
            "kind": kind,
            "text": step["label"],
            "under": f"{step['rule']} · {step['level']} · {step['conclusion']}",
        }
        edges += [(source, name, broken) for source, broken in sources]
        by_rule.setdefault(step["rule"], []).append(name)
    return nodes, edges


def _shown(guideline: Guideline) -> dict[str, set[str]]:
    """The conclusions that end a chain for a reader, by their key; with the properties that a rule
    must not read, lest it only grades what others raised.
    """
    found: dict[str, set[str]] = {}
    for section in guideline.sections:
        names: tuple[str | None, ...] = ()
        if isinstance(section, One) and section.leads:
            names = (section.predicate,)
        elif isinstance(section, Status):
            names = (section.forbidden,)
        elif isinstance(section, Criteria):
            names = (section.advice,)
        elif isinstance(section, Alerts):
            names = section.raising
        raised = set(section.raised) if isinstance(section, Alerts) else set[str]()
        for name in names:
            if name is not None:
                found[guideline.properties[name].result_key] = raised
    return found


def _ends(step: dict[str, Any], shown: dict[str, set[str]], guideline: Guideline) -> bool:
    key = step["conclusion"].rpartition(": ")[0]
    rule = guideline.rule.get(step["rule"])
    read = {name for p in rule.productions for name in properties_read(p.condition)} if rule else ()
    return key in shown and not shown[key] & set(read)


def _value(value: Any) -> str:
    return "?" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _short(text: str, most: int) -> str:
    wide = sum(2 if ord(c) > 0x2E7F else 1 for c in text)
    if wide <= most:
        return text
    kept, used = "", 0
    for c in text:
        used += 2 if ord(c) > 0x2E7F else 1
        if used >= most:
            break
        kept += c
    return kept + "…"


def _node(place: tuple[int, int], node: dict[str, Any]) -> str:
    (x, y), (fill, line) = place, COLOURS[node["kind"]]
    ink, faint = ("#ffffff", "#e3edf7") if node["kind"] == "shown" else ("#1a1a1a", "#44505c")
    dash = ' stroke-dasharray="5 3"' if node["kind"] == "unknown" else ""
    return (
        f"<g><title>{escape(node['text'])} — {escape(node['under'])}</title>"
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="{fill}" '
        f'stroke="{line}"{dash}/>'
        f'<text x="{x + 9}" y="{y + 19}" font-size="12" '
        f'fill="{ink}">{escape(_short(node["text"], 37))}</text>'
        f'<text x="{x + 9}" y="{y + 35}" font-size="10" '
        f'fill="{faint}">{escape(_short(node["under"], 44))}</text></g>'
    )


def _edge(start: tuple[int, int], end: tuple[int, int], broken: bool) -> str:
    x1, y1, x2, y2 = start[0] + WIDTH, start[1] + HEIGHT // 2, end[0], end[1] + HEIGHT // 2
    bend = (x2 - x1) // 2
    dash = ' stroke-dasharray="4 3"' if broken else ""
    return (
        f'<path d="M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}" fill="none" '
        f'stroke="#8fa3b8"{dash}/>'
    )
