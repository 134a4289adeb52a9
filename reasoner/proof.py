"""How a conclusion came about: the steps of a trace as data, and as a graph down to facts and statements."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .closures import Values
from .condition import Value
from .evaluation import Step, Trace
from .guideline import Assertion, Assignment, Fact, Guideline, Statement

if TYPE_CHECKING:
    import networkx as nx


def plain(value: Value | None) -> bool | str | int | float | None:
    """The value as JSON has it: whole numbers as integers."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


class ProofView:
    """Puts conclusions and steps into the words of the public contract. Immutable; one a guideline."""

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
                    self._words[conclusion.key] = f"{key}.{term.device}: {term.id}" if term.device else f"{key}: {term.id}"
                    producers.setdefault(conclusion.predicate, {})[rule.id] = None
                producers.setdefault(conclusion.key, {})[rule.id] = None
        self._absences = {key: [{"not": rule} for rule in rules] for key, rules in producers.items()}
        self._places = {fact.name: _place(fact) for fact in guideline.facts.values()}

    def conclusion(self, step: Step, values: Values) -> str:
        """What a step concludes, as ``key of the answer: id or value``."""
        conclusion = step[1].conclusion
        if isinstance(conclusion, Assertion):
            return self._words[conclusion.key]
        value = plain(values[conclusion.fact])
        return f"{self._places[conclusion.fact]}: {str(value).lower() if isinstance(value, bool) else value}"

    def steps(self, trace: Trace, language: str, cited: dict[str, list[dict[str, str]]]) -> list[dict[str, Any]]:
        """The proof, premises before conclusions.

        Args:
            trace: what the rules concluded.
            language: of labels.
            cited: for each rule that fired the statements that concern the case, as the contract shows them.
        """
        levels, origins, values = self.guideline.levels, origin(trace), trace.values
        shown = []
        for step, link in zip(trace.steps, weakest_links(trace, self.guideline), strict=True):
            rule, _, read, rank = step
            premises: list[dict[str, Any]] = []
            for kind, of in read:
                if kind == "not":
                    premises += self._absences.get(of, ())
                elif of in origins:
                    premises += [{"step": other} for other in origins[of]]
                else:
                    premises.append({"fact": of, "value": plain(values.get(of))})
            shown.append(
                {
                    "rule": rule.id,
                    "label": rule.label[language],
                    "conclusion": self.conclusion(step, values),
                    "premises": premises,
                    "evidence": cited[rule.id],
                    "level": levels[rank],
                    "level_set_by": link,
                }
            )
        return shown


def _place(fact: Fact) -> str:
    """Where a value stands in the answer."""
    return ".".join(part for part in ("parameters" if fact.result_key == "parameters" else None, fact.device, fact.name) if part)


def origin(trace: Trace) -> dict[str, list[str]]:
    """For each conclusion and each implied or computed value the rules that concluded it."""
    origins: dict[str, list[str]] = {}
    for rule, production, _, _ in trace.steps:
        conclusion = production.conclusion
        name = conclusion.fact if isinstance(conclusion, Assignment) else conclusion.key
        if name not in origins:
            origins[name] = [rule.id]
        elif rule.id not in origins[name]:
            origins[name].append(rule.id)
    return origins


def weakest_links(trace: Trace, guideline: Guideline) -> list[str]:
    """For each step the rule whose evidence sets its level."""
    levels, derived = guideline.levels, trace.derived
    setter: dict[str, str] = {}
    links = []
    for rule, production, premises, weakest in trace.steps:
        link = rule.id
        if rule.level != levels[weakest]:
            link = next((setter[of] for kind, of in premises if kind == "conclusion" and derived[of] == weakest and of in setter), link)
        key = production.conclusion.key
        if key not in setter and derived.get(key) == weakest:
            setter[key] = link
        links.append(link)
    return links


def graph(trace: Trace, guideline: Guideline, statements: dict[str, tuple[Statement, ...]]) -> nx.DiGraph[str]:
    """The proof as a graph that leads every conclusion back to facts and statements.

    Nodes carry ``kind``: ``fact``, ``conclusion``, ``step``, ``absence`` or ``statement``. Edges run from what is
    concluded to what it rests on; those to statements carry ``stance``.
    """
    import networkx as nx

    view = ProofView(guideline)
    network: nx.DiGraph[str] = nx.DiGraph()
    implied = origin(trace)
    for number, step in enumerate(trace.steps):
        rule, production, premises, rank = step
        conclusion = production.conclusion
        name = f"fact:{conclusion.fact}" if isinstance(conclusion, Assignment) else conclusion.key
        network.add_node(name, kind="conclusion", label=view.conclusion(step, trace.values))
        node = f"step:{number}:{rule.id}"
        network.add_node(node, kind="step", rule=rule.id, label=rule.label["en"], level=guideline.levels[rank])
        network.add_edge(name, node)
        for kind, of in premises:
            target = f"fact:{of}" if kind == "fact" else of if kind == "conclusion" else f"not:{of}"
            if target not in network:
                network.add_node(
                    target, kind="absence" if kind == "not" else "conclusion" if of in implied else "fact", label=of, value=plain(trace.values.get(of))
                )
            network.add_edge(node, target)
        for statement in statements[rule.id]:
            network.add_node(f"ev:{statement.id}", kind="statement", label=statement.text["en"], study=statement.study, level=statement.level)
            network.add_edge(node, f"ev:{statement.id}", stance=statement.stance)
    return network
