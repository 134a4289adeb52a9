"""``python -m benchmarks.registry``: what the guideline says of 3,000 lesions such as a registry
holds, and how much of it a person can use.

The lesions stand in ``registry/lesions.jsonl`` of the guideline's folder, drawn (``--draw``) from
the published distributions in ``registry/distributions.yaml`` beside it.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from rich.console import Console
from rich.progress import track
from rich.table import Table

from calx.ontology.files import GuidelineFiles
from calx.reasoner.engine.answer import Answer
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.tell.brief import Brief
from calx.reasoner.tell.text import render

FOLDER = GuidelineFiles().directory / "registry"
TICK = "complication_free"


def lesions() -> list[dict[str, Any]]:
    """The sample, as it was drawn."""
    with (FOLDER / "lesions.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def without_tick(case: dict[str, Any]) -> dict[str, Any]:
    """The same lesion where nobody said whether a complication was seen."""
    return {name: value for name, value in case.items() if name != TICK}


# --- drawing ------------------------------------------------------------------------------


class Sampler:
    """Draws lesions from distributions; the same numbers and seed give the same lesions."""

    def __init__(self, numbers: dict[str, Any]) -> None:
        self.numbers, self.source = numbers, random.Random(numbers["seed"])  # noqa: S311

    def one_of(self, name: str) -> str:
        """A value by its share."""
        shares: dict[str, float] = self.numbers[name]["shares"]
        return self.source.choices(list(shares), weights=list(shares.values()))[0]

    def chance(self, name: str, share: str = "share") -> bool:
        """Whether something is so."""
        return self.source.random() < float(self.numbers[name][share])

    def known(self, name: str) -> bool:
        """Whether it was looked at and written down."""
        return self.source.random() < float(self.numbers[name].get("known", 1))

    def number(self, name: str, *, of: dict[str, Any] | None = None) -> float:
        """From a normal distribution, within its bounds."""
        numbers = of or self.numbers[name]
        while True:
            drawn = self.source.gauss(numbers["mean"], numbers["sd"])
            if numbers.get("low", drawn) <= drawn <= numbers.get("high", drawn):
                return drawn

    def lesion(self) -> dict[str, Any]:
        """The facts of one lesion that are known at one moment."""
        facts: dict[str, Any] = {"stage": self.one_of("stage")}
        facts |= self._patient()
        facts |= self._access(facts)
        reference = self.number("reference_vessel_diameter_mm")
        facts |= self._vessel(reference)
        facts |= self._calcium()
        if facts["stage"] != "before_preparation":
            facts |= self._prepared(reference)
        if facts["stage"] == "after_stent":
            facts |= self._stented()
        return facts | self._complication(facts["stage"])

    def _told(self, name: str) -> dict[str, bool]:
        """A yes or no, where it is known."""
        so = self.chance(name)
        return {name: so} if self.known(name) else {}

    def _patient(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "presentation": self.one_of("presentation"),
            "target_vessel": self.one_of("target_vessel"),
            "age_years": round(self.number("age_years")),
        }
        if self.known("lvef_percent"):
            facts["lvef_percent"] = round(self.number("lvef_percent"))
        for name in (
            "cardiogenic_shock",
            "pregnant",
            "surgical_candidate",
            "cardiac_implantable_device",
            "only_patent_vessel",
            "dominant_lcx",
            "chronic_total_occlusion",
            "in_stent",
        ):
            facts |= self._told(name)
        stemi = facts["presentation"] == "stemi"
        if self.known("thrombus"):
            facts["thrombus"] = self.chance("thrombus", "in_stemi" if stemi else "share")
        return facts

    def _access(self, facts: dict[str, Any]) -> dict[str, Any]:
        occlusion = facts.get("chronic_total_occlusion", False)
        uncrossable = self.chance("uncrossable", "in_occlusion" if occlusion else "share")
        if self.chance("wire_failed") and facts["stage"] == "before_preparation":
            return {"wire_crossed": False}
        crossed: dict[str, Any] = {"wire_crossed": True}
        if occlusion:
            crossed["wire_in_true_lumen"] = True
        if facts["stage"] != "before_preparation":
            return {**crossed, "imaging_catheter_crossed": True, "balloon_crossed": True}
        crossed["imaging_catheter_crossed"] = not uncrossable
        if uncrossable:
            crossed["balloon_crossed"] = False
        elif self.known("balloon_crossed"):
            crossed["balloon_crossed"] = True
        return crossed

    def _vessel(self, reference: float) -> dict[str, Any]:
        facts: dict[str, Any] = {}
        if self.known("reference_vessel_diameter_mm"):
            facts["reference_vessel_diameter_mm"] = round(reference, 2)
        wall = max(0.0, self.number("vessel_minus_reference_mm"))
        if self.known("vessel_minus_reference_mm"):
            facts["vessel_diameter_mm"] = round(min(reference + wall, 8.0), 2)
        if self.known("angulation_deg"):
            facts["angulation_deg"] = round(self.number("angulation_deg"))
        return facts

    def _calcium(self) -> dict[str, Any]:
        lesion_length = self.number("lesion_length_mm")
        if not self.chance("calcium_on_ivus"):
            return {"calcium_present": False, "lesion_length_mm": round(lesion_length)}
        depth, length = self.one_of("calcium_depth"), self.number("calcium_length_mm")
        facts: dict[str, Any] = {
            "lesion_length_mm": round(max(lesion_length, length)),
            "calcium_present": True,
            "calcium_depth": depth,
        }
        if self.known("calcium_length_mm"):
            facts["calcium_length_mm"] = round(length, 1)
        if depth != "deep":
            facts |= self._superficial(facts)
        return facts

    def _superficial(self, facts: dict[str, Any]) -> dict[str, Any]:
        numbers, found = self.numbers["arc"], dict[str, Any]()
        if self.source.random() < numbers["severe"]["share"]:
            closed = self.source.random() < numbers["severe"]["closed"]
            arc = 360.0 if closed else self.number("arc", of=_arc(numbers["severe"]))
        else:
            arc = self.number("arc", of=_arc(numbers["other"]))
        share = self.numbers["arc_gt270_share_of_length"]
        if self.source.random() < numbers["known"]["share"]:
            found["max_superficial_arc_deg"] = round(arc)
            long = self.source.uniform(share["low"], share["high"])
            if round(arc) > 270 and "calcium_length_mm" in facts:
                if self.known("arc_gt270_share_of_length"):
                    part = round(long * facts["calcium_length_mm"], 1)
                    found["superficial_arc_gt270_length_mm"] = part
            elif round(arc) <= 270:
                found["superficial_arc_gt270_length_mm"] = 0
        found |= self._told("calcified_nodule")
        if found.get("calcified_nodule") and self.known("eruptive"):
            kind = "eruptive" if self.chance("eruptive") else "non_eruptive"
            found["nodule_type"] = kind
        return found | self._told("residual_thin_plaque") | self._told("mobile_calcium")

    def _prepared(self, reference: float) -> dict[str, Any]:
        balloon, done = self.one_of("last_balloon"), self.one_of("modification_done")
        done = "lithotripsy" if balloon == "lithotripsy" else done
        step = self.number("balloon_to_reference")
        facts: dict[str, Any] = {"predilation_balloon": balloon, "modification_done": done}
        if self.known("balloon_to_reference"):
            facts["balloon_diameter_mm"] = max(1.0, round((reference + step) * 4) / 4)
        facts |= self._told("balloon_fully_expanded") | self._told("calcium_fracture")
        pulses = round(self.number("pulses") / 10) * 10
        facts["ivl_pulses_delivered"] = pulses if done == "lithotripsy" else 0
        return facts

    def _stented(self) -> dict[str, Any]:
        proximal = self.number("reference_lumen_mm2") * 1.15
        distal = self.number("reference_lumen_mm2") * 0.85
        facts: dict[str, Any] = {
            "stent_implanted": True,
            "stent_length_mm": round(self.number("stent_length_mm")),
            "proximal_reference_lumen_area_mm2": round(proximal, 1),
            "distal_reference_lumen_area_mm2": round(distal, 1),
            "recurrent_ischemia_after_stent": False,
        }
        area = self.number("expansion_percent") / 100 * (proximal + distal) / 2
        if self.known("expansion_percent"):
            facts["minimum_stent_area_mm2"] = round(area, 2)
        for edge in ("proximal", "distal"):
            burden = round(self.number("plaque_burden_percent"))
            if self.known("plaque_burden_percent"):
                facts[f"{edge}_edge_plaque_burden_percent"] = burden
        postdilated = self.chance("postdilated")
        if self.known("postdilated"):
            facts["stent_postdilation_balloon"] = "non_compliant" if postdilated else "none"
        return facts

    def _complication(self, stage: str) -> dict[str, Any]:
        """None as a rule, said in one tick; else one, and of the others that they were not seen."""
        if stage == "before_preparation" or not self.chance("complication"):
            flow = self.chance("flow_limiting", "share_without_complication")
            return {TICK: True} | ({"flow_limiting": flow} if self.known("flow_limiting") else {})
        kind = self.one_of("kind_of_complication")
        if kind == "edge_dissection" and stage != "after_stent":
            kind = "coronary_dissection"
        limited = self.chance("kind_of_complication", "flow_limited")
        facts: dict[str, Any] = {
            "flow_limiting": limited,
            "coronary_dissection": kind == "coronary_dissection",
            "intramural_hematoma": kind == "intramural_hematoma",
            "perforation_grade": "none",
            "tamponade": False,
            "wire_in_true_lumen": True,
        }
        if stage == "after_stent":
            facts["edge_dissection"] = kind == "edge_dissection"
        if kind == "coronary_dissection":
            facts["dissection_depth"] = self.one_of("dissection_depth")
            facts["dissection_length_mm"] = round(self.number("edge_dissection_length_mm"), 1)
        if kind == "edge_dissection":
            facts["edge_dissection_length_mm"] = round(self.number("edge_dissection_length_mm"), 1)
        if kind == "perforation":
            facts["perforation_grade"] = self.one_of("perforation_grade")
        return facts


def _arc(numbers: dict[str, Any]) -> dict[str, Any]:
    return {"mean": numbers["mean"], "sd": numbers["sd"], "low": 10, "high": 360}


def draw(reasoner: Reasoner, numbers: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Lesions that can be: what the guideline refuses as contradicting itself is drawn again."""
    sampler, made = Sampler(numbers), 0
    while made < numbers["lesions"]:
        case = {"case_id": f"lesion-{made + 1:04}", **sampler.lesion()}
        try:
            reasoner.gate.admit(case)
        except CaseError:
            continue
        made += 1
        yield case


# --- the report ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """What counts of one answer."""

    settled: bool
    missing: int
    possible: int
    usable: int
    firsts: int
    active: bool
    lines: int
    asked: int


def told(answer: Answer) -> Told:
    """What counts of an answer, in its public result and its text."""
    result = answer.json()
    usable = [device for device in result["devices"] if device["rank"]]
    return Told(
        settled=bool(result["strategy"] and result["strategy"]["settled"]),
        missing=len(result["missing"]),
        possible=len(result["possible_alerts"]),
        usable=len(usable),
        firsts=sum(device["rank"] == 1 for device in usable),
        active=bool(result["strategy"]) and result["strategy"]["id"] in ACTIVE,
        lines=len(render(answer).splitlines()),
        asked=sum(len(asked.facts) for asked in Brief(answer, "en").asked),
    )


ACTIVE = ("active_modification",)
"""Strategies that ask for a device that modifies calcium."""


def share(found: Sequence[bool]) -> str:
    """So many of a hundred."""
    return f"{100 * sum(found) / len(found):.1f} %" if found else "–"


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many of a hundred do not exceed."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def report(answers: Sequence[Told]) -> Iterator[tuple[str, str]]:
    """The figures, each with its name."""
    active = [a for a in answers if a.active and a.usable]
    yield "strategy settled", share([a.settled for a in answers])
    yield "facts missing, median", f"{statistics.median(a.missing for a in answers):.0f}"
    yield "possible alerts a lesion", f"{statistics.mean(a.possible for a in answers):.2f}"
    yield "devices usable, median", f"{statistics.median(a.usable for a in answers):.0f}"
    yield "no device usable", share([not a.usable for a in answers])
    yield "active, with a usable device", share([a.active and bool(a.usable) for a in answers])
    yield "… of these with exactly one first", share([a.firsts == 1 for a in active])
    lines = [a.lines for a in answers]
    yield "lines of the answer, median", f"{statistics.median(lines):.0f}"
    yield "lines of the answer, 90th percentile", f"{percentile(lines, 90):.0f}"
    yield "facts to find out next, median", f"{statistics.median(a.asked for a in answers):.0f}"


def main() -> None:
    """Draws the sample, or reports over it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draw", action="store_true", help="draw the lesions anew")
    reasoner = Reasoner.load()
    if parser.parse_args().draw:
        numbers = yaml.safe_load((FOLDER / "distributions.yaml").read_text(encoding="utf-8"))
        drawn = (json.dumps(case, ensure_ascii=False) for case in draw(reasoner, numbers))
        (FOLDER / "lesions.jsonl").write_text("\n".join(drawn) + "\n", encoding="utf-8")
    sample = lesions()
    ways = {f"with {TICK}": sample, "without": [without_tick(case) for case in sample]}
    found = {
        way: dict(report([told(reasoner.recommend(case)) for case in track(cases, way)]))
        for way, cases in ways.items()
    }
    table = Table("of the lesions", *found, title=f"{len(sample)} lesions such as a registry holds")
    for name in next(iter(found.values())):
        table.add_row(name, *(figures[name] for figures in found.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
