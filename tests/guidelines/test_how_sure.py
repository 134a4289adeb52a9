"""How sure an answer is, of guidelines with whole numbers, products, quotients, and facts that follow others."""

from __future__ import annotations

import random
import re
import shutil
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from calx.ontology import GuidelineError
from calx.reasoner.model.values import Values
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.tell.text import render
from calx.reasoner.whatif.stability import Elsewhere, stretches
from tests.lesions import lesions
from tests.reasoner.whatif.test_plane import check_planes, check_stretches
from tests.sampling import much

PNEUMONIA = Path(__file__).parent / "pneumonia"
DECIMAL = (
    "sh:or ( [ sh:datatype xsd:decimal ] [ sh:datatype xsd:integer ] [ sh:datatype xsd:double ] )"
)
SHOCK = "[ a sh:NodeShape ; sh:property [ sh:path cap:scores ; sh:hasValue point:low_pressure ] ; sh:property [ sh:path cap:scores ; sh:hasValue point:breathless ] ]"
BOUNDED = "sh:not [ a sh:NodeShape ; sh:property [ sh:path cap:diastolic ; sh:minCount 1 ; sh:minExclusive 90 ] ; sh:property [ sh:path cap:systolic ; sh:minCount 1 ; sh:maxExclusive 90 ] ] ."
ABOVE = "sh:not [ a sh:NodeShape ; sh:property [ sh:path cap:pulsePressure ; sh:minCount 1 ; sh:maxExclusive 0 ] ] ."


class Variant(NamedTuple):
    """The pneumonia guideline with another quantity behind its alert."""

    quantity: str
    limits: str
    whole: tuple[str, ...] = ()
    follows: bool = False


VARIANTS = {
    "difference": Variant("?s - ?d", "sh:maxExclusive 40"),
    "whole": Variant("?s - ?d", "sh:maxExclusive 40", ("age", "breaths", "systolic", "diastolic")),
    "oblique-whole": Variant(
        "3 * ?s - 7 * ?d",
        "sh:minExclusive 10 ; sh:maxExclusive 12",
        ("age", "systolic", "diastolic"),
    ),
    "square": Variant("(?s - 100) * (?s - ?d)", "sh:minInclusive 20 ; sh:maxExclusive 400"),
    "quotient": Variant("(?s - 50) / (?d - 7)", "sh:minInclusive 10 ; sh:maxInclusive 20"),
    "follows": Variant("?s - ?d", "", follows=True),
}


def replaced(path: Path, *pairs: tuple[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text, (path, old)
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module", params=VARIANTS)
def variant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reasoner:
    made, folder = VARIANTS[request.param], tmp_path_factory.mktemp(request.param) / "guideline"
    shutil.copytree(PNEUMONIA, folder)
    shapes = folder / "shapes" / "pneumonia.ttl"
    for name in made.whole:
        shape = rf"(sh:path cap:{name} ;[^\n]*?){re.escape(DECIMAL)}"
        text = shapes.read_text(encoding="utf-8")
        shapes.write_text(re.sub(shape, r"\1sh:datatype xsd:integer", text), encoding="utf-8")
    read = f"[ a sh:NodeShape ; sh:property [ sh:path cap:pulsePressure ; sh:minCount 1 ; {made.limits} ] ]"
    if made.follows:
        read = "[ a sh:NodeShape ; sh:property [ sh:path cap:diastolic ; sh:minCount 1 ; sh:minExclusive 60 ] ]"
        replaced(shapes, (BOUNDED, ABOVE))
        declared = "cap:diastolic a owl:DatatypeProperty ;"
        replaced(folder / "facts.ttl", (declared, f"{declared} calx:follows cap:systolic ;"))
    replaced(folder / "rules" / "severity.ttl", ("?s - ?d", made.quantity), (SHOCK, read))
    return Reasoner.load(backed(folder))


def backed(folder: Path) -> Path:
    """The folder with a statement for each number that its rules name."""
    for _ in range(3):
        try:
            Reasoner.load(folder)
        except GuidelineError as error:
            missing = re.findall(r"literal (\S+) (\S+) (\S+) (\S+) is backed", str(error))
            assert missing, str(error)
            states = " , ".join(
                f"[ calx:quantity cap:{name.replace('pulse_pressure', 'pulsePressure')} ; "
                f'calx:comparator "{sign}" ; calx:value {value} ; calx:unit "{unit}" ]'
                for name, sign, value, unit in dict.fromkeys(missing)
            )
            told = '"低血压伴呼吸急促提示休克。"@zh .'
            replaced(
                folder / "evidence" / "evidence.ttl",
                (told, f"{told[:-1]}; calx:states {states} ."),
            )
    return folder


@pytest.mark.long
def test_sliders_and_planes_say_what_the_engine_says(variant: Reasoner) -> None:
    assert check_stretches(variant, random.Random(3), much(300, 25)) > 50
    check_planes(variant, random.Random(4), much(200, 15))
    for case in lesions(variant, much(200, 20), 5, density=0.8):
        assert render(variant.recommend(case))


@pytest.mark.parametrize("variant", ["follows"], indirect=True)
def test_what_follows_goes_along_as_far_as_the_answer_stands(variant: Reasoner) -> None:
    """Where the answer stands with some value of what follows, it is said to stand."""
    case = {"case_id": "a", "systolic": 89.75, "diastolic": 60.25}
    elsewhere = Elsewhere(variant.recommend(case))
    found = stretches(elsewhere, variant.guideline.facts["systolic"])
    border = next(s for s in found if s.told == elsewhere.here)
    assert border.low == 60
    assert not border.holds_low
    for value, stands in (("60.000001", True), ("60.1", True), ("60", False)):
        facts: Values = {"systolic": Decimal(value), "diastolic": Decimal(value)}
        assert elsewhere.stands(facts) is stands
