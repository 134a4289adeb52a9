"""Stock pySHACL running the guideline's own files: whole, or one rule with what it refers to."""

from __future__ import annotations

import functools

from calx.ontology import GuidelineFiles
from calx.reasoner.authors.prove.pyshacl_judge import Judge
from calx.reasoner.recommendation import Reasoner

JUDGE = Judge(GuidelineFiles(), Reasoner.load().guideline)
rule_alone = functools.cache(JUDGE.rule)
