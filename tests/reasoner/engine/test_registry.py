"""What must hold over lesions such as a registry holds, and how much of their answers is of use."""

from __future__ import annotations

import importlib.util
import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.registry import TICK, Told, draw, lesions, percentile, told, without_tick
from calx.reasoner.engine.asking import asks
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.recommendation import Reasoner
from tests.conftest import CONFORMANCE
from tests.lesions import values_of
from tests.sampling import much, some

SAMPLE = lesions()
REASONER = Reasoner.load()


def judge() -> Any:
    """The checker of the conformance cases, which was written apart from the engine."""
    spec = importlib.util.spec_from_file_location("check", CONFORMANCE / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def results(many: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Lesions of the sample, every second without the tick, with their answers."""
    for number, case in enumerate(some(SAMPLE, many)):
        asked = without_tick(case) if number % 2 else case
        yield asked, REASONER.recommend(asked).json()


def test_the_sample_is_what_its_distributions_give() -> None:
    """Else draw it anew: python -m benchmarks.registry --draw."""
    assert draw(REASONER) == SAMPLE


def test_ranks_follow_the_order_that_is_told() -> None:
    faults, primary = judge().rank_faults, ("preferred", "primary")
    ranked = 0
    for case, result in results(much(3000, 600)):
        assert not faults(result), case
        usable = sorted((d for d in result["devices"] if d["rank"]), key=lambda d: d["rank"])
        ranked += len(usable) > 1
        order = [(d["status"] == primary[0], d["role"] == primary[1]) for d in usable]
        assert order == sorted(order, reverse=True), case
        for device in usable:
            assert device["parameters"].get("burr_diameter_max_mm", 0) <= 2.0
    assert ranked > 100


def test_a_perforation_is_tamponaded_first() -> None:
    """Also where another alert stands beside it."""
    graver, seen = ("ellis_2", "ellis_3", "ellis_3_cavity", "ellis_5"), 0
    for case in SAMPLE:
        for grade in graver if TICK not in case else ():
            try:
                result = REASONER.recommend(case | {"perforation_grade": grade}).json()
            except CaseError:
                continue
            seen += 1
            first = result["actions"][0]["id"]
            assert first in ("balloon_tamponade", "prolonged_balloon_inflation"), case
    assert seen > 50


def test_the_tick_rules_complications_out() -> None:
    dangers = {"dissection", "intramural_hematoma", "perforation", "tamponade"}
    for case in some([case for case in SAMPLE if TICK in case], much(3000, 600)):
        result = REASONER.recommend(case).json()
        left = {alert["id"] for part in ("alerts", "possible_alerts") for alert in result[part]}
        assert not left & dangers, case


def test_a_fact_that_is_said_to_settle_the_strategy_settles_it() -> None:
    seen = 0
    for case in some([case for case in SAMPLE if TICK in case], much(3000, 600)):
        for ask in asks(REASONER.recommend(without_tick(case))):
            if ask.settles:
                settled = REASONER.recommend(without_tick(case) | {ask.fact: True}).json()
                assert settled["strategy"]["settled"], case
                seen += 1
    assert seen > 100


def test_what_a_reader_is_to_get() -> None:
    """The figures that answers were made for; ``python -m benchmarks.registry`` prints them all."""
    part = SAMPLE[: much(3000, 500)]
    ticked = [told(REASONER.recommend(case)) for case in part]
    plain = [told(REASONER.recommend(without_tick(case))) for case in part]
    assert sum(one.settled for one in ticked) / len(ticked) >= 0.9
    assert sum(one.possible for one in ticked) / len(ticked) <= 0.3
    active = [one for one in ticked if one.active and one.usable]
    assert len(active) > 100
    assert all(one.firsts == 1 for one in active)
    for answers in (ticked, plain):
        assert _median(answers, "lines") <= 22
        assert percentile([one.lines for one in answers], 90) <= 30
        assert _median(answers, "asked") <= 3


def _median(answers: list[Told], name: str) -> float:
    return percentile([getattr(one, name) for one in answers], 50)


@pytest.mark.long
def test_a_possible_alert_can_be_raised_by_what_is_unknown() -> None:
    """By brute force over the values of the facts that are said to leave it open."""
    source, raised, never = random.Random(7), 0, []
    for case, result in results(much(1500, 200)):
        for alert in result["possible_alerts"]:
            if _raised(case, alert["id"], alert["because_of"], source):
                raised += 1
            else:
                never.append((case["case_id"], alert["id"]))
    assert raised > 50
    assert len(never) <= 0.01 * (raised + len(never)), never[:20]


MOST_TRIED = 4000


def _raised(case: dict[str, Any], alert: str, unknown: list[str], source: random.Random) -> bool:
    """Whether some consistent values of the unknown facts raise the alert as a critical one."""
    choices = [[None, *values_of(REASONER, fact)] for fact in unknown]
    tried = itertools.product(*choices)
    if len(list(itertools.islice(itertools.product(*choices), MOST_TRIED))) == MOST_TRIED:
        tried = ((*map(source.choice, choices),) for _ in range(MOST_TRIED))  # type: ignore[assignment]
    for values in tried:
        facts = {n: v for n, v in zip(unknown, values, strict=True) if v is not None}
        try:
            answer = REASONER.recommend(case | facts).json()
        except CaseError:
            continue
        if any(a["id"] == alert and a["severity"] == "critical" for a in answer["alerts"]):
            return True
    return False
