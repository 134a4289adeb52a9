"""A stored answer: what was handed in, what was answered,
by which guideline and engine, when. It never changes.

In the store it is a named graph, ``…/case/<case_id>``: the answer as RDF, and beside it the
submitted facts and the answer word for word, so that both can be shown and asked about long after
the guideline has moved on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from pyoxigraph import Literal, NamedNode, Triple

import calx
from calx.reasoner.engine.answer import Answer
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.measured import KEY
from calx.reasoner.model.values import as_json
from calx.reasoner.tell.rdf import CALX, PROV, RDF, XSD, lesion_of, triples
from calx.words import LANGUAGES


@dataclass(frozen=True)
class Record:
    """One stored answer."""

    case_id: str
    stored: str
    """Moment in UTC, ISO 8601."""
    engine: str
    guideline_version: str
    guideline_digest: str
    submitted: dict[str, Any]
    """The facts that were given."""
    answers: dict[str, bytes]
    """The answer of the public contract as JSON, by language of its labels."""

    def answer(self, language: str = "en") -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.answers[language])
        return found

    def json(self, language: str = "en") -> bytes:
        """The record with its answer."""
        head = {
            "case_id": self.case_id,
            "iri": lesion_of(self.case_id).value,
            "stored": self.stored,
            "engine": self.engine,
            "guideline": {"version": self.guideline_version, "digest": self.guideline_digest},
            "submitted": self.submitted,
            "answer": orjson.Fragment(self.answers[language]),
        }
        return orjson.dumps(head)


@dataclass(frozen=True)
class Summary:
    """One line of the list of stored answers."""

    case_id: str
    stored: str
    lead: str | None
    """What leads its answer."""
    settled: bool
    guideline_version: str

    def json(self, lead: str | None) -> dict[str, Any]:
        """As the API lists it, what leads under its own key."""
        return {
            "case_id": self.case_id,
            "stored": self.stored,
            **({lead: self.lead} if lead else {}),
            "settled": self.settled,
            "guideline_version": self.guideline_version,
        }


def _now() -> str:
    return moment(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def moment(text: str) -> str:
    """A moment in its shortest form; some stores cut zeros off, others add them."""
    head, point, fraction = text.removesuffix("Z").partition(".")
    return f"{head}.{fraction.rstrip('0')}".rstrip(".") + "Z" if point else f"{head}Z"


def record(answer: Answer) -> Record:
    """The record of an answer given now."""
    return Record(
        case_id=answer.case.id,
        stored=_now(),
        engine=calx.__version__,
        guideline_version=answer.guideline.version,
        guideline_digest=answer.guideline.digest,
        submitted={
            "case_id": answer.case.id,
            **{name: as_json(value) for name, value in answer.case.facts.items()},
            **({} if answer.case.measured is None else {KEY: answer.case.measured.json()}),
        },
        answers={language: answer.json_bytes(language) for language in LANGUAGES},
    )


def as_triples(kept: Record, answer: Answer) -> list[Triple]:
    """The graph that the store keeps of a record."""
    lesion = lesion_of(kept.case_id)
    decision = NamedNode(f"{lesion.value}/decision")
    agent = NamedNode(f"{lesion.value}/engine")
    return [
        *triples(answer),
        Triple(decision, PROV.endedAtTime, Literal(kept.stored, datatype=XSD.dateTime)),
        Triple(decision, PROV.wasAssociatedWith, agent),
        Triple(agent, RDF.type, PROV.SoftwareAgent),
        Triple(agent, CALX.engineVersion, Literal(kept.engine)),
        Triple(decision, CALX.guidelineVersion, Literal(kept.guideline_version)),
        Triple(decision, CALX.submitted, Literal(orjson.dumps(kept.submitted).decode())),
        *(
            Triple(decision, CALX.answered, Literal(text.decode(), language=language))
            for language, text in kept.answers.items()
        ),
    ]


KEPT = {
    CALX.caseId.value: "case_id",
    PROV.endedAtTime.value: "stored",
    CALX.engineVersion.value: "engine",
    CALX.guidelineVersion.value: "guideline_version",
    CALX.guidelineDigest.value: "guideline_digest",
    CALX.submitted.value: "submitted",
}


def from_triples(found: Iterable[tuple[NamedNode, Literal]]) -> Record | None:
    """The record in a graph, from its predicates and values; None where it holds none."""
    parts: dict[str, Any] = {}
    answers: dict[str, bytes] = {}
    for predicate, value in found:
        if predicate.value in KEPT:
            parts[KEPT[predicate.value]] = value.value
        elif predicate == CALX.answered:
            answers[value.language or "en"] = value.value.encode()
    if set(parts) != set(KEPT.values()) or set(answers) != set(LANGUAGES):
        return None
    parts["stored"] = moment(parts["stored"])
    return Record(**{**parts, "submitted": orjson.loads(parts["submitted"])}, answers=answers)


@dataclass(frozen=True)
class Replay:
    """What today's guideline says of a stored case, beside what was said then."""

    kept: Record
    guideline: Guideline
    today: dict[str, Any] | None
    """None where today's guideline refuses the case."""
    problems: list[dict[str, Any]]

    def json(self) -> dict[str, Any]:
        differences = (
            [] if self.today is None else [*_differences(self.kept.answer(), self.today, "")]
        )
        return {
            "case_id": self.kept.case_id,
            "stored": self.kept.stored,
            "then": {
                "version": self.kept.guideline_version,
                "digest": self.kept.guideline_digest,
                "engine": self.kept.engine,
            },
            "today": {
                "version": self.guideline.version,
                "digest": self.guideline.digest,
                "engine": calx.__version__,
            },
            "same_guideline": self.kept.guideline_digest == self.guideline.digest,
            "same_answer": self.today is not None and not differences,
            "differences": differences,
            "problems": self.problems,
        }


def _differences(then: Any, today: Any, place: str) -> Iterable[dict[str, Any]]:
    """Where two answers differ; lists of named things are compared by name, the versions of the
    guideline not at all.
    """
    if isinstance(then, dict) and isinstance(today, dict):
        for key in (*then, *(key for key in today if key not in then)):
            if place or key != "guideline":
                yield from _differences(
                    then.get(key), today.get(key), f"{place}.{key}" if place else key
                )
    elif (
        isinstance(then, list)
        and isinstance(today, list)
        and all(isinstance(item, dict) for item in (*then, *today))
    ):
        yield from _differences(_by_name(then), _by_name(today), place)
    elif then != today:
        yield {"place": place, "then": then, "today": today}


def _by_name(items: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in items:
        name = str(
            item.get("id")
            or item.get("fact")
            or f"{item.get('rule', '')} {item.get('conclusion', '')}".strip()
            or item
        )
        found[name if name not in found else f"{name} ({len(found)})"] = item
    return found
