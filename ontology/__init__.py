"""The guideline as data: OWL terms, SHACL rules and shapes, evidence, reference cases, and the reader of these files."""

from .errors import AuthoringProblem, GuidelineError
from .files import DEFAULT_DIRECTORY, GuidelineFiles, literals_as_written
from .kinds import KINDS, UNREAD, Kind, Severity

__all__ = [
    "DEFAULT_DIRECTORY",
    "KINDS",
    "UNREAD",
    "AuthoringProblem",
    "GuidelineError",
    "GuidelineFiles",
    "Kind",
    "Severity",
    "literals_as_written",
]
