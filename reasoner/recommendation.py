"""From a case to its answer: the reasoner as its users meet it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from calx.ontology import DEFAULT_DIRECTORY, GuidelineError
from calx.reasoner.engine.answer import Answer
from calx.reasoner.engine.entry import Entry
from calx.reasoner.engine.evaluation import Evaluation, Trace
from calx.reasoner.engine.evidence import Evidence
from calx.reasoner.engine.intervals import within
from calx.reasoner.engine.proof import ProofView
from calx.reasoner.engine.uncertainty import Uncertainty
from calx.reasoner.intake.errors import ContradictionError, Problem
from calx.reasoner.intake.gate import Gate
from calx.reasoner.load import cache as compiled
from calx.reasoner.load.sample import sample
from calx.reasoner.model.case import Case
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.model.rule import Assertion
from calx.words import LANGUAGES, words


class Reasoner:
    """Answers cases by one guideline. Immutable; one
    instance serves any number of cases and threads.

    >>> answer = Reasoner.load().recommend({"case_id": "demo", "max_superficial_arc_deg": 300})
    >>> answer.json()["strategy"]["id"]
    'active_modification'
    """

    def __init__(self, guideline: Guideline, directory: Path | str | None = None) -> None:
        self.guideline = guideline
        self._directory = directory
        self.evaluation = Evaluation(guideline)
        self.uncertainty = Uncertainty(guideline)
        self.gate = Gate(self.evaluation)
        self.entry = Entry(guideline)
        self.evidence = Evidence(guideline)
        self.view = ProofView(guideline)

    @classmethod
    def load(cls, directory: Path | str = DEFAULT_DIRECTORY) -> Reasoner:
        """The reasoner of the guideline in a folder.

        Where Z3 is installed, a guideline that contradicts itself of any lesion is refused here;
        else it is refused with the first such lesion, by `ContradictionError`.

        Raises:
            GuidelineError: the guideline has faults; all are listed.
        """
        found = compiled.load(directory)
        if not compiled.known_consistent(found) and find_spec("z3"):
            from calx.reasoner.symbolic.contradictions import faults

            if contradictions := faults(found):
                raise GuidelineError(contradictions)
            compiled.note_consistent(found)
        return cls(found, directory)

    @cached_property
    def sample(self) -> list[dict[str, Any]]:
        """Lesions such as a registry holds; empty where the guideline has none."""
        return [] if self._directory is None else sample(self._directory)

    def recommend(self, raw: Mapping[str, Any], language: str = "en") -> Answer:
        """The answer to one case.

        Args:
            raw: ``case_id`` and facts, as JSON gives them (docs/facts.md); absent or None means
                unknown.
            language: of error messages about contradictions.

        Raises:
            CaseError: the case cannot be answered; every problem is listed.
            ValueError: another language.
        """
        if language not in LANGUAGES:
            raise ValueError(f"language is {' or '.join(LANGUAGES)}, not {language!r}")
        return self.answer(self.gate.admit(raw, language), language)

    def answer(self, case: Case, language: str = "en") -> Answer:
        """The answer to an admitted case; of a measured
        one also what changes within its intervals.

        Raises:
            ContradictionError: the guideline contradicts itself of it.
        """
        answer = self.plain_answer(case, language)
        if case.measured is not None:
            told = partial(self.plain_answer, language=language)
            answer.within = within(self.evaluation, told, case)
        return answer

    def plain_answer(self, case: Case, language: str = "en") -> Answer:
        """The answer to the facts as they stand."""
        trace = self.evaluation.run(case.facts)
        if self.evaluation.contradictions(trace):
            raise ContradictionError(self._contradictions(trace, language), case.id)
        return Answer(self, case, trace)

    def _contradictions(self, trace: Trace, language: str) -> list[Problem]:
        guideline, found = self.guideline, []
        for name, steps in self.evaluation.contradictions(trace).items():
            said = []
            for rule, production, _, _ in steps:
                told = production.conclusion
                term = (
                    f"{guideline.term(name, told.term).label[language]} "
                    if isinstance(told, Assertion)
                    else ""
                )
                said.append(f"{term}[{rule.id}]")
            about = (guideline.properties.get(name) or guideline.facts[name]).label[language]
            message = words("contradiction", language)["of a case"]
            found.append(Problem(message.format(about=about, said=", ".join(said))))
        return found


def recommend(case: Mapping[str, Any], language: str = "en") -> Answer:
    """The answer of the guideline that comes with Calx to
    one case; for another guideline see `Reasoner.load`.

    Args:
        case: facts as JSON gives them (docs/facts.md); absent or None means unknown, never "no".
            ``case_id`` may be left out here.
        language: of error messages, ``en`` or ``zh``.

    Raises:
        CaseError: the case cannot be answered; every problem is listed.

    >>> recommend({"max_superficial_arc_deg": 300}).json()["arc_grade"]
    'IV'
    >>> recommend({"max_superficial_arc_deg": 400})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    calx.reasoner.intake.errors.CaseError: max_superficial_arc_deg: 400 deg is out of range; ...
    """
    return _shipped().recommend({"case_id": "case", **case}, language)


@cache
def _shipped() -> Reasoner:
    return Reasoner.load()
