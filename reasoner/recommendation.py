"""From a case to its answer: the reasoner as its users meet it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from calx.ontology import DEFAULT_DIRECTORY
from calx.reasoner.engine.answer import Answer
from calx.reasoner.engine.evaluation import Evaluation
from calx.reasoner.engine.evidence import Evidence
from calx.reasoner.engine.intervals import within
from calx.reasoner.engine.proof import ProofView
from calx.reasoner.engine.uncertainty import Uncertainty
from calx.reasoner.intake.gate import Gate
from calx.reasoner.load.cache import load
from calx.reasoner.model.case import Case
from calx.reasoner.model.guideline import Guideline
from calx.words import LANGUAGES


class Reasoner:
    """Answers cases by one guideline. Immutable; one
    instance serves any number of cases and threads.

    >>> answer = Reasoner.load().recommend({"case_id": "demo", "max_superficial_arc_deg": 300})
    >>> answer.json()["strategy"]["id"]
    'active_modification'
    """

    def __init__(self, guideline: Guideline) -> None:
        self.guideline = guideline
        self.evaluation = Evaluation(guideline)
        self.uncertainty = Uncertainty(guideline)
        self.gate = Gate(self.evaluation)
        self._evidence = Evidence(guideline)
        self._view = ProofView(guideline)

    @classmethod
    def load(cls, directory: Path | str = DEFAULT_DIRECTORY) -> Reasoner:
        """The reasoner of the guideline in a folder.

        Raises:
            GuidelineError: the guideline has faults; all are listed.
        """
        return cls(load(directory))

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
        return self.answer(self.gate.admit(raw, language))

    def answer(self, case: Case) -> Answer:
        """The answer to an admitted case; of a measured
        one also what changes within its intervals.
        """
        answer = self.plain_answer(case)
        if case.measured is not None:
            answer.within = within(self.evaluation, self.plain_answer, case)
        return answer

    def plain_answer(self, case: Case) -> Answer:
        """The answer to the facts as they stand."""
        trace = self.evaluation.run(case.facts)
        return Answer(
            self.guideline,
            case,
            trace,
            self.uncertainty.outlook(trace.values),
            self._evidence,
            self._view,
        )


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
