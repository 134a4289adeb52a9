"""The forms of requests and answers as pydantic
models, made from the facts and terms of the ontology.

They describe the API (OpenAPI) and serve typed clients. The gate (`calx.reasoner.intake.gate`)
decides what is admitted, as it also knows what may not stand together; a test holds both to the
same verdict on every single fact.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field, create_model

from calx.reasoner.model.case import CASE_ID
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.section import (
    Actions,
    Alerts,
    Criteria,
    Members,
    Numbers,
    One,
    Picture,
    Section,
    Status,
    Tally,
)
from calx.reasoner.model.values import FRACTION_DIGITS, LARGEST

STRICT = ConfigDict(extra="forbid", strict=True)
Ids = list[str]
Number = float | int | bool | str | None


def case_model(guideline: Guideline) -> type[BaseModel]:
    """A case: `case_id` and facts; all facts may be left out or null, which means unknown."""
    given = {
        fact.name: (_type(fact) | None, _field(fact))
        for fact in guideline.facts.values()
        if fact.given
    }
    identity = Field(
        pattern=f"^{CASE_ID.pattern}$",
        description="Names the case at one moment. Never a patient's name.",
        examples=["demo-1"],
    )
    return create_model(  # type: ignore[call-overload, no-any-return]
        "Case",
        __config__=STRICT,
        __doc__="One case at one moment.",
        case_id=(str, identity),
        measured=(Measurements | None, None),
        **given,
    )


def case_schema(guideline: Guideline) -> dict[str, Any]:
    """The JSON Schema of a case."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **case_model(guideline).model_json_schema(),
    }


def _type(fact: Fact) -> Any:
    if fact.kind == "text":
        return Literal[fact.values]
    if fact.kind == "boolean":
        return bool
    limits: dict[str, Any] = {}
    if fact.minimum is not None:
        limits["gt" if fact.exclusive_minimum else "ge"] = _number(fact.minimum)
    if fact.maximum is not None:
        limits["le"] = _number(fact.maximum)
    else:
        limits["lt"] = _number(LARGEST)
    return (
        Annotated[int, Field(**limits)]
        if fact.kind == "integer"
        else Annotated[float, Field(allow_inf_nan=False, **limits)]
    )


def _number(value: Any) -> int | float:
    return int(value) if value == int(value) else float(value)


def _field(fact: Fact) -> Any:
    unit = fact.unit if fact.unit and fact.unit != "1" else None
    told = (
        f"{fact.label['en'].capitalize()}. "
        f"{fact.definition['en']}{f' Unit: {unit}.' if unit else ''}"
    )
    more: dict[str, Any] = {
        "unit": unit,
        "group": fact.group,
        "label": fact.label,
        "source": fact.source,
    }
    if fact.kind == "number":
        told += f" At most {FRACTION_DIGITS} digits after the point."
    return Field(
        None,
        description=told,
        json_schema_extra={f"x-{key}": value for key, value in more.items() if value},
    )


class Correction(BaseModel):
    """A person's correction of a measurement."""

    model_config = ConfigDict(extra="allow")
    value: float | int | bool | str | None = None
    by: str | None = None
    at: str | None = None
    reason: str | None = None


class Confirmation(BaseModel):
    """A person confirmed a measurement."""

    model_config = ConfigDict(extra="allow")
    by: str | None = None
    at: str | None = None


class Measurement(BaseModel):
    """What was read of a fact from a recording."""

    model_config = ConfigDict(extra="allow")
    value: float | int | bool | str | None = Field(
        None, description="What was read, also where a person overruled it."
    )
    interval: list[float] | None = Field(
        None, description="Holds the true value nine times in ten.", min_length=2, max_length=2
    )
    unit: str | None = None
    status: Literal["measured", "interpolated", "undecided", "refused"]
    reason: str | None = None
    frames: list[int] | None = Field(
        None, description="Frames of the recording that it rests on, from 1."
    )
    correction: Correction | None = None
    confirmed: Confirmation | None = None


class Measurements(BaseModel):
    """Where measured facts come from, as `calx segment` writes it."""

    model_config = ConfigDict(extra="allow")
    facts: dict[str, Measurement]


class Change(BaseModel):
    """A conclusion that differs elsewhere in an interval."""

    model_config = STRICT
    of: str
    from_: str | None = Field(None, alias="from")
    to: str | None = None


class WithinInterval(BaseModel):
    """What changes at one end of a measured fact's interval."""

    model_config = STRICT
    fact: str
    value: float | int
    changes: list[Change]


class AnswerMeasurements(Measurements):
    """Measured facts of the case, and what would change elsewhere in their intervals."""

    within_intervals: list[WithinInterval]


class MeasuredPremise(BaseModel):
    """What a premise was measured as."""

    model_config = STRICT
    value: float | int | bool | str | None = None
    interval: list[float] | None = None
    status: str
    frames: list[int] | None = None
    corrected: Correction | None = None
    confirmed: Confirmation | None = None


class Part(BaseModel):
    """Part of an answer; nothing may stand in it that is not described."""

    model_config = STRICT


class Suspended(Part):
    """A rule that does not fire because its studies were withdrawn."""

    rule: str
    withdrawn: Ids


class GuidelineUsed(Part):
    """The guideline that answered."""

    iri: str
    version: str
    digest: str
    suspended: list[Suspended]


class Reserved(Part):
    """A conclusion with its level of evidence and what speaks against it."""

    level: str | None
    disputed_by: Ids = Field(description="Studies.")
    limits: Ids = Field(description="Statements that limit it.")


class Total(Part):
    """What points add up to: what is known, and what could still come."""

    value: int | None
    points: Ids
    unknown: Ids = Field(description="Points that an unknown fact could still add.")


class Chosen(Reserved):
    """The one thing that holds, such as how to go on."""

    id: str
    rule: str
    label: str
    settled: bool = Field(
        description="False: provisional, unknown facts could change it. Show this."
    )
    direct_level: str | None = Field(
        default=None,
        description="Best level among the rules that conclude it themselves; "
        "not in answers that were stored before it was told.",
    )


class Against(Reserved):
    """Why a thing must not be used."""

    rule: str
    facts: Ids


class Caution(Reserved):
    """What to mind with a thing."""

    id: str
    rule: str
    label: str


class Thing(Reserved):
    """One of the things that the guideline weighs, with its status in this case."""

    id: str
    label: str
    status: str
    indicated_by: Ids
    preferred_by: Ids
    contraindications: list[Against]
    cautions: list[Caution]
    unverified: Ids = Field(
        description="Facts of contraindications that are not known, so not ruled out. Show these."
    )
    parameters: dict[str, Number]


class WeighedCaution(Caution):
    """A caution of a thing that has a rank."""

    weighty: bool


class RankedThing(Thing):
    """A thing with its place among those that may be used. An order of presentation."""

    cautions: list[WeighedCaution]  # type: ignore[assignment]
    role: Literal["primary", "adjunct"] | None
    rank: int | None
    unavailable: list[Against]
    direct_level: str | None


class Alert(Reserved):
    """A warning, with the advice that its rules add."""

    id: str
    severity: Literal["critical", "warning", "info"]
    rules: Ids
    label: str
    factors: Ids
    advice: Ids


class Action(Part):
    """An advised action, with the alerts and rules that ask for it."""

    id: str
    label: str
    alerts: Ids
    rules: Ids
    level: str | None
    alternative_to: Ids


class Judgement(Part):
    """What was done against its criteria; none where there is nothing to judge."""

    criteria: dict[str, Literal["met", "not_met", "unknown"]]
    advice: Ids
    limits: Ids


class Missing(Part):
    """An unknown fact that could change the answer."""

    fact: str
    decides: Ids = Field(description="Keys of sections, or ids of things.")


class PossibleAlert(Part):
    """An alert that unknown facts leave open."""

    id: str
    label: str
    because_of: Ids


class Premise(Part):
    """What a step rests on: a fact, another step, or that a rule did not conclude."""

    fact: str | None = None
    value: float | int | bool | str | None = None
    measured: MeasuredPremise | None = Field(None, description="Where a measured fact comes from.")
    step: str | None = None
    not_: str | None = Field(None, alias="not")


class Citation(Part):
    """A statement of a study."""

    id: str
    study: str
    citation: str
    population: str | None
    statement: str
    locator: str
    verified: Literal["page", "secondary", "review", "unverified"]
    level: str
    stance: Literal["supports", "disputes", "limits"]


class Step(Part):
    """One step of the proof."""

    rule: str
    label: str
    conclusion: str
    premises: list[Premise]
    evidence: list[Citation]
    level: str
    level_set_by: str


class Answer(BaseModel):
    """What a guideline says of a case: what every answer has, and the sections that the guideline
    declares (`answer_model`). Decision support for professionals; never an order.
    """

    model_config = ConfigDict(extra="allow", strict=True)
    __pydantic_extra__: dict[
        str,
        str
        | Chosen
        | Total
        | Judgement
        | list[RankedThing]
        | list[Thing]
        | list[Alert]
        | list[Action]
        | Ids
        | dict[str, Number]
        | None,
    ]
    case_id: str
    guideline: GuidelineUsed
    notice: str
    missing: list[Missing]
    possible_alerts: list[PossibleAlert] = Field(
        description="Alerts that are not excluded. Show these; unknown is not no."
    )
    measured: AnswerMeasurements | None = Field(
        description="For a case read from a recording: its measurements."
    )
    steps: list[Step]


def answer_model(guideline: Guideline) -> type[Answer]:
    """The answer of one guideline, with its sections; nothing may stand in it that is not
    described.
    """
    sections: dict[str, Any] = {}
    for section in guideline.sections:
        if (kind := _section(section)) is not None:
            told = Field(description=f"{section.label['en']}.")
            sections[section.key] = (kind, told)
    return create_model(
        "Answer", __base__=Answer, __config__=None, __doc__=Answer.__doc__, **sections
    )


def _section(section: Section) -> Any:
    """The type of what stands under the key of a section; None where nothing does."""
    match section:
        case One():
            return str | None if section.brief else Chosen | None
        case Members():
            return Ids
        case Tally():
            return Total
        case Status():
            words: Any = Literal[tuple(status.word for status in section.statuses)]
            name = f"{section.key.title().replace('_', '')}Thing"
            base = RankedThing if section.ranked else Thing
            thing: Any = create_model(
                name, __base__=base, __doc__=base.__doc__, status=(words, ...)
            )
            return list[thing]
        case Alerts():
            return list[Alert]
        case Actions():
            return list[Action]
        case Criteria():
            return Judgement
        case Numbers():
            return dict[str, Number]
        case Picture():
            return None
        case _:
            assert_never(section)


class Version(Part):
    """A version of the guideline."""

    version: str
    digest: str


class Engine(Version):
    """A version of the guideline, with the engine that read it."""

    engine: str


class StoredAnswer(Part):
    """A stored answer with what was handed in. It never changes."""

    case_id: str
    iri: str
    stored: str = Field(description="Moment in UTC, ISO 8601.")
    engine: str
    guideline: Version
    submitted: dict[str, Any]
    answer: Answer


class Line(BaseModel):
    """One line of the list of stored answers; what leads the answer stands under its own key."""

    model_config = ConfigDict(extra="allow", strict=True)
    case_id: str
    stored: str
    settled: bool
    guideline_version: str


class StoredAnswers(Part):
    """A page of the list of stored answers, the newest first."""

    cases: list[Line]
    next: str | None = Field(description="Address of the next page.")


class Difference(Part):
    """A place where two answers differ."""

    place: str
    then: Any
    today: Any


class ProblemOfCase(Part):
    """One thing wrong with a case."""

    place: str | None
    fact: str | None
    message: str


class Replayed(Part):
    """What today's guideline says of a stored case, beside what was said then."""

    case_id: str
    stored: str
    then: Engine
    today: Engine
    same_guideline: bool
    same_answer: bool
    differences: list[Difference]
    problems: list[ProblemOfCase] = Field(
        description="Why today's guideline refuses the case, if it does."
    )


class Problem(BaseModel):
    """A problem as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    case_id: str | None = None
    problems: list[ProblemOfCase] = Field(
        default=[], description="Everything that is wrong with the case."
    )
