"""What routes ask of a request: the service, a stored case, the language, the form wanted."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from calx.api.contract.negotiation import choose
from calx.api.contract.problems import ServiceError
from calx.api.server.state import Service
from calx.api.store.people import Caller
from calx.api.store.records import Record
from calx.words import DEFAULT, LANGUAGES


def service_of(request: Request) -> Service:
    """The service that a request reached."""
    found: Service = request.app.state.service
    return found


def caller_of(request: Request) -> Caller | None:
    """Who shows a token; None where nobody does."""
    found: Caller | None = request.scope.get("calx.caller")
    return found


def name_of(request: Request) -> str | None:
    """The name of the token that was shown, if it is somebody's own."""
    caller = caller_of(request)
    return caller.name if caller is not None else None


async def record_of(request: Request, case_id: str) -> Record:
    """The stored case that a request asks for; the audit log tells that it was read.

    Raises:
        ServiceError: there is none (404).
    """
    service = service_of(request)
    kept = await service.cases.find(case_id)
    if kept is None:
        raise absent(case_id)
    service.note(request, "read", case=case_id)
    return kept


def absent(case_id: str) -> ServiceError:
    """The problem that no such case is stored."""
    return ServiceError(
        "not-found", f"no case '{case_id[:64]}' is stored; GET /cases lists those that are"
    )


def language_of(request: Request) -> str:
    """One of `LANGUAGES`: asked for by ``lang``, else as the client prefers."""
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        return asked
    return _preferred(request.headers.get("accept-language", ""))


def language_told(fields: Mapping[str, str]) -> str:
    """The language that a form was filled in."""
    asked = fields.get("lang", DEFAULT)
    return asked if asked in LANGUAGES else DEFAULT


def _preferred(header: str) -> str:
    """The language that an Accept-Language header likes best; English where it does not say."""
    liked = dict.fromkeys(LANGUAGES, 0.0)
    for item in header.lower().split(","):
        tag, _, parameter = item.strip().partition(";")
        main = tag.strip().partition("-")[0]
        name, _, value = parameter.strip().partition("=")
        try:
            quality = float(value) if name == "q" else 1.0
        except ValueError:
            quality = 0.0
        if main in liked:
            liked[main] = max(liked[main], quality)
    return max(LANGUAGES, key=liked.__getitem__)  # the default first, where they are even


def form_of(request: Request, *offers: str) -> str:
    """The media type that the client wants.

    Raises:
        ServiceError: none of those that there are (406).
    """
    found = choose(request.headers.get("accept"), offers)
    if found is None:
        raise ServiceError("not-acceptable", f"this comes as {', '.join(offers)}")
    return found
