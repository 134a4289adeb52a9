"""The picture of the house for ``docs/developers.md``: each room, its question, and the rooms that
its imports reach first.
"""

from __future__ import annotations

import ast
from html import escape

from tests.house.test_rooms import FLOORS, ROOMS, ROOT, uses

WIDTH, HEIGHT, GAP = 400, 74, 14
WINGS = ("api", "imaging", "reasoner", "ontology")


def question(room: str) -> str:
    """The first sentence of a room's door."""
    said = (
        ast.get_docstring(
            ast.parse((ROOT / room.replace(".", "/") / "__init__.py").read_text(encoding="utf-8"))
        )
        or ""
    )
    return said.partition("?")[0] + "?"


def svg() -> str:
    """Wings side by side, each room above those of its wing that it may use."""
    arrows, boxes, tallest = uses(), list[str](), 0
    for column, wing in enumerate(WINGS):
        mine = [
            room
            for floor in reversed(FLOORS)
            for room in floor
            if room in ROOMS and room.partition(".")[0] == wing
        ]
        for row, room in enumerate(mine):
            x, y = GAP + column * (WIDTH + GAP), GAP + row * (HEIGHT + GAP)
            tallest = max(tallest, y + HEIGHT + GAP)
            below = ", ".join(sorted(arrows.successors(room))) or "nothing of Calx"
            boxes.append(
                f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#fff" '
                'stroke="#8896a8"/>'
                f'<text x="{x + 12}" y="{y + 24}" font-weight="600">{escape(room)}/</text>'
                f'<text x="{x + 12}" y="{y + 44}" font-size="12">{escape(question(room))}</text>'
                f'<text x="{x + 12}" y="{y + 62}" font-size="11" fill="#4a5768">uses '
                f"{escape(below)}</text>"
            )
    width = GAP + len(WINGS) * (WIDTH + GAP)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {tallest}" '
        'font-family="system-ui, sans-serif" font-size="14" fill="#10202f">'
    )
    return "\n".join(
        [head, f'<rect width="{width}" height="{tallest}" fill="#f4f6f9"/>', *boxes, "</svg>", ""]
    )
