"""The commands about named data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pixleak.cli.failures import friendly

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
