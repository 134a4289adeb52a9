"""FHIR R4: facts from Observations or from an extension, and answers as GuidanceResponse. Checked with the R4B models of fhir.resources."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from reasoner.answer import Answer
from reasoner.errors import Problem
from reasoner.guideline import IRI, Fact, Guideline

from .mappings import OURS, Codes

FACTS = IRI + "fhir/StructureDefinition/facts"
"""The extension that carries facts: one nested extension a fact, its url the fact's name."""
MOST_FAULTS = 24
IGNORED_STATUS = {"entered-in-error", "cancelled", "registered"}
UNITS = {"deg": {"deg"}, "mm": {"mm"}, "mm2": {"mm2"}, "%": {"%"}, "a": {"a"}, "1": {"1"}, "{pulse}": {"{pulse}", "1"}}
UCUM = "http://unitsofmeasure.org"
VALUES = ("valueBoolean", "valueDecimal", "valueInteger", "valueString", "valueCode", "valueQuantity", "valueCodeableConcept", "valueCoding")


class Reading:
    """The facts found in FHIR resources, with what was wrong and where each came from."""

    def __init__(self, guideline: Guideline, codes: Codes) -> None:
        self._guideline, self._codes = guideline, codes
        self.facts: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        """What was read as what, and what was left aside."""

    def resource(self, resource: Any, place: str) -> None:
        """Read a Bundle, an Observation, or the extension of any resource."""
        if not isinstance(resource, dict):
            if resource is not None:
                self.problems.append(Problem("is no FHIR resource; send a JSON object with a resourceType", place=place))
            return
        kind = resource.get("resourceType")
        if kind == "OperationOutcome":
            self.notes.append(f"{place}: the client could not fetch this")
            return
        if kind in ("Bundle", "Observation", "Parameters"):
            faults = invalid(resource)
            if faults:
                self.problems += [Problem(fault, place=place) for fault in faults]
                return
        self._extensions(resource.get("extension"), place)
        if kind == "Bundle":
            for number, entry in enumerate(resource.get("entry") or (), 1):
                self.resource(entry.get("resource"), f"{place}.entry[{number}]")
        elif kind == "Observation":
            self._observation(resource, place)
        elif kind == "Parameters":
            self._parameters(resource, place)

    def _parameters(self, resource: dict[str, Any], place: str) -> None:
        for parameter in resource.get("parameter") or ():
            name = parameter.get("name", "")
            if "resource" in parameter:
                self.resource(parameter["resource"], f"{place}.{name}")
            elif name not in ("subject", "case_id"):
                self._take(name, _value(parameter), f"{place}.{name}")

    def _extensions(self, extensions: Any, place: str) -> None:
        for extension in extensions if isinstance(extensions, list) else ():
            if isinstance(extension, dict) and extension.get("url") == FACTS:
                for item in extension.get("extension") or ():
                    if isinstance(item, dict):
                        self._take(str(item.get("url")), _value(item), f"{place}.extension")

    def plain(self, facts: Any, place: str) -> None:
        """Read facts as a plain JSON object."""
        if not isinstance(facts, dict):
            self.problems.append(Problem("is not an object of facts", place=place))
            return
        for name, value in facts.items():
            self._put(name, value, place)

    def _observation(self, resource: dict[str, Any], place: str) -> None:
        if resource.get("status") in IGNORED_STATUS:
            self.notes.append(f"{place}: left aside, its status is {resource['status']}")
            return
        for coding in (resource.get("code") or {}).get("coding") or ():
            key = (coding.get("system"), coding.get("code"))
            if key in self._codes.fact:
                name = self._codes.fact[key]
                if key[0] not in (OURS, IRI):
                    self.notes.append(f"{coding.get('display') or key[1]} ({key[1]}) was read as: {self._guideline.facts[name].label['en']}")
                if any(value in resource for value in VALUES):
                    self._take(name, _value(resource), place)
                return
            if key in self._codes.too_broad:
                self.notes.append(f"{self._codes.too_broad[key]} ({key[1]}) says less than any fact needs; left aside")

    def _take(self, name: str, found: tuple[str, Any], place: str) -> None:
        """Put a FHIR value under a fact, with unit and codes checked."""
        fact = self._guideline.facts.get(name)
        kind, value = found
        if fact is None or not fact.given:
            self._put(name, value, place)
        elif kind == "valueQuantity":
            self._quantity(fact, value, place)
        elif kind in ("valueCodeableConcept", "valueCoding"):
            codings = value.get("coding") or () if kind == "valueCodeableConcept" else (value,)
            known = [self._coded(fact, coding) for coding in codings]
            if any(code is not None for code in known):
                self._put(name, next(code for code in known if code is not None), place)
            else:
                self.problems.append(Problem(f"has no code that is known here; use the values of the fact with the system {OURS}", name, place))
        else:
            self._put(name, value, place)

    def _quantity(self, fact: Fact, quantity: dict[str, Any], place: str) -> None:
        if quantity.get("comparator"):
            self.problems.append(Problem(f"has the comparator {quantity['comparator']}; a fact is one number", fact.name, place))
            return
        unit = quantity.get("code") if quantity.get("system") in (UCUM, None) and quantity.get("code") else quantity.get("unit")
        allowed = UNITS.get(fact.unit or "1", {fact.unit})
        if fact.kind in ("number", "integer") and (unit or "1") not in allowed:
            self.problems.append(Problem(f"has the unit {unit or 'none'}; give it in {fact.unit} (UCUM)", fact.name, place))
            return
        self._put(fact.name, quantity.get("value"), place)

    def _coded(self, fact: Fact, coding: dict[str, Any]) -> Any:
        system, code = coding.get("system"), coding.get("code")
        value = code if system in (OURS, IRI) else self._codes.value.get((str(system), str(code)))
        return value if value in fact.values else None

    def _put(self, name: str, value: Any, place: str) -> None:
        if value is None:
            return
        if name in self.facts and self.facts[name] != value:
            self.problems.append(Problem(f"stands twice, as {self.facts[name]} and {value}; send one", name, place))
        self.facts[name] = value


def _value(element: dict[str, Any]) -> tuple[str, Any]:
    return next(((key, element[key]) for key in VALUES if key in element), ("", None))


def invalid(resource: dict[str, Any]) -> list[str]:
    """What is wrong with a resource, by the R4B models."""
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    try:
        get_fhir_model_class(str(resource.get("resourceType"))).model_validate(resource)
    except ValidationError as error:
        return [f"{'.'.join(str(part) for part in fault['loc']) or resource.get('resourceType')}: {fault['msg']}" for fault in error.errors()[:MOST_FAULTS]]
    except (LookupError, ValueError, TypeError, RecursionError) as error:
        return [f"is not readable as a FHIR resource ({type(error).__name__})"]
    return []


# --- answers -----------------------------------------------------------------------


def guidance(answer: Answer, notes: list[str], subject: str | None, language: str) -> dict[str, Any]:
    """The answer as a GuidanceResponse.

    `status` is ``success`` where the strategy is settled, ``data-requested`` where unknown facts could change the answer, and
    ``data-required`` where no strategy can be derived; ``dataRequirement`` names what is missing, what matters most first.
    """
    result = answer.json(language)
    strategy = result["strategy"]
    status = "data-required" if strategy is None else "data-requested" if result["missing"] or not strategy["settled"] else "success"
    found = {
        "resourceType": "GuidanceResponse",
        "id": str(uuid.uuid4()),
        "language": "en" if language == "en" else "zh-CN",
        "contained": [_outputs(result), _proposal(result, answer.guideline, subject, language)],
        "identifier": [{"system": IRI + "case", "value": result["case_id"]}],
        "moduleUri": f"{IRI}{result['guideline']['version']}",
        "status": status,
        "subject": {"reference": subject} if subject else None,
        "occurrenceDateTime": datetime.now(UTC).isoformat(timespec="seconds"),
        "note": [{"text": text} for text in (result["notice"], *notes)],
        "outputParameters": {"reference": "#answer"},
        "result": {"reference": "#proposal"},
        "dataRequirement": [_requirement(item["fact"], answer.guideline, language) for item in result["missing"]],
    }
    kept: dict[str, Any] = without_empties(found)
    return kept


def _outputs(result: dict[str, Any]) -> dict[str, Any]:
    """What an integrator reads first; the whole answer as JSON beside it."""
    import orjson

    parameters: list[dict[str, Any]] = [{"name": "guideline-digest", "valueString": result["guideline"]["digest"]}]
    if result["strategy"]:
        parameters += [{"name": "strategy", "valueCode": result["strategy"]["id"]}, {"name": "settled", "valueBoolean": result["strategy"]["settled"]}]
        parameters += [{"name": "strategy-disputed-by", "valueString": study} for study in result["strategy"]["disputed_by"]]
    parameters += [{"name": "device", "part": [{"name": "id", "valueCode": d["id"]}, {"name": "status", "valueCode": d["status"]}]} for d in result["devices"]]
    parameters += [
        {"name": "alert", "part": [{"name": "id", "valueCode": a["id"]}, {"name": "severity", "valueCode": a["severity"]}]} for a in result["alerts"]
    ]
    parameters += [{"name": "not-excluded", "valueCode": alert["id"]} for alert in result["possible_alerts"]]
    parameters.append({"name": "answer", "valueString": orjson.dumps(result).decode()})
    return {"resourceType": "Parameters", "id": "answer", "parameter": parameters}


def _proposal(result: dict[str, Any], guideline: Guideline, subject: str | None, language: str) -> dict[str, Any]:
    """What is recommended, with the rule and citation of each action. A proposal, never an order."""
    actions = [_action(f"{alert['label']}", alert["rules"][0], result, "routine" if alert["severity"] == "info" else "urgent") for alert in result["alerts"]]
    if result["strategy"]:
        actions.append(_action(result["strategy"]["label"], result["strategy"]["rule"], result))
    used = [device for device in result["devices"] if device["status"] in ("preferred", "suitable")]
    actions += [_action(f"{device['label']}: {device['status']}", (device["preferred_by"] + device["indicated_by"])[0], result) for device in used]
    return {
        "resourceType": "RequestGroup",
        "id": "proposal",
        "status": "draft",
        "intent": "proposal",
        "subject": {"reference": subject} if subject else None,
        "action": actions or [{"title": "no strategy can be derived yet; see what is missing" if language == "en" else "尚不能得出策略；见缺失信息"}],
        "note": [{"text": guideline.notice[language]}],
    }


def _action(title: str, rule: str, result: dict[str, Any], priority: str = "routine") -> dict[str, Any]:
    cited = {item["citation"]: item for step in result["steps"] if step["rule"] == rule for item in step["evidence"]}
    documents = [{"type": "citation", "citation": citation} for citation in cited]
    return {"title": title, "priority": priority, "code": [{"coding": [{"system": IRI + "rule", "code": rule}]}], "documentation": documents}


def _requirement(name: str, guideline: Guideline, language: str) -> dict[str, Any]:
    codes = [{"system": OURS, "code": name, "display": guideline.facts[name].label[language]}]
    codes += [{"system": m.system, "code": m.code, "display": m.display} for m in Codes(guideline).of_fact.get(name, ())]
    return {"type": "Observation", "mustSupport": ["code", "value"], "codeFilter": [{"path": "code", "code": codes}]}


def without_empties(value: Any) -> Any:
    """The same without nulls, empty lists, objects and texts, which FHIR and CDS Hooks forbid."""
    if isinstance(value, dict):
        kept = {key: without_empties(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item is not None and item != [] and item != {} and item != ""}
    if isinstance(value, list):
        return [item for item in map(without_empties, value) if item is not None and item != [] and item != {} and item != ""]
    return value


def outcome(kind: str, detail: str, problems: list[Problem]) -> dict[str, Any]:
    """Problems as an OperationOutcome."""
    issues = [{"severity": "error", "code": kind, "diagnostics": str(problem)} for problem in problems]
    return {"resourceType": "OperationOutcome", "issue": issues or [{"severity": "error", "code": kind, "diagnostics": detail}]}
