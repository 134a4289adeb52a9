"""What an edit of a guideline changes: what it says anew, and what follows for all lesions, for
cases and for proofs.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar, cast

from calx.ontology import GuidelineFiles
from calx.ontology.reference_cases import ReferenceCase, read_reference_cases
from calx.reasoner.authors.check.terms import MAPPINGS
from calx.reasoner.authors.compare.changes import Change, Changes
from calx.reasoner.authors.compare.cohort import Compared, Comparison
from calx.reasoner.authors.compare.impact import Impact, impact
from calx.reasoner.authors.compare.leftovers import otherwise
from calx.reasoner.authors.compare.questions import OpenQuestion, of_leftovers, questions
from calx.reasoner.authors.prove.verdicts import Verification
from calx.reasoner.authors.prove.verify import verify
from calx.reasoner.authors.reference_cases import judge as judge_reference_cases
from calx.reasoner.intake.files import Submission
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.names import Text
from calx.reasoner.recommendation import Reasoner
from calx.words import wording

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Proof:
    """A requirement whose verdict changed."""

    id: str
    label: Text
    before: str
    after: str


@dataclass(frozen=True)
class Difference:
    """Everything that an edit changes."""

    old: Guideline
    new: Guideline
    same_files: bool
    changes: tuple[Change, ...]
    impact: Impact | None
    """None where no lesion can be touched, as only words, evidence or requirements changed."""
    reference: Compared
    reference_broken: tuple[str, ...]
    """Problems of the new reference cases that the old ones did not have."""
    cases: Compared | None
    """Of the cases handed in."""
    proofs: tuple[Proof, ...]
    verified: Verification
    questions: tuple[OpenQuestion, ...]
    """What a person must answer before the edit is published."""

    @property
    def empty(self) -> bool:
        """Nothing changed in meaning or wording."""
        return not self.changes


@dataclass(frozen=True)
class Version:
    """One version of a guideline: its files and what they say."""

    files: GuidelineFiles
    guideline: Guideline


def difference(
    old: Version,
    new: Version,
    cases: Iterable[Submission] | None = None,
    progress: Callable[[str], None] = lambda told: None,
    effort: int = 1,
) -> Difference:
    """What changes from one version to another.

    Args:
        old: before.
        new: after; both read without fault as far as rules go.
        cases: a cohort to answer by both.
        progress: told what is being done.
        effort: times the usual work that one question of the proofs may take.

    Raises:
        DisagreementError: solver, engine and pySHACL do not agree.
    """
    old_cases, _ = read_reference_cases(old.files.directory)
    new_cases, _ = read_reference_cases(new.files.directory)
    changes = Changes(old.guideline, new.guideline, old_cases, new_cases)
    if codes := _codes(old) ^ _codes(new):
        named = ", ".join(dict.fromkeys(code.partition("\t")[0] for code in sorted(codes)))
        changes.all.append(Change("judgement", "mappings", wording("change", "codes", of=named)))
    untold = dict(_untold(old, new, changes))
    changes.all += [
        Change("judgement", subject, wording("change", "otherwise", what=what))
        for subject, what in untold.items()
    ]
    with _beside(_proofs, old, new, bool(changes.all), effort) as proofs:
        found = _told(old, new, changes, (old_cases, new_cases), cases, proofs, progress)
    return replace(found, questions=(*found.questions, *of_leftovers(untold, bool(codes))))


def _codes(version: Version) -> set[str]:
    """The lines of the table of mappings."""
    path = version.files.directory / MAPPINGS
    return set(
        path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ()
    )


def _untold(old: Version, new: Version, changes: Changes) -> Iterator[tuple[str, str]]:
    """What the files say otherwise of things of which no change is told."""
    told = {change.subject.rpartition(" ")[2] for change in changes.all}
    facts = {
        fact.local: fact.name for version in (old, new) for fact in version.guideline.facts.values()
    }
    if told & set(facts.values()) or any(c.subject.startswith("consistency") for c in changes.all):
        told.add(new.guideline.root.local)  # the shape in which the facts stand
    for subject, predicates in otherwise(old.files, new.files):
        path = new.guideline.names.below(subject)
        names = {path, path.partition("/")[2] or path, facts.get(path, path), path or "guideline"}
        if not names & told:
            yield path[:64] or "guideline", ", ".join(predicates)


def _told(
    old: Version,
    new: Version,
    changes: Changes,
    reference_cases: tuple[list[ReferenceCase], list[ReferenceCase]],
    cases: Iterable[Submission] | None,
    proofs: Callable[[], tuple[tuple[Proof, ...], Verification]],
    progress: Callable[[str], None],
) -> Difference:
    old_cases, new_cases = reference_cases
    logic = any(change.area == "logic" for change in changes.all)
    comparison = Comparison(old.guideline, new.guideline)
    progress("reference cases")
    known = {case.id: case for case in (*old_cases, *new_cases)}
    compared = comparison.run(
        Submission({"case_id": case.id, **case.facts}) for case in known.values()
    )
    broken_before = {
        str(problem.message)
        for problem in judge_reference_cases(Reasoner(old.guideline), old_cases)[0]
    }
    broken = [
        f"{problem.rule}: {problem.message}"
        for problem in judge_reference_cases(Reasoner(new.guideline), new_cases)[0]
        if problem.message not in broken_before
    ]
    progress("cases")
    cohort = comparison.run(cases) if cases is not None else None
    found = impact(changes, progress) if logic else None
    progress("proofs")
    changed, after = proofs()
    return Difference(
        old.guideline,
        new.guideline,
        old.files.digest == new.files.digest,
        tuple(changes.all),
        found,
        compared,
        tuple(broken),
        cohort,
        changed,
        after,
        tuple(questions(old.guideline, new.guideline, old_cases, new_cases, found)),
    )


@contextmanager
def _beside(work: Callable[P, T], *told: P.args, **more: P.kwargs) -> Iterator[Callable[[], T]]:
    """Work that goes on in a process of its own meanwhile, where processes can be forked; ask for
    its result when it is needed.
    """
    if "fork" not in multiprocessing.get_all_start_methods() or threading.active_count() > 1:
        yield lambda: work(*told, **more)
        return
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)

    def run() -> None:
        try:
            there.send((work(*told, **more), None))
        except Exception as error:  # told to whoever asks for the result
            there.send((None, error))

    process = context.Process(target=run, daemon=True)
    process.start()
    there.close()

    def result() -> T:
        found, error = here.recv()
        if error is not None:
            raise error
        return cast("T", found)

    try:
        yield result
    finally:
        process.terminate()
        process.join()


def _proofs(
    old: Version, new: Version, changed: bool, effort: int
) -> tuple[tuple[Proof, ...], Verification]:
    """Verdicts that changed, on requirements and on rules, and the new verification."""
    after = verify(new.files, new.guideline, effort=effort)
    if not changed:
        return (), after
    before = verify(old.files, old.guideline, effort=effort)
    found = []
    for key in dict.fromkeys([*_verdicts(before), *_verdicts(after)]):
        one, other = _verdicts(before).get(key), _verdicts(after).get(key)
        if (one and one[0]) != (other and other[0]):
            label = (other or one or ("", {}))[1]
            found.append(Proof(key, label, one[0] if one else "-", other[0] if other else "-"))
    return tuple(found), after


def _verdicts(verification: Verification) -> dict[str, tuple[str, Text]]:
    found: dict[str, tuple[str, Text]] = {
        verdict.id: (verdict.outcome, verdict.label) for verdict in verification.verdicts
    }
    for remark in verification.remarks:
        found[f"rule {remark.rule} {remark.kind}"] = (remark.kind, remark.message)
    return found
