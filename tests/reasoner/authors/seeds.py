"""Faults that authors could make, each as one edit of the guideline; statements are moved along where that hides it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

Texts = dict[str, str]
"""The files of a guideline by name, reference cases included."""
Edit = Callable[[Texts], None]


@dataclass(frozen=True)
class Seed:
    """One fault."""

    name: str
    edits: tuple[Edit, ...]

    def sow(self, texts: Texts) -> Texts:
        made = dict(texts)
        for edit in self.edits:
            edit(made)
        assert made != texts, self.name
        return made


def swap(file: str, old: str, new: str, count: int = 1) -> Edit:
    """Put one text in the place of another, in one file."""

    def edit(texts: Texts) -> None:
        assert old in texts[file], f"{file} no longer says {old!r}"
        texts[file] = texts[file].replace(old, new, count)

    return edit


def block(name: str, old: str, new: str, count: int = 1) -> Edit:
    """The same, within what is said of one rule, statement or term, wherever it stands."""

    def edit(texts: Texts) -> None:
        file, found = _block(texts, name)
        assert old in found, f"{name} no longer says {old!r}"
        texts[file] = texts[file].replace(found, found.replace(old, new, count))

    return edit


def drop(name: str) -> Edit:
    """Delete what is said of one thing."""

    def edit(texts: Texts) -> None:
        file, found = _block(texts, name)
        texts[file] = texts[file].replace(found, "")

    return edit


def add(after: str, text: str) -> Edit:
    def edit(texts: Texts) -> None:
        file, found = _block(texts, after)
        texts[file] = texts[file].replace(found, found + "\n" + text + "\n")

    return edit


def everywhere(folder: str, old: str, new: str) -> Edit:
    def edit(texts: Texts) -> None:
        for file in texts:
            if file.startswith(folder):
                texts[file] = texts[file].replace(old, new)

    return edit


def _block(texts: Texts, name: str) -> tuple[str, str]:
    for file, text in texts.items():
        found = re.search(rf"^{re.escape(name)} a .*?(?=\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
        if found:
            return file, found[0]
    raise AssertionError(f"nothing says what {name} is")


def without_case(name: str) -> Edit:
    """Delete a reference case."""

    def edit(texts: Texts) -> None:
        for file, text in texts.items():
            if file.startswith("cases/"):
                texts[file] = re.sub(
                    rf"^- id: {name}\n(?:(?!- id:).*\n?)*", "", text, flags=re.MULTILINE
                )

    return edit


PULSES = "sh:path calx:ivlPulsesDelivered ; sh:minCount 1 ; sh:minInclusive"
A2 = "sh:minInclusive 90 ; sh:maxInclusive 180"
A_STATED = 'calx:quantity calx:maxSuperficialArcDeg ; calx:comparator "<=" ; calx:value 180'
SEEDS = (
    Seed("01 dropped condition: E2", (block("rule:E2", " ; sh:not cond:DeepOnly", ""),)),
    Seed(
        "01b dropped condition: P3",
        (
            block(
                "cond:LithotripsyUnopposed",
                "cond:Uncrossable , cond:LithotripsyFailed",
                "cond:LithotripsyFailed",
            ),
        ),
    ),
    Seed("01c dropped condition: J4", (block("rule:J4", "sh:not cond:Perforation ;", ""),)),
    Seed(
        "02 and, then or: C4",
        (
            block(
                "rule:C4",
                "sh:property [ sh:path calx:balloonFullyExpanded ; sh:hasValue false ] ;\n          sh:node cond:StrongBalloon",
                "sh:or ( [ sh:property [ sh:path calx:balloonFullyExpanded ; sh:hasValue false ] ] cond:StrongBalloon )",
            ),
        ),
    ),
    Seed(
        "02b or, then and: C5",
        (
            block(
                "rule:C5",
                "sh:or (\n              [ sh:property [ sh:path calx:balloonCrossed ; sh:hasValue false ] ]\n              [",
                "sh:node [ a sh:NodeShape ; sh:property [ sh:path calx:balloonCrossed ; sh:hasValue false ] ] ; sh:or ( [",
            ),
        ),
    ),
    Seed(
        "03 reversed with its statement: X-CB-1",
        (
            block("rule:X-CB-1", "sh:maxExclusive 2.0", "sh:minExclusive 2.0"),
            block("ev:wolverine-lower", '"<" ; calx:value 2.0', '">" ; calx:value 2.0'),
        ),
    ),
    Seed(
        "03b reversed: X-CB-1",
        (block("rule:X-CB-1", "sh:maxExclusive 2.0", "sh:minExclusive 2.0"),),
    ),
    Seed(
        "03c reversed with its statement: W-RA-3",
        (
            block("rule:W-RA-3", "sh:maxInclusive 30", "sh:minInclusive 30"),
            block("ev:whiteside-lvef-30", '"<=" ; calx:value 30', '">=" ; calx:value 30'),
        ),
    ),
    Seed(
        "04 wrong device: F-OA-8",
        (block("rule:F-OA-8", "device:orbital_atherectomy", "device:cutting_balloon"),),
    ),
    Seed(
        "04b wrong device: F-RA-1",
        (block("rule:F-RA-1", "device:rotational_atherectomy", "device:orbital_atherectomy"),),
    ),
    Seed(
        "04c wrong term: W-IVL-3",
        (
            block(
                "rule:W-IVL-3",
                "caution:intravascular_lithotripsy-length_gt_60",
                "caution:intravascular_lithotripsy-pacing_capture",
            ),
        ),
    ),
    Seed(
        "05 overlapping grades: A2 up to 200",
        (
            block("rule:A2", A2, "sh:minInclusive 90 ; sh:maxInclusive 200"),
            everywhere("evidence/", A_STATED, A_STATED.replace("180", "200")),
            everywhere("evidence/", "II 90-180°", "II 90-200°"),
            everywhere("evidence/", "II级90–180°", "II级90–200°"),
        ),
    ),
    Seed(
        "05b gap between grades: A2 from 100",
        (
            block("rule:A2", A2, "sh:minInclusive 100 ; sh:maxInclusive 180"),
            everywhere(
                "evidence/",
                'calx:comparator ">=" ; calx:value 90',
                'calx:comparator ">=" ; calx:value 100',
            ),
        ),
    ),
    Seed(
        "06 dead rule: deep only, and a closed ring",
        (
            block(
                "rule:P2",
                "sh:node cond:DeepOnly ;",
                "sh:node cond:DeepOnly ; sh:property [ sh:path calx:finding ; sh:hasValue finding:circumferential_calcium ] ;",
            ),
        ),
    ),
    Seed("07 missing layer", (block("rule:E3", "sh:order 50 ; ", ""),)),
    Seed("07b wrong layer: E3", (block("rule:E3", "sh:order 50", "sh:order 43"),)),
    Seed(
        "08 evidence with a wrong unit",
        (block("ev:c2-sizes-lower", 'calx:unit "mm"', 'calx:unit "cm"'),),
    ),
    Seed(
        "08b text says 270, states 240",
        (
            block("ev:review-high-risk-arc", "calx:value 270", "calx:value 240"),
            block("cond:SuperficialArcLong", "sh:minInclusive 270", "sh:minInclusive 240"),
        ),
    ),
    Seed(
        "09 alert without advice: G8",
        (
            block(
                "rule:G8",
                f" ,\n    [ a sh:TripleRule ; sh:order 2 ; sh:subject sh:this ; sh:predicate calx:advice ; sh:object advice:change_strategy ;\n      sh:condition [ a sh:NodeShape ; sh:node cond:Active ; sh:property [ {PULSES} 80 ] ] ] .",
                " .",
            ),
        ),
    ),
    Seed(
        "09b alert lost: G1",
        (
            block(
                "rule:G1",
                "[ a sh:TripleRule ; sh:order 1 ; sh:subject sh:this ; sh:predicate calx:criticalAlert ; sh:object alert:c_cat ;\n      sh:condition cond:CCat ] ,\n    ",
                "",
            ),
        ),
    ),
    Seed(
        "09c advice in the wrong alert: G8",
        (block("rule:G8", "calx:inAlert alert:ivl_pulse_limit", "calx:inAlert alert:c_cat"),),
    ),
    Seed(
        "09d severity: tamponade",
        (
            block(
                "rule:J0",
                "calx:criticalAlert ; sh:object alert:tamponade",
                "calx:infoAlert ; sh:object alert:tamponade",
            ),
        ),
    ),
    Seed(
        "09e severity: Ellis III",
        (block("rule:V-CRITICAL", '"ellis_3" "ellis_3_cavity"', '"ellis_3_cavity"'),),
    ),
    Seed("10 labels part: X-CB-1", (block("rule:X-CB-1", "参考直径<2.0 mm", "参考直径<2.5 mm"),)),
    Seed(
        "10b the label's number: X-IVL-2",
        (
            block("rule:X-IVL-2", "reference below 2.5 mm", "reference below 3.0 mm"),
            block("rule:X-IVL-2", "参考直径<2.5 mm", "参考直径<3.0 mm"),
        ),
    ),
    Seed("10c label missing", (block("rule:X-IVL-2", ' , "冲击波：参考直径<2.5 mm"@zh', ""),)),
    Seed("10d label in English", (block("rule:A9", '"仅深部钙化"@zh', '"Only deep calcium"@zh'),)),
    Seed(
        "11 requirement contradicted: never atherectomy in a total occlusion",
        (
            add(
                "must:graft-no-atherectomy",
                'must:no-ra-in-cto a calx:Requirement ; skos:notation "no-ra-in-cto" ;\n'
                '  rdfs:label "No rotational atherectomy in an occlusion"@en , "闭塞病变不得旋磨"@zh ;\n'
                '  calx:rationale "As asked."@en , "按要求。"@zh ;\n'
                "  calx:whenever [ a sh:NodeShape ; sh:property [ sh:path calx:chronicTotalOcclusion ; sh:hasValue true ] ] ;\n"
                "  calx:never [ a sh:NodeShape ; sh:property [ sh:path calx:usable ; sh:hasValue device:rotational_atherectomy ] ] .\n",
            ),
        ),
    ),
    Seed(
        "12 fact without bounds",
        (
            swap(
                "shapes/lesion.ttl",
                "calx:lesionLengthMm ; sh:group group:vessel ; sh:order 19 ; sh:maxCount 1 ;\n    sh:or ( [ sh:datatype xsd:decimal ] [ sh:datatype xsd:integer ] [ sh:datatype xsd:double ] ) ; sh:minInclusive 0 ; sh:maxInclusive 150 ]",
                "calx:lesionLengthMm ; sh:group group:vessel ; sh:order 19 ; sh:maxCount 1 ;\n    sh:or ( [ sh:datatype xsd:decimal ] [ sh:datatype xsd:integer ] [ sh:datatype xsd:double ] ) ]",
            ),
        ),
    ),
    Seed(
        "12b bound cuts a rule off",
        (
            swap(
                "shapes/lesion.ttl",
                "sh:minInclusive 0 ; sh:maxInclusive 180 ]",
                "sh:minInclusive 0 ; sh:maxInclusive 50 ]",
            ),
        ),
    ),
    Seed("13 deleted rule: F-RA-3", (drop("rule:F-RA-3"),)),
    Seed("13b deleted rule: W-IVL-4", (drop("rule:W-IVL-4"),)),
    Seed(
        "13c deleted rule and its reference cases: J12",
        (
            drop("rule:J12"),
            everywhere("cases/", "pericardiocentesis, ", ""),
            everywhere("cases/", "[pericardiocentesis]", "[]"),
        ),
    ),
    Seed(
        "14 a second rule with another limit",
        (
            add(
                "rule:X-IVL-2",
                'rule:X-IVL-2b a sh:NodeShape ;\n  sh:targetClass calx:Lesion ; sh:order 50 ; skos:notation "X-IVL-2b" ;\n'
                '  rdfs:label "Lithotripsy: reference below 3.0 mm"@en , "冲击波：参考直径<3.0 mm"@zh ;\n'
                '  calx:rationale "No size."@en , "无规格。"@zh ;\n'
                "  calx:evidence ev:calx-no-size-within-cap ;\n"
                "  sh:rule [ a sh:TripleRule ; sh:subject sh:this ; sh:predicate calx:hindered ; sh:object device:intravascular_lithotripsy ;\n"
                "      sh:condition [ a sh:NodeShape ; sh:property [ sh:path calx:referenceVesselDiameterMm ; sh:minCount 1 ; sh:maxExclusive 3.0 ] ] ] .\n",
            ),
        ),
    ),
    Seed(
        "15 wrong value: pacing for the LAD",
        (block("cond:PacingStandby", '"rca" "left_main"', '"lad" "left_main"'),),
    ),
    Seed("15b misspelt value", (block("cond:PacingStandby", '"rca"', '"rcca"'),)),
    Seed(
        "16 ratio upside down",
        (block("rule:Z-EXP-DISTAL", "100 * ?stent / ?distal", "100 * ?distal / ?stent"),),
    ),
    Seed(
        "17 implied fact wrong: after the stent",
        (
            block(
                "rule:N7",
                "calx:stentImplanted ; sh:object true",
                "calx:stentImplanted ; sh:object false",
            ),
        ),
    ),
    Seed(
        "18 unknown read as no: X-IVL-1",
        (
            block(
                "rule:X-IVL-1",
                "sh:property [ sh:path calx:balloonCrossed ; sh:hasValue false ]",
                "sh:not [ sh:property [ sh:path calx:balloonCrossed ; sh:hasValue true ] ]",
            ),
        ),
    ),
    Seed(
        "19 order of strategies: D4",
        (block("rule:D4", "cond:NothingUpToD7", "cond:NothingUpToD8"),),
    ),
    Seed(
        "20 stance turned",
        (block("ev:eclipse-no-gain", 'calx:stance "disputes"', 'calx:stance "supports"'),),
    ),
    Seed(
        "21 evidence of something else: G6",
        (
            block(
                "rule:G6", "ev:eruptive-outcome , ev:ivus-separates-poorly", "ev:wolverine-thrombus"
            ),
        ),
    ),
    Seed(
        "22 evidence inflated",
        (everywhere("evidence/", 'calx:verified "review"', 'calx:verified "page"'),),
    ),
    Seed(
        "23 a shape that forbids real lesions",
        (
            block(
                "shape:nodule-1",
                "sh:minInclusive 0 ; sh:maxInclusive 0",
                "sh:minInclusive 0 ; sh:maxInclusive 90",
            ),
        ),
    ),
    Seed(
        "24 a size left out",
        (
            block(
                "rule:Z-IVL",
                "sh:predicate calx:ivlBalloonDiameterMm ; sh:object 3.25",
                "sh:predicate calx:ivlBalloonDiameterMm ; sh:object 3.0",
            ),
        ),
    ),
    Seed(
        "25 one alert at another limit than its kin",
        (
            block("rule:G8", f"{PULSES} 80", f"{PULSES} 120", 2),
            block("ev:c2-segment-limit", "calx:value 80", "calx:value 120"),
            block("ev:c2-segment-limit", "limit of 80 pulses", "limit of 120 pulses"),
            block("ev:c2-segment-limit", "80脉冲", "120脉冲"),
            everywhere("cases/", "ivl_pulses_delivered: 80,", "ivl_pulses_delivered: 120,"),
        ),
    ),
)
