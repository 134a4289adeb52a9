"""An executable, explainable guideline for PCI in calcified coronary lesions.

>>> import calx
>>> answer = calx.recommend({"case_id": "demo", "max_superficial_arc_deg": 300})
>>> answer.json()["strategy"]["id"]
'active_modification'

What stands here is what programs may rely on; how it works stands in the four folders below:
`calx.ontology` (what the guideline says), `calx.reasoner` (what follows), `calx.imaging` (what a
pullback shows), `calx.api` (how it is reached). Decision support for professionals and research;
never an order.
"""

from calx.errors import CalxError
from calx.ontology import AuthoringProblem, GuidelineError, GuidelineFiles
from calx.reasoner.engine.answer import Answer
from calx.reasoner.intake.errors import CaseError, Problem
from calx.reasoner.model.case import Case
from calx.reasoner.model.guideline import Guideline
from calx.reasoner.recommendation import Reasoner, recommend

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "AuthoringProblem",
    "CalxError",
    "Case",
    "CaseError",
    "Guideline",
    "GuidelineError",
    "GuidelineFiles",
    "Problem",
    "Reasoner",
    "__version__",
    "recommend",
]
