"""What an edit says anew in triples that neither rules nor words are made of, so that nothing that
the files say differently goes untold.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyoxigraph as ox

from calx.ontology import GuidelineFiles
from calx.reasoner.model.names import Names

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
FIRST, REST = f"{RDF}first", f"{RDF}rest"
Said = dict[str, dict[str, frozenset[str]]]
"""By subject and predicate, the objects; a blank node is what it says."""


def otherwise(old: GuidelineFiles, new: GuidelineFiles) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every subject of which something else is said, with the predicates, in short."""
    before, after = _said(old), _said(new)
    names = Names(*new.names())
    for subject in sorted({*before, *after}):
        mine, theirs = before.get(subject, {}), after.get(subject, {})
        changed = sorted(p for p in {*mine, *theirs} if mine.get(p) != theirs.get(p))
        if changed:
            yield subject, tuple(names.short(p).removeprefix("rdf:") for p in changed)


def _said(files: GuidelineFiles) -> Said:
    triples: dict[object, list[tuple[str, object]]] = {}
    used = set[object]()
    for text in files.written_out().values():
        for quad in ox.parse(text, ox.RdfFormat.TURTLE, rename_blank_nodes=True):
            triples.setdefault(quad.subject, []).append((quad.predicate.value, quad.object))
            if isinstance(quad.object, ox.BlankNode):
                used.add(quad.object)

    def listed(node: object) -> Iterator[object]:
        """The members of a list, however long."""
        seen = set[object]()
        while node not in seen:
            seen.add(node)
            said = dict(triples.get(node, ()))
            if FIRST not in said:
                return
            yield said[FIRST]
            node = said.get(REST)

    def told(node: object, above: tuple[object, ...] = ()) -> str:
        if not isinstance(node, ox.BlankNode) or node in above:
            return str(node)
        if members := list(listed(node)):
            return f"( {' '.join(told(member, (*above, node)) for member in members)} )"
        inner = sorted(f"{p} {told(o, (*above, node))}" for p, o in triples.get(node, ()))
        return f"[{' ; '.join(inner)}]"

    found: Said = {}
    for subject, pairs in triples.items():
        if isinstance(subject, ox.BlankNode) and subject in used:
            continue
        # a blank node that nothing names says something of its own, such as what is disjoint
        name = subject.value if isinstance(subject, ox.NamedNode) else told(subject)
        by: dict[str, set[str]] = {}
        for predicate, value in pairs:
            by.setdefault(predicate, set()).add(told(value))
        found[name] = {predicate: frozenset(values) for predicate, values in by.items()}
    return found
