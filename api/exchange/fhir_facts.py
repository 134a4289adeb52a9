"""FHIR R4: facts from Observations or from an extension, and answers as GuidanceResponse. Checked
with the R4B models of fhir.resources.
"""

from __future__ import annotations

from typing import Any

from calx.api.exchange.codes import OURS, Codes
from calx.reasoner.intake.errors import Problem
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.names import IRI

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


class FhirFacts:
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
                self.problems.append(
                    Problem(
                        "is no FHIR resource; send a JSON object with a resourceType", place=place
                    )
                )
            return
        if resource.get("resourceType") in CHECKED:
            faults = invalid(resource)
            if faults:
                self.problems += [Problem(fault, place=place) for fault in faults]
                return
        elif isinstance(resource.get("extension"), list):
            faults = [
                fault
                for item in resource["extension"]
                if isinstance(item, dict) and item.get("url") == FACTS
                for fault in invalid_extension(item)
            ]
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
            # R4, 2.1.1.5 and 2.26.3.2: whoever does not understand them must not process the
            # resource
            self.problems.append(
                Problem(
                    (
                        "has a modifierExtension or implicitRules, which could turn its meaning; "
                        "remove it or send the fact plainly"
                    ),
                    place=place,
                )
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
                # no fact of this name: the gate says which is meant
                self._put(str(key[1]), True, place)
                return
            if name is not None and "dataAbsentReason" not in resource:
                self._same_lesion(resource, place)
                if status not in ("final", "amended", "corrected"):
                    self.notes.append(
                        f"{self._guideline.facts[name].label['en']}: the status of its "
                        f"observation is {status}"
                    )
                if self._take(name, resource, place) and key[0] not in (OURS, IRI):
                    self.notes.append(self.codes.told(key, self._guideline.facts[name]))
                return
            if key in self.codes.too_broad:
                self.notes.append(
                    f"{self.codes.too_broad[key]} ({key[1]}) says less than any fact needs; left "
                    "aside"
                )

    def _same_lesion(self, resource: dict[str, Any], place: str) -> None:
        """All observations must be of one patient;
        other days are said, as facts are of one moment.
        """
        subject = (resource.get("subject") or {}).get("reference")
        if subject and self.subject and subject != self.subject:
            self.problems.append(
                Problem(
                    (
                        f"is of {subject}, another observation of {self.subject}; send one "
                        "patient's lesion"
                    ),
                    place=place,
                )
            )
        self.subject = self.subject or subject
        day = str(resource.get("effectiveDateTime") or "")[:10]
        if day and self._day and day != self._day:
            self.notes.append(
                f"{place}: observed on {day}, another on {self._day}; facts are of one moment"
            )
        self._day = self._day or day

    def _take(self, name: str, element: dict[str, Any], place: str) -> bool:
        """Put the value of a FHIR element under a fact,
        with unit and codes checked; whether there was one.
        """
        kind = next((key for key in element if key.startswith("value")), None)
        fact = self._guideline.facts.get(name)
        if kind is None:
            self.problems.append(
                Problem(
                    "has no value; send one, or leave it out where it is unknown", name[:64], place
                )
            )
        elif kind not in VALUES:
            self.problems.append(
                Problem(
                    f"has a {kind}, which is not read; use {', '.join(VALUES)}", name[:64], place
                )
            )
        elif fact is None or not fact.given:
            self._put(name, element[kind], place)
        elif kind == "valueQuantity":
            self._quantity(fact, element[kind], place)
        elif kind in ("valueCodeableConcept", "valueCoding"):
            value = element[kind]
            codings = value.get("coding") or () if kind == "valueCodeableConcept" else (value,)
            known = [
                code
                for code in (self._coded(fact, coding) for coding in codings)
                if code is not None
            ]
            if known:
                self._put(name, known[0], place)
            else:
                self.problems.append(
                    Problem(
                        (
                            "has no code that is known here; use the values of the fact with the "
                            f"system {OURS}"
                        ),
                        name,
                        place,
                    )
                )
        else:
            self._put(name, element[kind], place)
        return kind is not None

    def _quantity(self, fact: Fact, quantity: dict[str, Any], place: str) -> None:
        if quantity.get("comparator"):
            self.problems.append(
                Problem(
                    f"has the comparator {quantity['comparator']}; a fact is one number",
                    fact.name,
                    place,
                )
            )
            return
        unit = (
            quantity.get("code")
            if quantity.get("system") in (UCUM, None) and quantity.get("code")
            else quantity.get("unit")
        )
        allowed = UNITS.get(fact.unit or "1", {fact.unit})
        if fact.kind in ("number", "integer") and (unit or "1") not in allowed:
            self.problems.append(
                Problem(
                    f"has the unit {unit or 'none'}; give it in {fact.unit} (UCUM)",
                    fact.name,
                    place,
                )
            )
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
            self.problems.append(
                Problem(f"stands twice, as {self.facts[name]} and {value}; send one", name, place)
            )
        self.facts[name] = value


def invalid(resource: dict[str, Any]) -> list[str]:
    """What is wrong with a resource, by the R4B models."""
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    try:
        get_fhir_model_class(str(resource.get("resourceType"))).model_validate(resource)
    except ValidationError as error:
        return [
            (
                f"{'.'.join(str(part) for part in fault['loc']) or resource.get('resourceType')}: "
                f"{fault['msg']}"
            )
            for fault in error.errors()[:MOST_FAULTS]
        ]
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
        return [
            f"extension.{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}"
            for fault in error.errors()[:MOST_FAULTS]
        ]
    except (LookupError, ValueError, TypeError, RecursionError) as error:
        return [f"extension is not readable ({type(error).__name__})"]
    return []
