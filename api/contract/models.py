"""The forms of requests and answers as pydantic
models, made from the facts and terms of the ontology.

They describe the API (OpenAPI) and serve typed clients. The gate (`calx.reasoner.intake.gate`)
decides what is admitted, as it also knows what may not stand together; a test holds both to the
same verdict on every single fact.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from calx.reasoner.model.case import CASE_ID
from calx.reasoner.model.guideline import Fact, Guideline
from calx.reasoner.model.values import FRACTION_DIGITS, LARGEST

STRICT = ConfigDict(extra="forbid", strict=True)
Ids = list[str]


def case_model(guideline: Guideline) -> type[BaseModel]:
    """A case: `case_id` and facts; all facts may be left out or null, which means unknown."""
    given = {
        fact.name: (_type(fact) | None, _field(fact))
        for fact in guideline.facts.values()
        if fact.given
    }
    identity = Field(
        pattern=f"^{CASE_ID.pattern}$",
        description="Names the lesion at one moment. Never a patient's name.",
        examples=["demo-1"],
    )
    return create_model(  # type: ignore[call-overload, no-any-return]
        "Case",
        __config__=STRICT,
        __doc__="One lesion at one moment.",
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


class Score(Part):
    """The calcium score, 0 to 4: what is known, and what could still come."""

    value: int | None
    points: Ids
    unknown: Ids = Field(description="Points that an unknown fact could still add.")


class Reserved(Part):
    """A conclusion with its level of evidence and what speaks against it."""

    level: str | None
    disputed_by: Ids = Field(description="Studies.")
    limits: Ids = Field(description="Statements that limit it.")


class Strategy(Reserved):
    """How to go on with the lesion."""

    id: str
    rule: str
    label: str
    settled: bool = Field(
        description="False: provisional, unknown facts could change it. Show this."
    )


class Contraindication(Reserved):
    """Why a device must not be used."""

    rule: str
    facts: Ids


class Caution(Reserved):
    """What to mind with a device."""

    id: str
    rule: str
    label: str


class Device(Reserved):
    """One of the devices, with its status in this lesion."""

    id: str
    label: str
    status: Literal["preferred", "suitable", "contraindicated", "not_indicated"]
    indicated_by: Ids
    preferred_by: Ids
    contraindications: list[Contraindication]
    cautions: list[Caution]
    unverified: Ids = Field(
        description="Facts of contraindications that are not known, so not ruled out. Show these."
    )
    parameters: dict[str, float | int | bool | str | None]


class Alert(Reserved):
    """A warning, with the advice that its rules add."""

    id: str
    severity: Literal["critical", "warning", "info"]
    rules: Ids
    label: str
    factors: Ids
    advice: Ids


class Optimisation(Part):
    """The stent against its criteria."""

    criteria: dict[str, Literal["met", "not_met", "unknown"]]
    advice: Ids
    limits: Ids


class Missing(Part):
    """An unknown fact that could change the answer."""

    fact: str
    decides: Ids = Field(description="`strategy`, or ids of devices.")


class PossibleAlert(Part):
    """A critical alert that unknown facts leave open."""

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


class Answer(Part):
    """What the guideline says of a case. Decision support for professionals; never an order."""

    case_id: str
    guideline: GuidelineUsed
    notice: str
    arc_grade: str | None
    findings: Ids
    calcium_score: Score
    high_risk_features: Ids
    strategy: Strategy | None
    devices: list[Device]
    alerts: list[Alert]
    parameters: dict[str, float | int | bool | str | None]
    optimisation: Optimisation
    advice: Ids
    prognosis: Ids
    comparisons: Ids
    missing: list[Missing]
    possible_alerts: list[PossibleAlert] = Field(
        description="Critical alerts that are not excluded. Show these; unknown is not no."
    )
    measured: AnswerMeasurements | None = Field(
        description="For a case read from a recording: its measurements."
    )
    steps: list[Step]


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


class Line(Part):
    """One line of the list of stored answers."""

    case_id: str
    stored: str
    strategy: str | None
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
