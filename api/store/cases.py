"""Stored answers over a store: keep, find, list, delete, replay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyoxigraph as ox

from calx.api.store.protocol import GraphExistsError, Store
from calx.api.store.records import (
    KEPT,
    Record,
    Replay,
    Summary,
    as_triples,
    from_triples,
    moment,
    record,
)
from calx.errors import CalxError
from calx.reasoner.engine.answer import Answer
from calx.reasoner.intake.errors import CaseError, Problem
from calx.reasoner.model.case import CASE_ID
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.recommendation import Reasoner
from calx.reasoner.tell.rdf import CALX, CASE, PROV, lesion_of, own_terms


class CaseDiffersError(CalxError):
    """A case of this id is stored, and it is not the same."""


class Cases:
    """The stored answers of one service."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def keep(self, answer: Answer) -> tuple[Record, bool]:
        """Store an answer; it is on disk when this returns.

        Returns:
            The record, and whether it is new: the same facts under the same guideline are stored
                once.

        Raises:
            CaseError: the id cannot be part of an address.
            CaseDiffersError: the id is taken by other facts or another guideline.
            StoreError: the store cannot be written.
        """
        if not answer.case.id.strip("."):
            raise CaseError(
                [
                    Problem(
                        (
                            "a stored case needs a letter or digit in its id, as it is part of an "
                            "address"
                        ),
                        "case_id",
                    )
                ],
                answer.case.id,
            )
        kept = record(answer)
        name = lesion_of(kept.case_id)
        for _ in range(2):
            try:
                await self._store.add(name, as_triples(kept, answer))
            except GraphExistsError:
                there = await self.find(kept.case_id)
                if there is None:  # half a graph, left by a crash of a store without transactions
                    await self._store.drop(name)
                    continue
                if (there.submitted, there.guideline_digest, there.engine) != (
                    kept.submitted,
                    kept.guideline_digest,
                    kept.engine,
                ):
                    raise CaseDiffersError from None
                return there, False
            return kept, True
        raise CaseDiffersError

    async def find(self, case_id: str) -> Record | None:
        """The record of a case."""
        if not CASE_ID.fullmatch(case_id):
            return None
        wanted = " ".join(f"<{iri}>" for iri in [*KEPT, CALX.answered.value])
        rows = await self._store.select(
            f"SELECT ?p ?o WHERE {{ GRAPH {lesion_of(case_id)} {{ VALUES ?p {{ {wanted} }} ?s ?p "
            f"?o }} }}"
        )
        return from_triples((row["p"], row["o"]) for row in rows)

    async def triples(self, case_id: str) -> list[ox.Triple]:
        """The graph of a case, without the answer word for word."""
        rows = await self._store.select(
            f"SELECT ?s ?p ?o WHERE {{ GRAPH {lesion_of(case_id)} {{ ?s ?p ?o }} }}"
        )
        left_out = (CALX.answered, CALX.submitted)
        return [ox.Triple(row["s"], row["p"], row["o"]) for row in rows if row["p"] not in left_out]

    async def delete(self, case_id: str) -> bool:
        """Remove a case for good; False if there was none."""
        return bool(CASE_ID.fullmatch(case_id)) and await self._store.drop(lesion_of(case_id))

    async def listed(self, guideline: Guideline, limit: int, offset: int = 0) -> list[Summary]:
        """Stored answers, the newest first, with what leads an answer of the guideline. Without
        that an answer is settled where nothing that is missing could change it.
        """
        own = own_terms(guideline.names)
        lead = own[guideline.lead.predicate] if guideline.lead else CALX.nothing
        rows = await self._store.select(
            f"""SELECT ?case ?stored ?lead ?settled ?version
              (EXISTS {{ GRAPH ?g {{ ?lesion {CALX.missing} ?any }} }} AS ?open)
            WHERE {{ GRAPH ?g {{
              ?lesion {CALX.caseId} ?case .
              OPTIONAL {{ ?lesion {CALX.settled}|{CALX.strategySettled} ?settled }}
              OPTIONAL {{ ?lesion {lead} ?lead }}
              ?decision {PROV.endedAtTime} ?stored ; {CALX.guidelineVersion} ?version }}
              FILTER(STRSTARTS(STR(?g), "{CASE}")) }}
            ORDER BY DESC(?stored) ?case LIMIT {limit:d} OFFSET {offset:d}"""
        )
        return [
            Summary(
                case_id=row["case"].value,
                stored=moment(row["stored"].value),
                lead=row["lead"].value.rpartition("/")[2] if row["lead"] is not None else None,
                settled=row["open"].value in ("false", "0")
                if guideline.lead is None
                else row["settled"] is not None and row["settled"].value in ("true", "1"),
                guideline_version=row["version"].value,
            )
            for row in rows
        ]


def replay(kept: Record, reasoner: Reasoner) -> Replay:
    """What today's guideline says of a stored case, beside what was said then."""
    submitted: Mapping[str, Any] = kept.submitted
    try:
        return Replay(kept, reasoner.guideline, reasoner.recommend(submitted).json(), [])
    except CaseError as error:
        return Replay(
            kept, reasoner.guideline, None, [problem.json() for problem in error.problems]
        )
