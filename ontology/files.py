"""Finds, digests and parses the files of a guideline. Knows nothing of what they mean."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import AuthoringProblem, GuidelineError

if TYPE_CHECKING:
    from rdflib import Graph

DEFAULT_DIRECTORY = Path(__file__).resolve().parent
"""The guideline that comes with Calx."""


class GuidelineFiles:
    """The Turtle files of one guideline, read once so that digest and content cannot part.

    Raises:
        GuidelineError: the folder is missing, holds no Turtle, or a file is not UTF-8.
    """

    def __init__(self, directory: Path = DEFAULT_DIRECTORY) -> None:
        self.directory = directory
        self.texts: dict[str, str] = {}
        if not directory.is_dir():
            raise GuidelineError([AuthoringProblem(str(directory), "no such folder; give the folder that holds the guideline's .ttl files")])
        problems = []
        digest = hashlib.sha256()
        for path in sorted(directory.rglob("*.ttl")):
            name = path.relative_to(directory).as_posix()
            content = path.read_bytes()
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
            try:
                self.texts[name] = content.decode("utf-8")
            except UnicodeDecodeError as error:
                line = content[: error.start].count(b"\n") + 1
                problems.append(AuthoringProblem(name, "is not UTF-8 here; save the file as UTF-8", line=line))
        if not self.texts and not problems:
            problems.append(AuthoringProblem(str(directory), "holds no .ttl file; give the folder of a guideline"))
        if problems:
            raise GuidelineError(problems)
        self.digest = f"sha256:{digest.hexdigest()}"

    def graphs(self) -> dict[str, Graph]:
        """Parse every file, without following any import or link.

        Raises:
            GuidelineError: files that are not Turtle, each with its line.
        """
        from rdflib import Graph
        from rdflib.plugins.parsers.notation3 import BadSyntax

        graphs, problems = {}, []
        for name, text in self.texts.items():
            try:
                graphs[name] = Graph(bind_namespaces="none").parse(data=text, format="turtle")
            except BadSyntax as error:
                reason = error.message if hasattr(error, "message") else str(error).rsplit("\n", 1)[-1]
                problems.append(AuthoringProblem(name, f"not Turtle: {' '.join(reason.split())[:120]}", line=getattr(error, "lines", 0) + 1))
            except (ValueError, RecursionError) as error:
                problems.append(AuthoringProblem(name, f"not Turtle: {str(error)[:120]}"))
        if problems:
            raise GuidelineError(problems)
        return graphs

    def line_of(self, name: str, subject: str) -> int | None:
        """The line on which `subject` (a prefixed name such as ``rule:C1``) is declared."""
        match = re.search(rf"^{re.escape(subject)}[ \t]", self.texts.get(name, ""), re.MULTILINE)
        return self.texts[name][: match.start()].count("\n") + 1 if match else None

    def declarations(self, prefix: str) -> list[tuple[str, str, int]]:
        """Every block that starts with a subject of `prefix`: (file, subject, line)."""
        return [
            (name, match.group(1), text[: match.start()].count("\n") + 1)
            for name, text in self.texts.items()
            for match in re.finditer(rf"^({prefix}:[A-Za-z0-9._-]+)[ \t\n]", text, re.MULTILINE)
        ]
