"""Counts what was tried, and tells falsehoods."""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests import sampling
from tests.damage.texts import Damage

SAID = re.compile(r"is drawn in [0-9]+ of [0-9]+ frames")
"""A set that draws a layer in fewer frames says another thing, and that it does is said with it: a table that was cut
exactly between two frames is a good table of fewer frames.
"""


@dataclass(frozen=True)
class Came:
    """What came of a damaged input.

    Attributes:
        facts: by name, a value or ``(value, low, high)``; none where it was refused.
        words: what was said: why it was refused, or what a user should know.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""


def false(truth: Mapping[str, Any], came: Came) -> list[str]:
    """Facts that are others than the truth, and no interval holds it."""
    wrong = []
    for name, found in came.facts.items():
        value, low, high = found if isinstance(found, tuple) else (found, None, None)
        true = truth.get(name)
        if value == true and isinstance(value, bool) == isinstance(true, bool):
            continue
        # what rounding and resolution leave; degrees times the 2.8 mm of the longest input
        slack = 0.5 if name.endswith("_deg") else 1.4 if name.endswith("_degree_mm") else 0.011
        bounded = low is not None and high is not None and not isinstance(true, bool | str)
        if bounded and true is not None and low - slack <= true <= high + slack:
            continue
        wrong.append(f"{name} is {found!r}, in truth {true!r}")
    return wrong


def watch(
    damages: Callable[[random.Random], Iterable[Damage]],
    read: Callable[[bytes], Came],
    count: int,
    door: str,
    tell: pytest.FixtureRequest,
    *,
    may_lose: Callable[[str], bool] = lambda name: False,
) -> None:
    """Try ``count`` damages of a door.

    Args:
        damages: of the good input, again and again with other draws.
        read: what the door makes of bytes. The good input is the first damage, named ``none``.
        count: how many to try.
        door: its name, for the counts.
        tell: takes the counts to the end of the report.
        may_lose: whether a damage takes facts away, so that fewer of them need no word.
    """
    source = random.Random(sampling.NUMBER if not sampling.WHOLE else 12)
    stream = _endless(damages, source)
    name, good = next(stream)
    assert name == "none"
    truth = {
        key: value[0] if isinstance(value, tuple) else value
        for key, value in read(good).facts.items()
    }
    assert truth, "the good input must be read"
    outcomes: Counter[str] = Counter()
    faults: dict[str, str] = {}
    for name, damaged in itertools.islice((one for one in stream if one[0] != "none"), count):
        came = read(damaged)
        wrong = [] if SAID.search(came.words) else false(truth, came)
        if wrong:
            faults.setdefault(name, f"{name}: {'; '.join(wrong)[:200]}")
        elif not came.facts:
            outcomes["refused"] += 1
            if not came.words.strip() or "Traceback" in came.words:
                faults.setdefault(name, f"{name}: refused without a word")
        elif came.facts.keys() == truth.keys():
            outcomes["the same facts"] += 1
        else:
            outcomes["fewer facts"] += 1
            if not came.words.strip() and not may_lose(name):
                lost = ", ".join(sorted(truth.keys() - came.facts.keys()))
                faults.setdefault(name, f"{name}: without a word lost {lost[:150]}")
    told = ", ".join(f"{number} {what}" for what, number in outcomes.most_common())
    tell.node.user_properties.append(
        ("damages", f"{door}: {sum(outcomes.values())} damages, {told}")
    )
    assert not faults, "\n".join(faults.values())


def _endless(
    damages: Callable[[random.Random], Iterable[Damage]], source: random.Random
) -> Iterator[Damage]:
    while True:
        yield from damages(source)
