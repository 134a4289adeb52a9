"""How long check, verify and diff take, and how they grow with the guideline: copies of all its
facts, rules and statements side by side.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from calx.ontology import DEFAULT_DIRECTORY, GuidelineFiles
from calx.reasoner.load.reader import read

NAME = re.compile(r"[a-z0-9_]+")

OWN = ("rule", "cond", "must", "section")
KINDS = (
    "finding",
    "grade",
    "point",
    "feature",
    "strategy",
    "device",
    "alert",
    "advice",
    "caution",
    "criterion",
    "prognosis",
    "comparison",
    "factor",
    "value",
)
COHORT = 10_000
LONGEST = 600
"""Seconds after which a command is given up."""


def copies(folder: Path, times: int) -> Path:
    """The guideline, so many times over: each copy has its
    own facts, terms, rules, statements and requirements.
    """
    shutil.copytree(DEFAULT_DIRECTORY, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    files = GuidelineFiles()
    guideline, _ = read(files)
    own = {fact.local for fact in guideline.facts.values()} | set(guideline.properties)
    own |= set(re.findall(r"^calx:(\w+) a owl:Class", "\n".join(files.texts.values()), re.M))
    own -= {guideline.root.local}
    notations = (
        {fact.name for fact in guideline.facts.values()}
        | {rule.id for rule in guideline.rules}
        | {r.id for r in guideline.requirements}
        | {origin.subject.rpartition("/")[2] for origin in files.origins.values()}
        | {section.key for section in guideline.sections}
    )
    notations |= {term.id for term in guideline.terms.values()} | {
        value for fact in guideline.facts.values() for value in fact.values
    }
    notations |= {constraint.id for constraint in guideline.constraints}
    for number in range(2, times + 1):
        for name, text in files.texts.items():
            if name in ("evidence/studies.ttl", "evidence/levels.ttl", "lesion-classes.ttl"):
                continue
            copied = _renamed(text, number, own, notations, set(guideline.statements))
            if name == "shapes/lesion.ttl":
                shape = re.search(
                    r"shape:Lesion a sh:NodeShape.*?\"@zh ;\n.*?caseId[^\n]*\n(.*)\] \.\n",
                    copied,
                    re.DOTALL,
                )
                assert shape is not None
                target = folder / name
                merged = target.read_text(encoding="utf-8").rstrip()
                target.write_text(
                    f"{merged.removesuffix('.').rstrip()} ;\n{shape.group(1)}] .\n",
                    encoding="utf-8",
                )
            elif name == "guideline.ttl":
                declared = rf"calx:\w+X{number} a owl:(Class|ObjectProperty|DatatypeProperty)"
                blocks = [b for b in re.split(r"\n(?=calx:)", copied) if re.match(declared, b)]
                head = "\n".join(line for line in copied.splitlines() if line.startswith("@prefix"))
                (folder / f"calx-{number}.ttl").write_text(
                    "\n".join([head, "", *blocks]) + "\n", encoding="utf-8"
                )
            elif name == "answer.ttl":
                listed = re.search(r"calx:sections \((.*?)\)", copied, re.DOTALL)
                assert listed is not None
                (folder / f"answer-{number}.ttl").write_text(
                    re.sub(r"^<\S+> calx:.*?\) \.$", "", copied, flags=re.DOTALL | re.M).replace(
                        "calx:leads true ; ", ""
                    ),
                    encoding="utf-8",
                )
                target = folder / name
                target.write_text(
                    target.read_text(encoding="utf-8").replace(
                        "calx:sections (", f"calx:sections ({listed.group(1)}", 1
                    ),
                    encoding="utf-8",
                )
            else:
                path = folder / name
                (path.parent / f"{path.stem}-{number}.ttl").write_text(copied, encoding="utf-8")
    return folder


def _renamed(
    text: str, number: int, own: set[str], notations: set[str], statements: set[str]
) -> str:
    def name(match: re.Match[str]) -> str:
        prefix, local = match.groups()
        mine = (
            prefix in (*OWN, *KINDS)
            or (prefix == "calx" and local in own)
            or (prefix == "ev" and local in statements)
            or (prefix == "shape" and local != "Lesion")
        )
        return (
            f"{prefix}:{local}{ {'calx': 'X', 'value': '_x'}.get(prefix, '-x') }{number}"
            if mine
            else match.group()
        )

    def notation(match: re.Match[str]) -> str:
        return (
            f'"{match.group(1)}{"_x" if NAME.fullmatch(match.group(1)) else "-x"}{number}"'
            if match.group(1) in notations
            else match.group()
        )

    renamed = re.sub(r"\b([a-z]+):([A-Za-z0-9](?:[\w.-]*[\w-])?)", name, text)
    kinds = "|".join(KINDS)
    apart = re.sub(rf"(@prefix ({kinds}): <\S+/\2)/>", rf"\1x{number}/>", renamed)
    return re.sub(r'"([\w.-]+)"(?!@)', notation, apart)


def rows(sizes: tuple[int, ...] = (1, 4, 16)) -> Iterator[tuple[str, ...]]:
    """A row a size: rules, seconds of check without
    and with HermiT, verify, and diff over a cohort.
    """
    import json

    from calx.reasoner.recommendation import Reasoner
    from tests.lesions import lesions

    with tempfile.TemporaryDirectory() as place:
        cohort = Path(place) / "cohort.jsonl"
        with cohort.open("w") as file:
            for number, raw in enumerate(lesions(Reasoner.load(), COHORT, 2026)):
                file.write(json.dumps({**raw, "case_id": f"p{number}"}, default=float) + "\n")
        for size in sizes:
            old = copies(Path(place) / f"old-{size}", size)
            new = copies(Path(place) / f"new-{size}", size)
            conditions = new / "rules" / "conditions.ttl"
            conditions.write_text(
                conditions.read_text(encoding="utf-8").replace(
                    "sh:minInclusive 270", "sh:minInclusive 180", 1
                ),
                encoding="utf-8",
            )
            guideline, _ = read(GuidelineFiles(old))
            seconds = [
                _seconds("check", "--no-owl", "--ontology", old),
                _seconds("check", "--ontology", old) if size == 1 else None,
                _seconds("verify", "--ontology", old),
                _seconds("diff", old, new, "--cases", cohort),
            ]
            yield (
                f"×{size}",
                str(len(guideline.rules)),
                *(f"{value:.1f}" if value is not None else "–" for value in seconds),
            )


def _seconds(*command: object) -> float:
    """Seconds of one command as its user waits for it, the
    start of Python included; infinite where it was given up.
    """
    before = time.perf_counter()
    try:
        return _timed(before, *command)
    except subprocess.TimeoutExpired:
        return float("inf")


def _timed(before: float, *command: object) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "calx", *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
    )
    if done.returncode not in (0, 1) or "Traceback" in done.stderr:
        raise RuntimeError(done.stderr[-500:])
    return time.perf_counter() - before


def report(console: Console) -> None:
    """Print the table."""
    table = Table(
        "guideline",
        "rules",
        "check --no-owl",
        "check (HermiT)",
        "verify",
        f"diff, {COHORT:,} cases",
        title="authors' commands, seconds from start to end",
    )
    for row in rows():
        console.print(" | ".join(row))  # the largest takes minutes
        table.add_row(*row)
    table.add_row("to reach, ×1", "", "at most 2", "at most 5", "at most 5", "at most 5")
    console.print(table)


if __name__ == "__main__":
    report(Console(width=120))
