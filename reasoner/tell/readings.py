"""What was measured in a recording, in words: by whom, where, and what would change within the
intervals.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from calx.reasoner.engine.answer import Answer
from calx.reasoner.tell.labels import Labels, labels
from calx.reasoner.tell.lines import Rows
from calx.words import words as words_of

LISTED_FRAMES = 3


def stability(answer: Answer, language: str) -> Iterator[str]:
    """Who measured, what stays open, and what would change elsewhere in the intervals."""
    if answer.case.measured is None:
        return
    words, label, write = _told_with(answer, language)
    comma = words_of("language", language)["comma"]
    measured = answer.case.measured.json()
    model = measured.get("model") or {}
    by = " ".join(str(part) for part in (model.get("id"), model.get("version")) if part) or str(
        measured.get("drawn_by") or "?"
    )
    source = str((measured.get("input") or {}).get("sha256", "?"))[:12]
    yield from write.row(words["measured"], words["from"].format(by=by, input=source))
    open_ = [
        label.fact(name) + _between(entry.get("interval"))
        for name, entry in measured["facts"].items()
        if entry["status"] == "undecided" and not entry.get("correction")
    ]
    if open_:
        yield from write.more(f"{words['undecided facts']} {comma.join(open_)}")
    for end in answer.within:
        changes = comma.join(
            words["becomes"].format(
                of=label.decided(change["of"]) + words["colon"],
                to=label.turned(change["of"], change["to"]),
            )
            for change in end["changes"]
        )
        where = words["if it were"].format(
            fact=label.fact(end["fact"]), value=label.value(end["fact"], end["value"])
        )
        yield from write.more(f"{where} {changes}")


def readings(answer: Answer, language: str) -> Iterator[str]:
    """Each measured fact with its value, interval and frames, and what was said of the reading."""
    if answer.case.measured is None:
        return
    words, label, write = _told_with(answer, language)
    measured = answer.case.measured.json()
    head = words["measured"]
    for name, entry in measured["facts"].items():
        if entry.get("correction") or entry["status"] in ("measured", "interpolated"):
            told = f"{label.fact(name)}{words['colon']}{reading(answer, language, name, entry)}"
            yield from write.row(head, told)
            head = ""
    notes = "; ".join(str(note) for note in measured.get("notes") or ())
    if notes:
        yield from write.more(f"{words['read with']} {notes}")


def _told_with(answer: Answer, language: str) -> tuple[Mapping[str, str], Labels, Rows]:
    return words_of("answer", language), labels(answer.guideline, language), Rows(language)


def reading(answer: Answer, language: str, name: str, entry: Mapping[str, Any]) -> str:
    """A measured value with its interval and frames, and what a person made of it."""
    words, label = words_of("answer", language), labels(answer.guideline, language)
    correction = entry.get("correction")
    if correction:
        was = words["unknown"] if entry.get("value") is None else label.value(name, entry["value"])
        now = (
            words["withdrawn"]
            if correction.get("value") is None
            else label.value(name, correction["value"])
        )
        reason = f" ({correction['reason']})" if correction.get("reason") else ""
        by = correction.get("by") or words["a person"]
        return words["corrected"].format(now=now, by=by, was=was) + reason
    told = label.value(name, entry["value"])
    told += _between(entry.get("interval"))
    if entry["status"] == "interpolated":
        told += f" [{words['interpolated']}]"
    frames = entry.get("frames") or []
    if frames:
        comma = words_of("language", language)["comma"]
        told += comma + words["frame" if len(frames) == 1 else "frames"].format(_spans(frames))
    return told


def _between(interval: list[float] | None) -> str:
    """The ends of an interval, in brackets."""
    return f" ({interval[0]:g}–{interval[1]:g})" if interval else ""


def _spans(frames: list[int]) -> str:
    """Frame numbers, neighbours in the list joined: the first and the last of them."""
    return (
        str(frames[0])
        if len(frames) == 1
        else ", ".join(map(str, frames))
        if len(frames) <= LISTED_FRAMES
        else f"{frames[0]}–{frames[-1]} ({len(frames)})"
    )
