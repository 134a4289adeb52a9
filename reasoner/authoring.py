"""Reads the files of a guideline into a `Guideline`, and lists everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any as Anything
from typing import cast

from rdflib import DCTERMS, OWL, RDF, RDFS, SH, SKOS, XSD, Graph, Literal, Namespace, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from ontology import AuthoringProblem, GuidelineError, GuidelineFiles

from .condition import Condition
from .guideline import (
    IRI,
    ConclusionProperty,
    Constraint,
    Fact,
    Guideline,
    Number,
    Production,
    Rule,
    Statement,
    Study,
    Suspension,
    Term,
    Text,
)
from .shacl import ProfileError, ShapeReader, number, short
from .wellformed import faults

CALX = Namespace(IRI)
LANGUAGES = ("en", "zh")
PREFIXES = {"rule": IRI + "rule/", "ev": IRI + "ev/", "shape": IRI + "shape/", "cond": IRI + "condition/", "calx": IRI}
RULE = {RDF.type, SH.targetClass, SH.order, SKOS.notation, RDFS.label, RDFS.comment, CALX.rationale, CALX.evidence, CALX.inAlert, SH.rule}
STATEMENT = {
    RDF.type,
    CALX.study,
    CALX.stance,
    CALX.verified,
    CALX.locator,
    CALX.population,
    SKOS.definition,
    CALX.states,
    CALX.holdsWhen,
    CALX.holdsWhenKnown,
    RDFS.comment,
}


def read(files: GuidelineFiles) -> tuple[Guideline, list[AuthoringProblem]]:
    """The guideline of these files, with every fault found in them; the guideline holds what could be read.

    Raises:
        GuidelineError: the files cannot be parsed, or have no header to start from.
    """
    return _Reader(files).read()


def read_strict(files: GuidelineFiles) -> Guideline:
    """The guideline of these files.

    Raises:
        GuidelineError: they have faults; all are listed.
    """
    guideline, problems = read(files)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise GuidelineError(errors)
    return guideline


class _Reader:
    def __init__(self, files: GuidelineFiles) -> None:
        self.files = files
        self.graphs = files.graphs()
        self.graph = Graph(bind_namespaces="none")
        for graph in self.graphs.values():
            for triple in graph:
                self.graph.add(triple)
        self.problems: list[AuthoringProblem] = []

    def read(self) -> tuple[Guideline, list[AuthoringProblem]]:
        self._declared_once()
        levels = self._ordered(CALX.EvidenceLevel, CALX["rank"])
        self.levels = tuple(str(self._value(level, SKOS.notation)) for level in levels)
        self.facts = self._facts()
        self.terms = self._terms()
        self.properties = self._properties()
        self.shapes = ShapeReader(self.graph, self.facts, self.properties, self._term)
        self.studies = self._studies()
        self.statements = self._statements()
        rules = self._rules()
        guideline = Guideline(
            version=str(self._header(OWL.versionInfo)),
            digest=self.files.digest,
            title=self._text(URIRef(IRI), DCTERMS.title),
            notice=self._text(URIRef(IRI), CALX.notice),
            levels=self.levels,
            level_definitions={str(self._value(level, SKOS.notation)): self._text(level, SKOS.definition) for level in levels},
            groups={self._local(group): self._text(group, RDFS.label) for group in self._ordered(SH.PropertyGroup)},
            facts=self.facts,
            value_labels={str(self._value(value, SKOS.notation)): self._text(value, RDFS.label) for value in self.graph.subjects(RDF.type, CALX.FactValue)},
            terms=self.terms,
            properties=self.properties,
            studies=self.studies,
            statements=self.statements,
            rules=tuple(sorted(rules, key=lambda rule: (rule.layer, rule.file, self.files.line_of(rule.file, f"rule:{rule.id}") or 0, rule.id))),
            constraints=tuple(self._constraints()),
        )
        lines = {rule.id: self.files.line_of(rule.file, f"rule:{rule.id}") for rule in guideline.rules}
        for fault in faults(guideline):
            self.problems.append(replace(fault, line=fault.line or lines.get(fault.rule or "")))
        return _suspend(guideline), list(dict.fromkeys(self.problems))

    # --- terms ----------------------------------------------------------------------

    def _facts(self) -> dict[str, Fact]:
        facts = {}
        lesion = URIRef(IRI + "shape/Lesion")
        for node in self.graph.objects(lesion, SH.property):
            path = cast(URIRef, self._value(node, SH.path))
            if path == CALX.caseId:
                continue
            try:
                fact = self._fact(path, node)
                facts[fact.name] = fact
            except ProfileError as error:
                self._problem(lesion, f"{short(path)}: {error}")
        for quantity in self._declared(CALX.Quantity):
            name = str(self._value(quantity, SKOS.notation))
            facts[name] = replace(self._described(quantity, name), given=False)
        return dict(sorted(facts.items(), key=lambda item: (not item[1].given, item[1].order)))

    def _described(self, path: Node, name: str) -> Fact:
        unit, key, device = (self._value(path, predicate) for predicate in (CALX.unit, CALX.resultKey, CALX.ofDevice))
        return Fact(
            name=name,
            local=self._local(path),
            kind="number",
            label=self._text(path, RDFS.label),
            definition=self._text(path, SKOS.definition),
            source=str(self._value(path, DCTERMS.source) or ""),
            unit=str(unit) if unit else None,
            result_key=str(key) if key else None,
            device=self._local(device) if device else None,
        )

    def _fact(self, path: URIRef, node: Node) -> Fact:
        """One fact from its property shape (type, bounds, values) and its description (label, unit)."""
        if (path, RDF.type, OWL.DatatypeProperty) not in self.graph:
            raise ProfileError("has a shape and no definition; describe it as an owl:DatatypeProperty")
        strange = {str(p) for p in self.graph.predicates(node)} - {
            str(p) for p in (SH.path, SH.group, SH.order, SH.maxCount, SH.datatype, SH["in"], SH["or"], SH.minInclusive, SH.minExclusive, SH.maxInclusive)
        }
        if strange:
            raise ProfileError(f"{', '.join(sorted(short(URIRef(s)) for s in strange))} in the shape of a fact is outside the supported profile")
        datatype, allowed = self._value(node, SH.datatype), self._value(node, SH["in"])
        kind = {XSD.boolean: "boolean", XSD.integer: "integer", None: "number"}.get(cast(URIRef, datatype)) if allowed is None else "text"
        if kind is None:
            raise ProfileError(f"type {short(datatype)}; a fact is boolean, integer, a number (sh:or of the numeric types) or one of sh:in")
        low, low_open, high = (self._value(node, bound) for bound in (SH.minInclusive, SH.minExclusive, SH.maxInclusive))
        return replace(
            self._described(path, str(self._value(path, SKOS.notation))),
            kind=cast(Anything, kind),
            minimum=number(low if low is not None else low_open) if low is not None or low_open is not None else None,
            exclusive_minimum=low_open is not None,
            maximum=number(high) if high is not None else None,
            values=tuple(str(value) for value in Collection(self.graph, allowed)) if allowed is not None else (),
            group=self._local(self._value(node, SH.group)) if self._value(node, SH.group) else None,
            order=int(cast(Literal, self._value(node, SH.order) or Literal(0))),
        )

    def _terms(self) -> dict[str, Term]:
        terms = {}
        for node in self._declared(OWL.NamedIndividual):
            path = str(node).removeprefix(IRI)
            kind, _, local = path.partition("/")
            device, order = self._value(node, CALX.ofDevice), self._value(node, SH.order)
            terms[path] = Term(
                id=str(self._value(node, SKOS.notation) or local),
                local=local,
                kind=kind,
                label=self._text(node, RDFS.label),
                definition=self._text(node, SKOS.definition),
                device=self._local(device) if device else None,
                order=int(cast(Literal, order)) if order is not None else 0,
            )
        return terms

    def _properties(self) -> dict[str, ConclusionProperty]:
        kinds = {}
        for path in self.terms:
            for cls in self.graph.objects(URIRef(IRI + path), RDF.type):
                kinds[cls] = path.partition("/")[0]
        properties = {}
        for node in self._declared(CALX.ConclusionProperty):
            if (node, RDF.type, OWL.ObjectProperty) in self.graph:
                parent = self._value(node, RDFS.subPropertyOf)
                properties[self._local(node)] = ConclusionProperty(
                    name=self._local(node),
                    result_key=str(self._value(node, CALX.resultKey)),
                    kind=kinds.get(cast(URIRef, self._value(node, RDFS.range)), ""),
                    label=self._text(node, RDFS.label),
                    parent=self._local(parent) if parent else None,
                    functional=(node, RDF.type, OWL.FunctionalProperty) in self.graph,
                )
            else:
                name = next((fact for fact in self.facts if self.facts[fact].local == self._local(node)), None)
                if name is None:
                    described = self._described(node, self._snake(self._local(node)))
                    self.facts[described.name] = replace(described, given=False, kind="integer" if self._value(node, RDFS.range) == XSD.integer else "number")
        return properties

    @staticmethod
    def _snake(local: str) -> str:
        return "".join("_" + c.lower() if c.isupper() else c for c in local)

    def _term(self, property_name: str, node: Node) -> str:
        path = str(node).removeprefix(IRI)
        kind = self.properties[property_name].kind
        if path not in self.terms or self.terms[path].kind != kind:
            raise ProfileError(f"{short(node)} is no {kind or 'term'} that {property_name} can have; define it as an owl:NamedIndividual")
        return self.terms[path].local

    # --- evidence -------------------------------------------------------------------

    def _studies(self) -> dict[str, Study]:
        studies = {}
        for node in self._declared(CALX.Study):
            kind = self._value(node, CALX.studyType)
            level = self._value(kind, CALX.level) if kind is not None else None
            if kind is None or level is None:
                self._problem(node, "has no study type with a level; give it calx:studyType")
                continue
            participants = self._value(node, CALX.participants)
            studies[self._local(node)] = Study(
                id=self._local(node),
                type=str(self._value(kind, SKOS.notation)),
                level=str(self._value(level, SKOS.notation)),
                label=self._text(node, RDFS.label),
                citation=str(self._value(node, DCTERMS.bibliographicCitation) or ""),
                identifiers=tuple(sorted(str(value) for value in self.graph.objects(node, DCTERMS.identifier))),
                participants=int(cast(Literal, participants)) if participants is not None else None,
                withdrawn=str(self._value(node, CALX.withdrawn)) == "true",
            )
        return studies

    def _statements(self) -> dict[str, Statement]:
        statements = {}
        for node in self._declared(CALX.Statement):
            try:
                statement = self._statement(node)
                statements[statement.id] = statement
            except (ProfileError, KeyError) as error:
                self._problem(node, f"{error}" if isinstance(error, ProfileError) else f"names the study {error}, which is not described")
        return statements

    def _statement(self, node: Node) -> Statement:
        strange = {short(p) for p in self.graph.predicates(node)} - {short(p) for p in STATEMENT}
        if strange:
            raise ProfileError(f"{', '.join(sorted(strange))} in a statement is not known")
        stance, verified, locator = (str(self._value(node, predicate) or "") for predicate in (CALX.stance, CALX.verified, CALX.locator))
        if stance not in ("supports", "disputes", "limits"):
            raise ProfileError("calx:stance is supports, disputes or limits")
        if verified not in ("page", "secondary", "review", "unverified"):
            raise ProfileError("calx:verified is page, secondary, review or unverified")
        if not locator:
            raise ProfileError("has no calx:locator; say where in the source it stands")
        study = self.studies[self._local(self._value(node, CALX.study) or Literal(""))]
        population = self._value(node, CALX.population)
        when, known = self._value(node, CALX.holdsWhen), self._value(node, CALX.holdsWhenKnown)
        return Statement(
            id=self._local(node),
            study=study.id,
            stance=cast(Anything, stance),
            verified=cast(Anything, verified),
            locator=locator,
            text=self._text(node, SKOS.definition),
            level="U" if verified == "unverified" else study.level,
            population=str(population) if population is not None else None,
            numbers=tuple(sorted((self._number(part) for part in self.graph.objects(node, CALX.states)), key=repr)),
            when=self._condition(when),
            when_known=self._condition(known),
        )

    def _condition(self, node: Node | None) -> Condition | None:
        return self.shapes.condition(node)[0] if node is not None else None

    def _number(self, node: Node) -> Number:
        local = self._local(self._value(node, CALX.quantity) or Literal(""))
        fact = next((fact.name for fact in self.facts.values() if fact.local == local), None)
        if fact is None and local not in self.properties:
            raise ProfileError(f"states a number about {local or 'nothing'}, which is no fact, quantity or conclusion")
        return Number(fact or local, str(self._value(node, CALX.comparator)), number(self._value(node, CALX.value)), str(self._value(node, CALX.unit) or ""))

    # --- rules ----------------------------------------------------------------------

    def _declared_once(self) -> None:
        """Ids stand once; a thing in the rules' namespace is a rule."""
        seen: dict[str, tuple[str, int]] = {}
        for prefix in ("rule", "ev", "shape", "cond"):
            for file, subject, line in self.files.declarations(prefix):
                if subject in seen:
                    first = seen[subject]
                    self.problems.append(
                        AuthoringProblem(
                            file, f"{subject} is declared twice, first in {first[0]}:{first[1]}; give one of them another id", subject.partition(":")[2], line
                        )
                    )
                seen.setdefault(subject, (file, line))

    def _rules(self) -> Iterable[Rule]:
        nodes = dict.fromkeys(self.graph.subjects(SH.rule, None))
        nodes |= {node: None for node in self.graph.subjects() if str(node).startswith(PREFIXES["rule"])}
        for node in sorted(nodes, key=str):
            homes = [name for name, graph in self.graphs.items() if (node, None, None) in graph]
            if len(homes) > 1:
                self._problem(node, f"is described in {' and '.join(homes)}; a rule has one home", homes[1])
            try:
                yield self._rule(node, homes[0])
            except ProfileError as error:
                self._problem(node, str(error), homes[0])

    def _rule(self, node: Node, file: str) -> Rule:
        name = self._local(node)
        if not str(node).startswith(PREFIXES["rule"]):
            raise ProfileError(f"a rule outside {PREFIXES['rule']}; name it rule:…")
        strange = {short(p) for p in self.graph.predicates(node)} - {short(p) for p in RULE}
        if strange:
            raise ProfileError(f"{', '.join(sorted(strange))} in a rule is outside the supported profile")
        once = [(SH.order, "sh:order"), (SKOS.notation, "skos:notation"), (SH.targetClass, "sh:targetClass")]
        for predicate, word in once:
            count = len(set(self.graph.objects(node, predicate)))
            if count != 1:
                raise ProfileError(f"{word} must stand exactly once, not {count} times (two rules with one id?)")
        if str(self._value(node, SKOS.notation)) != name or self._value(node, SH.targetClass) != CALX.Lesion:
            raise ProfileError("skos:notation is the id of the rule and sh:targetClass is calx:Lesion")
        order = number(self._value(node, SH.order))
        if order != int(order):
            raise ProfileError("sh:order is a whole number: the layer")
        bodies = sorted(self.graph.objects(node, SH.rule), key=lambda body: int(cast(Literal, self._value(body, SH.order) or Literal(0))))
        if not bodies:
            raise ProfileError("has no sh:rule; give it a sh:TripleRule")
        productions = []
        for body in bodies:
            try:
                productions.append(self.shapes.production(body))
            except ProfileError as error:
                self._problem(node, str(error), file)
        alert = self._value(node, CALX.inAlert)
        evidence = tuple(sorted((self._local(statement) for statement in self.graph.objects(node, CALX.evidence)), key=self._weight))
        levels = [self.statements[e].level for e in evidence if e in self.statements and self._supports(e)]
        return Rule(
            id=name,
            layer=int(order),
            label=self._text(node, RDFS.label),
            rationale=self._text(node, CALX.rationale),
            evidence=evidence,
            productions=tuple(productions),
            file=file,
            alert=self._local(alert) if alert else None,
            level=min(levels, key=self.levels.index) if levels else "U",
        )

    def _weight(self, statement: str) -> tuple[int, int, str]:
        """Supports first, the strongest first."""
        known = self.statements.get(statement)
        return (("supports", "limits", "disputes").index(known.stance), self.levels.index(known.level), statement) if known else (3, 0, statement)

    def _supports(self, statement: str) -> bool:
        known = self.statements[statement]
        return known.stance == "supports" and not self.studies[known.study].withdrawn

    def _constraints(self) -> Iterable[Constraint]:
        for node in self._declared(SH.NodeShape):
            if not str(node).startswith(PREFIXES["shape"]) or node == URIRef(IRI + "shape/Lesion"):
                continue
            forbidden = list(self.graph.objects(node, SH["not"]))
            try:
                strange = {short(p) for p in self.graph.predicates(node)} - {
                    "rdf:type",
                    "sh:targetClass",
                    short(SKOS.notation),
                    "sh:message",
                    "sh:not",
                    "rdfs:comment",
                }
                if strange or len(forbidden) != 1:
                    raise ProfileError(
                        f"a consistency shape forbids one combination with one sh:not{', and has no ' + ', '.join(sorted(strange)) if strange else ''}"
                    )
                yield Constraint(self._local(node), self._text(node, SH.message), self.shapes.condition(forbidden[0])[0])
            except ProfileError as error:
                self._problem(node, str(error))

    # --- the graph ------------------------------------------------------------------

    def _declared(self, cls: URIRef) -> list[Node]:
        return sorted(set(self.graph.subjects(RDF.type, cls)), key=str)

    def _ordered(self, cls: URIRef, by: URIRef = SH.order) -> list[Node]:
        return sorted(self._declared(cls), key=lambda node: int(cast(Literal, self._value(node, by) or Literal(0))))

    def _value(self, node: Node, predicate: URIRef) -> Node | None:
        return self.graph.value(node, predicate, any=True)

    def _header(self, predicate: URIRef) -> Node:
        value = self._value(URIRef(IRI), predicate)
        if value is None:
            raise GuidelineError(
                [*self.problems, AuthoringProblem("calx.ttl", f"the header <{IRI}> has no {short(predicate)}; is this the folder of a guideline?")]
            )
        return value

    def _local(self, node: Node | None) -> str:
        text = str(node)
        for base in (PREFIXES["rule"], PREFIXES["ev"], PREFIXES["shape"], PREFIXES["cond"]):
            if text.startswith(base):
                return text.removeprefix(base)
        return text.removeprefix(IRI).rpartition("/")[2]

    def _text(self, node: Node, predicate: URIRef) -> Text:
        """One wording a language; both must be there."""
        wordings: dict[str, list[str]] = {language: [] for language in LANGUAGES}
        for literal in self.graph.objects(node, predicate):
            wordings.setdefault(getattr(literal, "language", None) or "no language", []).append(str(literal))
        for language, found in wordings.items():
            if language in LANGUAGES and len(found) != 1:
                self._problem(node, f"has {len(found) or 'no'} {short(predicate)} in '{language}'; give exactly one in each of {', '.join(LANGUAGES)}")
        return {language: (wordings[language] or wordings["en"] or [self._local(node)])[0] for language in LANGUAGES}

    def _problem(self, node: Node, message: str, file: str | None = None) -> None:
        name = next((f"{prefix}:{str(node).removeprefix(base)}" for prefix, base in PREFIXES.items() if str(node).startswith(base)), short(node))
        homes = [file] if file else [home for home, graph in self.graphs.items() if (node, None, None) in graph]
        home = homes[0] if homes else "calx.ttl"
        self.problems.append(AuthoringProblem(home, message, name.partition(":")[2] if name.startswith("rule:") else name, self.files.line_of(home, name)))


def _suspend(guideline: Guideline) -> Guideline:
    """Take out the rules whose every support was withdrawn, and say so."""
    kept: list[Rule] = []
    suspended: list[Suspension] = []
    for rule in guideline.rules:
        supports = [guideline.statements[s] for s in rule.evidence if s in guideline.statements and guideline.statements[s].stance == "supports"]
        if supports and all(guideline.studies[s.study].withdrawn for s in supports):
            suspended.append(Suspension(rule.id, tuple(dict.fromkeys(s.study for s in supports))))
        else:
            kept.append(rule)
    return replace(guideline, rules=tuple(kept), suspended=tuple(suspended))


__all__ = ["Production", "read", "read_strict"]
