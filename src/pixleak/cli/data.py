"""The commands about records: named data sets, and what a folder looks like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pixleak.cli.failures import friendly
from pixleak.core.errors import InputError

app = typer.Typer(help="Named data sets: list them, fetch those that may be fetched.")


@app.command("list")
@friendly
def data_list() -> None:
    """List the named data sets and how to get them."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from pixleak.records.readers.named import DATASETS

    console = Console()
    for name, known in DATASETS.items():
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row(Text(name, style="bold"), known.summary)
        table.add_row("source", known.source)
        table.add_row("terms", known.terms)
        table.add_row("get it", known.how_to_get)
        if known.downloads:
            table.add_row("", f"pixleak data fetch {name} FOLDER")
        console.print(table, "")


@app.command("fetch")
@friendly
def data_fetch(
    name: Annotated[str, typer.Argument(help="A name of 'pixleak data list'.")],
    root: Annotated[Path, typer.Argument(help="Folder to put it in; made if missing.")],
) -> None:
    """Fetch a data set that may be fetched without an account; resumes where it stopped."""
    from pixleak.core.progress import shown_bytes
    from pixleak.records.readers.named.get import get

    with shown_bytes() as report:
        get(name, root, on_progress=report)
    typer.echo(f"{name} is in {root}. Use it with --set records.root={root}")


@friendly
def records(
    folder: Annotated[Path, typer.Argument(help="Folder of images with their masks, volumes, ...")],
    reader: Annotated[
        str | None, typer.Option(help="Only this reader; 'pixleak list readers' names them.")
    ] = None,
    most: Annotated[
        int, typer.Option(min=1, help="Records that are read, spread evenly over all.")
    ] = 1000,
) -> None:
    """Say what a folder looks like (reader, records, sizes, faults), and print its YAML."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from pixleak.records.survey.contents import contents_of
    from pixleak.records.survey.shown import as_yaml, rows_about, wrong
    from pixleak.records.survey.suggestions import suggestions, surest, the_only

    found = suggestions(folder, reader)
    if not found:
        if reader is not None:
            raise InputError(f"the reader {reader} recognises nothing in {folder}")
        the_only(folder, found)
    console = Console()
    chosen = surest(found)
    for one in chosen:
        contents = contents_of(one, most)
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in rows_about(one, contents):
            table.add_row(name, Text(value))
        for i, problem in enumerate(wrong(contents)):
            table.add_row("" if i else "wrong", Text(problem))
        console.print(table, "")
        typer.echo(as_yaml(one, contents))
    others = [f"{one.kind.name} ({one.seen.evidence})" for one in found[len(chosen) :]]
    if others:
        console.print(Text(f"Less sure: {'; '.join(others)}"))
    if len(chosen) > 1:
        console.print(
            Text("It can be read in several ways; take the block that says what is meant.")
        )
