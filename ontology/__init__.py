"""What do the files of a guideline say, and where? OWL terms, SHACL rules and shapes, evidence,
reference cases, and what reads them.

Nothing of Calx lies below it.
"""

from calx.ontology.errors import AuthoringProblem, GuidelineError
from calx.ontology.files import DEFAULT_DIRECTORY, GuidelineFiles, literals_as_written
from calx.ontology.kinds import KINDS, UNREAD, Severity, title_of_kind

__all__ = [
    "DEFAULT_DIRECTORY",
    "KINDS",
    "UNREAD",
    "AuthoringProblem",
    "GuidelineError",
    "GuidelineFiles",
    "Severity",
    "literals_as_written",
    "title_of_kind",
]
