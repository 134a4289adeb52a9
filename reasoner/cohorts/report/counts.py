"""What is counted of a scored registry."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence

from calx.reasoner.cohorts.column_map import CASE_ID
from calx.reasoner.cohorts.report import intervals
from calx.reasoner.cohorts.report.again import Again, Reclassified
from calx.reasoner.cohorts.report.asked import ReportScope
from calx.reasoner.cohorts.report.results import Results
from calx.reasoner.cohorts.report.tables import Cell, ReportTable, Share
from calx.reasoner.columns.sql import literal, quoted
from calx.reasoner.model.guideline import Guideline, Term
from calx.reasoner.model.rule import Rule
from calx.reasoner.model.section import Criteria, One, Status, Tally
from calx.reasoner.recommendation import Reasoner
from calx.words import words

MOST_VALUES = 12
"""Of a column by which lesions are parted."""
MOST_SITES = 200
SEED = 1
"""Of the errors that are drawn."""
NONE = "–"


class Counts:
    """Counts the results of a run, a table at a time."""

    def __init__(self, reasoner: Reasoner, results: Results, asked: ReportScope) -> None:
        self._reasoner, self._results, self._asked = reasoner, results, asked
        self._guideline: Guideline = reasoner.guideline
        self._words = words("cohort", asked.language)
        self._lead = self._guideline.lead

    def _say(self, key: str, **parts: object) -> str:
        return self._words[key].format(**parts)

    # --- rows -----------------------------------------------------------------------------

    def flow(self) -> ReportTable:
        """From the rows that were read to the answers that are settled."""
        rejected = self._rejected()
        of_rejects = sum(rejected.values())
        rows: list[tuple[Cell, ...]] = [(self._say("rows read"), self._results.rows + of_rejects)]
        rows += [(f"− {reason}", count) for reason, count in rejected.most_common(12)]
        rows.append((self._say("answered"), self._results.rows))
        if self._lead is not None:
            chosen, settled = self._results.all(
                f"SELECT count({quoted(self._lead.key)}), count(*) FILTER (settled) FROM results"
            )[0]
            rows.append((self._say("with a lead", lead=self._lead.label[self._language]), chosen))
            rows.append((self._say("settled"), settled))
        note = "" if self._asked.rejects else self._say("no rejects")
        return ReportTable(
            "flow", self._say("flow"), ("", self._say("lesions")), tuple(rows), note, "flow"
        )

    def _rejected(self) -> Counter[str]:
        """Rows that were not answered, each by its first reason."""
        found, seen = Counter[str](), set[tuple[str, ...]]()
        path = self._asked.rejects
        if path is None:
            return found
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                place = (row.get("file", ""), row["row"], row["case_id"])
                if place not in seen:
                    seen.add(place)
                    what = row["column"] or self._say("unread row")
                    found[f"{what}: {_plain(row['reason'])}"] += 1
        return found

    def completeness(self) -> ReportTable:
        """Of each fact how often it is known."""
        facts = [
            (name, fact)
            for name, fact in self._guideline.facts.items()
            if fact.given and self._results.has(name)
        ]
        counts = (
            self._results.all(
                f"SELECT {', '.join(f'count({quoted(name)})' for name, _ in facts)} FROM results"
            )[0]
            if facts
            else ()
        )
        told = sorted(zip(facts, counts, strict=True), key=lambda one: -one[1])
        rows = tuple(
            (fact.label[self._language], count, self._plain(count, self._results.rows))
            for (_, fact), count in told
        )
        absent = sum(f.given and not self._results.has(n) for n, f in self._guideline.facts.items())
        note = self._say("absent facts", count=absent) if absent else ""
        head = (self._say("fact"), self._say("known"), self._say("share"))
        return ReportTable(
            "completeness", self._say("completeness"), head, rows, note, "completeness"
        )

    def _plain(self, count: int, of: int) -> Share | None:
        """A share of all lesions."""
        return intervals.wilson(count / of, of) if of else None

    # --- outcomes -------------------------------------------------------------------------

    @property
    def _language(self) -> str:
        return self._asked.language

    def outcomes(self) -> Iterator[ReportTable]:
        """Grade, score, strategy and first device, by what parts the lesions."""
        for key, title in self._told():
            yield self._parted(key, title)

    def _told(self) -> Iterator[tuple[str, str]]:
        for section in self._guideline.sections:
            label = section.label[self._language]
            if isinstance(section, One | Tally) and self._results.has(section.key):
                yield section.key, label
            if isinstance(section, Status) and section.ranked:
                yield f"first_{section.kind}", self._say("first of", section=label)

    @property
    def strata(self) -> list[str]:
        """The columns by which lesions are parted."""
        return [name for name in self._asked.by if self._results.has(name)]

    def _parted(self, key: str, title: str) -> ReportTable:
        values = [
            value
            for (value,) in self._results.all(
                f"SELECT coalesce(CAST({quoted(key)} AS VARCHAR), '{NONE}') FROM results "
                f"GROUP BY 1 ORDER BY count(*) DESC LIMIT {MOST_VALUES}"
            )
        ]
        values = self._in_order(key, values)
        rows: list[tuple[Cell, ...]] = [self._row(self._say("all"), key, values, "TRUE")]
        for stratum in self.strata:
            found = self._results.all(
                f"SELECT CAST({quoted(stratum)} AS VARCHAR) FROM results GROUP BY 1 "
                f"ORDER BY 1 NULLS LAST LIMIT {MOST_VALUES + 1}"
            )
            for (value,) in found[:MOST_VALUES]:
                test = (
                    f"{quoted(stratum)} IS NULL"
                    if value is None
                    else f"CAST({quoted(stratum)} AS VARCHAR) = {literal(value)}"
                )
                rows.append(self._row(self._called(stratum, value), key, values, test))
        head = ("", self._say("lesions"), *(self._name(key, value) for value in values))
        return ReportTable(key, title, head, tuple(rows), "", key)

    def _in_order(self, key: str, values: list[str]) -> list[str]:
        """Numbers by size, terms in the order of the guideline."""
        order = {term.id: place for place, term in enumerate(self._guideline.terms.values())}

        def place(value: str) -> tuple[int, float]:
            if value == NONE:
                return (2, 0)
            try:
                return (0, float(value))
            except ValueError:
                return (1, order.get(value, len(order)))

        return sorted(values, key=place)

    def _row(self, name: str, key: str, values: Sequence[str], test: str) -> tuple[Cell, ...]:
        each = ", ".join(
            f"count(*) FILTER (coalesce(CAST({quoted(key)} AS VARCHAR), '{NONE}') = {literal(v)})"
            for v in values
        )
        counts = self._results.all(f"SELECT count(*), {each} FROM results WHERE {test}")[0]
        return (name, *map(int, counts))

    def _called(self, column: str, value: str | None) -> str:
        """A value of a column, for people."""
        fact = self._guideline.facts.get(column)
        label = column if fact is None else fact.label[self._language]
        if value is None:
            return f"{label}: {self._say('not known')}"
        known = self._guideline.value_labels.get(value)
        return f"{label}: {known[self._language] if fact and known else value}"

    def _name(self, key: str, id_: str) -> str:
        """A term by its id, for people."""
        terms = [term for term in self._guideline.terms.values() if term.id == id_]
        kinds = {key, key.partition("_")[2], self._kind(key)}
        best = [term for term in terms if term.kind in kinds] or terms
        return best[0].label[self._language] if best else id_

    def _kind(self, key: str) -> str:
        for section in self._guideline.sections:
            if section.key == key and isinstance(section, One):
                return self._guideline.properties[section.predicate].kind
        return ""

    # --- evidence -------------------------------------------------------------------------

    def resting(self, again: Again) -> Iterator[ReportTable]:
        """On which facts and studies the leading answer rests, and how its sources were read."""
        if self._lead is None:
            return
        label, lead = self._lead.label[self._language], self._lead.key
        behind = self._guideline.program.behind(self._lead.shown)
        facts = [
            name
            for name, fact in self._guideline.facts.items()
            if fact.given and name in behind and self._results.has(name)
        ]
        head = ("", self._say("lesions"), self._say("turned"), self._say("share"))
        rows = [
            (
                self._guideline.facts[name].label[self._language],
                *self._turned(again.without(name)[lead]),
            )
            for name in facts
        ]
        yield ReportTable(
            "resting-on-facts",
            self._say("resting on facts", lead=label),
            head,
            _most(rows),
            self._sampled(again, "resting on facts note"),
            "resting-on-facts",
        )
        rows = [
            (study.label[self._language], *self._turned(again.withdrawn(id_)[lead]))
            for id_, study in self._guideline.studies.items()
            if not study.withdrawn
        ]
        yield ReportTable(
            "resting-on-studies",
            self._say("resting on studies", lead=label),
            head,
            _most(rows),
            self._sampled(again, "resting on studies note"),
        )
        yield self._read(label)

    def _turned(self, moved: Reclassified) -> tuple[int, int, Share | None]:
        return moved.lesions, moved.turned, self._plain(moved.turned, moved.lesions)

    def _sampled(self, again: Again, key: str) -> str:
        note = self._say(key)
        if again.lesions < self._results.rows:
            note += " " + self._say("sampled", lesions=f"{again.lesions:,}")
        return note

    def _read(self, label: str) -> ReportTable:
        """How the best source of the rules was read that give the leading answer."""
        assert self._lead is not None
        predicate = self._lead.predicate
        by: dict[str, list[str]] = {}
        for rule in self._guideline.concluding(predicate):
            column = f"rule_{rule.id.replace('-', '_')}"
            if self._results.has(column):
                by.setdefault(self._verified(rule), []).append(quoted(column))
        rows: list[tuple[Cell, ...]] = []
        before: list[str] = []
        for how in ("page", "secondary", "review", "unverified"):
            if how in by:
                test = " OR ".join(by[how])
                gone = f" AND NOT ({' OR '.join(before)})" if before else ""
                ((count,),) = self._results.all(
                    f"SELECT count(*) FROM results WHERE ({test}){gone}"
                )
                share = self._plain(count, self._results.rows)
                rows.append((self._say(f"read {how}"), int(count), share))
                before += by[how]
        head = ("", self._say("lesions"), self._say("share"))
        return ReportTable(
            "how-sources-were-read", self._say("how read", lead=label), head, tuple(rows)
        )

    def _verified(self, rule: Rule) -> str:
        order = ("page", "secondary", "review", "unverified")
        known = self._guideline.statements
        found = [
            known[id_].verified
            for id_ in rule.evidence
            if id_ in known and known[id_].stance == "supports"
        ]
        return min(found, key=order.index, default="unverified")

    # --- readings -------------------------------------------------------------------------

    def reclassified(self, again: Again) -> Iterator[ReportTable]:
        """What would be told with other readings: in short, then what each turns."""
        rows: list[tuple[Cell, ...]] = []
        matrices: list[ReportTable] = []
        for key, name, moved in self._readings(again):
            cells: list[Cell] = [name, again.lesions]
            for section in again.sections:
                one = moved[section.key]
                cells += [one.turned, self._plain(one.turned, one.lesions)]
                if one.turned:
                    title = f"{section.label[self._language]}: {name}"
                    matrices.append(
                        self._matrix(f"{key}-{section.key}", title, section.key, one, again)
                    )
            rows.append(tuple(cells))
        if not rows:
            return
        head = [self._say("reading"), self._say("lesions")]
        for section in again.sections:
            label = section.label[self._language]
            head += [f"{label}: {self._say('turned')}", self._say("share")]
        names = ", ".join(self._guideline.facts[n].label[self._language] for n in again.errors)
        note = self._sampled(again, "readings note")
        if names:
            note += " " + self._say("errors of", facts=names)
        yield ReportTable("readings", self._say("readings"), tuple(head), tuple(rows), note)
        yield from matrices

    def _readings(self, again: Again) -> Iterator[tuple[str, str, dict[str, Reclassified]]]:
        """Other readings: how the files are called, how people are told, and what they turn."""
        for fact, by in self._asked.shifts:
            told = self._guideline.facts[fact]
            for sign, name in ((1, "more"), (-1, "less")):
                step = f"{sign * by:+} {told.unit or ''}".strip().replace("-", "−")
                label = f"{told.label[self._language]} {step}"
                yield f"shift-{fact}-{name}", label, again.shifted(fact, sign * by)
        if again.errors:
            yield "misread", self._say("misread"), again.misread(SEED)

    def _matrix(
        self, key: str, title: str, of: str, moved: Reclassified, again: Again
    ) -> ReportTable:
        values = self._in_order(of, sorted({value for pair in moved.pairs for value in pair}))
        rows: tuple[tuple[Cell, ...], ...] = tuple(
            (self._name(of, old), *(moved.pairs.get((old, new), 0) for new in values))
            for old in values
        )
        head = (self._say("from to"), *(self._name(of, value) for value in values))
        note = self._sampled(again, "matrix note")
        return ReportTable(key, title, head, rows, note, key)

    def deciding(self, again: Again) -> ReportTable | None:
        """The facts whose collection would settle most."""
        found = again.deciding()
        if not found:
            return None
        rows: tuple[tuple[Cell, ...], ...] = tuple(
            (self._guideline.facts[name].label[self._language], among, alone)
            for name, among, alone in found
        )
        head = (self._say("fact"), self._say("among"), self._say("alone"))
        return ReportTable(
            "deciding", self._say("deciding"), head, rows, self._sampled(again, "deciding note")
        )

    # --- practice -------------------------------------------------------------------------

    def practice(self) -> Iterator[ReportTable]:
        """What was done beside what is recommended."""
        performed = self._asked.performed
        section = next(
            (s for s in self._guideline.sections if isinstance(s, Status) and s.ranked), None
        )
        if performed is None or section is None:
            return
        things = self._guideline.of_kind(section.kind)
        known = ", ".join(literal(thing.id) for thing in things)
        used = f"{quoted(performed)} IN ({known})"
        first = quoted(f"first_{section.kind}")
        usable = [status.word for status in section.statuses if status.usable]
        barred = [s.word for s in section.statuses if s.predicate == section.forbidden]
        tests = {
            self._say("was first"): (
                f"{quoted(performed)} = {first}",
                f"{used} AND {first} IS NOT NULL",
            ),
            self._say("was usable"): (self._of_status(section, things, usable), used),
            self._say("was barred"): (self._of_status(section, things, barred), used),
        }
        rows: list[tuple[Cell, ...]] = []
        for name, (hit, among) in tests.items():
            count, of = self._results.all(
                f"SELECT count(*) FILTER ({hit}), count(*) FROM results WHERE {among}"
            )[0]
            rows.append((name, int(of), int(count), self._share(hit, among)))
        head = ("", self._say("lesions"), self._say("hits"), self._say("share"))
        note = self._say("clustered" if self._asked.patient else "not clustered")
        odd = self._results.all(
            f"SELECT count(*) FROM results WHERE {quoted(performed)} IS NOT NULL AND NOT ({used})"
        )[0][0]
        if odd:
            note += " " + self._say("odd devices", count=f"{odd:,}", ids=known.replace("'", ""))
        yield ReportTable(
            "concordance", self._say("concordance"), head, tuple(rows), note, "concordance"
        )
        yield self._by_status(section, things, performed)
        if self._asked.site:
            yield self._funnel(f"{quoted(performed)} = {first}", f"{used} AND {first} IS NOT NULL")

    def _of_status(self, section: Status, things: Sequence[Term], words: Sequence[str]) -> str:
        """Whether the device that was used has one of some statuses."""
        performed = quoted(str(self._asked.performed))
        among = ", ".join(map(literal, words)) or "NULL"
        status = " ".join(f"WHEN {literal(t.id)} THEN {quoted(f'status_{t.id}')}" for t in things)
        return f"CASE {performed} {status} END IN ({among})"

    def _by_status(self, section: Status, things: Sequence[Term], performed: str) -> ReportTable:
        statuses = section.in_reading_order
        rows: list[tuple[Cell, ...]] = []
        for thing in things:
            column = quoted(f"status_{thing.id}")
            each = ", ".join(
                f"count(*) FILTER ({column} = {literal(status.word)})" for status in statuses
            )
            counts = self._results.all(
                f"SELECT count(*), {each} FROM results "
                f"WHERE {quoted(performed)} = {literal(thing.id)}"
            )[0]
            rows.append((thing.label[self._language], *map(int, counts)))
        head = ("", self._say("used"), *(status.label[self._language] for status in statuses))
        return ReportTable("used-by-status", self._say("used by status"), head, tuple(rows))

    def _funnel(self, hit: str, among: str) -> ReportTable:
        site = quoted(str(self._asked.site))
        found = self._results.all(
            f"SELECT CAST({site} AS VARCHAR), count(*), count(*) FILTER ({hit}) FROM results "
            f"WHERE {among} AND {site} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC LIMIT {MOST_SITES}"
        )
        whole = sum(of for _, of, _ in found)
        mean = sum(hits for *_, hits in found) / whole if whole else 0.0
        rows: list[tuple[Cell, ...]] = []
        for name, of, hits in found:
            far = intervals.wilson(mean, of, intervals.FAR)
            outside = not far.low <= hits / of <= far.high
            own = self._share(hit, f"{among} AND CAST({site} AS VARCHAR) = {literal(name)}")
            rows.append((name, int(of), int(hits), own, self._say("yes" if outside else "no")))
        head = (
            *(self._say("site"), self._say("lesions"), self._say("hits"), self._say("share")),
            self._say("outside"),
        )
        return ReportTable(
            "funnel", self._say("funnel"), head, tuple(rows), self._say("funnel note"), "funnel"
        )

    def _share(self, hit: str, among: str) -> Share | None:
        """A share with its interval, the lesions of a patient taken together."""
        patient = quoted(self._asked.patient or CASE_ID)
        sums = self._results.all(
            "SELECT count(*), sum(h), sum(a), sum(h * h), sum(h * a), sum(a * a) FROM "
            f"(SELECT count(*) FILTER ({hit}) AS h, count(*) AS a FROM results WHERE {among} "
            f"GROUP BY coalesce(CAST({patient} AS VARCHAR), {quoted(CASE_ID)})) AS patients"
        )[0]
        return intervals.of_sums(*(int(value or 0) for value in sums))

    def criteria(self) -> Iterator[ReportTable]:
        """Criteria that are met, by the score."""
        tally = next((s for s in self._guideline.sections if isinstance(s, Tally)), None)
        for section in self._guideline.sections:
            if not isinstance(section, Criteria) or tally is None:
                continue
            criteria = self._guideline.of_kind(section.kind)
            scores = self._results.all(
                f"SELECT CAST({quoted(tally.key)} AS VARCHAR), count(*) FROM results "
                f"WHERE {quoted(f'{section.kind}_{criteria[0].id}')} IS NOT NULL "
                "GROUP BY 1 ORDER BY TRY_CAST(any_value(1) AS INT), 1 NULLS LAST"
            )
            rows: list[tuple[Cell, ...]] = []
            for criterion in criteria:
                column = quoted(f"{section.kind}_{criterion.id}")
                for score, _ in scores:
                    of_score = (
                        f"{quoted(tally.key)} IS NULL"
                        if score is None
                        else f"CAST({quoted(tally.key)} AS VARCHAR) = {literal(score)}"
                    )
                    known = f"{column} IN ('met', 'not_met') AND {of_score}"
                    judged, met, unknown = self._results.all(
                        f"SELECT count(*) FILTER ({known}), "
                        f"count(*) FILTER ({column} = 'met'), "
                        f"count(*) FILTER ({column} = 'unknown') FROM results WHERE {of_score}"
                    )[0]
                    rows.append(
                        (
                            criterion.label[self._language],
                            score or self._say("not known"),
                            int(judged),
                            int(met),
                            self._share(f"{column} = 'met'", known),
                            int(unknown),
                        )
                    )
            head = (
                *("", tally.label[self._language], self._say("judged"), self._say("met")),
                *(self._say("share"), self._say("not known")),
            )
            yield ReportTable(
                f"criteria-{section.kind}",
                self._say("criteria", section=section.label[self._language]),
                head,
                tuple(rows),
                self._say("clustered" if self._asked.patient else "not clustered"),
            )


def _most(rows: Sequence[tuple[Cell, ...]]) -> tuple[tuple[Cell, ...], ...]:
    """The rows that turn something, those that turn most first."""
    turned = [row for row in rows if row[2]]
    return tuple(sorted(turned, key=lambda row: -int(str(row[2]))))


def _plain(reason: str) -> str:
    """A reason without the value of this row."""
    import re

    return re.sub(r"'[^']*'|\b[0-9.]+( \w+)? is |\([^)]*\)", "… ", reason).strip()[:90]
