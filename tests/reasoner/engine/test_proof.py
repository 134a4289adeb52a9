"""Every conclusion shown is the conclusion of a step, and leads back to facts and statements."""

from __future__ import annotations

import random
from typing import Any

import networkx as nx
import pytest

from calx.api.contract.models import answer_model
from calx.reasoner.engine import proof
from calx.reasoner.engine.answer import Answer
from calx.reasoner.model.values import as_json
from calx.reasoner.recommendation import Reasoner
from tests.lesions import lesions


@pytest.fixture(scope="module")
def answers(reasoner: Reasoner) -> list[Answer]:
    return [reasoner.recommend(raw) for raw in lesions(reasoner, 80, 3)]


def shown(result: dict[str, Any]) -> set[str]:
    """Every conclusion that an answer shows, in the words of a step."""
    found = {f"findings: {x}" for x in result["findings"]} | {
        f"high_risk_features: {x}" for x in result["high_risk_features"]
    }
    found |= {f"calcium_score.points: {x}" for x in result["calcium_score"]["points"]} | {
        f"calcium_score: {result['calcium_score']['value']}"
    }
    found |= {f"{key}: {x}" for key in ("prognosis", "comparisons") for x in result[key]}
    found |= {f"parameters.{name}: {value}" for name, value in result["parameters"].items()}
    found |= {
        f"criteria.{verdict}: {name}"
        for name, verdict in result["optimisation"]["criteria"].items()
        if verdict != "unknown"
    }
    found |= {f"optimisation.advice: {x}" for x in result["optimisation"]["advice"]}
    if result["arc_grade"]:
        found.add(f"arc_grade: {result['arc_grade']}")
    if result["strategy"]:
        found.add(f"strategy: {result['strategy']['id']}")
    for device in result["devices"]:
        found.add(f"{device['status']}: {device['id']}")
        found |= {f"cautions.{device['id']}: {caution['id']}" for caution in device["cautions"]}
        found |= {
            f"parameters.{device['id']}.{name}: {value}"
            for name, value in device["parameters"].items()
        }
    for alert in result["alerts"]:
        found.add(f"alerts.{alert['severity']}: {alert['id']}")
        found |= {f"advice: {x}" for x in alert["advice"]} | {
            f"factors: {x}" for x in alert["factors"]
        }
    return found


def test_every_key_is_always_present(answers: list[Answer]) -> None:
    for answer in answers:
        assert answer.json().keys() == answer_model(answer.guideline).model_fields.keys()


def test_every_conclusion_shown_is_the_conclusion_of_a_step(answers: list[Answer]) -> None:
    for answer in answers:
        result = answer.json()
        assert shown(result) <= {step["conclusion"] for step in result["steps"]}


def test_premises_come_before_conclusions(answers: list[Answer]) -> None:
    for answer in answers:
        before: set[str] = set()
        for step in answer.json()["steps"]:
            assert {premise["step"] for premise in step["premises"] if "step" in premise} <= before
            before.add(step["rule"])


def test_premises_are_facts_with_their_value_steps_or_rules_that_did_not_fire(
    answers: list[Answer],
) -> None:
    for answer in answers:
        result = answer.json()
        fired = {step["rule"] for step in result["steps"]}
        given = {name: as_json(value) for name, value in answer.case.facts.items()}
        for step in result["steps"]:
            for premise in step["premises"]:
                if "fact" in premise:
                    assert premise["value"] == given.get(premise["fact"])
                elif "not" in premise:
                    assert premise["not"] in answer.guideline.rule
                else:
                    assert premise["step"] in fired


def test_every_step_but_the_one_that_always_holds_has_premises_and_evidence(
    answers: list[Answer],
) -> None:
    for answer in answers:
        for step in answer.json()["steps"]:
            assert step["premises"] or step["rule"] == "K3"
            assert [cited for cited in step["evidence"] if cited["stance"] == "supports"]
            assert step["label"] and step["level"] in answer.guideline.levels


def test_the_graph_leads_every_conclusion_to_facts_and_statements(answers: list[Answer]) -> None:
    for answer in answers[:25]:
        network = proof.graph(answer.trace, answer.guideline, answer.statements)
        assert nx.is_directed_acyclic_graph(network)
        kinds = nx.get_node_attributes(network, "kind")
        for node, kind in kinds.items():
            if kind == "conclusion":
                reached = {kinds[other] for other in nx.descendants(network, node)}
                assert "statement" in reached
                assert reached & {"fact", "absence"} or node == "prognosis:ivus_guidance"
            elif network.out_degree(node) == 0:
                assert kind in ("fact", "absence", "statement")


def test_removing_what_a_step_rests_on_removes_the_step(reasoner: Reasoner) -> None:
    """The premises shown are the reasons: without the given facts among them the conclusion does not stand."""
    source, removed = random.Random(5), 0
    for raw in lesions(reasoner, 40, 9, density=0.5):
        result = reasoner.recommend(raw).json()
        steps = [
            step for step in result["steps"] if step["rule"][0] in "ABC" and step["rule"] != "B-SUM"
        ]
        if not steps:
            continue
        step = source.choice(steps)
        without = {
            name: value for name, value in raw.items() if name not in facts_below(result, step)
        }
        try:
            again = reasoner.recommend({"case_id": "t", **without}).json()
        except Exception:  # the rest contradicts itself without them
            continue
        removed += 1
        assert step["conclusion"] not in {other["conclusion"] for other in again["steps"]}
    assert removed > 15


def facts_below(result: dict[str, Any], step: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for premise in step["premises"]:
        if "fact" in premise:
            found.add(premise["fact"])
        elif "step" in premise:
            for other in result["steps"]:
                if other["rule"] == premise["step"]:
                    found |= facts_below(result, other)
    return found - {"case_id"}


@pytest.mark.parametrize("grade", ["ellis_2", "ellis_3", "ellis_3_cavity"])
def test_what_stops_the_bleeding_is_advised_first_and_observation_last(
    reasoner: Reasoner, grade: str
) -> None:
    case = {"case_id": "p", "perforation_grade": grade, "tamponade": True}
    alerts = reasoner.recommend(case).json()["alerts"]
    (perforation,) = (alert for alert in alerts if alert["id"] == "perforation")
    first, *_, last = perforation["advice"]
    assert first in ("balloon_tamponade", "prolonged_balloon_inflation")
    assert last == "observe_with_echo"
    ids = [alert["id"] for alert in alerts]
    if grade != "ellis_2":
        assert ids.index("perforation") < ids.index("tamponade"), "the balloon before the needle"


def test_the_order_of_actions_is_data(reasoner: Reasoner) -> None:
    ranks = {
        term.id: term.order for term in reasoner.guideline.terms.values() if term.kind == "advice"
    }
    assert len(set(ranks.values())) == len(ranks)
    assert ranks["balloon_tamponade"] < ranks["pericardiocentesis"]
    assert ranks["covered_stent"] < ranks["surgery_if_uncontrolled"] < ranks["observe_with_echo"]
    for alert in reasoner.recommend(
        {"case_id": "d", "coronary_dissection": True, "flow_limiting": True}
    ).json()["alerts"]:
        advised = [ranks[id_] for id_ in alert["advice"]]
        assert advised == sorted(advised)
