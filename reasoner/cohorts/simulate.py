"""A registry that never was: lesions drawn from the distributions of a guideline's folder.

``registry/distributions.yaml`` holds the draws, each with its source. A lesion is made of its
number, the seed and the draws alone, so the same numbers give the same lesions on any machine (with
the same version of the engine, which the file names). What the gate of the guideline refuses is
drawn again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import NormalDist
from typing import Any

from calx.reasoner.cohorts.column_map import CASE_ID
from calx.reasoner.cohorts.errors import CohortError
from calx.reasoner.cohorts.run import GROUP, connected, workplace
from calx.reasoner.cohorts.scored import Progress, marks
from calx.reasoner.cohorts.settings import read
from calx.reasoner.cohorts.sources import reason
from calx.reasoner.columns.admission import admission, entered
from calx.reasoner.columns.sql import Select, literal, quoted
from calx.reasoner.recommendation import Reasoner

DISTRIBUTIONS = Path("registry") / "distributions.yaml"
"""In a guideline's folder."""
NUMBER = "n"
"""The name by which a draw reads the number of its lesion, from 0."""
BLOCK = 250_000
"""Candidates that are drawn at once."""
DRY = 20
"""Blocks without one admitted lesion after which no more are drawn."""
KINDS = ("shares", "chance", "normal", "uniform", "value")
MORE = ("digits", "known", "where", "of", "source")
RANDOM_BITS = 2**52
"""Values that a random number takes."""


@dataclass(frozen=True)
class Draw:
    """One value of each lesion.

    Attributes:
        name: of a fact, of a column that goes through, or with ``_`` in front of a help.
        kind: one of `KINDS`.
        told: what stands under it.
        digits: to which a number is rounded.
        known: SQL of the probability that it is written down.
        where: SQL of where there is one.
        of: SQL, of the lesion's number, of the whole number of what has one value: all lesions with
            the same have the same value. None: each lesion has its own.
    """

    name: str
    kind: str
    told: Any
    digits: int | None
    known: str | None
    where: str | None
    of: str | None = None

    def reads(self) -> set[str]:
        """The words of its formulas, names of other draws among them."""
        formulas = [self.known, self.where]
        formulas += [str(self.told)] if self.kind in ("value", "chance") else []
        return {word for text in formulas if text for word in re.findall(r"\w+", text)}

    @property
    def value(self) -> str:
        """It as SQL, of random numbers and of draws before it."""
        value = self._drawn(quoted(f"random:{self.name}"))
        if self.digits is not None:
            value = f"round({value}, {self.digits})"
        tests = [f"({self.where})"] if self.where is not None else []
        known = quoted(f"known:{self.name}")
        tests += [f"{known} < ({self.known})"] if self.known is not None else []
        return f"CASE WHEN {' AND '.join(tests)} THEN {value} END" if tests else f"({value})"

    def random(self, seed: int) -> dict[str, str]:
        """The random numbers that it takes, as SQL; that of a normal draw is of the part of the
        distribution that is not cut off.
        """
        random, known = f"random:{self.name}", f"known:{self.name}"
        of = f"CAST({self.of or NUMBER} AS BIGINT)"
        taken = {} if self.kind == "value" else {random: _even(seed, random, of)}
        if self.kind == "normal":
            normal, told = _normal(self.told), self.told
            low = normal.cdf(float(told["low"])) if "low" in told else 0.0
            high = normal.cdf(float(told["high"])) if "high" in told else 1.0
            taken[random] = f"{low!r} + {taken[random]} * {high - low!r}"
        return taken | ({} if self.known is None else {known: _even(seed, known, of)})

    def _drawn(self, random: str) -> str:
        match self.kind:
            case "shares":
                cases, total = [], 0.0
                for word, share in self.told.items():
                    total += float(share)
                    cases.append(f"WHEN {random} < {total:.9f} THEN {literal(str(word))}")
                return f"CASE {' '.join(cases[:-1])} ELSE {literal(str([*self.told][-1]))} END"
            case "chance":
                return f"({random} < ({self.told}))"
            case "normal":
                normal = _normal(self.told)
                return f"({normal.mean!r} + {normal.stdev!r} * {_probit(random)})"
            case "uniform":
                low, high = map(float, self.told)
                return f"({low!r} + {random} * {high - low!r})"
            case _:
                return f"({self.told})"


def _even(seed: int, name: str, of: str) -> str:
    """A number between 0 and 1, neither of them, that hangs on seed, name and lesion (or patient)
    alone: they are numbers far apart, which the engine's hash scatters.
    """
    begin = int.from_bytes(sha256(f"{seed}:{name}".encode()).digest()[:8]) >> 2
    return f"((CAST(hash({of} + {begin}) >> 12 AS DOUBLE) + 0.5) / {RANDOM_BITS})"


def _normal(told: Mapping[str, Any]) -> NormalDist:
    return NormalDist(float(told["mean"]), float(told["sd"]))


def _polynomial(x: str, *factors: float) -> str:
    text = repr(factors[0])
    for factor in factors[1:]:
        text = f"({text} * {x} + {factor!r})"
    return text


def _probit(p: str) -> str:
    """The inverse of the normal distribution (Acklam's approximation, relative error 1.2e-9)."""
    a = (-39.6968302866538, 220.946098424521, -275.928510446969, 138.357751867269)
    b = (-54.4760987982241, 161.585836858041, -155.698979859887, 66.8013118877197)
    c = (-0.00778489400243029, -0.322396458041136, -2.40075827716184, -2.54973253934373)
    d = (0.00778469570904146, 0.32246712907004, 2.445134137143, 3.75440866190742, 1.0)

    def tail(q: str) -> str:
        return f"({_polynomial(q, *c, 4.37466414146497, 2.93816398269878)} / {_polynomial(q, *d)})"

    r = f"(({p} - 0.5) * ({p} - 0.5))"
    above = _polynomial(r, *a, -30.6647980661472, 2.50662827745924)
    below = _polynomial(r, *b, -13.2806815528857, 1.0)
    return (
        f"CASE WHEN {p} < 0.02425 THEN {tail(f'sqrt(-2 * ln({p}))')} "
        f"WHEN {p} > 0.97575 THEN -{tail(f'sqrt(-2 * ln(1 - {p}))')} "
        f"ELSE {above} * ({p} - 0.5) / {below} END"
    )


def distributions(directory: Path | str) -> tuple[dict[str, Any], tuple[Draw, ...]]:
    """What a guideline's folder tells of a registry: ``seed``, ``lesions``, and the draws.

    Raises:
        CohortError: it tells nothing, or something that is no draw.
    """
    path = Path(directory) / DISTRIBUTIONS
    if not path.is_file():
        raise CohortError(
            f"{path}: there is no such file, so nothing to draw from; write one with the "
            "distributions of a registry (docs/cohorts.md)"
        )
    told = read(path)
    draws = told.get("draws") if isinstance(told, dict) else None
    if not isinstance(draws, dict) or not draws:
        raise CohortError(f"{path}: has no draws")
    faults = [f"{path}: {fault}" for name, draw in draws.items() for fault in _faults(name, draw)]
    if faults:
        raise CohortError("\n".join(faults))
    return told, tuple(_draw(str(name), draw) for name, draw in draws.items())


def _faults(name: Any, draw: Any) -> Iterator[str]:
    if not isinstance(name, str) or not re.fullmatch(r"\w+", name) or name == NUMBER:
        yield f"{name}: no name of a draw; use letters, digits and _"
    elif not isinstance(draw, dict) or sum(kind in draw for kind in KINDS) != 1:
        yield f"{name}: has one of {', '.join(KINDS)}"
    elif unknown := [key for key in draw if key not in (*KINDS, *MORE)]:
        yield f"{name}: unknown key {unknown[0]}; it is one of {', '.join((*KINDS, *MORE))}"
    elif not draw.get("source"):
        yield f"{name}: has no source; say where it is from, or that it is assumed"
    else:
        yield from (f"{name}: {fault}" for fault in _unfit(draw))


def _unfit(draw: Mapping[str, Any]) -> Iterator[str]:
    try:
        if "shares" in draw:
            total = sum(float(share) for share in draw["shares"].values())
            if abs(total - 1) > 1e-6:
                yield f"shares: add up to {total:g}, not to 1"
        elif "normal" in draw:
            float(draw["normal"]["mean"]), float(draw["normal"]["sd"])
        elif "uniform" in draw:
            low, high = map(float, draw["uniform"])
            if low > high:
                yield "uniform: the low end stands first"
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        yield f"cannot be read: {error!r}"


def _draw(name: str, draw: Mapping[str, Any]) -> Draw:
    kind = next(kind for kind in KINDS if kind in draw)
    known, where, of = (
        None if draw.get(key) is None else str(draw[key]) for key in ("known", "where", "of")
    )
    return Draw(name, kind, draw[kind], draw.get("digits"), known, where, of)


def drawn(draws: tuple[Draw, ...], seed: int, first: int, many: int) -> Select:
    """A query of lesions with these numbers; each draw reads those before it."""
    table = Select(f"SELECT range AS {NUMBER} FROM range({first}, {first + many})", (NUMBER,))
    table = table.select({k: v for draw in draws for k, v in draw.random(seed).items()})
    level: dict[str, int] = {}
    for draw in draws:
        level[draw.name] = 1 + max((level.get(word, 0) for word in draw.reads()), default=0)
    for depth in range(1, max(level.values()) + 1):
        table = table.select({d.name: d.value for d in draws if level[d.name] == depth})
    return table


def simulate(
    reasoner: Reasoner,
    directory: Path | str,
    lesions: int,
    seed: int,
    out: Path,
    progress: Progress = lambda told, done: None,
) -> int:
    """Write lesions as Parquet, marked as simulated in the file and in each row.

    Args:
        reasoner: of the guideline, whose gate they pass.
        directory: of the guideline, which holds the distributions.
        lesions: how many.
        seed: another seed gives other lesions.
        out: a ``.parquet`` file.
        progress: told how far it is.

    Returns:
        How many of what was drawn the gate refused.

    Raises:
        CohortError: a draw cannot be made.
    """
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    if out.suffix != ".parquet":
        raise CohortError(f"{out}: lesions are written as Parquet; name it .parquet")
    told = {
        "calx_simulated": "true",
        "calx_seed": str(seed),
        "duckdb": duckdb.__version__,
        **marks(reasoner),
    }
    with workplace(out) as stage:
        aside, writer, written, refused = stage / "lesions.parquet", None, 0, 0
        try:
            for batch, bad in _batches(reasoner, directory, lesions, seed):
                if writer is None:
                    schema = batch.schema.with_metadata(told)
                    writer = pq.ParquetWriter(aside, schema, compression="zstd")
                writer.write_table(pa.table(batch.columns, schema=schema), GROUP)
                written, refused = written + batch.num_rows, refused + bad
                progress("drawing lesions", written / lesions)
        finally:
            if writer is not None:
                writer.close()
        aside.replace(out)
    return refused


def _batches(
    reasoner: Reasoner, directory: Path | str, lesions: int, seed: int
) -> Iterator[tuple[Any, int]]:
    """Admitted lesions, and how many were refused among them."""
    import duckdb

    _, draws = distributions(directory)
    facts = {name: f for name, f in reasoner.guideline.facts.items() if f.given}
    names = {draw.name for draw in draws}
    given = {name: entered(fact) for name, fact in facts.items() if name in names}
    carried = [d.name for d in draws if d.name not in facts and not d.name.startswith("_")]
    gate = admission(reasoner.guideline, given, [NUMBER, *carried])
    columns = ", ".join(map(quoted, [*carried, *given]))
    made, first, dry = 0, 0, 0
    with connected(Path()) as connection:
        connection.execute("SET enable_external_access = false; SET lock_configuration = true")
        try:
            while made < lesions:
                many = min(BLOCK, max(1000, int((lesions - made) * 1.2)))
                table = drawn(draws, seed, first, many)
                connection.execute(f"CREATE OR REPLACE TEMP VIEW entered AS {table.text}")
                place = f"row_number() OVER (ORDER BY {NUMBER}) + {made}"
                id_ = f"'lesion-' || lpad(CAST({place} AS VARCHAR), {len(str(lesions))}, '0')"
                batch = connection.sql(
                    f"SELECT {id_} AS {CASE_ID}, {columns}, TRUE AS simulated "
                    f"FROM ({gate.table.text}) AS gate WHERE NOT {quoted(gate.refused)} "
                    f"ORDER BY {NUMBER}"
                ).to_arrow_table()
                dry = 0 if batch.num_rows else dry + 1
                if dry > DRY:
                    raise CohortError(f"{DISTRIBUTIONS}: the gate refuses whatever is drawn")
                kept = batch.slice(0, lesions - made)
                made, first = made + kept.num_rows, first + many
                yield kept, many - batch.num_rows
        except duckdb.Error as error:
            raise CohortError(f"{Path(directory) / DISTRIBUTIONS}: {reason(error)}") from None
