"""Cases as JSON, JSON lines, Turtle and YAML; FHIR resources; tables."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from calx import strict_json
from calx.api.exchange.codes import Codes
from calx.api.exchange.fhir_facts import FhirFacts
from calx.ontology import DEFAULT_DIRECTORY, GuidelineFiles
from calx.ontology.edits import EditError
from calx.ontology.reference_cases import read_reference_cases
from calx.reasoner.authors.edit.spreadsheets import TableError, as_csv, as_xlsx, import_tables
from calx.reasoner.authors.edit.tables import tables
from calx.reasoner.intake.errors import CaseError
from calx.reasoner.intake.files import submissions
from calx.reasoner.recommendation import Reasoner
from tests.api.exchange.test_cds_hooks import DCM, OURS, bundle, observation, quantity
from tests.damage.texts import Damage, all_of, copies, encodings
from tests.damage.watch import Came, watch
from tests.sampling import much

pytestmark = pytest.mark.long
TEXT = much(1000, 160)
"""Damages of each text door."""
FACTS: dict[str, Any] = {
    "calcium_present": True,
    "max_superficial_arc_deg": 300,
    "superficial_arc_gt270_length_mm": 5.5,
    "calcium_length_mm": 12.25,
    "calcium_depth": "superficial",
    "calcified_nodule": False,
    "vessel_diameter_mm": 3.24,
    "residual_thin_plaque": True,
    "perforation_grade": "none",
    "age_years": 71,
}
CASE = {"case_id": "kin-1", **FACTS}


def cases(reasoner: Reasoner, suffix: str) -> Callable[[bytes], Came]:
    """What comes of a file of cases: the facts of those that pass the gate, and all problems."""

    def read(content: bytes) -> Came:
        found: dict[str, Any] = {}
        words: list[str] = []
        for item in submissions(io.BytesIO(content), suffix, reasoner.guideline):
            words += [str(problem) for problem in item.problems]
            if item.readable and not item.problems:
                try:
                    case = reasoner.gate.admit(item.raw)
                except CaseError as error:
                    words.append(str(error))
                else:
                    for name, value in case.facts.items():
                        plain = float(value) if isinstance(value, Decimal) else value
                        if found.get(name, plain) != plain:
                            words.append("two cases")
                        if name not in found or found[name] == FACTS.get(name):
                            found[name] = plain
        return Came(found, " ".join(words))

    return read


def swapped(facts: dict[str, Any], source: random.Random) -> Iterator[tuple[str, dict[str, Any]]]:
    """Values that are of another type than their facts."""
    name = source.choice(list(facts))
    for what, value in (
        ("text for a value", str(facts[name])),
        ("null", None),
        ("list around a value", [facts[name]]),
        ("object with a unit", {"value": facts[name], "unit": "cm"}),
        *([("number for a truth", 1)] if isinstance(facts[name], bool) else []),
        *([] if isinstance(facts[name], bool) else [("truth for a number", True)]),
        ("empty text", ""),
        ("yes", "yes"),
    ):
        yield f"{what}: {name}", {**facts, name: value}
    for what, key in (
        ("a capital", name.capitalize()),
        ("a blank behind", name + " "),
        ("a no-break space behind", name + "\u00a0"),
        ("a zero-width space", name[:3] + "\u200b" + name[3:]),
        ("another unit in the name", name.rsplit("_", 1)[0] + "_cm"),
    ):
        yield f"{what} in {name}", {key if old == name else old: v for old, v in facts.items()}


def takes_away(name: str) -> bool:
    """A fact that is null or gone is unknown, as the sender said."""
    return name.startswith(("null", "two lines", "lines in", "all lines", "cut", "a line"))


def in_json(source: random.Random) -> Iterator[Damage]:
    text = json.dumps(CASE, indent=1, ensure_ascii=False)
    yield "none", text.encode()
    yield from all_of(text, source)
    for name, facts in swapped(CASE, source):
        if not name.startswith(("null", "text for a value: case_id", "text for a value: perf")):
            yield name, json.dumps(facts).encode()
    key = source.choice(list(FACTS))
    again = json.dumps(CASE)[:-1] + f", {json.dumps(key)}: 76}}"
    yield "a key twice", again.encode()
    yield (
        "cases within a case",
        json.dumps({**CASE, "facts": {"max_superficial_arc_deg": 76}}).encode(),
    )
    yield "bare words for quotes", text.replace('"', "").encode()
    yield "single quotes", text.replace('"', "'").encode()
    yield "a comma behind", (text[:-1] + ",}").encode()


def test_cases_in_json(reasoner: Reasoner, request: pytest.FixtureRequest) -> None:
    watch(in_json, cases(reasoner, ".json"), TEXT, "case JSON", request, may_lose=takes_away)


def in_lines(source: random.Random) -> Iterator[Damage]:
    text = "\n".join([json.dumps(CASE), json.dumps({**CASE, "case_id": "kin-2"})]) + "\n"
    yield "none", text.encode()
    yield from all_of(text, source)
    for name, facts in swapped(CASE, source):
        if not name.startswith(("null", "text for a value: case_id", "text for a value: perf")):
            yield name, (json.dumps(CASE) + "\n" + json.dumps(facts)).encode()
    yield "lines joined", text.replace("\n", " ").encode()
    yield "an array of cases", json.dumps([CASE, CASE]).encode()
    yield "broken over lines", json.dumps(CASE, indent=1).encode()


def test_cases_in_json_lines(reasoner: Reasoner, request: pytest.FixtureRequest) -> None:
    watch(in_lines, cases(reasoner, ".jsonl"), TEXT, "JSON lines", request, may_lose=takes_away)


def turtle(reasoner: Reasoner) -> str:
    local = {fact.name: fact.local for fact in reasoner.guideline.facts.values()}

    def written(value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        return f'"{value}"' if isinstance(value, str) else str(value)

    told = "\n".join(f"  calx:{local[name]} {written(value)} ;" for name, value in FACTS.items())
    return (
        "@prefix calx: <https://w3id.org/calx/> .\n"
        f'<https://w3id.org/calx/case/kin-1> a calx:Lesion ;\n  calx:caseId "kin-1" ;\n{told}\n  .\n'
    )


def test_cases_in_turtle(reasoner: Reasoner, request: pytest.FixtureRequest) -> None:
    text = turtle(reasoner)

    def damages(source: random.Random) -> Iterator[Damage]:
        yield "none", text.encode()
        yield from all_of(text, source)
        line = source.choice([line for line in text.splitlines() if line.startswith("  calx:")])
        verb, value = line.split()[0], line.split()[1]
        for name, new in (
            ("a language", f'  {verb} "{value}"@en ;'),
            (
                "a text for a value",
                f'  {verb} "{value}"^^<http://www.w3.org/2001/XMLSchema#string> ;',
            ),
            ("two values", f"  {verb} {value} , 76 ;"),
            ("an IRI for a value", f"  {verb} <http://example.org/{value.strip(chr(34))}> ;"),
            ("a blank node", f"  {verb} [ calx:value {value} ] ;"),
            ("a list", f"  {verb} ( {value} ) ;"),
            ("another name", f"  {verb}Cm {value} ;"),
            ("another datatype", f'  {verb} "300,5"^^<http://www.w3.org/2001/XMLSchema#decimal> ;'),
        ):
            yield f"{name} in {verb}", text.replace(line, new).encode()
        yield "another namespace", text.replace("w3id.org/calx/>", "w3id.org/other/>").encode()
        yield "https for http", text.replace("<https://w3id", "<http://w3id").encode()

    watch(damages, cases(reasoner, ".ttl"), TEXT, "Turtle", request, may_lose=takes_away)


def test_reference_cases_in_yaml(
    reasoner: Reasoner, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    def written(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    facts = "\n".join(f"    {name}: {written(value)}" for name, value in FACTS.items())
    text = f"- id: kin-1\n  why: A good one.\n  case:\n{facts}\n  expect: {{arc_grade: IV}}\n"
    (tmp_path / "cases").mkdir()

    def read(content: bytes) -> Came:
        (tmp_path / "cases" / "kin.yaml").write_bytes(content)
        found, problems = read_reference_cases(tmp_path)
        words = [str(problem) for problem in problems]
        told: dict[str, Any] = {}
        for case in found:
            try:
                admitted = reasoner.gate.admit({"case_id": "kin", **case.facts})
            except CaseError as error:
                words.append(str(error))
            else:
                told |= {
                    name: float(value) if isinstance(value, Decimal) else value
                    for name, value in admitted.facts.items()
                }
        return Came(told, " ".join(words))

    def damages(source: random.Random) -> Iterator[Damage]:
        yield "none", text.encode()
        yield from all_of(text, source)
        name = source.choice([name for name, v in FACTS.items() if not isinstance(v, str | bool)])
        for what, value in (
            ("octal", "060"),
            ("sexagesimal", "1:16"),
            ("binary", "0b1001100"),
            ("a tag", "!!int '76'"),
            ("an anchor", "&a 76"),
        ):
            yield (
                f"{what} in {name}",
                text.replace(f"{name}: {FACTS[name]}", f"{name}: {value}").encode(),
            )
        yield "no for false", text.replace("nodule: false", "nodule: no").encode()
        yield "on for true", text.replace("plaque: true", "plaque: on").encode()
        yield "a key twice", text.replace("  expect", "    age_years: 5\n  expect").encode()
        yield "tabs", text.replace("    ", "\t").encode()

    def known(name: str) -> bool:
        return takes_away(name) or name.startswith(("an anchor", "a tag"))

    def honest(content: bytes) -> Came:
        came = read(content)
        # a tag and an anchor are another number by the author's own word
        own = b"&a 76" in content or b"!!int '76'" in content
        return Came({}, "the author's own number") if own else came

    watch(damages, honest, TEXT, "YAML", request, may_lose=known)


# --- FHIR -----------------------------------------------------------------------------


def fhir_bundle() -> dict[str, Any]:
    when = {"effectiveDateTime": "2026-11-20T10:00:00Z", "bodySite": {"text": "LAD"}}
    return bundle(
        observation(DCM, "122355", **quantity(300, "deg")) | when,
        observation(DCM, "122341", **quantity(12.25, "mm")) | when,
        observation(OURS, "vessel_diameter_mm", **quantity(3.24, "mm")) | when,
        observation(OURS, "calcified_nodule", valueBoolean=False) | when,
        observation(OURS, "calcium_depth", valueString="superficial") | when,
        observation(OURS, "thrombus", valueBoolean=True) | when,
    )


def fhir_damages(source: random.Random) -> Iterator[Damage]:
    good = fhir_bundle()
    text = json.dumps(good, indent=1)
    yield "none", text.encode()
    yield from copies(text, source)
    yield from encodings(text, source)

    def changed(name: str, **more: Any) -> Damage:
        found = json.loads(text)
        entry = source.choice(found["entry"])["resource"]
        for key, value in more.items():
            if value is None:
                entry.pop(key, None)
            else:
                entry[key] = value
        return name, json.dumps(found).encode()

    for key in ("status", "code", "subject", "effectiveDateTime", "bodySite"):
        yield changed(f"without {key}", **{key: None})
    ways: tuple[tuple[str, dict[str, Any]], ...] = (
        ("of another patient", {"subject": {"reference": "Patient/p2"}}),
        ("of an identifier", {"subject": {"identifier": {"system": "urn:mrn", "value": "7"}}}),
        (
            "of a version",
            {"subject": {"reference": "https://ehr.example.org/fhir/Patient/p1/_history/2"}},
        ),
        ("of another site", {"bodySite": {"text": "RCA"}}),
        ("of a focus", {"focus": [{"reference": "Device/1"}]}),
        ("of a specimen", {"specimen": {"reference": "Specimen/1"}}),
        ("of an encounter", {"encounter": {"reference": "Encounter/1"}}),
        ("of a procedure", {"partOf": [{"reference": "Procedure/1"}]}),
        ("of another day", {"effectiveDateTime": "2019-01-01"}),
        ("of a year", {"effectiveDateTime": "2026"}),
        ("of a zone", {"effectiveDateTime": "2026-11-20T23:30:00+14:00"}),
        ("of no time", {"effectiveDateTime": "yesterday"}),
        ("cancelled", {"status": "cancelled"}),
        ("preliminary", {"status": "preliminary"}),
        ("with a modifier", {"modifierExtension": [{"url": "urn:not", "valueBoolean": True}]}),
        ("with rules", {"implicitRules": "urn:rules"}),
        ("with a reason for no value", {"dataAbsentReason": {"text": "unknown"}}),
        ("coded in words", {"code": {"text": "thrombus"}}),
        ("coded without a system", {"code": {"coding": [{"code": "thrombus"}]}}),
        ("coded elsewhere", {"code": {"coding": [{"system": "http://loinc.org", "code": "1-1"}]}}),
        (
            "coded twice",
            {
                "code": {
                    "coding": [
                        {"system": OURS, "code": "thrombus"},
                        {"system": OURS, "code": "pregnant"},
                    ]
                }
            },
        ),
        ("of an unknown name", {"code": {"coding": [{"system": OURS, "code": "thrombs"}]}}),
        ("with members elsewhere", {"hasMember": [{"reference": "Observation/77"}]}),
    )
    for what, more in ways:
        yield changed(what, **more)

    def quantities(name: str, **more: Any) -> Damage:
        found = json.loads(text)
        entry = source.choice(found["entry"][:3])["resource"]
        entry["valueQuantity"] |= more
        return name, json.dumps(found).encode()

    for what, more in (
        ("in radians", {"code": "rad", "unit": "rad"}),
        ("in centimetres", {"code": "cm", "unit": "cm"}),
        ("in a unit of words", {"code": "", "unit": "degrees"}),
        ("compared", {"comparator": ">"}),
        ("in text", {"value": "300"}),
        ("with a comma", {"value": "12,25"}),
        ("without a number", {"value": None}),
        ("in another system", {"system": "urn:units"}),
    ):
        yield quantities(what, **more)
    found = json.loads(text)
    twin = json.loads(json.dumps(source.choice(found["entry"])))
    yield "an entry twice", json.dumps({**found, "entry": [*found["entry"], twin]}).encode()
    source.shuffle(found["entry"])
    yield "in another order", json.dumps(found).encode()
    inner = json.loads(text)
    moved = inner["entry"].pop(source.randrange(6))["resource"]
    holder = observation("http://loinc.org", "1-1")
    holder |= {key: moved[key] for key in ("effectiveDateTime", "bodySite")}
    value = {key: moved[key] for key in moved if key.startswith("value")}
    component = {**holder, "component": [{"code": moved["code"], **value}]}
    yield (
        "in a component",
        json.dumps({**inner, "entry": [*inner["entry"], {"resource": component}]}).encode(),
    )
    bare = {
        key: of
        for key, of in moved.items()
        if key not in ("subject", "effectiveDateTime", "bodySite")
    }
    contained = {**holder, "contained": [bare]}
    yield (
        "contained",
        json.dumps({**inner, "entry": [*inner["entry"], {"resource": contained}]}).encode(),
    )
    yield "in a nested bundle", json.dumps(bundle(json.loads(text))).encode()
    yield "incomplete", json.dumps({**json.loads(text), "total": 400}).encode()
    yield (
        "with a page behind",
        json.dumps(
            {**json.loads(text), "link": [{"relation": "next", "url": "https://ehr.example.org/2"}]}
        ).encode(),
    )
    older = json.loads(text)
    old = json.loads(json.dumps(older["entry"][0]))
    old["resource"]["valueQuantity"]["value"] = 76
    old["resource"]["effectiveDateTime"] = "2026-11-20T08:00:00Z"
    older["entry"].append(old)
    yield "an older value", json.dumps(older).encode()
    old["resource"]["effectiveDateTime"] = "2026-11-20T12:00:00+02:00"
    yield "another value of one moment", json.dumps(older).encode()


def test_fhir(reasoner: Reasoner, request: pytest.FixtureRequest) -> None:
    codes = Codes(reasoner.guideline, DEFAULT_DIRECTORY)

    def read(content: bytes) -> Came:
        try:
            resource = strict_json.loads(content)
        except ValueError as error:
            return Came(words=str(error))
        if not isinstance(resource, dict) or resource.get("resourceType") != "Bundle":
            return Came(words="send a Bundle")
        reading = FhirFacts(reasoner.guideline, codes)
        reading.resource(resource, "Bundle")
        found = reading.lesions()
        words = [*map(str, reading.problems)]
        words += [note for note in reading.notes if "was read as" not in note]
        words += [note for lesion in found for note in lesion.notes]
        if reading.problems or not found:
            return Came(words=" ".join(words) or "no fact")
        try:
            case = reasoner.gate.admit({"case_id": "kin", **found[0].facts})
        except CaseError as error:
            return Came(words=str(error))
        return Came(
            {n: float(v) if isinstance(v, Decimal) else v for n, v in case.facts.items()},
            " ".join(words),
        )

    watch(fhir_damages, read, TEXT, "FHIR", request)


# --- tables ---------------------------------------------------------------------------


def edits(path: Path) -> Came:
    """What a table would change: nothing is the truth, as the good table was not edited."""
    try:
        _, found = import_tables(FILES, path)
    except (TableError, EditError) as error:
        return Came(words=str(error))
    return Came({"edits": 0} | {f"{one.key} {one.column}": one.after for one in found})


FILES = GuidelineFiles()


def test_tables_in_csv(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    (table,) = (table for table in tables(FILES) if table.name == "status-limits")
    text = as_csv(table).decode("utf-8-sig").replace("\r\n", "\n")
    path = tmp_path / "status-limits.csv"

    def read(content: bytes) -> Came:
        path.write_bytes(content)
        return edits(path)

    def damages(source: random.Random) -> Iterator[Damage]:
        yield "none", text.encode()
        yield from all_of(text, source)
        rows = [line.split(",") for line in text.splitlines()]
        yield "semicolons", "\n".join(";".join(row) for row in rows).encode()
        yield "a column gone", "\n".join(",".join(row[:-1]) for row in rows).encode()
        yield (
            "two columns swapped",
            text.replace("comparator,value", "value,comparator", 1).encode(),
        )
        yield "blanks at the ends", "\n".join(line + " " for line in text.splitlines()).encode()
        yield "no-break spaces", text.replace(" ", "\u00a0").encode()
        yield "curly quotes", text.replace('"', "“").encode()
        k = source.randrange(1, len(rows))
        yield (
            "a cell gone",
            "\n".join(",".join(row[1:] if n == k else row) for n, row in enumerate(rows)).encode(),
        )
        yield (
            "a cell more",
            "\n".join(
                ",".join(["", *row] if n == k else row) for n, row in enumerate(rows)
            ).encode(),
        )

    watch(damages, read, TEXT, "CSV", request, may_lose=lambda name: True)


def test_tables_in_workbooks(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    from openpyxl import load_workbook

    found = [table for table in tables(FILES) if table.name in ("status-limits", "thresholds")]
    good, path = as_xlsx(found), tmp_path / "tables.xlsx"

    def read(content: bytes) -> Came:
        path.write_bytes(content)
        return edits(path)

    def damages(source: random.Random) -> Iterator[Damage]:
        yield "none", good
        for _ in range(4):
            yield "cut short", good[: source.randrange(len(good))]
            at = source.randrange(len(good))
            yield "a byte turned", good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1 :]
        yield "doubled", good + good
        formats = (
            "0%",
            "0.00%",
            "yyyy-mm-dd",
            "h:mm",
            '"$"#,##0.00',
            "# ?/?",
            "0,",
            "0",
            "[$€]0.0",
            "@ mm",
        )
        for name in (*formats, *WAYS):
            book = load_workbook(io.BytesIO(good))
            sheet = book[source.choice(book.sheetnames)]
            row = source.randrange(2, sheet.max_row)
            cell = sheet.cell(row, 6)
            if name in WAYS:
                WAYS[name](sheet, row)
            else:
                cell.number_format = name
                if isinstance(cell.value, int | float):
                    cell.value = cell.value / 100 if "%" in name else cell.value + 0.004
            stream = io.BytesIO()
            book.save(stream)
            yield f"way {name}", stream.getvalue()

    watch(damages, read, much(1000, 60), "XLSX", request, may_lose=lambda name: True)


def _value(change: Callable[[Any], Any]) -> Callable[[Any, int], None]:
    def way(sheet: Any, row: int) -> None:
        sheet.cell(row, 6).value = change(sheet.cell(row, 6).value)

    return way


def _title(sheet: Any, row: int) -> None:
    sheet.title = sheet.title.replace("-", " ").title()


def _note(sheet: Any, row: int) -> None:
    sheet.parent.create_sheet("Notes").cell(1, 1).value = "thresholds were changed here"


def _below(sheet: Any, row: int) -> None:
    sheet.cell(sheet.max_row + 3, 1).value = "rule:NOBODY#1"


def _head(sheet: Any, row: int) -> None:
    sheet.cell(1, 6).value, sheet.cell(1, 7).value = sheet.cell(1, 7).value, sheet.cell(1, 6).value


def _gone(sheet: Any, row: int) -> None:
    sheet.delete_cols(4)


def _up(sheet: Any, row: int) -> None:
    sheet.move_range(f"F{row}:F{row}", rows=1)


WAYS: dict[str, Callable[[Any, int], None]] = {
    "text": _value(lambda value: f"{value} mm"),
    "decimal comma": _value(lambda value: f"{value},5"),
    "formula": _value(lambda value: f"={value}*2"),
    "truth": _value(lambda value: True),
    "blank": _value(lambda value: None),
    "no-break space": _value(lambda value: f"\u00a0{value}"),
    "zero-width space": _value(lambda value: f"\u200b{value}"),
    "error": _value(lambda value: "#DIV/0!"),
    "wide digits": _value(lambda value: "３０"),
    "renamed sheet": _title,
    "another sheet": _note,
    "a row of nobody": _below,
    "heads swapped": _head,
    "a column gone": _gone,
    "a cell moved": _up,
}
