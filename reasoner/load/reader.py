"""Reads the files of a guideline into a `Guideline`,
and lists everything that is wrong with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple, cast

from rdflib import DCTERMS, OWL, RDF, RDFS, SH, SKOS, XSD, Literal, URIRef
from rdflib.collection import Collection
from rdflib.term import Node

from calx.ontology import AuthoringProblem, GuidelineError, GuidelineFiles
from calx.reasoner.load.requirements import Requirements
from calx.reasoner.load.sections import Sections
from calx.reasoner.load.shapes import (
    ProfileError,
    ShapeReader,
    describe_error,
    kind_of,
    number,
)
from calx.reasoner.load.source import CALX, Source
from calx.reasoner.load.vocabulary import Vocabulary
from calx.reasoner.load.wellformed import consistency_faults, faults
from calx.reasoner.model.condition import (
    ALWAYS,
    Condition,
    Not,
    map_nodes,
    properties_read,
    values_read,
)
from calx.reasoner.model.guideline import (
    Constraint,
    Guideline,
    Root,
    SharedCondition,
    Statement,
    Study,
    Suspension,
)
from calx.reasoner.model.names import Text
from calx.reasoner.model.rule import DEVIATION, Number, Production, Rule
from calx.reasoner.model.section import Alerts, Tally

RULE = {
    RDF.type,
    SH.targetClass,
    SH.order,
    SKOS.notation,
    RDFS.label,
    RDFS.comment,
    CALX.rationale,
    CALX.evidence,
    CALX.inAlert,
    CALX.redundantByDesign,
    SH.rule,
}
STATED_BY = ("<", "<=", ">", ">=", "=", "+", "-", "*", "/", "c-", "c/", DEVIATION)
"""How a statement's number relates to its quantity; ``c-`` and ``c/``: the number is what is taken
from, or divided.
"""
CONSISTENCY = {RDF.type, SH.targetClass, SKOS.notation, SH.message, SH["not"], RDFS.comment}
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
    CALX.ownLimit,
    CALX.prominent,
    RDFS.comment,
}


class ReadGuideline(NamedTuple):
    """What the files of a guideline say, as far as they could be read."""

    guideline: Guideline
    """Without the rules whose every support was withdrawn; those are `suspended`."""
    whole: Guideline
    """With them."""
    source: Source
    problems: list[AuthoringProblem]


def examine(files: GuidelineFiles) -> ReadGuideline:
    """The guideline of these files and every fault found in reading it.

    Raises:
        GuidelineError: the files cannot be parsed, or have no header to start from.
    """
    reader = _Reader(files)
    try:
        return reader.read()
    except GuidelineError:
        raise
    except (
        Exception
    ) as error:  # a fault so odd that reading cannot go on: still no traceback for an author
        faults_so_far = [
            problem for problem in reader.source.problems if problem.severity == "error"
        ]
        message = (
            f"cannot be read on ({describe_error(error)}); mend what is told above, "
            "or undo the last edit"
        )
        raise GuidelineError(
            [*faults_so_far, AuthoringProblem("file", str(files.directory), message)]
        ) from error


def read(files: GuidelineFiles) -> tuple[Guideline, list[AuthoringProblem]]:
    """The guideline of these files, with every fault
    found in them; the guideline holds what could be read.

    Raises:
        GuidelineError: the files cannot be parsed, or have no header to start from.
    """
    found = examine(files)
    return found.guideline, found.problems


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
        self.source = Source(files)
        self.source.declared_once()

    def read(self) -> ReadGuideline:
        source = self.source
        levels = source.ordered(CALX.EvidenceLevel, CALX["rank"])
        self.levels = tuple(str(source.value(level, SKOS.notation)) for level in levels)
        vocabulary = Vocabulary(source)
        self.facts, self.properties = vocabulary.facts, vocabulary.properties
        sections = tuple(Sections(source, vocabulary))
        self.owners = tuple(s.kind for s in sections if isinstance(s, Alerts))
        self.tallies = [section for section in sections if isinstance(section, Tally)]
        self.shapes = ShapeReader(
            source.graph,
            self.facts,
            self.properties,
            vocabulary.term,
            source.names,
            self.tallies,
        )
        self._applicability(vocabulary)
        self.studies = self._studies()
        self.statements = self._statements()
        rules = self._rules()
        guideline = Guideline(
            names=source.names,
            root=Root(source.local(source.root), source.text(source.root, RDFS.label)),
            name=source.text(source.node, RDFS.label),
            version=str(source.header(OWL.versionInfo)),
            digest=source.files.digest,
            title=source.text(source.node, DCTERMS.title),
            notice=source.text(source.node, CALX.notice),
            levels=self.levels,
            level_definitions={
                str(source.value(level, SKOS.notation)): source.text(level, SKOS.definition)
                for level in levels
            },
            groups={
                source.local(group): source.text(group, RDFS.label)
                for group in source.ordered(SH.PropertyGroup)
            },
            opened=tuple(
                source.local(group)
                for group in source.ordered(SH.PropertyGroup)
                if str(source.value(group, CALX.opened)) == "true"
            ),
            facts=self.facts,
            value_labels={
                str(source.value(value, SKOS.notation)): source.text(value, RDFS.label)
                for value in source.graph.subjects(RDF.type, CALX.FactValue)
            },
            terms=vocabulary.terms,
            properties=self.properties,
            studies=self.studies,
            statements=self.statements,
            rules=tuple(
                sorted(
                    rules,
                    key=lambda rule: (
                        rule.layer,
                        rule.file,
                        *self._place(rule),
                        rule.id,
                    ),
                )
            ),
            constraints=tuple(self._constraints()),
            shared=tuple(self._shared()),
            requirements=tuple(
                Requirements(source, self.shapes, self.facts, self.properties, self.owners)
            ),
            sections=sections,
            chapters=self._chapters(),
            reads_recordings=str(source.value(source.node, CALX.readsRecordings)) == "true",
            observations=str(source.value(source.node, CALX.observations) or ""),
            of_patient=self._of_patient(),
            sums=tuple(self.shapes.sums.items()),
        )
        lines = {
            rule.id: source.line_of(rule.file, source.names(f"rule/{rule.id}"))
            for rule in guideline.rules
        }
        for name, message in consistency_faults(guideline):
            source.problem(URIRef(source.names(f"shape/{name}")), message)
        for fault in faults(guideline):
            source.problems.append(replace(fault, line=fault.line or lines.get(fault.rule or "")))
        suspended = suspend(guideline)
        for rule, literal in _left_without_source(suspended):
            message = (
                f"the literal {literal.quantity} {literal.comparator} {literal.value} "
                f"{literal.unit} rests on withdrawn studies alone; find another source"
            )
            source.problems.append(
                AuthoringProblem(
                    "literal-withdrawn", rule.file, message, rule.id, lines.get(rule.id)
                )
            )
        return ReadGuideline(suspended, guideline, source, list(dict.fromkeys(source.problems)))

    def _chapters(self) -> dict[str, Text]:
        """Titles of the chapters of the rule book, by file."""
        head = self.source.value(self.source.node, CALX.chapters)
        return {
            str(self.source.value(chapter, CALX.file)): self.source.text(chapter, RDFS.label)
            for chapter in (Collection(self.source.graph, head) if head is not None else ())
        }

    def _place(self, rule: Rule) -> tuple[int, int]:
        """Where a rule stands in its file."""
        iri = self.source.names(f"rule/{rule.id}")
        origin = self.source.files.origins.get(iri)
        return self.source.line_of(rule.file, iri) or 0, origin.number if origin else 0

    def _applicability(self, vocabulary: Vocabulary) -> None:
        """The conditions under which facts do not apply or are asked for first, and alerts are told
        as left open.
        """
        graph, names = self.source.graph, self.source.names
        by_local = {fact.local: fact for fact in self.facts.values()}
        described = [
            node
            for node in set(graph.subjects(CALX.doesNotApplyWhere))
            if self.source.local(node) in by_local
        ]
        for node, shape in graph.subject_objects(CALX.doesNotApplyWhere):
            fact = by_local.get(self.source.local(node))
            condition = self._own_condition(node, shape)
            if fact is None or condition is None:
                continue
            others = {by_local[self.source.local(other)].name for other in described}
            if others.intersection(values_read(condition)) or properties_read(condition):
                self.source.problem(
                    node,
                    "calx:doesNotApplyWhere speaks of facts that always apply, not of conclusions",
                )
            else:
                self.facts[fact.name] = replace(fact, inapplicable=condition)
        for node, shape in graph.subject_objects(CALX.askedFirstWhere):
            fact = by_local.get(self.source.local(node))
            condition = self._own_condition(node, shape)
            if fact is None or condition is None:
                continue
            if properties_read(condition):
                message = "calx:askedFirstWhere speaks of facts, not of conclusions"
                self.source.problem(node, message)
            else:
                now = self.facts[fact.name]
                self.facts[fact.name] = replace(now, asked_first=condition)
        for path, term in vocabulary.terms.items():
            where = self.source.value(URIRef(names(path)), CALX.openWhere)
            if where is not None:
                condition = self._own_condition(URIRef(names(path)), where)
                vocabulary.terms[path] = replace(term, open_where=condition)

    def _own_condition(self, node: Node, shape: Node) -> Condition | None:
        """The condition of a shape; what cannot be read is a problem."""
        try:
            return self.shapes.condition(shape)[0]
        except (ProfileError, ValueError, RecursionError) as error:
            self.source.problem(node, describe_error(error), kind=kind_of(error))
            return None

    # --- evidence -------------------------------------------------------------------

    def _of_patient(self) -> tuple[str, ...]:
        """The facts that are of the patient."""
        marked = {
            self.source.local(fact)
            for fact, told in self.source.graph.subject_objects(CALX.ofPatient)
            if isinstance(told, Literal) and told.toPython() is True
        }
        return tuple(fact.name for fact in self.facts.values() if fact.local in marked)

    def _studies(self) -> dict[str, Study]:
        studies = {}
        for node in self.source.declared(CALX.Study):
            kind = self.source.value(node, CALX.studyType)
            level = self.source.value(kind, CALX.level) if kind is not None else None
            if (
                kind is None
                or level is None
                or str(self.source.value(level, SKOS.notation)) not in self.levels
            ):
                self.source.problem(
                    node,
                    "has no study type with a level; give it calx:studyType",
                    kind="evidence-level",
                )
                continue
            studies[self.source.local(node)] = Study(
                id=self.source.local(node),
                type=str(self.source.value(kind, SKOS.notation)),
                level=str(self.source.value(level, SKOS.notation)),
                label=self.source.text(node, RDFS.label),
                citation=str(self.source.value(node, DCTERMS.bibliographicCitation) or ""),
                identifiers=tuple(
                    sorted(
                        str(value) for value in self.source.graph.objects(node, DCTERMS.identifier)
                    )
                ),
                participants=self.source.whole(node, CALX.participants) or None,
                withdrawn=self._withdrawn(node),
            )
        return studies

    def _withdrawn(self, node: Node) -> bool:
        value = self.source.value(node, CALX.withdrawn)
        if value is not None and (
            str(value) not in ("true", "false") or getattr(value, "datatype", None) != XSD.boolean
        ):
            self.source.problem(
                node,
                f"calx:withdrawn {str(value)[:24]} is neither true nor false (without quotes)",
                kind="unknown-value",
            )
        return str(value).lower() in ("true", "1", "yes")

    def _statements(self) -> dict[str, Statement]:
        statements = {}
        for node in self.source.declared(CALX.Statement):
            try:
                statement = self._statement(node)
                statements[statement.id] = statement
            except KeyError as error:
                self.source.problem(
                    node,
                    f"names the study {error}, which is not described",
                    kind="unknown-evidence",
                )
            except (ProfileError, ValueError, RecursionError) as error:
                self.source.problem(node, describe_error(error), kind=kind_of(error))
        return statements

    def _statement(self, node: Node) -> Statement:
        strange = self._strange(node, STATEMENT)
        if strange:
            raise ProfileError(f"{', '.join(strange)} in a statement is not known")
        stance, verified, locator = (
            str(self.source.value(node, predicate) or "")
            for predicate in (CALX.stance, CALX.verified, CALX.locator)
        )
        if stance not in ("supports", "disputes", "limits"):
            raise ProfileError("calx:stance is supports, disputes or limits", "evidence-place")
        if verified not in ("page", "secondary", "review", "unverified"):
            raise ProfileError(
                "calx:verified is page, secondary, review or unverified", "evidence-place"
            )
        if not locator.strip():
            raise ProfileError(
                "has no calx:locator; say where in the source it stands", "evidence-place"
            )
        study = self.studies[self.source.local(self.source.value(node, CALX.study) or Literal(""))]
        population = self.source.value(node, CALX.population)
        when, known = (
            self.source.value(node, CALX.holdsWhen),
            self.source.value(node, CALX.holdsWhenKnown),
        )
        return Statement(
            id=self.source.local(node),
            study=study.id,
            stance=cast(Any, stance),
            verified=cast(Any, verified),
            locator=locator,
            text=self.source.text(node, SKOS.definition),
            level="U" if verified == "unverified" else study.level,
            population=str(population) if population is not None else None,
            numbers=tuple(
                sorted(
                    (self._number(part) for part in self.source.graph.objects(node, CALX.states)),
                    key=repr,
                )
            ),
            when=self._condition(when),
            when_known=self._condition(known),
            prominent=str(self.source.value(node, CALX.prominent)) == "true",
            own_limit=self.source.text(node, CALX.ownLimit)
            if (node, CALX.ownLimit, None) in self.source.graph
            else None,
        )

    def _condition(self, node: Node | None) -> Condition | None:
        return self.shapes.condition(node)[0] if node is not None else None

    def _number(self, node: Node) -> Number:
        local = self.source.local(self.source.value(node, CALX.quantity) or Literal(""))
        fact = next((fact.name for fact in self.facts.values() if fact.local == local), None)
        if fact is None and local not in self.properties:
            raise ProfileError(
                (
                    f"states a number about {local or 'nothing'}, which is no fact, quantity or "
                    "conclusion"
                ),
                "unknown-fact",
            )
        comparator, unit = (
            str(self.source.value(node, CALX.comparator) or ""),
            str(self.source.value(node, CALX.unit) or ""),
        )
        if comparator not in STATED_BY:
            raise ProfileError(
                (
                    f"states {local} '{comparator}' a number; calx:comparator is one of "
                    f"{' '.join(STATED_BY)}"
                ),
                "unknown-value",
            )
        if not unit:
            raise ProfileError(
                (
                    f"states a number about {local} without calx:unit; write its unit, '1' where "
                    "it has none"
                ),
                "unit",
            )
        return Number(
            fact or local,
            comparator,
            number(self.source.value(node, CALX.value)),
            unit,
        )

    # --- rules ----------------------------------------------------------------------

    def _rules(self) -> Iterable[Rule]:
        nodes = dict.fromkeys(self.source.graph.subjects(SH.rule, None))
        nodes |= {
            node: None
            for node in self.source.graph.subjects()
            if str(node).startswith(self.source.names("rule/"))
        }
        for node in sorted(nodes, key=str):
            homes = [
                name for name, graph in self.source.graphs.items() if (node, None, None) in graph
            ]
            if len(homes) > 1:
                self.source.problem(
                    node,
                    f"is described in {' and '.join(homes)}; a rule has one home",
                    homes[1],
                    "duplicate-id",
                )
            try:
                yield self._rule(node, homes[0])
            except (ProfileError, ValueError, RecursionError) as error:
                self.source.problem(node, describe_error(error), homes[0], kind=kind_of(error))

    def _rule(self, node: Node, file: str) -> Rule:
        name = self.source.local(node)
        if not str(node).startswith(self.source.names("rule/")):
            raise ProfileError(f"a rule outside {self.source.names('rule/')}; name it rule:…")
        strange = self._strange(node, RULE)
        if strange:
            raise ProfileError(f"{', '.join(strange)} in a rule is outside the supported profile")
        once = [
            (SH.order, "sh:order"),
            (SKOS.notation, "skos:notation"),
            (SH.targetClass, "sh:targetClass"),
        ]
        for predicate, word in once:
            count = len(set(self.source.graph.objects(node, predicate)))
            if count != 1:
                raise ProfileError(
                    (
                        f"{word} must stand exactly once, not {count} "
                        f"times{' (two rules with one id?)' if count else ''}"
                    ),
                    "duplicate-id" if count else "profile",
                )
        if (
            str(self.source.value(node, SKOS.notation)) != name
            or self.source.value(node, SH.targetClass) != self.source.root
        ):
            raise ProfileError(
                "skos:notation is the id of the rule and sh:targetClass is "
                f"{self.source.names.short(self.source.root)}"
            )
        order = number(self.source.value(node, SH.order))
        if order != int(order):
            raise ProfileError("sh:order is a whole number: the layer")
        bodies = sorted(
            self.source.graph.objects(node, SH.rule),
            key=lambda body: self.source.whole(body, SH.order),
        )
        if not bodies:
            raise ProfileError("has no sh:rule; give it a sh:TripleRule")
        productions = []
        for body in bodies:
            try:
                productions.append(self.shapes.production(body))
            except (ProfileError, ValueError, RecursionError) as error:
                self.source.problem(node, describe_error(error), file, kind=kind_of(error))
        productions = self._with_weights(productions)
        alert = self.source.value(node, CALX.inAlert)
        owners = tuple(self.source.names(f"{kind}/") for kind in self.owners)
        if alert is not None and not str(alert).startswith(owners):
            raise ProfileError(
                f"calx:inAlert {self.source.names.short(alert)} is no alert", "unknown-term"
            )
        evidence = tuple(
            sorted(
                (
                    self.source.local(statement)
                    for statement in self.source.graph.objects(node, CALX.evidence)
                ),
                key=self._weight,
            )
        )
        levels = [
            self.statements[e].level for e in evidence if e in self.statements and self._supports(e)
        ]
        return Rule(
            id=name,
            layer=int(order),
            label=self.source.text(node, RDFS.label),
            rationale=self.source.text(node, CALX.rationale),
            evidence=evidence,
            productions=tuple(productions),
            file=file,
            alert=self.source.local(alert) if alert else None,
            redundant_by_design=self.source.text(node, CALX.redundantByDesign)
            if (node, CALX.redundantByDesign, None) in self.source.graph
            else None,
            level=min(levels, key=self.levels.index) if levels else "U",
        )

    def _with_weights(self, productions: list[Production]) -> list[Production]:
        """The productions of a rule. Of one that adds points up, evidence must back the weights:
        the sums follow from them.
        """
        weights = {
            tally.total: tuple(
                Number(tally.predicate, "*", Decimal(weight), "1")
                for weight in sorted({weight for _, weight in tally.weights} - {1})
            )
            for tally in self.tallies
        }
        return [
            replace(production, numbers=weights[production.conclusion.key])
            if production.conclusion.key in weights
            else production
            for production in productions
        ]

    def _strange(self, node: Node, known: set[URIRef]) -> list[str]:
        """What stands in a description and is not known there."""
        found = set(self.source.graph.predicates(node)) - known
        return sorted(self.source.names.short(predicate) for predicate in found)

    def _weight(self, statement: str) -> tuple[int, int, str]:
        """Supports first, the strongest first."""
        known = self.statements.get(statement)
        return (
            (
                ("supports", "limits", "disputes").index(known.stance),
                self.levels.index(known.level),
                statement,
            )
            if known
            else (3, 0, statement)
        )

    def _supports(self, statement: str) -> bool:
        known = self.statements[statement]
        return known.stance == "supports" and not self.studies[known.study].withdrawn

    def _shared(self) -> Iterable[SharedCondition]:
        for node in self.source.declared(SH.NodeShape):
            if str(node).startswith(self.source.names("condition/")):
                try:
                    yield SharedCondition(
                        self.source.local(node),
                        self.source.text(node, RDFS.label),
                        self.shapes.condition(node)[0],
                    )
                except (ProfileError, ValueError, RecursionError) as error:
                    self.source.problem(node, describe_error(error), kind=kind_of(error))

    def _constraints(self) -> Iterable[Constraint]:
        for node in self.source.declared(SH.NodeShape):
            if (
                not str(node).startswith(self.source.names("shape/"))
                or node == self.source.case_shape
            ):
                continue
            forbidden = list(self.source.graph.objects(node, SH["not"]))
            try:
                strange = self._strange(node, CONSISTENCY)
                if strange or len(forbidden) != 1:
                    raise ProfileError(
                        "a consistency shape forbids one combination with one "
                        f"sh:not{', and has no ' + ', '.join(strange) if strange else ''}"
                    )
                yield Constraint(
                    self.source.local(node),
                    self.source.text(node, SH.message),
                    self.shapes.condition(forbidden[0])[0],
                )
            except (ProfileError, ValueError, RecursionError) as error:
                self.source.problem(node, describe_error(error), kind=kind_of(error))


def suspend(guideline: Guideline) -> Guideline:
    """The guideline without the rules whose every support was withdrawn; `suspended` names them."""
    kept: list[Rule] = []
    suspended: list[Suspension] = []
    for rule in guideline.rules:
        supports = [
            guideline.statements[s]
            for s in rule.evidence
            if s in guideline.statements and guideline.statements[s].stance == "supports"
        ]
        if supports and all(guideline.studies[s.study].withdrawn for s in supports):
            suspended.append(Suspension(rule.id, tuple(dict.fromkeys(s.study for s in supports))))
        else:
            kept.append(rule)
    written = {p.conclusion.key for rule in kept for p in rule.productions}
    lost = {
        condition
        for condition, compare in guideline.sums
        if suspended and compare.fact not in written
    }
    if lost:  # what would be decided by a sum that no rule makes any more is not decided

        def without(node: Condition) -> Condition:
            return Not(ALWAYS) if node in lost else node

        kept = [
            replace(
                rule,
                productions=tuple(
                    replace(p, condition=map_nodes(p.condition, without)) for p in rule.productions
                ),
            )
            for rule in kept
        ]
    return replace(guideline, rules=tuple(kept), suspended=tuple(suspended))


def _left_without_source(guideline: Guideline) -> Iterable[tuple[Rule, Number]]:
    """Literals of rules that still fire, whose every source was withdrawn."""
    for rule in guideline.rules:
        statements = [guideline.statements[s] for s in rule.evidence if s in guideline.statements]
        live = {
            stated
            for s in statements
            if not guideline.studies[s.study].withdrawn
            for stated in s.numbers
        }
        withdrawn = {stated for s in statements for stated in s.numbers} - live
        for literal in dict.fromkeys(
            literal for production in rule.productions for literal in production.numbers
        ):
            if literal in withdrawn:
                yield rule, literal
