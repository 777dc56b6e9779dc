"""The commands that help to start: configurations to fill in, and what there is to name in them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pixleak.cli.failures import friendly
from pixleak.core.errors import InputError
from pixleak.request.templates import TEMPLATES

_NEXT = {
    "study": "pixleak study {} --plan",
    "audit": "pixleak audit {} --out runs/mine",
    "query": "fill it in, then pixleak query {} INPUT TRUTH",
    "set-test": "fill it in, then pixleak set-test {}",
}


@friendly
def init(
    file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("audit.yaml"),
    kind: Annotated[
        Literal["audit", "study", "query", "set-test"],
        typer.Option(help="What it is to configure."),
    ] = "audit",
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a commented configuration to start from."""
    from pixleak.core.disk.whole_files import write_whole

    if file.exists() and not force:
        raise InputError(f"{file} exists already; choose another name, or overwrite with --force")
    write_whole(file, (TEMPLATES / f"{kind}.yaml").read_bytes())
    typer.echo(f"Wrote {file}. Next: {_NEXT[kind].format(file)}")


@friendly
def list_methods(
    family: Annotated[str | None, typer.Argument(help="Only this family.")] = None,
) -> None:
    """List signals, attacks, readers, networks and all else that a configuration can name."""
    from rich.console import Console
    from rich.table import Table

    from pixleak.cli.catalogue import catalogue

    console = Console()
    for title, rows in catalogue(family).items():
        table = Table(
            title=title, title_justify="left", title_style="bold", box=None, pad_edge=False
        )
        for column in ("name", "needs", "what it is", "source"):
            table.add_column(column, overflow="fold", no_wrap=column == "name")
        for row in rows:
            table.add_row(row.name, row.needs, row.summary, row.source)
        console.print(table)
        console.print()
