"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def named(text: str | Path) -> Path:
    """A path that is given as an option; an empty one, as of a variable that is not set, is none.

    Raises:
        BadParameter: the option is empty.
    """
    if not str(text).strip():
        raise typer.BadParameter("it is empty; give a name (is a variable of the shell not set?)")
    return Path(text)


Out = Annotated[
    Path,
    typer.Option(
        "--out",
        "-o",
        parser=named,
        metavar="PATH",
        help="Run folder; made if missing.",
    ),
]
Answer = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        parser=named,
        metavar="PATH",
        help="Also write the answer as JSON, to this file.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a setting: records.root=PATH"),
]
