"""Names that every part of a guideline uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType, TypeAlias

IRI = "https://w3id.org/calx/"
"""Namespace of the vocabulary in which guidelines are written, and of cases."""


Text: TypeAlias = dict[str, str]
"""One wording in each language: ``{"en": …, "zh": …}``."""

Key = NewType("Key", str)
"""A conclusion in one string, ``property:term``, by which traces, proofs and solvers find it."""


def key_of(predicate: str, term: str) -> Key:
    """The key of the conclusion that a property holds with a term.

    >>> key_of("strategy", "none")
    'strategy:none'
    """
    return Key(f"{predicate}:{term}")


def predicate_of(key: str) -> str:
    """The property of a conclusion.

    >>> predicate_of("strategy:none")
    'strategy'
    """
    return key.partition(":")[0]


def term_of(key: str) -> str:
    """The term of a conclusion.

    >>> term_of("strategy:none")
    'none'
    """
    return key.partition(":")[2]


FOLDERS = {"condition": "cond", "requirement": "must"}
"""Folders of a guideline's IRIs whose prefix has another name."""
STANDARD = {
    "http://www.w3.org/ns/shacl#": "sh",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    "http://www.w3.org/2000/01/rdf-schema#": "rdfs",
    "http://www.w3.org/2002/07/owl#": "owl",
    "http://www.w3.org/2001/XMLSchema#": "xsd",
    "http://www.w3.org/2004/02/skos/core#": "skos",
    "http://purl.org/dc/terms/": "dcterms",
}


@dataclass(frozen=True)
class Names:
    """The namespace of a guideline: its facts and properties stand in it, its terms, rules and
    evidence in folders below it.

    >>> names = Names(IRI, "calx")
    >>> names.short(IRI + "rule/C1"), names.short(IRI + "thrombus"), names.below(IRI + "rule/C1")
    ('rule:C1', 'calx:thrombus', 'rule/C1')
    """

    iri: str
    prefix: str
    """As the files write it."""

    def __call__(self, path: str) -> str:
        """The IRI of what stands at a path below the namespace."""
        return self.iri + path

    def has(self, iri: object) -> bool:
        """Whether something stands in this namespace."""
        return str(iri).startswith(self.iri)

    def below(self, iri: object) -> str:
        """The path below the namespace; an IRI outside of it stays whole."""
        return str(iri).removeprefix(self.iri)

    def local(self, iri: object) -> str:
        """The last part of it."""
        for folder in ("rule", "ev", "shape", *FOLDERS):
            if (text := str(iri)).startswith(start := f"{self.iri}{folder}/"):
                return text.removeprefix(start)
        return self.below(iri).rpartition("/")[2]

    def short(self, iri: object) -> str:
        """A readable name, as files write it."""
        text = str(iri)
        if text == self.iri:
            return "header"
        for base, prefix in ((self.iri, self.prefix), (IRI, "calx")):
            if text.startswith(base):
                kind, _, local = text.removeprefix(base).rpartition("/")
                return f"{FOLDERS.get(kind, kind) or prefix}:{local}"
        for base, prefix in STANDARD.items():
            if text.startswith(base):
                return f"{prefix}:{text.removeprefix(base)}"
        return "an anonymous node" if type(iri).__name__ == "BNode" else text
