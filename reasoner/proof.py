"""How a conclusion came about: the steps of a trace as data, and as a graph down to facts and statements."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .closures import Premise, Values
from .condition import Value
from .evaluation import Step, Trace
from .guideline import Assertion, Assignment, Guideline, Statement

if TYPE_CHECKING:
    import networkx as nx


def plain(value: Value | None) -> bool | str | int | float | None:
    """The value as JSON has it: whole numbers as integers."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


class ProofView:
    """Puts the steps of traces into the words of the public contract. Immutable; one a guideline."""

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self._words: dict[str, str] = {}
        self._producers: dict[str, tuple[str, ...]] = {}
        for rule in guideline.rules:
            for production in rule.productions:
                conclusion = production.conclusion
                names = (conclusion.key, conclusion.predicate) if isinstance(conclusion, Assertion) else (conclusion.fact,)
                for name in names:
                    self._producers[name] = tuple(dict.fromkeys((*self._producers.get(name, ()), rule.id)))
                if isinstance(conclusion, Assertion):
                    self._words[conclusion.key] = self._assertion(conclusion)
        self._absences = {name: [{"not": rule} for rule in rules] for name, rules in self._producers.items()}

    def _assertion(self, conclusion: Assertion) -> str:
        key, term = self.guideline.properties[conclusion.predicate].result_key, self.guideline.term(conclusion.predicate, conclusion.term)
        return f"{key}.{term.device}: {term.id}" if term.device else f"{key}: {term.id}"

    def conclusion(self, step: Step, values: Values) -> str:
        """What a step concludes, as ``key of the answer: id or value``."""
        conclusion = step[1].conclusion
        if isinstance(conclusion, Assertion):
            return self._words[conclusion.key]
        fact = self.guideline.facts[conclusion.fact]
        place = ".".join(part for part in (fact.result_key if fact.result_key == "parameters" else None, fact.device, fact.name) if part)
        value = plain(values[fact.name])
        return f"{place}: {str(value).lower() if isinstance(value, bool) else value}"

    def premises(self, premises: tuple[Premise, ...], trace: Trace, origins: dict[str, list[str]]) -> list[dict[str, Any]]:
        """Premises as facts with their values, steps that concluded them, or rules that did not fire."""
        shown: list[dict[str, Any]] = []
        for kind, of in premises:
            if kind == "not":
                shown += self._absences.get(of, ())
            elif kind == "conclusion" or of in origins:
                shown += [{"step": rule} for rule in origins[of]]
            else:
                shown.append({"fact": of, "value": plain(trace.values.get(of))})
        return shown

    def steps(self, trace: Trace, statements: dict[str, tuple[Statement, ...]], language: str, cited: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """The proof, premises before conclusions.

        Args:
            trace: what the rules concluded.
            statements: for each rule that fired the statements that concern the case.
            language: of labels.
            cited: the same statements as the contract shows them.
        """
        levels, origins, weakest, shown = self.guideline.levels, origin(trace), weakest_links(trace, self.guideline), []
        for step, link in zip(trace.steps, weakest, strict=True):
            rule = step[0]
            shown.append(
                {
                    "rule": rule.id,
                    "label": rule.label[language],
                    "conclusion": self.conclusion(step, trace.values),
                    "premises": self.premises(step[2], trace, origins),
                    "evidence": cited[rule.id],
                    "level": levels[step[3]],
                    "level_set_by": link,
                }
            )
        return shown


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
    rank = {level: index for index, level in enumerate(guideline.levels)}
    setter: dict[str, str] = {}
    links = []
    for rule, production, premises, weakest in trace.steps:
        link = rule.id
        if rank[rule.level] != weakest:
            link = next((setter[of] for kind, of in premises if kind == "conclusion" and trace.derived[of] == weakest and of in setter), rule.id)
        if isinstance(production.conclusion, Assertion) and trace.derived[production.conclusion.key] == weakest:
            setter.setdefault(production.conclusion.key, link)
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
