"""Drafts of the guideline: edited on the page, checked,
reviewed, and published as a whole or not at all.

A draft is a copy of the guideline's folder beside a file that tells its state and history. Nothing
live changes before publishing. Publishing writes the files that changed and a change note into the
guideline's folder; what was meant is written down first, so that a publishing which was cut off is
finished at the next start.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyoxigraph as ox
import yaml

from calx.atomic import write_atomically
from calx.errors import CalxError
from calx.ontology import GuidelineError, GuidelineFiles
from calx.ontology.edits import EditError
from calx.reasoner.authors.edit.spreadsheets import CellProblem, TableError, changed
from calx.reasoner.authors.edit.tables import Table, tables

NAME = re.compile(r"[a-f0-9]{12}")
MOST_DRAFTS = 200
LONGEST_TEXT = 500
FILE_NAME = re.compile(
    r"(?:(?:rules|shapes|evidence)/)?[a-z0-9][a-z0-9-]*\.ttl|cases/[a-z0-9][a-z0-9-]*\.yaml"
    r"|mappings\.sssom\.tsv"
)


class DraftError(CalxError):
    """What was asked of a draft cannot be done; the text says why."""

    def __init__(
        self, message: str, kind: str = "conflict", problems: list[CellProblem] | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.problems = problems or []


class By(NamedTuple):
    """Who does something to a draft."""

    name: str
    role: str | None = None
    """Of a named token; None where the name is only what somebody typed."""


SERVICE = By("service")


@dataclass
class Draft:
    """One draft: what it is for, its state, and everything that was done to it."""

    id: str
    title: str
    base: str
    """Digest of the guideline that it began from."""
    state: str = "open"
    """Then ``in review``, ``publishing``, ``published``; or ``discarded``."""
    history: list[dict[str, str]] = field(default_factory=list)
    """``at``, ``by``, ``did``, ``role`` where ``by`` is the name of a token, and what else there is
    to tell.
    """
    published: str | None = None
    """Digest of the guideline that it became."""

    def note(self, by: By, did: str, **more: str) -> None:
        self.history.append(
            {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "by": by.name[:100],
                **({"role": by.role} if by.role else {}),
                "did": did,
                **more,
            }
        )

    @property
    def editors(self) -> set[str]:
        """Who edited it."""
        return {entry["by"].strip() for entry in self.history if entry["did"] == "edited"}

    def json(self) -> dict[str, Any]:
        return asdict(self)


class Drafts:
    """The drafts of one service, in a folder of its data."""

    def __init__(self, folder: Path, ontology: Path, publishes: bool) -> None:
        self.folder, self.ontology, self.publishes = folder, ontology, publishes
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.finished: list[Draft] = []
        """What was cut off while it was published, and was finished now."""
        if publishes:
            for draft in self.all():
                if draft.state == "publishing":
                    self._finish(draft)
                    self.finished.append(draft)

    # --- finding ----------------------------------------------------------------------

    def all(self) -> list[Draft]:
        """The drafts, the latest first."""
        found = [
            draft
            for path in self.folder.iterdir()
            if NAME.fullmatch(path.name) and (draft := self._read(path.name)) is not None
        ]
        return sorted(
            found, key=lambda draft: draft.history[0]["at"] if draft.history else "", reverse=True
        )

    def find(self, name: str) -> Draft | None:
        return self._read(name) if NAME.fullmatch(name) else None

    def _read(self, name: str) -> Draft | None:
        try:
            return Draft(
                **json.loads((self.folder / name / "draft.json").read_text(encoding="utf-8"))
            )
        except (OSError, ValueError, TypeError):
            return None

    def guideline(self, draft: Draft) -> Path:
        """The folder with the draft's files."""
        return self.folder / draft.id / "guideline"

    def base(self, draft: Draft) -> Path:
        """The folder with the files that it began from."""
        return self.folder / draft.id / "base"

    def state_of_files(self, draft: Draft) -> str:
        """A digest of every file, reference cases included."""
        return _state(self.contents(draft))

    def copy(self, draft: Draft, folder: Path) -> tuple[Path, Path, str]:
        """A copy of the files before and after that nobody edits, and `state_of_files` of it."""
        for source, name in ((self.base(draft), "old"), (self.guideline(draft), "new")):
            for file, content in _contents(source).items():
                place = folder / name / file
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
        return folder / "old", folder / "new", _state(_contents(folder / "new"))

    def files(self, draft: Draft) -> GuidelineFiles:
        return GuidelineFiles(self.guideline(draft))

    def tables(self, draft: Draft) -> list[Table]:
        return tables(self.files(draft))

    def contents(self, draft: Draft) -> dict[str, bytes]:
        """Its files, by name."""
        return _contents(self.guideline(draft))

    def changed_files(self, draft: Draft) -> dict[str, bytes]:
        """The files that the draft says otherwise than its base."""
        base = _contents(self.base(draft))
        return {
            name: content
            for name, content in self.contents(draft).items()
            if base.get(name) != content
        }

    # --- changing ---------------------------------------------------------------------

    def begin(self, title: str, by: By) -> Draft:
        """A draft that says what the guideline on disk says now.

        Raises:
            DraftError: too many drafts, or no title.
            GuidelineError: the files on disk cannot be read.
        """
        if not title.strip() or not by.name.strip():
            raise DraftError(
                "a draft needs a title, and who begins it (a role or initials)", "unreadable"
            )
        if sum(draft.state in ("open", "in review") for draft in self.all()) >= MOST_DRAFTS:
            raise DraftError(
                f"there are {MOST_DRAFTS} drafts at work; publish or discard some", "busy"
            )
        files = GuidelineFiles(self.ontology)
        draft = Draft(secrets.token_hex(6), title.strip()[:LONGEST_TEXT], files.digest)
        try:
            for place in (self.base(draft), self.guideline(draft)):
                shutil.copytree(
                    self.ontology, place, ignore=shutil.ignore_patterns("*.py", "__pycache__", ".*")
                )
            draft.note(by, "began")
            self._save(draft)
        except Exception:
            shutil.rmtree(self.folder / draft.id, ignore_errors=True)
            raise
        return draft

    def edit(self, draft: Draft, table: str, key: str, column: str, value: str, by: By) -> str:
        """Change one cell; what it said before comes back.

        Raises:
            DraftError: the draft is not open, or the value cannot be taken.
        """
        self._expect(draft, "open")
        try:
            texts, edited = changed(self.files(draft), [(table, key, column, value)])
        except TableError as error:
            raise DraftError(
                "the value cannot be taken over", "invalid-edit", error.problems
            ) from None
        except (EditError, GuidelineError) as error:
            raise DraftError(str(error), "invalid-edit") from None
        if not edited:
            return value
        draft.note(
            by,
            "edited",
            what=f"{table} {key} {column}",
            before=edited[0].before[:LONGEST_TEXT],
            after=edited[0].after[:LONGEST_TEXT],
        )
        self._save(draft)  # first: no edit without its line in the history
        for name, text in texts.items():
            write_atomically(self.guideline(draft) / name, text)
        return edited[0].before

    def rewrite(self, draft: Draft, name: str, content: bytes, by: By) -> None:
        """Give one file of the draft a new text: rules, requirements, reference cases, what tables
        do not show.

        Raises:
            DraftError: the draft is not open, or the file cannot be one of a guideline.
        """
        self._expect(draft, "open")
        if not FILE_NAME.fullmatch(name):
            raise DraftError(
                f"'{name[:64]}' is no file of a guideline (such as rules/devices.ttl, "
                "cases/stent.yaml)",
                "unreadable",
            )
        try:
            text = content.decode()
            if name.endswith(".ttl"):
                for _ in ox.parse(content, ox.RdfFormat.TURTLE):
                    pass
            elif name.endswith(".yaml"):
                yaml.safe_load(text)
        except (ValueError, SyntaxError, yaml.YAMLError, RecursionError) as error:
            told = " ".join(str(error).split())[:LONGEST_TEXT]
            raise DraftError(f"{name}: cannot be read ({told})", "invalid-edit") from None
        place = self.guideline(draft) / name
        before = place.read_bytes() if place.is_file() else b""
        if before == content:
            return
        draft.note(by, "edited", what=name, before=_digest(before), after=_digest(content))
        self._save(draft)
        place.parent.mkdir(exist_ok=True)
        write_atomically(place, content)

    def move(self, draft: Draft, state: str, by: By, why: str) -> None:
        """Hand in for review, take back, or discard.

        Raises:
            DraftError: not from the state that it is in.
        """
        allowed = {
            "in review": ("open",),
            "open": ("in review",),
            "discarded": ("open", "in review"),
        }
        if state not in allowed:
            raise DraftError(
                f"a draft can be {', '.join(allowed)}, not '{state[:24]}'", "unreadable"
            )
        self._expect(draft, *allowed[state])
        draft.state = state
        draft.note(
            by,
            {"in review": "handed in for review", "open": "opened again", "discarded": "discarded"}[
                state
            ],
            why=why[:LONGEST_TEXT],
        )
        self._save(draft)
        if state == "discarded":  # its history stays; its files need no room
            shutil.rmtree(self.base(draft), ignore_errors=True)
            shutil.rmtree(self.guideline(draft), ignore_errors=True)

    def publish(
        self,
        draft: Draft,
        by: By,
        why: str,
        note: str,
        second: bool,
        answers: dict[str, str],
        examined: str | None = None,
    ) -> None:
        """Write the draft's files into the guideline's folder, with a change note.

        Args:
            draft: to be published.
            by: who publishes.
            why: in their words.
            note: the change note.
            second: whether it must be somebody else than its editors.
            answers: to the questions that the review asked, by their ids.
            examined: `state_of_files` of the draft that the review was made of.

        Raises:
            DraftError: as `may_be_published` does.
        """
        self.may_be_published(draft, by, second)
        if examined not in (None, self.state_of_files(draft)):
            raise DraftError("its files changed while they were examined; try again")
        write_atomically(self.folder / draft.id / "note.md", note)
        draft.state, draft.published = "publishing", self.files(draft).digest
        for question, answer in answers.items():
            draft.note(by, "answered", question=question, answer=answer[:LONGEST_TEXT])
        alone = by.name.strip() in draft.editors
        draft.note(
            by,
            "published by one who edited it" if alone else "published",
            why=why[:LONGEST_TEXT],
            second_review="on" if second else "off",
        )
        self._save(draft)
        self._finish(draft)

    def may_be_published(self, draft: Draft, by: By, second: bool) -> None:
        """See whether its state, who publishes, and the files on disk allow it.

        Raises:
            DraftError: it is not in review, nothing changed, the guideline on disk is no longer
                the one that it began from, or `second` and it is not shown to be somebody else.
        """
        self._expect(draft, "in review")
        if second:
            _expect_another(draft, by)
        if not self.publishes:
            raise DraftError(
                "this service shows the guideline that comes with Calx; start it with --ontology "
                "DIR, a copy of your own, to publish"
            )
        if not self.changed_files(draft):
            raise DraftError("the draft changes nothing")
        base = _contents(self.base(draft))
        if gone := sorted(set(base) - set(self.contents(draft))):
            raise DraftError(
                f"the draft lacks {', '.join(gone)}; put it back (a file may be empty, and is not "
                "deleted by publishing)"
            )
        if _contents(self.ontology) != base:
            raise DraftError(
                "the guideline on disk has changed since the draft began; begin a new one, and "
                "make the edits there"
            )

    def _finish(self, draft: Draft) -> None:
        """Write every changed file; to do it again does no harm. A file that somebody changed
        meanwhile is left, and the draft goes back to review.
        """
        changed = self.changed_files(draft)
        for name, content in changed.items():
            place, before = self.ontology / name, self.base(draft) / name
            now = place.read_bytes() if place.is_file() else b""
            if now not in (content, before.read_bytes() if before.is_file() else b""):
                draft.state, draft.published = "in review", None
                draft.note(SERVICE, f"not published: {name} was changed on disk meanwhile")
                self._save(draft)
                return
        for name, content in changed.items():
            place = self.ontology / name
            place.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(place, content)
        note = self._change_note(draft)
        note.parent.mkdir(exist_ok=True)
        write_atomically(note, (self.folder / draft.id / "note.md").read_bytes())
        draft.state = "published"
        self._save(draft)

    def _change_note(self, draft: Draft) -> Path:
        when = next(
            (
                entry["at"][:10]
                for entry in reversed(draft.history)
                if entry["did"].startswith("published")
            ),
            "undated",
        )
        return self.ontology / "changes" / f"{when}-{draft.id}.md"

    def undo_publishing(self, draft: Draft) -> None:
        """Put the files back as they were, where what was published cannot be served."""
        for name in self.changed_files(draft):
            before = self.base(draft) / name
            if before.is_file():
                write_atomically(self.ontology / name, before.read_bytes())
            else:
                (self.ontology / name).unlink(missing_ok=True)
        self._change_note(draft).unlink(missing_ok=True)
        draft.state, draft.published = "in review", None
        draft.note(SERVICE, "put back: what was published could not be served")
        self._save(draft)

    def _expect(self, draft: Draft, *states: str) -> None:
        if draft.state not in states:
            raise DraftError(
                f"the draft is {draft.state}; this can be done while it is {' or '.join(states)}"
            )

    def _save(self, draft: Draft) -> None:
        place = self.folder / draft.id
        place.mkdir(mode=0o700, exist_ok=True)
        write_atomically(
            place / "draft.json", json.dumps(draft.json(), ensure_ascii=False, indent=1)
        )
        os.utime(place)


def _contents(folder: Path) -> dict[str, bytes]:
    """The files of a guideline: terms, rules and evidence, reference cases, codes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".ttl", ".yaml", ".yml", ".tsv") and path.is_file()
    }


def _state(contents: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(contents.items()):
        digest.update(f"{name}\0".encode() + hashlib.sha256(content).digest())
    return digest.hexdigest()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()[:16]}" if content else "nothing"


def _expect_another(draft: Draft, by: By) -> None:
    """Whoever publishes is known, and did not edit.

    Raises:
        DraftError: that is not so.
    """
    how = "(the service may be started with --no-second-review, which the audit log tells)"
    if by.role is None:
        raise DraftError(
            "a draft is published by somebody else than its editors: sign in with a token of your "
            f"own {how}"
        )
    if by.name in draft.editors:
        raise DraftError(
            f"{by.name} edited this draft; somebody else must review and publish it {how}"
        )
    unnamed = {
        entry["by"] for entry in draft.history if entry["did"] == "edited" and "role" not in entry
    }
    if unnamed:
        raise DraftError(
            f"it was edited by somebody who showed no token of their own ({', '.join(unnamed)}), "
            f"so nobody can be shown to be somebody else; make the edits anew under a name {how}"
        )
