"""The commands of the service: ``calx serve``, ``calx backup``, ``calx restore``, ``calx audit``."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from calx.errors import CalxError
from calx.ontology import DEFAULT_DIRECTORY

from .cli import AT_FAULT, WRONG_USE, Ontology, app
from .settings import Settings, SettingsError, default_data

Data = Annotated[Optional[Path], typer.Option("--data", metavar="DIR", help="Folder with the stored cases.", show_default="~/.local/share/calx")]  # noqa: UP045


@app.command()
def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on; any but this machine's own needs a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    data: Data = None,
    token: Annotated[str | None, typer.Option("--token", envvar="CALX_TOKEN", show_envvar=True, help="What clients must show before they may write.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Reading stored cases needs the token too.")] = False,
    store: Annotated[Optional[str], typer.Option("--store", metavar="URL", help="A SPARQL 1.1 query endpoint that keeps the cases instead of --data.")] = None,  # noqa: UP045
    store_update: Annotated[
        str | None, typer.Option("--store-update", metavar="URL", help="Where that endpoint takes updates.", show_default="--store")
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, max=600, help="Seconds that a SPARQL query may take.")] = 10,
    rate: Annotated[
        float | None,
        typer.Option("--rate", min=0, help="Requests a second that one client may send; 0 is no limit.", show_default="no limit on this machine, else 40"),
    ] = None,
    origin: Annotated[Optional[list[str]], typer.Option("--origin", metavar="URL", help="Another site whose pages may read answers (CORS).")] = None,  # noqa: UP045
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Serve the page, the HTTP API and the SPARQL endpoint, with the stored cases."""
    from .serve import run

    try:
        settings = Settings(ontology, data or default_data(), host, port, token, private, store, store_update, timeout, origins=tuple(origin or ()))
    except SettingsError as error:
        _end(str(error), WRONG_USE)
    wanted = rate if rate is not None else 0 if settings.loopback else OTHERS_RATE
    failure = run(replace(settings, rate=wanted))
    if failure:
        _end(failure, AT_FAULT)


OTHERS_RATE = 40.0
"""Requests a second that one client of another machine may send, if nothing else was said."""


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the backup, for example cases.nq.gz.")],
    data: Data = None,
) -> None:
    """Write all stored cases to one file; the service may run meanwhile."""
    import httpx

    folder = data or default_data()
    if file.exists():
        _end(f"{file}: is there already; name a new file", WRONG_USE)
    if not folder.is_dir():
        _end(f"{folder}: no such folder; name that of the service with --data", WRONG_USE)
    try:
        with tempfile.NamedTemporaryFile(dir=file.absolute().parent, prefix=".calx-", delete=False) as draft:
            draft_path = Path(draft.name)
        try:
            _save(folder, draft_path)
            draft_path.replace(file)
        finally:
            draft_path.unlink(missing_ok=True)
    except (CalxError, OSError, httpx.HTTPError) as error:
        _end(_told(error), AT_FAULT)
    typer.echo(f"{file}: {file.stat().st_size} bytes")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup made by calx backup.", exists=True, dir_okay=False)],
    data: Data = None,
) -> None:
    """Put the cases of a backup back; what is stored already stays as it is. The service may run meanwhile."""
    import httpx

    folder = data or default_data()
    try:
        told = _restored(folder, file)
    except (CalxError, OSError, httpx.HTTPError) as error:
        _end(f"{file}: {_told(error)}", AT_FAULT)
    typer.echo(f"{told['added']} cases added, {told['there']} there already")


@app.command()
def audit(
    data: Data = None,
    seal: Annotated[Optional[str], typer.Option("--seal", help="A seal noted earlier, which must still be in the log.")] = None,  # noqa: UP045
) -> None:
    """Verify the audit log of a service: was any line changed, removed or added?"""
    from .audit import verify

    path = (data or default_data()) / "audit.jsonl"
    if not path.is_file():
        _end(f"{path}: no such file; name the folder of the service with --data", WRONG_USE)
    chain = verify(path, seal)
    for line, reason in chain.faults:
        typer.echo(f"{path}:{line}: {reason}", err=True)
    if chain.faults:
        raise typer.Exit(AT_FAULT)
    typer.echo(f"{chain.entries} entries, the chain is whole; its seal is {chain.seal}")


def _end(message: str, status: int) -> Any:
    typer.echo(message, err=True)
    raise typer.Exit(status)


def _told(error: Exception) -> str:
    if isinstance(error, CalxError):
        return str(error)
    if isinstance(error, OSError):
        return f"cannot be written or read: {error.strerror or error}"
    return f"the service of this folder does not answer ({type(error).__name__}); is it still running?"


# --- with a running service, or without -----------------------------------------------


def asked(folder: Path, query: bytes, form: str | None, seconds: float, terminal: bool, ontology: Path) -> str:
    """The result of a query over the stored cases of a folder, from the service that runs on it, if one does.

    Raises:
        QueryError: it was not answered.
    """
    import httpx

    from .ask import accepted, run, shown
    from .query import QueryError, checked

    if not (folder / "store").is_dir():
        raise QueryError(f"{folder}: holds no stored cases")
    serving = _serving(folder)
    if serving is None:
        return run(query, ontology, [], form, seconds, terminal, folder / "store")
    form = form or ("table" if terminal else None)
    headers = {**_key(serving), "Content-Type": "application/sparql-query", "Accept": accepted(form, checked(query).kind)}
    try:
        reply = httpx.post(f"{serving['url']}/sparql?timeout={seconds:g}", headers=headers, content=query, timeout=seconds + 10, trust_env=False)
    except httpx.HTTPError as error:
        raise QueryError(_told(error)) from None
    if reply.status_code != 200:
        raise QueryError(_detail(reply))
    return shown(reply.headers["content-type"].partition(";")[0], reply.content, form)


def _serving(folder: Path) -> dict[str, Any] | None:
    """How to reach the service that uses a folder, if one does."""
    from .service import SERVING

    try:
        found: dict[str, Any] = json.loads((folder / SERVING).read_text())
        os.kill(found["pid"], 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def _save(folder: Path, target: Path) -> None:
    import httpx

    serving = _serving(folder)
    if serving is None:
        asyncio.run(_saved_alone(folder, target))
        return
    with httpx.stream("GET", f"{serving['url']}/backup", headers=_key(serving), timeout=600, trust_env=False) as reply, target.open("wb") as file:
        if reply.status_code != 200:
            reply.read()
            raise CalxError(_detail(reply))
        for part in reply.iter_bytes():
            file.write(part)


async def _saved_alone(folder: Path, target: Path) -> None:
    from calx.reasoner.cache import load

    from .backup import packed
    from .store import DiskStore

    store = DiskStore(folder)
    try:
        exported, done = await store.export()
        packed_path = packed(exported, load(DEFAULT_DIRECTORY))
        shutil.move(packed_path, target)
        done()
    finally:
        await store.close()


def _restored(folder: Path, file: Path) -> dict[str, int]:
    import httpx

    serving = _serving(folder)
    if serving is None:
        return asyncio.run(_restored_alone(folder, file))
    with file.open("rb") as content:
        reply = httpx.post(f"{serving['url']}/restore", headers=_key(serving), content=content, timeout=3600, trust_env=False)
    if reply.status_code != 200:
        raise CalxError(_detail(reply))
    found: dict[str, int] = reply.json()
    return found


async def _restored_alone(folder: Path, file: Path) -> dict[str, int]:
    from .backup import restored
    from .store import DiskStore

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = DiskStore(folder)
    try:
        return await restored(file, store)
    finally:
        await store.close()


def _key(serving: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {serving['secret']}", "Content-Type": "application/gzip"}


def _detail(reply: Any) -> str:
    try:
        return str(reply.json()["detail"])
    except (ValueError, KeyError):
        return f"the service answered {reply.status_code}"
