"""The RDF form carries the same content as the JSON, with PROV-O, and only in terms that the ontology defines."""

from __future__ import annotations

import pytest
from rdflib import PROV, RDF, SH, Graph, Literal, Namespace, URIRef

from calx.api.store.records import as_triples, record
from calx.ontology import GuidelineFiles
from calx.ontology.files import core
from calx.reasoner.engine.answer import Answer
from calx.reasoner.intake.files import Submission, submissions
from calx.reasoner.model.names import IRI
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.tell import rdf
from tests.lesions import lesions

CALX, CASE, RULE, EV = (
    Namespace(IRI),
    Namespace(rdf.CASE),
    Namespace(IRI + "rule/"),
    Namespace(IRI + "ev/"),
)
CITO, SOURCE_RULE = Namespace(rdf.CITO.iri), URIRef(rdf.SOURCE_RULE.value)


@pytest.fixture(scope="module")
def answers(reasoner: Reasoner) -> list[Answer]:
    return [
        reasoner.recommend({**raw, "case_id": f"c{number}"})
        for number, raw in enumerate(lesions(reasoner, 25, 21))
    ]


def test_conclusions_and_facts_are_triples_about_the_lesion(answers: list[Answer]) -> None:
    for answer in answers:
        graph, lesion, result = rdf.graph(answer), CASE[answer.case.id], answer.json()
        assert {str(o).rpartition("/")[2] for o in graph.objects(lesion, CALX.finding)} == set(
            result["findings"]
        )
        assert {str(o).rpartition("/")[2] for o in graph.objects(lesion, CALX.strategy)} == (
            {result["strategy"]["id"]} if result["strategy"] else set()
        )
        assert {str(o).rpartition("/")[2] for o in graph.objects(lesion, CALX.alert)} == {
            alert["id"] for alert in result["alerts"]
        }
        assert {str(o).rpartition("/")[2] for o in graph.objects(lesion, CALX.advice)} == set(
            result["advice"]
        )
        for status in ("preferred", "suitable", "notIndicated", "contraindicated", "unavailable"):
            ours = {
                device["id"]
                for device in result["devices"]
                if device["status"].replace("_i", "I") == status
            }
            assert {str(o).rpartition("/")[2] for o in graph.objects(lesion, CALX[status])} == ours
        placed = {
            str(graph.value(node, CALX.concerns)).rpartition("/")[2]: (
                int(str(graph.value(node, CALX["rank"]))),
                str(graph.value(node, CALX.role)),
            )
            for node in graph.objects(lesion, CALX.place)
        }
        assert placed == {d["id"]: (d["rank"], d["role"]) for d in result["devices"] if d["rank"]}
        assert {
            (f, str(o))
            for o in graph.objects(lesion, CALX.missing)
            for f in [str(o).rpartition("/")[2]]
        } == {(item["fact"], f"{lesion}/missing/{item['fact']}") for item in result["missing"]}
        unverified = {tuple(str(o).split("/")[-2:]) for o in graph.objects(lesion, CALX.unverified)}
        assert unverified == {
            (device["id"], fact) for device in result["devices"] for fact in device["unverified"]
        }


def test_every_derived_triple_names_its_rule_its_sources_and_its_evidence(
    answers: list[Answer],
) -> None:
    for answer in answers:
        graph = rdf.graph(answer)
        steps = set(graph.subjects(SOURCE_RULE, None))
        assert len(steps) == len(answer.trace.steps)
        for step in steps:
            triple = tuple(
                graph.value(step, part) for part in (RDF.subject, RDF.predicate, RDF.object)
            )
            assert triple in set(graph)
            rule = answer.guideline.rule[
                str(graph.value(step, SOURCE_RULE)).removeprefix(str(RULE))
            ]
            cited = {
                str(o).removeprefix(str(EV))
                for p in (CITO.citesAsEvidence, CITO.disputes, CITO.qualifies)
                for o in graph.objects(step, p)
            }
            assert cited and cited <= set(rule.evidence)
            assert (step, PROV.wasGeneratedBy, None) in graph
            assert (
                (step, PROV.wasDerivedFrom, None) in graph
                or (step, CALX.inAbsenceOf, None) in graph
                or rule.id == "K3"
            )


@pytest.mark.parametrize(("form", "name"), [(rdf.turtle, "turtle"), (rdf.jsonld, "json-ld")])
def test_the_forms_say_the_same(form: object, name: str, answers: list[Answer]) -> None:
    for answer in answers[:5]:
        again = Graph().parse(data=form(answer), format=name)  # type: ignore[operator]
        assert by_value(again) == by_value(rdf.graph(answer))


def by_value(graph: Graph) -> set[tuple[object, ...]]:
    """Triples with literals as Python values: 0 and 0.0 are one number however they are written."""
    return {
        (s, p, o.toPython() if isinstance(o, Literal) and o.language is None else o)
        for s, p, o in graph
    }


def test_only_terms_that_are_defined_are_used(answers: list[Answer]) -> None:
    defined = {
        subject
        for graph in (*GuidelineFiles().graphs().values(), core())
        for subject in graph.subjects()
    }
    for answer in answers:
        for triple in rdf.graph(answer):
            for node in triple:
                path = str(node).removeprefix(IRI)
                if (
                    isinstance(node, URIRef)
                    and path != str(node)
                    and not path.startswith(("case/", answer.guideline.version))
                ):
                    assert node in defined, node


def test_what_a_store_keeps_uses_only_terms_that_are_defined(answers: list[Answer]) -> None:
    defined = {
        str(subject)
        for graph in (*GuidelineFiles().graphs().values(), core())
        for subject in graph.subjects()
    }
    for answer in answers:
        for triple in as_triples(record(answer), answer):
            assert (
                not triple.predicate.value.startswith(IRI) or triple.predicate.value in defined
            ), triple.predicate


def test_facts_written_as_turtle_are_read_back(reasoner: Reasoner, answers: list[Answer]) -> None:
    import io

    names = {fact.local for fact in reasoner.guideline.facts.values() if fact.given} | {"caseId"}
    for answer in answers:
        graph, lesion = Graph(), CASE[answer.case.id]
        derived = {(graph_p, graph_o) for _, graph_p, graph_o in implied(answer)}
        for subject, predicate, value in rdf.graph(answer).triples((lesion, None, None)):
            if (
                str(predicate).removeprefix(IRI) in names and (predicate, value) not in derived
            ) or predicate == RDF.type:
                graph.add((subject, predicate, value))
        (submission,) = submissions(
            io.BytesIO(graph.serialize(format="turtle", encoding="utf-8")),
            ".ttl",
            reasoner.guideline,
        )
        assert isinstance(submission, Submission)
        assert reasoner.gate.admit(submission.raw) == answer.case


def implied(answer: Answer) -> set[tuple[object, URIRef, Literal]]:
    facts = answer.guideline.facts
    return {
        (None, CALX[facts[name].local], rdf.as_rdflib(rdf.literal(facts[name], value)))
        for name, value in answer.trace.values.items()
        if name not in answer.case.facts and facts[name].given
    }


def test_the_rule_iri_is_the_subject_of_the_rule_in_the_knowledge_base(
    answers: list[Answer],
) -> None:
    rules = {
        s for graph in GuidelineFiles().graphs().values() for s in graph.subjects(SH.rule, None)
    }
    assert set(rdf.graph(answers[0]).objects(None, SOURCE_RULE)) <= rules
