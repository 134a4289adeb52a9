"""FHIR R4: facts from Observations or from an extension, and answers as GuidanceResponse. Checked
with the R4B models of fhir.resources.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from calx.api.exchange.codes import Codes, canonical
from calx.api.exchange.lesions import (
    ENCOUNTER,
    FOCUS,
    PROCEDURE,
    SITE,
    SPECIMEN,
    STUDY,
    UNKNOWN,
    Lesion,
    Observed,
    Patients,
    Told,
    lesions,
)
from calx.api.exchange.moments import moment_of
from calx.api.exchange.references import (
    body_structures,
    concept,
    identifiers,
    negated,
    objects,
    patient_tokens,
    references,
    short,
    shown,
    version_of,
)
from calx.api.exchange.validity import invalid, invalid_extension
from calx.reasoner.intake.errors import Problem
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.names import IRI

FACTS = IRI + "fhir/StructureDefinition/facts"
"""The extension that carries facts: one nested extension a fact, its url the fact's name."""
IGNORED_STATUS = {"entered-in-error", "cancelled", "registered"}
UNITS = {"{pulse}": {"{pulse}", "1"}}
"""Units that are taken, where there are more than the fact's own."""
UCUM = "http://unitsofmeasure.org"
UNITLESS = ("valueDecimal", "valueInteger", "valuePositiveInt", "valueUnsignedInt")
UNITS_KNOWN = {
    "mm",
    "cm",
    "um",
    "m",
    "nm",
    "deg",
    "rad",
    "mm2",
    "cm2",
    "%",
    "a",
    "mo",
    "1",
    "s",
    "ms",
}
"""Units that cannot be words for each other."""
CHECKED = ("Bundle", "Observation", "Parameters")
READ = ("Observation", "DiagnosticReport")
"""Kinds of which patient, lesion and time are asked."""
REFERENCE = re.compile(r"(^|/)Patient/[A-Za-z0-9.-]{1,64}$")
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
        self._observed: list[Observed] = []
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        """What was read as what, and what was left aside."""
        self.patients = Patients()
        self.unfetched: list[str] = []
        """Places of what the client could not fetch."""
        self.incomplete = False
        """A page of a bundle was not sent."""
        self._aside = 0
        self._base = ""
        self._around: dict[str, Told] = {}
        self._known: set[str] = set()
        self._members: dict[str, str] = {}
        self._given = {fact.name for fact in guideline.facts.values() if fact.given}
        self._labels = {
            label.casefold(): fact.name
            for fact in guideline.facts.values()
            if fact.given
            for label in fact.label.values()
        }

    @property
    def subject(self) -> str | None:
        """A reference to the patient of the observations."""
        named = self.patients.named()
        told = sorted((token for token in named if REFERENCE.search(token)), key=len)
        return told[0] if told else None

    def lesions(self, *, several: bool = False) -> list[Lesion]:
        """The facts, lesion by lesion; call it when everything was read. What is wrong stands in
        `problems` then, and the notes are complete.

        Args:
            several: more than one lesion may be told of.
        """
        found, problems = lesions(self._observed, self._guideline.of_patient, several=several)
        self.problems += [*self.patients.problems(), *problems]
        if self._aside:
            self.notes.append(f"{self._aside} values with codes that no fact has were left aside")
        gone = [where for member, where in self._members.items() if member not in self._known]
        if gone:
            self.notes.append(
                f"{len(gone)} members of panels or reports are not in the request ({gone[0]}); "
                "what they hold is unknown"
            )
        return found

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
        if not isinstance(resource.get("resourceType"), str):
            self.problems.append(Problem("has no resourceType; send a FHIR resource", place=place))
            return
        if resource["resourceType"] in (*CHECKED, *READ) or resource.get("contained"):
            faults = invalid(self._relevant(resource))
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
        try:
            self._read(resource, place, None)
        except (TypeError, AttributeError, LookupError, ValueError) as error:
            told = f"is not readable as FHIR ({type(error).__name__})"
            self.problems.append(Problem(told, place=place))

    def _relevant(self, resource: dict[str, Any]) -> dict[str, Any]:
        """A resource without those of its entries that tell no fact: they need not be valid."""
        entries = resource.get("entry")
        if resource.get("resourceType") != "Bundle" or not isinstance(entries, list):
            return resource
        kept = [
            entry
            if not isinstance(entry, dict) or not self._foreign(entry.get("resource"))
            else {key: value for key, value in entry.items() if key != "resource"}
            for entry in entries
        ]
        return {**resource, "entry": [entry for entry in kept if entry != {}]}

    def _foreign(self, resource: Any) -> bool:
        """Whether a resource is one that is not read: another kind, or an observation that has
        neither a code that is known nor anything within that might.
        """
        if not isinstance(resource, dict):
            return False
        kind = resource.get("resourceType")
        if not isinstance(kind, str) or kind in ("Bundle", "Parameters"):
            return False
        if any(key in resource for key in ("extension", "contained", "modifierExtension")):
            return False
        if kind not in READ:
            return True
        codes = resource.get("code")
        codings = codes.get("coding") if isinstance(codes, dict) else None
        if kind != "Observation" or "component" in resource or not isinstance(codings, list):
            return False
        return bool(codings) and all(
            isinstance(coding, dict)
            and isinstance(coding.get("code"), str)
            and isinstance(coding.get("system"), str)
            and (coding["system"], coding["code"]) not in self.codes.fact
            and coding["system"] not in self.codes.own
            for coding in codings
        )

    def _read(self, resource: dict[str, Any], place: str, around: Told | None) -> None:
        """Read a resource that was checked, with all that it holds.

        Args:
            resource: of any kind.
            place: where it stands.
            around: of what the resource is that contains it.
        """
        kind = str(resource.get("resourceType"))
        if kind == "OperationOutcome":
            issues = objects(resource.get("issue"))
            if not issues or any(i.get("severity") in ("fatal", "error", None) for i in issues):
                self.notes.append(f"{place}: the client could not fetch this")
                self.unfetched.append(place)
            return
        self._known |= {f"{kind}/{resource.get('id')}", f"#{resource.get('id')}"}
        if str(resource.get("status")) in IGNORED_STATUS:
            if not self._foreign(resource):
                self.notes.append(f"{place}: left aside, its status is {resource['status']}")
            return
        if kind == "Observation" and self._foreign(resource):
            self._aside += any(str(key).startswith("value") for key in resource)
            self._members_of(resource.get("hasMember"), place)
            return
        turned = ("modifierExtension", "implicitRules")
        if any(resource.get(key) for key in turned) and not self._foreign(
            {key: value for key, value in resource.items() if key not in turned}
        ):
            self._not_understood(place)
            return
        told = around
        if kind == "Patient":
            if not self._base:
                self.patients.link(frozenset(patient_tokens(resource)))
            if self._extensions(resource.get("extension"), place, None):
                named = f"Patient/{resource.get('id')}"
                own = {self._base + named} if resource.get("id") else set[str]()
                tokens = own or identifiers(resource.get("identifier"))
                self.patients.add(frozenset(tokens), place)
        elif kind not in ("Bundle", "Parameters"):
            member = self._around.get(f"{kind}/{resource.get('id')}", Told())
            told = self._told(resource, place).over(around or Told()).over(member)
            if self._extensions(resource.get("extension"), place, told):
                self.patients.add(told.patient, place)
        for number, part in enumerate(objects(resource.get("contained")), 1):
            if part.get("resourceType") not in ("Patient", "Encounter", "Specimen", "Procedure"):
                self._read(part, f"{place}.contained[{number}]", told)
        if kind == "Bundle":
            self._bundle(resource, place)
        elif kind == "Observation":
            self._observation(resource, place, told or Told())
        elif kind == "DiagnosticReport":
            self._members_of(resource.get("result"), place)
        elif kind == "Parameters":
            self._parameters(resource, place)
        elif kind == "QuestionnaireResponse":
            self.notes.append(f"{place}: a {kind} is not read; send Observations")
        if kind not in ("Bundle", "Observation", "Parameters", "Patient") and (
            self._named(resource.get("code"), place) is not None
        ):
            self.problems.append(
                Problem(f"is told by a {kind}, which is not read; send an Observation", place=place)
            )

    def _not_understood(self, place: str) -> None:
        # R4, 2.1.1.5 and 2.26.3.2: whoever does not understand them must not process the resource
        self.problems.append(
            Problem(
                (
                    "has a modifierExtension or implicitRules, which could turn its meaning; "
                    "remove it or send the fact plainly"
                ),
                place=place,
            )
        )

    def _bundle(self, bundle: dict[str, Any], place: str) -> None:
        entries = self._current(objects(bundle.get("entry")), place)
        patients = [
            (str(entry.get("fullUrl") or ""), entry["resource"])
            for _, entry in entries
            if isinstance(entry.get("resource"), dict)
            and entry["resource"].get("resourceType") == "Patient"
        ]
        for address, patient in patients:
            alone = sum(other.get("id") == patient.get("id") for _, other in patients) == 1
            named = patient_tokens(patient) if alone else identifiers(patient.get("identifier"))
            self.patients.link(frozenset(named | ({address} if address else set())))
        for _, entry in entries:
            if isinstance(entry.get("fullUrl"), str):
                self._known |= {entry["fullUrl"], short(entry["fullUrl"])}
            if isinstance(entry.get("resource"), dict):
                self._panel(entry["resource"], f"{place}.entry")
        for number, entry in entries:
            where = f"{place}.entry[{number}]"
            if entry.get("modifierExtension"):
                self._not_understood(where)
            elif isinstance(entry.get("resource"), dict):
                found = str(entry.get("fullUrl") or "")
                self._base = found[: -len(short(found))] if short(found) != found else ""
                self._read(entry["resource"], where, None)
                self._base = ""
            elif str((entry.get("response") or {}).get("status", "2"))[:1] in "45":
                self.notes.append(f"{where}: the client could not fetch this")
                self.unfetched.append(where)
            else:
                self.notes.append(f"{where} holds no resource; what it stands for is unknown")
        matches = sum(
            (entry.get("search") or {}).get("mode", "match") != "outcome" for _, entry in entries
        )
        more = any(link.get("relation") == "next" for link in objects(bundle.get("link")))
        total = bundle.get("total")
        if more or (isinstance(total, int) and total > matches):
            self.incomplete = True
            self.notes.append(
                f"{place} is incomplete: {matches} of {total if total is not None else 'more'} "
                "entries were sent; what the others hold is unknown"
            )

    def _current(
        self, entries: list[dict[str, Any]], place: str
    ) -> list[tuple[int, dict[str, Any]]]:
        """Entries, of several versions of a resource the newest alone; none of one that was
        deleted. The numbers are those of the bundle.
        """
        gone = {
            short(str(request.get("url")))
            for entry in entries
            if (request := entry.get("request") or {}).get("method") == "DELETE"
        }
        newest: dict[str, tuple[tuple[Any, ...], int]] = {}
        for number, entry in enumerate(entries, 1):
            name, version = version_of(entry)
            if name and (name not in newest or version > newest[name][0]):
                newest[name] = version, number
        kept = []
        for number, entry in enumerate(entries, 1):
            name, version = version_of(entry)
            if name in gone:
                self.notes.append(f"{place}.entry[{number}]: {name} was deleted; left aside")
            elif name and version and newest[name][1] != number and version < newest[name][0]:
                self.notes.append(
                    f"{place}.entry[{number}]: an older version of {name}; left aside"
                )
            else:
                kept.append((number, entry))
        return kept

    def _panel(self, resource: dict[str, Any], place: str) -> None:
        """What a panel or report says of its members holds of them, where they do not say."""
        members = objects(resource.get("hasMember")) + objects(resource.get("result"))
        if not members or resource.get("resourceType") not in READ:
            return
        told = self._told(resource, place)
        for member in members:
            reference = member.get("reference")
            if isinstance(reference, str):
                self._around[short(reference)] = told
                if resource.get("modifierExtension"):
                    self._not_understood(place)

    def _members_of(self, references: Any, place: str) -> None:
        for number, reference in enumerate(objects(references)):
            told = reference.get("reference")
            self._members[short(told) if isinstance(told, str) else f"{place} {number}"] = place

    def _parameters(self, resource: dict[str, Any], place: str) -> None:
        for parameter in objects(resource.get("parameter")):
            name = str(parameter.get("name", ""))
            if parameter.get("modifierExtension"):
                self._not_understood(f"{place}.{name}")
            elif isinstance(parameter.get("resource"), dict):
                self._read(parameter["resource"], f"{place}.{name}", None)
            elif name == "subject":
                identifier = identifiers([parameter.get("valueIdentifier")])
                tokens = references(parameter.get("valueReference"), "", self._base) | identifier
                if tokens:
                    self.patients.add(tokens, f"{place}.{name}")
            elif parameter.get("part"):
                self.problems.append(
                    Problem("has parts, which are not read", name[:64], f"{place}.{name}")
                )
            elif name not in ("subject", "case_id"):
                self._take(name, parameter, f"{place}.{name}", None)

    def _extensions(self, extensions: Any, place: str, told: Told | None) -> bool:
        """Read the facts of extensions, also those within others; whether there were any."""
        found = False
        for extension in objects(extensions):
            if str(extension.get("url")).partition("|")[0] != FACTS:
                found |= self._extensions(extension.get("extension"), place, told)
                continue
            found = True
            items = objects(extension.get("extension"))
            if not items:
                self.problems.append(
                    Problem("holds no facts; nest one extension a fact", place=f"{place}.extension")
                )
            for item in items:
                name = str(item.get("url"))
                if name not in self._given:
                    self._put(name, True, f"{place}.extension", told)
                else:
                    self._take(name, item, f"{place}.extension", told)
        return found

    def plain(self, facts: Any, place: str) -> None:
        """Read facts as a plain JSON object."""
        if not isinstance(facts, dict):
            self.problems.append(Problem("is not an object of facts", place=place))
            return
        for name, value in facts.items():
            self._put(name, value, place, None)

    # --- observations ----------------------------------------------------------------

    def _observation(self, resource: dict[str, Any], place: str, told: Told) -> None:
        status = resource.get("status")
        before = len(self._observed)
        inside = bool(resource.get("component") or resource.get("hasMember"))
        self._members_of(resource.get("hasMember"), place)
        self._valued(resource, place, told, status, inside=inside)
        for number, component in enumerate(objects(resource.get("component")), 1):
            where = f"{place}.component[{number}]"
            if component.get("modifierExtension"):
                self._not_understood(where)
                continue
            self._extensions(component.get("extension"), where, told)
            self._valued(component, where, told, status, inside=False)
        if len(self._observed) > before:
            self.patients.add(told.patient, place)

    def _valued(
        self, element: dict[str, Any], place: str, told: Told, status: Any, *, inside: bool
    ) -> None:
        """Read the value of an observation or of a component of one."""
        key = self._named(element.get("code"), place)
        kind = next((n for n in element if n.startswith("value") and element[n] is not None), None)
        absent = element.get("dataAbsentReason") is not None
        if key is None:
            self._aside += kind is not None
            return
        name = self.codes.fact.get(key)
        if name is None:  # no fact of this name: the gate says which is meant
            self._put(str(key[1]), True, place, told)
            return
        if absent and kind is None:
            self.notes.append(f"{place}: {name} is said to be unknown")
            self._observed.append(Observed(name, UNKNOWN, place, told))
            return
        if absent:
            self.problems.append(
                Problem("has a value and a reason why it has none; send one", name, place)
            )
            return
        if kind is None and inside:
            return
        label = self._guideline.facts[name].label["en"]
        if status not in ("final", "amended", "corrected"):
            self.notes.append(f"{label}: the status of its observation is {status}")
        unit = self._guideline.facts[name].unit
        if kind in UNITLESS and unit not in (None, "1") and key[0] not in self.codes.own:
            self.problems.append(
                Problem(f"has a {kind} without a unit; send a valueQuantity in {unit}", name, place)
            )
            return
        if kind == "valueBoolean" and element[kind] is True and negated(element):
            self.problems.append(
                Problem("is true and interpreted as negative; send one", name, place)
            )
            return
        if self._take(name, element, place, told) and key[0] not in self.codes.own:
            self.notes.append(self.codes.told(key, self._guideline.facts[name]))

    def _named(self, concept: Any, place: str) -> tuple[str, str] | None:
        """The code by which a concept names a fact, its system and itself; None where it names
        none. A fact that is named without its system, or by several codes, is a problem.
        """
        if not isinstance(concept, dict):
            return None
        found: list[tuple[str, str]] = []
        for coding in objects(concept.get("coding")):
            key = (canonical(coding.get("system")), str(coding.get("code")))
            if key in self.codes.fact or key[0] in self.codes.own:
                found.append(key)
            elif key in self.codes.too_broad:
                self.notes.append(
                    f"{self.codes.too_broad[key]} ({key[1]}) says less than any fact needs; left "
                    "aside"
                )
        facts = {self.codes.fact.get(key, key[1]) for key in found}
        if len(facts) > 1:
            self.problems.append(
                Problem(
                    f"is coded as {' and as '.join(sorted(facts))[:120]}; send one", place=place
                )
            )
            return None
        if found:
            return found[0]
        codings = objects(concept.get("coding"))
        words = [c.get("code") for c in codings if not canonical(c.get("system"))]
        words += [] if codings else [str(concept.get("text") or "").strip()]
        meant = {str(word) for word in words if word in self._given}
        label = self._labels.get(str(words[0] or "").casefold()) if words else None
        if label and not meant:
            self.notes.append(
                f"{place}: '{words[0]}' is told in words only, without a code; not read"
            )
        if meant:
            self.problems.append(
                Problem(
                    f"is named without its code system; code it with the system {self.codes.ours}",
                    str(meant.pop()),
                    place,
                )
            )
        return None

    def _told(self, resource: dict[str, Any], place: str) -> Told:
        """Of which patient, lesion and time a resource is, as far as it says."""
        try:
            moment = moment_of(resource)
        except ValueError as error:
            moment = None
            if not self._foreign(resource):
                self.problems.append(Problem(str(error), place=place))
        refer = partial(references, place=place, base=self._base, holder=resource)
        places = {
            SITE: concept(resource.get("bodySite")) | body_structures(resource),
            FOCUS: refer(resource.get("focus")),
            SPECIMEN: refer(resource.get("specimen")),
        }
        studies = [
            item
            for item in objects(resource.get("derivedFrom"))
            if "ImagingStudy/" in str(item.get("reference"))
        ]
        times = {
            ENCOUNTER: refer(resource.get("encounter")),
            PROCEDURE: refer(resource.get("partOf")),
            STUDY: refer(studies),
        }
        return Told(
            refer(resource.get("subject") or resource.get("patient")),
            tuple((name, tokens) for name, tokens in places.items() if tokens),
            tuple((name, tokens) for name, tokens in times.items() if tokens),
            moment,
            shown(resource),
        )

    def _take(self, name: str, element: dict[str, Any], place: str, told: Told | None) -> bool:
        """Put the value of a FHIR element under a fact,
        with unit and codes checked; whether there was one.
        """
        kind = next((n for n in element if n.startswith("value") and element[n] is not None), None)
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
            self._put(name, element[kind], place, told)
        elif kind == "valueQuantity":
            self._quantity(fact, element[kind], place, told)
        elif kind in ("valueCodeableConcept", "valueCoding"):
            value = element[kind]
            codings = value.get("coding") or () if kind == "valueCodeableConcept" else (value,)
            known = [
                code
                for code in (self._coded(fact, coding) for coding in codings)
                if code is not None
            ]
            strange = [
                coding.get("code")
                for coding in codings
                if coding.get("system") in self.codes.own and coding.get("code") not in fact.values
            ]
            if len({*map(str, [*known, *strange])}) > 1:
                self.problems.append(
                    Problem(
                        f"is coded as {' and '.join(map(str, [*known, *strange]))[:120]}; send one",
                        name,
                        place,
                    )
                )
            elif known:
                self._put(name, known[0], place, told)
            else:
                self.problems.append(
                    Problem(
                        (
                            "has no code that is known here; use the values of the fact with the "
                            f"system {self.codes.ours}"
                        ),
                        name,
                        place,
                    )
                )
        else:
            self._put(name, element[kind], place, told)
        return kind is not None

    def _quantity(
        self, fact: Fact, quantity: dict[str, Any], place: str, told: Told | None
    ) -> None:
        if quantity.get("comparator"):
            self.problems.append(
                Problem(
                    f"has the comparator {quantity['comparator']}; a fact is one number",
                    fact.name,
                    place,
                )
            )
            return
        stated = {str(quantity[key]) for key in ("code", "unit") if quantity.get(key)}
        foreign = quantity.get("system") not in (UCUM, None)
        if len(stated) > 1 and (foreign or len(stated & UNITS_KNOWN) > 1):
            self.problems.append(
                Problem(
                    f"has the units {' and '.join(sorted(stated))}; give one, in UCUM",
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
        if quantity.get("value") is None:
            self.problems.append(
                Problem("has a quantity without a value; send the number", fact.name, place)
            )
            return
        self._put(fact.name, quantity.get("value"), place, told)

    def _coded(self, fact: Fact, coding: dict[str, Any]) -> Any:
        system, code = coding.get("system"), coding.get("code")
        value = code if system in self.codes.own else self.codes.value.get((str(system), str(code)))
        return value if value in fact.values else None

    def _put(self, name: str, value: Any, place: str, told: Told | None) -> None:
        if value is not None:
            self._observed.append(Observed(name, value, place, told))
