"""A draft examined in a process of its own, so that proofs never keep a request waiting.

Prints one JSON object: problems of ``check``, verdicts of ``verify``, sections of ``diff``; or, for
``review``, what stands in the way of publishing and what must be answered first.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from calx.errors import CalxError
from calx.ontology import UNREAD, GuidelineError, GuidelineFiles
from calx.process import command

PARTS = ("check", "verify", "diff", "review")
LONGEST_SECONDS = 600
"""A last resort: the solver's work is limited by itself, and the same on every machine."""
MOST_EFFORT = 100
_SLOTS = asyncio.Semaphore(2)


class ExaminationError(CalxError):
    """The draft could not be examined; the text says why."""


class NotInstalledError(ExaminationError):
    """What examines is not installed here."""


async def examine(
    part: str, old: Path, new: Path, language: str, effort: int = 1
) -> dict[str, Any]:
    """The result for one part.

    Args:
        part: of `PARTS`.
        old: the guideline's folder before.
        new: after.
        language: of sections; other parts come in every language.
        effort: times the usual work that one question to the solver may take.

    Raises:
        NotInstalledError: proofs need what is not there.
        ExaminationError: it took too long, or failed.
    """
    if part != "check" and importlib.util.find_spec("z3") is None:
        raise NotInstalledError("proofs need Z3; install the extra: pip install 'calx[authoring]'")
    async with _SLOTS:
        process = await asyncio.create_subprocess_exec(
            *command("calx.api.jobs.examination", part, str(old), str(new), language, str(effort)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), LONGEST_SECONDS)
        except TimeoutError:
            raise ExaminationError(
                f"not done after {LONGEST_SECONDS} s; run 'calx {part}' instead"
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    try:
        found: dict[str, Any] = json.loads(output)
    except ValueError:
        raise ExaminationError(
            f"'calx {part}' failed on this draft; run it on the draft's files to see why"
        ) from None
    return found


def main(part: str, old: Path, new: Path, language: str, effort: int) -> dict[str, Any]:
    """One part, examined here and now."""
    if part == "check":
        return _checked(new)
    from calx.reasoner.load.reader import read

    guidelines = []
    for folder in (old, new):
        files = GuidelineFiles(folder)
        guideline, problems = read(files)
        unread = [problem for problem in problems if problem.kind in UNREAD]
        if unread:
            return {"unreadable": [str(problem) for problem in unread]}
        guidelines.append((files, guideline))
    if part == "verify":
        from calx.reasoner.authors.prove.report import verify_as_json
        from calx.reasoner.authors.prove.verify import verify

        return verify_as_json(verify(*guidelines[1], effort=effort))
    from calx.reasoner.authors.check.check import check
    from calx.reasoner.authors.compare.difference import Version, difference
    from calx.reasoner.authors.compare.report import as_markdown, as_sections

    found = difference(Version(*guidelines[0]), Version(*guidelines[1]), effort=effort)
    if part == "review":
        from calx.reasoner.authors.compare.review import review

        # of the old one only warnings are compared, and HermiT finds errors
        before, after = check(guidelines[0][0], with_owl=False), check(guidelines[1][0])
        return review(found, before, after).json() | {
            "markdown": as_markdown(replace(found, questions=()), language)
        }
    return {
        "empty": found.empty,
        "holds": found.verified.holds,
        "sections": as_sections(found, language),
        "markdown": as_markdown(found, language),
    }


def _checked(folder: Path) -> dict[str, Any]:
    from calx.reasoner.authors.check.check import Report, check
    from calx.reasoner.authors.check.report import check_as_json

    try:
        report = check(GuidelineFiles(folder))
    except GuidelineError as error:
        report = Report(error.problems, None, False, 0)
    return check_as_json(report)


if __name__ == "__main__":
    try:
        shown = main(
            sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5])
        )
    except GuidelineError as error:
        shown = {"unreadable": [str(problem) for problem in error.problems]}
    print(json.dumps(shown, ensure_ascii=False))
