"""How a conclusion came about: the steps of a trace
as data, and as a graph down to facts and statements.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from calx.reasoner.engine.compiler import Premise
from calx.reasoner.engine.evaluation import Step, Trace
from calx.reasoner.model.guideline import Fact, Guideline, Statement
from calx.reasoner.model.rule import Assertion, Assignment
from calx.reasoner.model.values import Derivations, Values, as_json

if TYPE_CHECKING:
    import networkx as nx


STATUSES = {
    "contraindicated": "contraindicated",
    "preferred": "preferred",
    "suitable": "suitable",
    "notIndicated": "not_indicated",
}
"""Properties that give a device its status, the first
that holds counting, and the word for it in an answer.
"""


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
                        f"{key}.{term.device}: {term.id}" if term.device else f"{key}: {term.id}"
                    )
                    producers.setdefault(conclusion.predicate, {})[rule.id] = None
                producers.setdefault(conclusion.key, {})[rule.id] = None
        self._steps = {rule.id: {"step": rule.id} for rule in guideline.rules}
        self._absences = {
            key: [{"not": rule} for rule in rules] for key, rules in producers.items()
        }
        devices = guideline.of_kind("device")
        self.device_keys = {
            d.local: {name: f"{name}:{d.local}" for name in ("indicated", "favoured", *STATUSES)}
            for d in devices
        }
        questions = {
            "strategy": [f"strategy:{strategy.local}" for strategy in guideline.of_kind("strategy")]
        }
        questions |= {d.id: [f"{name}:{d.local}" for name in STATUSES] for d in devices}
        self.questions = dict(sorted(questions.items()))
        """What an unknown fact may leave open (the strategy, each device's status), with the
        conclusions that answer it.
        """
        critical = [(f"criticalAlert:{alert.local}", alert) for alert in guideline.of_kind("alert")]
        self.critical = [(key, alert) for key, alert in critical if key in producers]
        """The alerts that can be critical, by the key of that conclusion."""
        self._places = {fact.name: _place(fact) for fact in guideline.facts.values()}

    def conclusion(self, step: Step, values: Values) -> str:
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
    ) -> list[dict[str, Any]]:
        """The proof, premises before conclusions.

        Args:
            trace: what the rules concluded.
            language: of labels.
            always: for each rule whose statements concern every case those statements, as the
                answer shows them.
            at_times: the same for the other rules that fired.
        """
        levels, values, words = self.guideline.levels, trace.values, self._words
        links, shown = _Links(trace.derived), []
        for step in trace.steps:
            rule, production, read, rank = step
            premises: list[dict[str, Any]] = []
            for kind, of in read:
                if of in links.origins:
                    premises += links.origins[of]
                elif kind == "not":
                    premises += self._absences.get(of, ())
                else:
                    premises.append({"fact": of, "value": as_json(values.get(of))})
            level, name, key = levels[rank], rule.id, production.conclusion.key
            setter = name if rule.level == level else links.setter_among(read, rank) or name
            links.add(key, self._steps[name], setter, rank)
            shown.append(
                {
                    "rule": name,
                    "label": rule.label[language],
                    "conclusion": words.get(key) or self.conclusion(step, values),
                    "premises": premises,
                    "evidence": at_times.get(name) or always[name],
                    "level": level,
                    "level_set_by": setter,
                }
            )
        return shown


class _Links:
    """How the steps of one proof hang together, by key of what they conclude.

    A conclusion is as good as the weakest link of its best proof; `setters` keeps the rule that is
    this link, so that an answer can say whose evidence decides.
    """

    def __init__(self, derived: Derivations) -> None:
        self._derived = derived
        """The rank of each conclusion's best proof; a worse one sets nothing."""
        self.origins: dict[str, list[dict[str, str]]] = {}
        """The steps that concluded it."""
        self.setters: dict[str, str] = {}

    def setter_among(self, premises: tuple[Premise, ...], rank: int) -> str | None:
        """The rule that set the level of the first premise whose rank is the step's own."""
        for _, of in premises:
            if of in self.setters and self._derived.get(of) == rank:
                return self.setters[of]
        return None

    def add(self, key: str, step: dict[str, str], setter: str, rank: int) -> None:
        """A step that concluded something, with the rule that set its level."""
        if key not in self.setters and self._derived.get(key) == rank:
            self.setters[key] = setter
        origins = self.origins.setdefault(key, [])
        if step not in origins:
            origins.append(step)


def _place(fact: Fact) -> str:
    """Where a value stands in the answer."""
    return ".".join(
        part
        for part in (
            "parameters" if fact.result_key == "parameters" else None,
            fact.device,
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
