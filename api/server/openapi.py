"""The OpenAPI description: the models made from
the ontology, and examples that are real answers.
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

import calx
from calx.api.contract.models import Answer, Problem, case_model
from calx.api.contract.problems import KINDS, MEDIA
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
EXAMPLE = {
    "case_id": "demo-1",
    "max_superficial_arc_deg": 300,
    "superficial_arc_gt270_length_mm": 6,
    "vessel_diameter_mm": 3.2,
    "residual_thin_plaque": True,
}
"""A lesion that shows most of what an answer can say."""
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


def describe(app: FastAPI, reasoner: Reasoner) -> dict[str, Any]:
    """The description of an app, made once."""
    if app.openapi_schema:
        return app.openapi_schema
    found = get_openapi(
        title="Calx",
        version=calx.__version__,
        summary="An executable guideline for PCI in calcified coronary lesions",
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
    problem = Problem.model_json_schema(ref_template=template)
    schemas |= problem.pop("$defs", {}) | {"Problem": problem}
    found["components"]["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "Asked for where the service was started with a token.",
        }
    }
    answer = reasoner.recommend(EXAMPLE).json()
    for path, item in found["paths"].items():
        for method, operation in item.items():
            _example(operation, path, method, answer)
    app.openapi_schema = json.loads(json.dumps(found))
    return app.openapi_schema


def _example(operation: dict[str, Any], path: str, method: str, answer: dict[str, Any]) -> None:
    """Give an operation real examples, and say where it may need the token."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if body.get("schema") == SCHEMA:
        body["examples"] = {"ring of calcium in a small vessel": {"value": EXAMPLE}}
    if path == "/recommend":
        operation["responses"]["200"]["content"]["application/json"]["example"] = answer
    if "401" in operation.get("responses", {}):
        operation["security"] = [{}, {"token": []}]
    if method == "post" and path == "/sparql":
        operation["requestBody"]["content"]["application/sparql-query"]["example"] = (
            "SELECT ?g WHERE { GRAPH ?g {} }"
        )
