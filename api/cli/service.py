"""The commands of the service: ``calx serve``, ``calx token``, ``calx backup``, ``calx restore``,
``calx audit``.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from calx.api.cli.app import app
from calx.api.cli.input import fail, wrong_use
from calx.api.cli.options import AT_FAULT, Ontology
from calx.api.server.client import describe_error, restore_backup, save_backup
from calx.api.server.settings import Settings, SettingsError, default_data
from calx.api.store.people import People, PeopleError
from calx.errors import CalxError
from calx.ontology import DEFAULT_DIRECTORY

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder with the stored cases.",
        show_default="~/.local/share/calx",
    ),
]


@app.command()
def serve(
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Address to listen on; any but this machine's own needs a token."
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8000,
    data: Data = None,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            envvar="CALX_TOKEN",
            show_envvar=True,
            help="What clients must show before they may write, beside those of 'calx token'.",
        ),
    ] = None,
    second_review: Annotated[
        bool | None,
        typer.Option(
            "--second-review/--no-second-review",
            help="A draft is published by somebody else than its editors.",
            show_default="once two named people may publish",
        ),
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Reading stored cases needs a token too.")
    ] = False,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="URL",
            help="A SPARQL 1.1 query endpoint that keeps the cases instead of --data.",
        ),
    ] = None,
    store_update: Annotated[
        str | None,
        typer.Option(
            "--store-update",
            metavar="URL",
            help="Where that endpoint takes updates.",
            show_default="--store",
        ),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option("--timeout", min=0.1, max=600, help="Seconds that a SPARQL query may take."),
    ] = 10,
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate",
            min=0,
            help="Requests a second that one client may send; 0 is no limit.",
            show_default="no limit on this machine, else 40",
        ),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            "--origin", metavar="URL", help="Another site whose pages may read answers (CORS)."
        ),
    ] = None,
    ontology: Ontology = DEFAULT_DIRECTORY,
) -> None:
    """Serve the page, the HTTP API and the SPARQL endpoint, with the stored cases."""
    from calx.api.server.run import run

    try:
        settings = Settings(
            ontology,
            data or default_data(),
            host,
            port,
            token,
            second_review,
            private,
            store,
            store_update,
            timeout,
            origins=tuple(origin or ()),
        )
    except SettingsError as error:
        wrong_use(str(error))
    wanted = rate if rate is not None else 0 if settings.loopback else OTHERS_RATE
    failure = run(replace(settings, rate=wanted))
    if failure:
        fail(failure)


OTHERS_RATE = 40.0
"""Requests a second that one client of another machine may send, if nothing else was said."""


tokens = typer.Typer(
    help="Named tokens: who may read, write, publish; each act is on record with the name.",
    no_args_is_help=True,
)
app.add_typer(tokens, name="token")


@tokens.command("add")
def add_token(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Whose token; stands in the audit log and in drafts."),
    ],
    role: Annotated[
        str,
        typer.Option(
            "--role",
            help="reader: reads what is private; author: also stores cases and writes drafts; "
            "reviewer: also publishes them; admin: also backs up and restores.",
        ),
    ],
    data: Data = None,
) -> None:
    """Make a token for a person or a program, and show it once. A service that runs knows it from
    the next request on.
    """
    folder = data or default_data()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        token = People(folder).add(name, role)
    except PeopleError as error:
        wrong_use(str(error))
    except OSError as error:
        fail(f"{folder}: {error.strerror or error}")
    typer.echo(f"{name} is {role}; this token is shown once, and kept nowhere:", err=True)
    typer.echo(token)


@tokens.command("list")
def list_tokens(data: Data = None) -> None:
    """Everybody who has a token, or had one."""
    try:
        people = People(data or default_data()).all()
    except PeopleError as error:
        fail(str(error))
    width = max((len(person.name) for person in people), default=0)
    for person in people:
        ended = f", revoked {person.revoked[:10]}" if person.revoked else ""
        typer.echo(f"{person.name:{width}}  {person.role:8}  since {person.made[:10]}{ended}")
    if not people:
        typer.echo("nobody; 'calx token add NAME --role ROLE' makes a token", err=True)


@tokens.command("revoke")
def revoke_token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose token ends.")],
    data: Data = None,
) -> None:
    """End a token at once; the name stays on record, and nobody else can take it."""
    try:
        person = People(data or default_data()).revoke(name)
    except PeopleError as error:
        wrong_use(str(error))
    except OSError as error:
        fail(error.strerror or str(error))
    typer.echo(f"{person.name} is no longer let in", err=True)


@app.command()
def backup(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Where to write the backup, for example cases.nq.gz."),
    ],
    data: Data = None,
) -> None:
    """Write all stored cases to one file; the service may run meanwhile."""
    import httpx

    folder = data or default_data()
    if file.exists():
        wrong_use(f"{file}: is there already; name a new file")
    if not folder.is_dir():
        wrong_use(f"{folder}: no such folder; name that of the service with --data")
    try:
        with tempfile.NamedTemporaryFile(
            dir=file.absolute().parent, prefix=".calx-", delete=False
        ) as draft:
            draft_path = Path(draft.name)
        try:
            save_backup(folder, draft_path)
            draft_path.replace(file)
        finally:
            draft_path.unlink(missing_ok=True)
    except (CalxError, OSError, httpx.HTTPError) as error:
        fail(describe_error(error))
    typer.echo(f"{file}: {file.stat().st_size} bytes")


@app.command()
def restore(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A backup made by calx backup.", exists=True, dir_okay=False
        ),
    ],
    data: Data = None,
) -> None:
    """Put the cases of a backup back; what is stored
    already stays as it is. The service may run meanwhile.
    """
    import httpx

    folder = data or default_data()
    try:
        told = restore_backup(folder, file)
    except (CalxError, OSError, httpx.HTTPError) as error:
        fail(f"{file}: {describe_error(error)}")
    typer.echo(f"{told['added']} cases added, {told['there']} there already")


@app.command()
def audit(
    data: Data = None,
    seal: Annotated[
        str | None,
        typer.Option("--seal", help="A seal noted earlier, which must still be in the log."),
    ] = None,
) -> None:
    """Verify the audit log of a service: was any line changed, removed or added?"""
    from calx.api.store.audit import verify

    path = (data or default_data()) / "audit.jsonl"
    if not path.is_file():
        wrong_use(f"{path}: no such file; name the folder of the service with --data")
    chain = verify(path, seal)
    for line, reason in chain.faults:
        typer.echo(f"{path}:{line}: {reason}", err=True)
    if chain.faults:
        raise typer.Exit(AT_FAULT)
    typer.echo(f"{chain.entries} entries, the chain is whole; its seal is {chain.seal}")
