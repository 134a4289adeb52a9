"""The pictures that a guideline may ask for by name (calx:PictureSection); a new one: an entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from markupsafe import Markup

from calx.api.pages.cross_section import draw_cross_section
from calx.reasoner.model.condition import Value
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.section import Picture

Drawer = Callable[[Mapping[str, Value], str], Markup]
"""Draws the facts, given and implied, in a language."""
PICTURES: dict[str, Drawer] = {"cross-section": draw_cross_section}


def pictures(guideline: Guideline, values: Mapping[str, Value], language: str) -> Markup:
    """The pictures of a guideline's sections, in their order; of names that nobody registered,
    none.
    """
    return Markup("").join(
        PICTURES[section.drawn_by](values, language)
        for section in guideline.in_reading_order
        if isinstance(section, Picture) and section.drawn_by in PICTURES
    )
