"""The OpenAPI description: the models made from
the ontology, and examples that are real answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

import calx
from calx.api.contract.models import Answer, Problem, answer_model, case_model
from calx.api.contract.problems import KINDS, MEDIA
from calx.api.pages.examples import Example
from calx.reasoner.intake.files import MEDIA_TYPES
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.tell.forms import ANSWER_FORMS, JSON

SCHEMA = {"$ref": "#/components/schemas/Case"}
CASE_BODY: dict[str, Any] = {
    "required": True,
    "description": "One case. GET /facts lists what it may hold.",
    "content": {
        name: {"schema": SCHEMA, "examples": {}}
        if suffix == ".json"
        else {"schema": {"type": "object" if suffix == ".jsonld" else "string"}}
        for name, suffix in MEDIA_TYPES.items()
        if "/x-" not in name
    },
}
ANSWER_EXAMPLE: dict[str, Any] = {
    "description": "The answer",
    "model": Answer,
    "content": {
        form.media_type: {
            "schema": {"type": "object" if "json" in form.media_type else "string"},
            "description": form.title,
        }
        for form in ANSWER_FORMS
        if form is not JSON
    },
}
TITLES = {
    400: "It cannot be read",
    401: "A token is needed",
    403: "Refused",
    404: "Not found",
    406: "No such form",
    408: "Too slow",
    409: "Conflict",
    412: "Facts are missing",
    413: "Too large",
    415: "A form that is not read",
    422: "The case cannot be answered; every problem is listed",
    429: "Too many requests",
    501: "A part is not installed",
    503: "Not now",
    504: "Took too long",
}


def problems_of(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a resource can answer with."""
    assert set(statuses) <= set(KINDS.values())
    return {
        status: {
            "description": TITLES[status],
            "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def describe(app: FastAPI, reasoner: Reasoner, examples: Iterable[Example] = ()) -> dict[str, Any]:
    """The description of an app, made once, with the guideline's own example cases."""
    if app.openapi_schema:
        return app.openapi_schema
    found = get_openapi(
        title="Calx",
        version=calx.__version__,
        summary=reasoner.guideline.title["en"],
        description=(
            f"{reasoner.guideline.notice['en']}\n\nEvery conclusion shows facts, rule, "
            "citation, level of evidence, what speaks against it."
        ),
        routes=app.routes,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    template = "#/components/schemas/{model}"
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    schemas["Case"] = case_model(reasoner.guideline).model_json_schema(ref_template=template)
    told = answer_model(reasoner.guideline).model_json_schema(ref_template=template)
    schemas |= told.pop("$defs", {}) | {"Answer": told}
    if reasoner.guideline.lead is not None:
        leading = {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "What leads"}
        schemas["Line"]["properties"][reasoner.guideline.lead.key] = leading
    problem = Problem.model_json_schema(ref_template=template)
    schemas |= problem.pop("$defs", {}) | {"Problem": problem}
    found["components"]["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "Asked for where the service was started with a token.",
        }
    }
    shown = {example.title["en"]: {"value": body_of(example)} for example in examples}
    answers = [reasoner.recommend(case["value"]).json() for case in [*shown.values()][:1]]
    for path, item in found["paths"].items():
        for method, operation in item.items():
            _example(operation, path, method, shown, answers)
    app.openapi_schema = json.loads(json.dumps(found))
    return app.openapi_schema


def body_of(example: Example) -> dict[str, Any]:
    """An example as a case to be sent."""
    return {"case_id": example.id, **example.case}


def _example(
    operation: dict[str, Any],
    path: str,
    method: str,
    shown: dict[str, Any],
    answers: list[dict[str, Any]],
) -> None:
    """Give an operation real examples, and say where it may need the token."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if body.get("schema") == SCHEMA:
        body["examples"] = shown
    if path == "/recommend" and answers:
        operation["responses"]["200"]["content"]["application/json"]["example"] = answers[0]
    if "401" in operation.get("responses", {}):
        operation["security"] = [{}, {"token": []}]
    if method == "post" and path == "/sparql":
        operation["requestBody"]["content"]["application/sparql-query"]["example"] = (
            "SELECT ?g WHERE { GRAPH ?g {} }"
        )
