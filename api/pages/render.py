"""Renders the pages. Templates hold no logic of the
guideline; labels come from it, words from `pages.words`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from calx.api.pages.form import Field
from calx.api.pages.words import words_of
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.section import One, Section
from calx.reasoner.tell.labels import labels
from calx.words import LANGUAGES, words

HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"


@cache
def environment() -> Environment:
    """The templates."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {"asset": asset, "question": question}
    return found


@cache
def asset(name: str) -> str:
    """The address of a static file, which changes with its content."""
    return f"/static/{name}?{hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


@lru_cache(maxsize=8192)
def question(field: Field, value: str, place: str, echo: str, wrong: str) -> Markup:
    """A question of the form: with what was entered, its place (`Entry.places`), what it comes to,
    and what is wrong with it.
    """
    template = environment().get_template("field.html")
    shown = template.render(field=field, value=value, place=place, echo=echo, wrong=wrong)
    return Markup(shown)  # noqa: S704  autoescaped


def kind_of(section: Section) -> str:
    """The name of the macro that shows a section (``sections.html``)."""
    return type(section).__name__.lower()


def is_small(item: tuple[str, Section]) -> bool:
    """Whether a section is a line in a card that it shares with its neighbours."""
    kind, section = item
    return kind in ("members", "tally") or (isinstance(section, One) and section.brief)


def root_word(guideline: Guideline, language: str) -> str:
    """What a case is about, as a heading."""
    label = guideline.root.label[language]
    return label[:1].upper() + label[1:]


def html(
    guideline: Guideline,
    has_token: bool,
    template: str,
    language: str,
    path: str,
    query: Mapping[str, str] | str = "",
    **more: Any,
) -> str:
    """A page as text."""
    query = query if isinstance(query, str) else urlencode(query)
    kept = "&".join(part for part in query.split("&") if part and not part.startswith("lang="))
    return (
        environment()
        .get_template(template)
        .render(
            w=words_of(language),
            lang=language,
            tag=words("language", language)["tag"],
            others=[
                (
                    words("language", other),
                    f"/{path.lstrip('/')}?{kept}{'&' if kept else ''}lang={other}",
                )
                for other in LANGUAGES
                if other != language
            ],
            here=path,
            label=labels(guideline, language),
            guideline=guideline,
            root=root_word(guideline, language),
            all_sections=[(kind_of(section), section) for section in guideline.sections],
            sections=[(kind_of(section), section) for section in guideline.in_reading_order],
            is_small=is_small,
            token=has_token,
            **more,
        )
    )
