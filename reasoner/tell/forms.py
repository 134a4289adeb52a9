"""The forms that an answer comes in. The command line, HTTP negotiation, OpenAPI and the documents
take them from here: a new form is one entry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from calx.reasoner.engine.answer import Answer


class Detail(NamedTuple):
    """How much a form that can do without says."""

    explain: bool = False
    """Every step of the proof."""
    more: bool = False
    """What comes second: cautions of lower rank, limits, comparisons, all that is missing."""


class AnswerForm(NamedTuple):
    """One form of an answer."""

    name: str
    """What ``--format`` calls it."""
    media_type: str
    """What ``Accept`` calls it."""
    suffix: str
    """Of a file that holds it."""
    title: str
    write: Callable[[Answer, str, Detail], bytes]
    """The answer in a language (``en``, ``zh``)."""


def _json(answer: Answer, language: str, _detail: Detail) -> bytes:
    return answer.json_bytes(language)


def _json_ld(answer: Answer, _language: str, _detail: Detail) -> bytes:
    from calx.reasoner.tell import rdf

    return rdf.jsonld(answer).encode()


def _turtle(answer: Answer, _language: str, _detail: Detail) -> bytes:
    from calx.reasoner.tell import rdf

    return rdf.turtle(answer).encode()


def _text(answer: Answer, language: str, detail: Detail) -> bytes:
    from calx.reasoner.tell.text import render

    return render(answer, language, detail.explain, detail.more).encode()


JSON = AnswerForm("json", "application/json", ".json", "JSON, the public contract", _json)
TEXT = AnswerForm("text", "text/plain", ".txt", "plain text, to be read", _text)
ANSWER_FORMS = (
    JSON,
    AnswerForm("jsonld", "application/ld+json", ".jsonld", "JSON-LD, both languages", _json_ld),
    AnswerForm("turtle", "text/turtle", ".ttl", "Turtle, both languages", _turtle),
    TEXT,
)
"""The service's favourite first."""
BY_NAME = {form.name: form for form in ANSWER_FORMS}
BY_MEDIA_TYPE = {form.media_type: form for form in ANSWER_FORMS}
