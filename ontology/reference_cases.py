"""Reference cases: what must come out of a lesion, and why. They live beside the guideline, in
``cases/*.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from calx.ontology import AuthoringProblem
from calx.words import LANGUAGES

KEYS = {"id", "title", "why", "case", "expect"}


class _Once(yaml.SafeLoader):
    """The safe loader, which does not let a key stand twice, and takes for a number or a truth only
    what JSON does: in YAML 1.1, ``060`` is 48, ``1:30`` is 90 and ``no`` is false.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set[str]()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key '{key.value}' stands twice", problem_mark=key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


PLAIN = {
    "bool": (r"true|false", "tf"),
    "int": (r"-?(0|[1-9][0-9]*)", "-0123456789"),
    "float": (r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?", "-0123456789"),
    "null": (r"null|~|", ["n", "~", ""]),
}
"""What a plain scalar is, by its whole text, and the characters with which it begins."""
_Once.yaml_implicit_resolvers = {}
for _kind, (_pattern, _first) in PLAIN.items():
    _Once.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(f"(?:{_pattern})$"), list(_first)
    )


@dataclass(frozen=True)
class ReferenceCase:
    """One lesion whose answer is known."""

    id: str
    title: dict[str, str] | None
    """By language; cases with a title are shown as examples."""
    why: str
    facts: dict[str, Any]
    expect: dict[str, Any]
    file: str
    line: int | None


def read_reference_cases(directory: Path) -> tuple[list[ReferenceCase], list[AuthoringProblem]]:
    """The reference cases of a guideline's folder, and what is wrong with their files."""
    cases: list[ReferenceCase] = []
    problems: list[AuthoringProblem] = []
    for path in sorted((directory / "cases").glob("*.yaml")):
        name = path.relative_to(directory).as_posix()
        try:
            text = path.read_text(encoding="utf-8")
            content = _Once(text).get_single_data()
        except UnicodeDecodeError:
            problems.append(
                AuthoringProblem("encoding", name, "is not UTF-8; save the file as UTF-8")
            )
        except OSError as error:
            problems.append(
                AuthoringProblem("case-file", name, f"cannot be read ({error.strerror})")
            )
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark else None
            problems.append(
                AuthoringProblem(
                    "case-file",
                    name,
                    f"not YAML: {getattr(error, 'problem', None) or 'cannot be read'}",
                    line=line,
                )
            )
        else:
            for entry in _cases(name, text, content):
                (problems if isinstance(entry, AuthoringProblem) else cases).append(entry)  # type: ignore[arg-type]
    seen: dict[str, ReferenceCase] = {}
    for case in cases:
        if case.id in seen:
            first = seen[case.id]
            problems.append(
                AuthoringProblem(
                    "duplicate-id",
                    case.file,
                    f"the case {case.id} stands twice, first in {first.file}:{first.line}",
                    case.id,
                    case.line,
                )
            )
        seen.setdefault(case.id, case)
    return list(seen.values()), problems


def _cases(name: str, text: str, content: object) -> Iterator[ReferenceCase | AuthoringProblem]:
    if not isinstance(content, list):
        yield AuthoringProblem("case-file", name, "is no list of cases; start each with '- id: …'")
        return
    starts = [
        text[: start.start()].count("\n") + 1 for start in re.finditer(r"^- ", text, re.MULTILINE)
    ]
    for number, entry in enumerate(content, 1):
        told = str(entry.get("id", number)) if isinstance(entry, dict) else str(number)
        line = starts[number - 1] if len(starts) == len(content) else None
        if not isinstance(entry, dict) or not {"id", "why", "case", "expect"} <= set(entry) <= KEYS:
            yield AuthoringProblem(
                "case-file",
                name,
                f"case {told}: give id, why, case and expect (title if wanted), nothing else",
                told,
                line,
            )
        elif "title" in entry and not (
            isinstance(entry["title"], dict) and entry["title"].keys() == set(LANGUAGES)
        ):
            yield AuthoringProblem(
                "case-file",
                name,
                f"case {told}: a title is given in each language: {{"
                + ", ".join(f"{language}: …" for language in LANGUAGES)
                + "}",
                told,
                line,
            )
        elif (
            not isinstance(entry["case"], dict)
            or not isinstance(entry["expect"], dict)
            or not entry["expect"]
            or not entry["why"]
        ):
            yield AuthoringProblem(
                "case-file",
                name,
                (
                    f"case {told}: 'case' and 'expect' list facts and results; 'why' says why the "
                    "case is here"
                ),
                told,
                line,
            )
        else:
            yield ReferenceCase(
                told,
                entry.get("title"),
                str(entry["why"]),
                entry["case"],
                entry["expect"],
                name,
                line,
            )
