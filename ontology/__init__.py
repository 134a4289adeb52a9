"""The guideline as data: OWL terms, SHACL rules and shapes, evidence, reference cases, and the reader of these files."""

from .errors import AuthoringProblem, CalxError, GuidelineError
from .files import DEFAULT_DIRECTORY, GuidelineFiles, literals_as_written

__all__ = ["DEFAULT_DIRECTORY", "AuthoringProblem", "CalxError", "GuidelineError", "GuidelineFiles", "literals_as_written"]
