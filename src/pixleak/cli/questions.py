"""The commands that answer a single question: one record, one set, given scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pixleak.cli.failures import friendly
from pixleak.cli.options import Answer, Settings, named
from pixleak.request.doors import speaking, yaml


@friendly
def query(
    config: Annotated[Path, typer.Argument(help="YAML file: target, record, nonmembers.")],
    given: Annotated[Path, typer.Argument(metavar="INPUT", help="Image file: the model's input.")],
    wanted: Annotated[
        Path, typer.Argument(metavar="TRUTH", help="Image file: its true output, or label map.")
    ],
    out: Answer = None,
    settings: Settings = None,
) -> None:
    """Ask about one record: its error, its difficulty, and what they say of membership."""
    from rich.console import Console

    from pixleak.auditing.questions.query import query_files
    from pixleak.request.file import read_request
    from pixleak.request.questions import QueryRequest
    from pixleak.results.base import check_answer_file

    with speaking(yaml):
        if out is not None:
            check_answer_file(out)
        answer = query_files(read_request(config, QueryRequest, settings or []), given, wanted)
    Console().print(answer)
    if out is not None:
        answer.save(out)


@friendly
def set_test(
    config: Annotated[Path, typer.Argument(help="YAML file: target, owned, comparable.")],
    out: Answer = None,
    settings: Settings = None,
) -> None:
    """Test whether a whole set was used, against comparable records that cannot have been."""
    from rich.console import Console

    from pixleak.auditing.questions.set_test import answer_set_test
    from pixleak.request.file import read_request
    from pixleak.request.questions import SetTestRequest
    from pixleak.results.base import check_answer_file

    with speaking(yaml):
        if out is not None:
            check_answer_file(out)
        answer = answer_set_test(read_request(config, SetTestRequest, settings or []))
    Console().print(answer)
    if out is not None:
        answer.save(out)


@friendly
def evaluate(
    file: Annotated[
        Path, typer.Argument(help="CSV or Parquet with score, member and, optionally, id, subject.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            parser=named,
            metavar="PATH",
            help="Also write a run folder with a report.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
) -> None:
    """Evaluate scores that you have already: higher score = more likely a member."""
    from rich.console import Console

    from pixleak.auditing.api import evaluate_file
    from pixleak.auditing.writing import check_folder

    if out is not None:
        with speaking(yaml):
            check_folder(out)
    found = evaluate_file(file, seed=seed)
    Console().print(found)
    if out is not None:
        found.save(out)
        typer.echo(f"\nReport: {out / 'report.html'}")
