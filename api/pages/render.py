"""Renders the pages. Templates hold no logic of the
guideline; labels come from it, words from `pages.words`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from calx.api.pages.words import words_of
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.tell.prose import quantity
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
    found.globals["asset"] = asset
    return found


@cache
def asset(name: str) -> str:
    """The address of a static file, which changes with its content."""
    return f"/static/{name}?{hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


class Labels:
    """The guideline's labels for ids in an answer; an id that today's guideline does not know
    stands for itself.
    """

    def __init__(self, guideline: Guideline, language: str) -> None:
        self.guideline, self.language = guideline, language
        self._words = words_of(language)

    def term(self, kind: str, id_: str) -> str:
        term = self.guideline.terms.get(f"{kind}/{id_}")
        return term.label[self.language] if term else id_

    def definition(self, kind: str, id_: str) -> str:
        term = self.guideline.terms.get(f"{kind}/{id_}")
        return term.definition[self.language] if term else ""

    def fact(self, name: str) -> str:
        fact = self.guideline.facts.get(name)
        return fact.label[self.language] if fact else name

    def value(self, name: str, value: Any) -> str:
        if value is None:
            return self._words["unknown"]
        if isinstance(value, bool):
            return self._words["yes" if value else "no"]
        if isinstance(value, str):
            return self.guideline.value_labels.get(value, {self.language: value})[self.language]
        return (
            quantity(self.guideline.facts[name], float(value))
            if name in self.guideline.facts
            else str(value)
        )

    def entered(self, name: str, text: str) -> str:
        """A value as it was entered, in words."""
        known: Any = {"true": True, "false": False}.get(text, text)
        fact = self.guideline.facts.get(name)
        return self.value(
            name, float(text) if fact and fact.kind in ("number", "integer") else known
        )

    def study(self, name: str) -> str:
        study = self.guideline.studies.get(name)
        return study.label[self.language] if study else name

    def statement(self, name: str) -> str:
        statement = self.guideline.statements.get(name)
        return statement.text[self.language] if statement else name

    def rule(self, name: str) -> str:
        rule = self.guideline.rule.get(name)
        return rule.label[self.language] if rule else name

    def rationale(self, name: str) -> str:
        rule = self.guideline.rule.get(name)
        return rule.rationale[self.language] if rule else ""

    def concluded(self, conclusion: str) -> str:
        """The conclusion of a step (``key: id``) in words."""
        key, _, id_ = conclusion.rpartition(": ")
        name = key.rpartition(".")[2]
        if name in self.guideline.facts:
            fact = self.guideline.facts[name]
            known: Any = {"true": True, "false": False}.get(id_, id_)
            if fact.kind in ("number", "integer"):
                known = float(id_)
            return f"{fact.label[self.language]} = {self.value(name, known)}"
        return self._concluded.get(conclusion, conclusion)

    @cached_property
    def _concluded(self) -> dict[str, str]:
        found = {}
        for described in self.guideline.properties.values():
            for term in self.guideline.of_kind(described.kind):
                place = (
                    f"{described.result_key}.{term.device}" if term.device else described.result_key
                )
                found[f"{place}: {term.id}"] = (
                    f"{described.label[self.language]}: {term.label[self.language]}"
                )
        return found


_LABELS: dict[tuple[str, str], Labels] = {}


def labels(guideline: Guideline, language: str) -> Labels:
    """The labels of a guideline, made once."""
    key = (guideline.digest, language)
    if key not in _LABELS:
        _LABELS[key] = Labels(guideline, language)
    return _LABELS[key]


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
            token=has_token,
            **more,
        )
    )
