"""For those who run the service: is it alive, back it up, restore a backup."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.background import BackgroundTask
from starlette.responses import FileResponse

from calx.api.contract.problems import ServiceError
from calx.api.server.openapi import problems_of
from calx.api.server.request import service_of
from calx.api.store import backup
from calx.api.store.protocol import StoreError

router = APIRouter(tags=["upkeep"])


@router.get("/health", summary="Is the service alive?")
async def health(request: Request) -> Response:
    """Answers as fast as this service can answer anything."""
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get(
    "/backup",
    summary="All stored answers in one file",
    responses={200: {"content": {"application/gzip": {}}}, **problems_of(401, 403, 429, 503)},
)
async def saved(request: Request) -> Response:
    """As the store is at this moment; the service goes on meanwhile."""
    service = service_of(request)
    try:
        exported, done = await service.store.export()
        try:
            packed = await asyncio.to_thread(backup.pack, exported, service.reasoner.guideline)
        finally:
            done()
    except (StoreError, OSError) as error:
        raise ServiceError(
            "not-stored",
            str(error)
            if isinstance(error, StoreError)
            else "the backup could not be written; is the disk full?",
        ) from None
    service.note(request, "backed up")
    return FileResponse(
        packed,
        media_type="application/gzip",
        filename=backup.NAME,
        background=BackgroundTask(packed.unlink, missing_ok=True),
    )


PACKED = {
    "required": True,
    "content": {"application/gzip": {"schema": {"type": "string", "format": "binary"}}},
}


@router.post(
    "/restore",
    summary="Put a backup back",
    openapi_extra={"requestBody": PACKED},
    responses=problems_of(400, 401, 403, 408, 409, 413, 429, 503),
)
async def restored(request: Request) -> Response:
    """Adds what is not there; if a stored case differs
    from that of the backup, nothing is changed at all.
    """
    import orjson

    service = service_of(request)
    with tempfile.NamedTemporaryFile(
        dir=service.settings.data, prefix="restore-", delete=False
    ) as file:
        try:
            async for part in request.stream():
                file.write(part)
            file.flush()
            told = await backup.restore(Path(file.name), service.store)
        except backup.BackupError as error:
            raise ServiceError("conflict" if error.conflict else "unreadable", str(error)) from None
        except (StoreError, OSError) as error:
            raise ServiceError(
                "not-stored", str(error) if isinstance(error, StoreError) else "the disk is full"
            ) from None
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(file.name)
    service.note(request, "restored", added=told["added"], there=told["there"])
    return Response(orjson.dumps(told), media_type="application/json")
