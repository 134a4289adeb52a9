"""How a conclusion came about: the steps of a trace
as data, and as a graph down to facts and statements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from calx.reasoner.engine.compiler import compiled_tests
from calx.reasoner.engine.evaluation import Step as Fired
from calx.reasoner.engine.evaluation import Trace
from calx.reasoner.engine.parts import Step
from calx.reasoner.model.guideline import Fact, Guideline, Statement, Term
from calx.reasoner.model.names import Key, key_of
from calx.reasoner.model.rule import Assertion, Assignment
from calx.reasoner.model.section import Alerts, Criteria, Members, Numbers, One, Status, Tally
from calx.reasoner.model.values import Values, as_json

if TYPE_CHECKING:
    import networkx as nx


class ThingKeys:
    """The conclusions that decide what an answer says of one thing of a section."""

    def __init__(self, section: Status, thing: str) -> None:
        self.statuses = [(key_of(s.predicate, thing), s.word) for s in section.statuses]
        self.indicated = key_of(section.indicated or "", thing)
        self.favoured = key_of(section.favoured or "", thing)
        self.forbidden = key_of(section.forbidden or "", thing)
        self.hindered = key_of(section.hindered or "", thing)
        self.adjunct = key_of(section.adjunct or "", thing)
        self.usable = (
            [key_of(section.usable, thing)]
            if section.usable
            else [key_of(s.predicate, thing) for s in section.statuses if s.usable]
        )


class ProofView:
    """Puts conclusions and steps into the words of
    the public contract. Immutable; one a guideline.
    """

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.id_of: dict[str, str] = {}
        """The public id of the term in a conclusion (``property:term``)."""
        self._words: dict[str, str] = {}
        producers: dict[str, dict[str, None]] = {}
        for rule in guideline.rules:
            for conclusion in (production.conclusion for production in rule.productions):
                if isinstance(conclusion, Assertion):
                    term = guideline.term(conclusion.predicate, conclusion.term)
                    key = guideline.properties[conclusion.predicate].result_key
                    self.id_of[conclusion.key] = term.id
                    self._words[conclusion.key] = (
                        f"{key}.{term.concerns}: {term.id}"
                        if term.concerns
                        else f"{key}: {term.id}"
                    )
                    producers.setdefault(conclusion.predicate, {})[rule.id] = None
                producers.setdefault(conclusion.key, {})[rule.id] = None
        self._steps = {rule.id: {"step": rule.id} for rule in guideline.rules}
        self._absences = {
            key: [{"not": rule} for rule in rules] for key, rules in producers.items()
        }
        questions: dict[str, list[Key]] = {}
        each: dict[str, list[Key]] = {}
        in_order: dict[str, list[Key]] = {}
        for section in guideline.sections:
            match section:
                case One(listed=True):
                    questions[section.key] = _keys(guideline, section.predicate)
                case Status(listed=True):
                    in_order |= {
                        thing.id: section.keys(thing.local)
                        for thing in guideline.of_kind(section.kind)
                    }
                case Members(listed=True) | Tally(listed=True) | Criteria(listed=True):
                    each[section.key] = [
                        key for name in section.asked for key in _keys(guideline, name)
                    ]
                case _:
                    pass
        self.in_order = frozenset(in_order)
        """Of the questions those that the first conclusion that holds answers."""
        self.questions = dict(sorted((questions | in_order).items()))
        """What an unknown fact may leave open (which term of a section holds, which status a thing
        has), with the conclusions that answer it.
        """
        self.each = dict(sorted(each.items()))
        """The same where each conclusion is a question of its own."""
        self.of_thing = {
            (section.key, thing.local): ThingKeys(section, thing.local)
            for section in guideline.sections
            if isinstance(section, Status)
            for thing in guideline.of_kind(section.kind)
        }
        self.lead = guideline.lead.key if guideline.lead else None
        self.left_open = [
            (key, alert)
            for section in guideline.sections
            if isinstance(section, Alerts)
            for alert in guideline.of_kind(section.kind)
            for key in (key_of(name, alert.local) for name in section.left_open)
            if key in producers and alert.told_open
        ]
        """The alerts that are told where unknown facts leave them open, by the key of that
        conclusion.
        """
        asked = [alert for _, alert in self.left_open if alert.open_where is not None]
        tests = compiled_tests([a.open_where for a in asked if a.open_where is not None])
        self._open_where = {a.local: test for a, test in zip(asked, tests, strict=True)}
        numbers = {section.key for section in guideline.sections if isinstance(section, Numbers)}
        self._places = {fact.name: _place(fact, numbers) for fact in guideline.facts.values()}

    def open_here(self, alert: Term, trace: Trace) -> bool:
        """Whether an alert that unknown facts leave open is told so in this case."""
        test = self._open_where.get(alert.local)
        return test is None or test(trace.values, trace.derived, trace.by_property)

    def conclusion(self, step: Fired, values: Values) -> str:
        """What a step concludes, as ``key of the answer: id or value``."""
        conclusion = step[1].conclusion
        if isinstance(conclusion, Assertion):
            return self._words[conclusion.key]
        value = as_json(values[conclusion.fact])
        return (
            f"{self._places[conclusion.fact]}: "
            f"{str(value).lower() if isinstance(value, bool) else value}"
        )

    def steps(
        self, trace: Trace, language: str, always: dict[str, Any], at_times: dict[str, Any]
    ) -> list[Step]:
        """The proof, premises before conclusions.

        Args:
            trace: what the rules concluded.
            language: of labels.
            always: for each rule whose statements concern every case those statements, as the
                answer shows them.
            at_times: the same for the other rules that fired.
        """
        levels, values, words = self.guideline.levels, trace.values, self._words
        derived = trace.derived | trace.ranks if trace.ranks else trace.derived
        own_steps, shown = self._steps, list[Step]()
        origins: dict[str, list[dict[str, str]]] = {}
        """By what they concluded, the steps so far."""
        setters: dict[str, str] = {}
        """By conclusion, the rule that is the weakest link of its best proof: a conclusion is as
        good as that, so that an answer can say whose evidence decides."""
        for step in trace.steps:
            rule, production, read, rank = step
            premises: list[dict[str, Any]] = []
            for kind, of in read:
                if of in origins:
                    premises += origins[of]
                elif kind == "not":
                    premises += self._absences.get(of, ())
                else:
                    premises.append({"fact": of, "value": as_json(values.get(of))})
            level, name, key = levels[rank], rule.id, production.conclusion.key
            setter = (
                name
                if rule.level == level
                else next(
                    (setters[of] for _, of in read if of in setters and derived.get(of) == rank),
                    name,
                )
            )
            if key not in setters and derived.get(key) == rank:
                setters[key] = setter
            if key not in origins:
                origins[key] = [own_steps[name]]
            elif own_steps[name] not in origins[key]:
                origins[key].append(own_steps[name])
            shown.append(
                Step(
                    name,
                    rule.label[language],
                    words.get(key) or self.conclusion(step, values),
                    premises,
                    at_times.get(name) or always[name],
                    level,
                    setter,
                )
            )
        return shown


def _keys(guideline: Guideline, predicate: str) -> list[Key]:
    """Every conclusion that a property can have."""
    kind = guideline.properties[predicate].kind
    return [key_of(predicate, term.local) for term in guideline.of_kind(kind)]


def _place(fact: Fact, numbers: set[str]) -> str:
    """Where a value stands in the answer."""
    return ".".join(
        part
        for part in (
            fact.result_key if fact.concerns or fact.result_key in numbers else None,
            fact.concerns,
            fact.name,
        )
        if part
    )


def graph(
    trace: Trace, guideline: Guideline, statements: dict[str, tuple[Statement, ...]]
) -> nx.DiGraph[str]:
    """The proof as a graph that leads every conclusion back to facts and statements.

    Nodes carry ``kind``: ``fact``, ``conclusion``, ``step``, ``absence`` or ``statement``. Edges
    run from what is concluded to what it rests on; those to statements carry ``stance``.
    """
    import networkx as nx

    view = ProofView(guideline)
    network: nx.DiGraph[str] = nx.DiGraph()
    implied = {
        production.conclusion.fact
        for _, production, _, _ in trace.steps
        if isinstance(production.conclusion, Assignment)
    }
    for number, step in enumerate(trace.steps):
        rule, production, premises, rank = step
        conclusion = production.conclusion
        name = f"fact:{conclusion.fact}" if isinstance(conclusion, Assignment) else conclusion.key
        network.add_node(name, kind="conclusion", label=view.conclusion(step, trace.values))
        node = f"step:{number}:{rule.id}"
        network.add_node(
            node, kind="step", rule=rule.id, label=rule.label["en"], level=guideline.levels[rank]
        )
        network.add_edge(name, node)
        for kind, of in premises:
            target = f"fact:{of}" if kind == "fact" else of if kind == "conclusion" else f"not:{of}"
            if target not in network:
                network.add_node(
                    target,
                    kind="absence" if kind == "not" else "conclusion" if of in implied else "fact",
                    label=of,
                    value=as_json(trace.values.get(of)),
                )
            network.add_edge(node, target)
        for statement in statements[rule.id]:
            network.add_node(
                f"ev:{statement.id}",
                kind="statement",
                label=statement.text["en"],
                study=statement.study,
                level=statement.level,
            )
            network.add_edge(node, f"ev:{statement.id}", stance=statement.stance)
    return network
