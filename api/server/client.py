"""Commands that work beside a running service speak
to it; without one they open its folder themselves.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

from calx.errors import CalxError
from calx.ontology import DEFAULT_DIRECTORY


def describe_error(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, CalxError):
        return str(error)
    if isinstance(error, OSError):
        return f"cannot be written or read: {error.strerror or error}"
    return (
        f"the service of this folder does not answer ({type(error).__name__}); is it still running?"
    )


def ask_stored_cases(
    folder: Path, query: bytes, form: str | None, seconds: float, terminal: bool, ontology: Path
) -> str:
    """The result of a query over the stored cases of a
    folder, from the service that runs on it, if one does.

    Raises:
        QueryError: it was not answered.
    """
    import httpx

    from calx.api.sparql.gate import QueryError, check_query
    from calx.api.sparql.local import accepted, format_results, run

    if not (folder / "store").is_dir():
        raise QueryError(f"{folder}: holds no stored cases")
    serving = _serving(folder)
    if serving is None:
        return run(query, ontology, [], form, seconds, terminal, folder / "store")
    form = form or ("table" if terminal else None)
    headers = {
        **_key(serving),
        "Content-Type": "application/sparql-query",
        "Accept": accepted(form, check_query(query).kind),
    }
    try:
        reply = httpx.post(
            f"{serving['url']}/sparql?timeout={seconds:g}",
            headers=headers,
            content=query,
            timeout=seconds + 10,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise QueryError(describe_error(error)) from None
    if reply.status_code != 200:
        raise QueryError(_detail(reply))
    return format_results(reply.headers["content-type"].partition(";")[0], reply.content, form)


def _serving(folder: Path) -> dict[str, Any] | None:
    """How to reach the service that uses a folder, if one does."""
    from calx.api.server.state import SERVING

    try:
        found: dict[str, Any] = json.loads((folder / SERVING).read_text())
        os.kill(found["pid"], 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def save_backup(folder: Path, target: Path) -> None:
    """All stored cases of a folder to a file, through its service if one runs."""
    import httpx

    serving = _serving(folder)
    if serving is None:
        asyncio.run(_saved_alone(folder, target))
        return
    with (
        httpx.stream(
            "GET", f"{serving['url']}/backup", headers=_key(serving), timeout=600, trust_env=False
        ) as reply,
        target.open("wb") as file,
    ):
        if reply.status_code != 200:
            reply.read()
            raise CalxError(_detail(reply))
        for part in reply.iter_bytes():
            file.write(part)


async def _saved_alone(folder: Path, target: Path) -> None:
    from calx.api.store.backup import pack
    from calx.api.store.disk import DiskStore
    from calx.reasoner.load.cache import load

    store = DiskStore(folder)
    try:
        exported, done = await store.export()
        packed_path = pack(exported, load(DEFAULT_DIRECTORY))
        shutil.move(packed_path, target)
        done()
    finally:
        await store.close()


def restore_backup(folder: Path, file: Path) -> dict[str, int]:
    """The cases of a backup into a folder, through its service if one runs: how many were ``added``
    and how many ``there``.
    """
    import httpx

    serving = _serving(folder)
    if serving is None:
        return asyncio.run(_restored_alone(folder, file))
    with file.open("rb") as content:
        reply = httpx.post(
            f"{serving['url']}/restore",
            headers=_key(serving),
            content=content,
            timeout=3600,
            trust_env=False,
        )
    if reply.status_code != 200:
        raise CalxError(_detail(reply))
    found: dict[str, int] = reply.json()
    return found


async def _restored_alone(folder: Path, file: Path) -> dict[str, int]:
    from calx.api.store.backup import restore
    from calx.api.store.disk import DiskStore

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = DiskStore(folder)
    try:
        return await restore(file, store)
    finally:
        await store.close()


def _key(serving: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {serving['secret']}", "Content-Type": "application/gzip"}


def _detail(reply: Any) -> str:
    try:
        return str(reply.json()["detail"])
    except (ValueError, KeyError):
        return f"the service answered {reply.status_code}"
