"""FHIR R4: facts from Observations or from an extension, and answers as GuidanceResponse. Checked with the R4B models of fhir.resources."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from calx.reasoner.answer import Answer
from calx.reasoner.errors import Problem
from calx.reasoner.guideline import IRI, Fact, Guideline

from .mappings import OURS, Codes
from .words import words_of

FACTS = IRI + "fhir/StructureDefinition/facts"
"""The extension that carries facts: one nested extension a fact, its url the fact's name."""
MOST_FAULTS = 24
IGNORED_STATUS = {"entered-in-error", "cancelled", "registered"}
UNITS = {"{pulse}": {"{pulse}", "1"}}
"""Units that are taken, where there are more than the fact's own."""
UCUM = "http://unitsofmeasure.org"
CHECKED = ("Bundle", "Observation", "Parameters")
VALUES = (
    "valueBoolean",
    "valueDecimal",
    "valueInteger",
    "valuePositiveInt",
    "valueUnsignedInt",
    "valueString",
    "valueCode",
    "valueQuantity",
    "valueCodeableConcept",
    "valueCoding",
)


class Reading:
    """The facts found in FHIR resources, with what was wrong and where each came from."""

    def __init__(self, guideline: Guideline, codes: Codes) -> None:
        self._guideline, self.codes = guideline, codes
        self.facts: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        """What was read as what, and what was left aside."""
        self.subject: str | None = None
        """The patient of the observations."""
        self._day = ""

    def resource(self, resource: Any, place: str) -> None:
        """Read a Bundle, an Observation, or the extension of any resource."""
        if not isinstance(resource, dict):
            if resource is not None:
                self.problems.append(Problem("is no FHIR resource; send a JSON object with a resourceType", place=place))
            return
        if resource.get("resourceType") in CHECKED:
            faults = invalid(resource)
            if faults:
                self.problems += [Problem(fault, place=place) for fault in faults]
                return
        elif isinstance(resource.get("extension"), list):
            faults = [fault for item in resource["extension"] if isinstance(item, dict) and item.get("url") == FACTS for fault in invalid_extension(item)]
            if faults:
                self.problems += [Problem(fault, place=place) for fault in faults]
                return
        self._read(resource, place)

    def _read(self, resource: dict[str, Any], place: str) -> None:
        """Read a resource that was checked, with all that it holds."""
        kind = resource.get("resourceType")
        if kind == "OperationOutcome":
            self.notes.append(f"{place}: the client could not fetch this")
            return
        if resource.get("modifierExtension") or resource.get("implicitRules"):
            # R4, 2.1.1.5 and 2.26.3.2: whoever does not understand them must not process the resource
            self.problems.append(
                Problem("has a modifierExtension or implicitRules, which could turn its meaning; remove it or send the fact plainly", place=place)
            )
            return
        self._extensions(resource.get("extension"), place)
        if kind == "Bundle":
            for number, entry in enumerate(resource.get("entry") or (), 1):
                if isinstance(entry.get("resource"), dict):
                    self._read(entry["resource"], f"{place}.entry[{number}]")
        elif kind == "Observation":
            self._observation(resource, place)
        elif kind == "Parameters":
            self._parameters(resource, place)

    def _parameters(self, resource: dict[str, Any], place: str) -> None:
        for parameter in resource.get("parameter") or ():
            name = parameter.get("name", "")
            if isinstance(parameter.get("resource"), dict):
                self._read(parameter["resource"], f"{place}.{name}")
            elif name not in ("subject", "case_id"):
                self._take(name, parameter, f"{place}.{name}")

    def _extensions(self, extensions: Any, place: str) -> None:
        for extension in extensions if isinstance(extensions, list) else ():
            if isinstance(extension, dict) and extension.get("url") == FACTS:
                for item in extension.get("extension") or ():
                    if isinstance(item, dict):
                        self._take(str(item.get("url")), item, f"{place}.extension")

    def plain(self, facts: Any, place: str) -> None:
        """Read facts as a plain JSON object."""
        if not isinstance(facts, dict):
            self.problems.append(Problem("is not an object of facts", place=place))
            return
        for name, value in facts.items():
            self._put(name, value, place)

    def _observation(self, resource: dict[str, Any], place: str) -> None:
        status = resource.get("status")
        if status in IGNORED_STATUS:
            self.notes.append(f"{place}: left aside, its status is {status}")
            return
        for coding in (resource.get("code") or {}).get("coding") or ():
            key = (coding.get("system"), coding.get("code"))
            name = self.codes.fact.get(key)
            if name is None and key[0] in (OURS, IRI):
                self._put(str(key[1]), True, place)  # no fact of this name: the gate says which is meant
                return
            if name is not None and "dataAbsentReason" not in resource:
                self._same_lesion(resource, place)
                if status not in ("final", "amended", "corrected"):
                    self.notes.append(f"{self._guideline.facts[name].label['en']}: the status of its observation is {status}")
                if self._take(name, resource, place) and key[0] not in (OURS, IRI):
                    self.notes.append(self.codes.told(key, self._guideline.facts[name]))
                return
            if key in self.codes.too_broad:
                self.notes.append(f"{self.codes.too_broad[key]} ({key[1]}) says less than any fact needs; left aside")

    def _same_lesion(self, resource: dict[str, Any], place: str) -> None:
        """All observations must be of one patient; other days are said, as facts are of one moment."""
        subject = (resource.get("subject") or {}).get("reference")
        if subject and self.subject and subject != self.subject:
            self.problems.append(Problem(f"is of {subject}, another observation of {self.subject}; send one patient's lesion", place=place))
        self.subject = self.subject or subject
        day = str(resource.get("effectiveDateTime") or "")[:10]
        if day and self._day and day != self._day:
            self.notes.append(f"{place}: observed on {day}, another on {self._day}; facts are of one moment")
        self._day = self._day or day

    def _take(self, name: str, element: dict[str, Any], place: str) -> bool:
        """Put the value of a FHIR element under a fact, with unit and codes checked; whether there was one."""
        kind = next((key for key in element if key.startswith("value")), None)
        fact = self._guideline.facts.get(name)
        if kind is None:
            self.problems.append(Problem("has no value; send one, or leave it out where it is unknown", name[:64], place))
        elif kind not in VALUES:
            self.problems.append(Problem(f"has a {kind}, which is not read; use {', '.join(VALUES)}", name[:64], place))
        elif fact is None or not fact.given:
            self._put(name, element[kind], place)
        elif kind == "valueQuantity":
            self._quantity(fact, element[kind], place)
        elif kind in ("valueCodeableConcept", "valueCoding"):
            value = element[kind]
            codings = value.get("coding") or () if kind == "valueCodeableConcept" else (value,)
            known = [code for code in (self._coded(fact, coding) for coding in codings) if code is not None]
            if known:
                self._put(name, known[0], place)
            else:
                self.problems.append(Problem(f"has no code that is known here; use the values of the fact with the system {OURS}", name, place))
        else:
            self._put(name, element[kind], place)
        return kind is not None

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
        value = code if system in (OURS, IRI) else self.codes.value.get((str(system), str(code)))
        return value if value in fact.values else None

    def _put(self, name: str, value: Any, place: str) -> None:
        if value is None:
            return
        if name in self.facts and self.facts[name] != value:
            self.problems.append(Problem(f"stands twice, as {self.facts[name]} and {value}; send one", name, place))
        self.facts[name] = value


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


def invalid_extension(extension: dict[str, Any]) -> list[str]:
    """What is wrong with an extension, by the R4B model."""
    from fhir.resources.R4B.extension import Extension
    from pydantic import ValidationError

    try:
        Extension.model_validate(extension)
    except ValidationError as error:
        return [f"extension.{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in error.errors()[:MOST_FAULTS]]
    except (LookupError, ValueError, TypeError, RecursionError) as error:
        return [f"extension is not readable ({type(error).__name__})"]
    return []


# --- answers -----------------------------------------------------------------------


def guidance(answer: Answer, reading: Reading, language: str) -> dict[str, Any]:
    """The answer as a GuidanceResponse.

    `status` is ``success`` where the strategy is settled, nothing is missing and no critical alert is left open; ``data-requested`` where
    unknown facts could change the answer; ``data-required`` where no strategy can be derived. `dataRequirement` names what is missing, what
    matters most first, then what leaves critical alerts open.
    """
    result = answer.json(language)
    strategy, subject = result["strategy"], reading.subject
    missing = [item["fact"] for item in result["missing"]] + [fact for alert in result["possible_alerts"] for fact in alert["because_of"]]
    status = "data-required" if strategy is None else "data-requested" if missing or not strategy["settled"] else "success"
    found = {
        "resourceType": "GuidanceResponse",
        "id": str(uuid.uuid4()),
        "language": "en" if language == "en" else "zh-CN",
        "contained": [_outputs(result), _Proposal(result, answer.guideline, subject, language).resource()],
        "identifier": [{"system": IRI + "case", "value": result["case_id"]}],
        "moduleUri": f"{IRI}{result['guideline']['version']}",
        "status": status,
        "subject": {"reference": subject} if subject else None,
        "occurrenceDateTime": datetime.now(UTC).isoformat(timespec="seconds"),
        "note": [{"text": text} for text in (result["notice"], *reading.notes)],
        "outputParameters": {"reference": "#answer"},
        "result": {"reference": "#proposal"},
        "dataRequirement": [_requirement(fact, answer.guideline, reading.codes, language) for fact in dict.fromkeys(missing)],
    }
    kept: dict[str, Any] = without_empties(found)
    return kept


def _outputs(result: dict[str, Any]) -> dict[str, Any]:
    """What an integrator reads first; the whole answer as JSON beside it."""
    import orjson

    def part(name: str, values: list[str]) -> list[dict[str, Any]]:
        return [{"name": name, "valueString": value} for value in values]

    parameters: list[dict[str, Any]] = [{"name": "guideline-digest", "valueString": result["guideline"]["digest"]}]
    strategy = result["strategy"]
    if strategy:
        parameters += [{"name": "strategy", "valueCode": strategy["id"]}, {"name": "settled", "valueBoolean": strategy["settled"]}]
        parameters += part("strategy-disputed-by", strategy["disputed_by"])
    for device in result["devices"]:
        told = [{"name": "id", "valueCode": device["id"]}, {"name": "status", "valueCode": device["status"]}]
        told += part("unverified", device["unverified"]) + part("disputed-by", device["disputed_by"])
        told += part("caution", [caution["id"] for caution in device["cautions"]])
        parameters.append({"name": "device", "part": told})
    parameters += [
        {"name": "alert", "part": [{"name": "id", "valueCode": a["id"]}, {"name": "severity", "valueCode": a["severity"]}]} for a in result["alerts"]
    ]
    parameters += [{"name": "not-excluded", "valueCode": alert["id"]} for alert in result["possible_alerts"]]
    parameters.append({"name": "answer", "valueString": orjson.dumps(result).decode()})
    return {"resourceType": "Parameters", "id": "answer", "parameter": parameters}


class _Proposal:
    """What is recommended, with its standing, what speaks against it, and citations by stance. A proposal, never an order."""

    def __init__(self, result: dict[str, Any], guideline: Guideline, subject: str | None, language: str) -> None:
        self._result, self._guideline, self._subject, self._language = result, guideline, subject, language
        self._words = words_of(language)

    def resource(self) -> dict[str, Any]:
        result, words = self._result, self._words
        actions = [self._action(alert["label"], alert["rules"], alert, alert["severity"] != "info") for alert in result["alerts"]]
        if result["possible_alerts"]:
            named = ", ".join(alert["label"] for alert in result["possible_alerts"])
            actions.append({"title": f"{words['not excluded']}: {named}", "description": words["not excluded hint"], "priority": "urgent"})
        if result["strategy"]:
            strategy = result["strategy"]
            actions.append(self._action(f"{strategy['label']} ({words['settled' if strategy['settled'] else 'provisional']})", [strategy["rule"]], strategy))
        else:
            actions.append({"title": f"{words['strategy']}: {words['no strategy']}"})
        actions += [self._device(device) for device in result["devices"] if device["status"] != "not_indicated"]
        return {
            "resourceType": "RequestGroup",
            "id": "proposal",
            "status": "draft",
            "intent": "proposal",
            "subject": {"reference": self._subject} if self._subject else None,
            "action": actions,
            "note": [{"text": result["notice"]}],
        }

    def _device(self, device: dict[str, Any]) -> dict[str, Any]:
        rules = [item["rule"] for item in device["contraindications"]] or device["preferred_by"] + device["indicated_by"]
        return self._action(f"{device['label']}: {self._words[device['status']]}", rules, device)

    def _action(self, title: str, rules: list[str], conclusion: dict[str, Any], urgent: bool = False) -> dict[str, Any]:
        return {
            "title": title,
            "description": reservations_in_words(conclusion, self._guideline, self._language),
            "priority": "urgent" if urgent else "routine",
            "code": [{"coding": [{"system": IRI + "rule", "code": rule} for rule in rules]}],
            "documentation": self._cited(rules),
        }

    def _cited(self, rules: list[str]) -> list[dict[str, Any]]:
        cited = {(item["citation"], item["stance"]): item for step in self._result["steps"] if step["rule"] in rules for item in step["evidence"]}
        return [
            {"type": "citation", "display": f"{self._words[item['stance']]} ({item['level']}): {item['statement']}", "citation": item["citation"]}
            for item in cited.values()
        ]


def reservations_in_words(conclusion: dict[str, Any], guideline: Guideline, language: str) -> str:
    """What stands against a conclusion, or is open about it, in one text: level, disputes, limits, cautions, contraindications not ruled out."""
    words = words_of(language)
    parts = [f"{words['level']} {conclusion['level']}"] if conclusion["level"] else []
    parts += [f"{words['disputed by']} {guideline.studies[study].label[language]}" for study in conclusion["disputed_by"]]
    parts += [f"{words['limited by']} {guideline.statements[limit].text[language]}" for limit in conclusion["limits"]]
    for caution in conclusion.get("cautions", ()):
        disputers = ", ".join(guideline.studies[study].label[language] for study in caution["disputed_by"])
        against = f"; {words['disputed by']} {disputers}" if disputers else ""
        parts.append(f"{words['caution']}: {caution['label']} ({caution['level']}{against})")
    if conclusion.get("unverified") and conclusion.get("status") != "contraindicated":
        parts.append(f"{words['not verified']} {', '.join(guideline.facts[fact].label[language] for fact in conclusion['unverified'])}")
    return ". ".join(parts)


def _requirement(name: str, guideline: Guideline, codes: Codes, language: str) -> dict[str, Any]:
    asked = [{"system": OURS, "code": name, "display": guideline.facts[name].label[language]}]
    asked += [{"system": m.system, "code": m.code, "display": m.display} for m in codes.of_fact.get(name, ())]
    return {"type": "Observation", "mustSupport": ["code", "value"], "codeFilter": [{"path": "code", "code": asked}]}


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
