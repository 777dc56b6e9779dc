"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path, typer.Option("--out", "-o", help="Run folder; made if missing.")]
Answer = Annotated[
    Path | None, typer.Option("--out", "-o", help="Also write the answer as JSON, to this file.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a setting: records.root=PATH"),
]
