"""The command line: parse, call one function, print.

Whatever the user can mend ends in one sentence and exit code 2, without a traceback.
Heavy imports happen inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import errno
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, ParamSpec, TypeVar

import typer

from pixleak import __version__
from pixleak.core.errors import InputError, PixleakError
from pixleak.request.templates import TEMPLATES

app = typer.Typer(
    help="Can an outsider tell which images a model was trained on? How surely?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data = typer.Typer(help="Named data sets: list them, fetch those that may be fetched.")
app.add_typer(data, name="data", no_args_is_help=True)

P = ParamSpec("P")
R = TypeVar("R")

_MENDABLE = {
    errno.ENOSPC: "there is no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.EROFS: "the file system is read-only",
}


def _fail(sentence: str) -> None:
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, soft_wrap=True).print(
        Text("error: ", style="bold red").append(sentence, style="default")
    )


def _friendly(command: Callable[P, R]) -> Callable[P, R]:
    """Errors the user can mend become one sentence and exit code 2."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except PixleakError as error:
            _fail(str(error))
        except OSError as error:
            if error.errno not in _MENDABLE:
                raise
            _fail(
                f"{error.filename or 'the output folder'}: {_MENDABLE[error.errno]}; what was "
                "computed so far is kept, run the same command again once that is mended"
            )
        except KeyboardInterrupt:
            _fail("interrupted; finished models and signals are kept, the same command resumes")
            raise typer.Exit(130) from None
        raise typer.Exit(2)

    return wrapped


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"pixleak {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Membership inference audits of models whose output is an image."""


Out = Annotated[Path, typer.Option("--out", "-o", help="Run folder; made if missing.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a setting: records.root=PATH"),
]


def _audit(config: Path, settings: list[str], out: Path) -> None:
    from pixleak.audit.api import audit_config
    from pixleak.core.progress import shown
    from pixleak.request.file import read_config

    parsed = read_config(config, settings)
    with shown() as progress:
        finding = audit_config(parsed, out, progress)
    _print(finding)
    typer.echo(f"\nReport: {out / 'report.html'}")


def _print(result: Any) -> None:
    from rich.console import Console

    Console().print(result)


@app.command()
@_friendly
def demo(
    out: Out = Path("runs/demo"),
    generator: Annotated[
        bool, typer.Option("--generator", help="A generator, from label maps to images.")
    ] = False,
    settings: Settings = None,
) -> None:
    """Audit a small model on images that pixleak generates itself; no download."""
    file = "demo-generator.yaml" if generator else "demo.yaml"
    _audit(TEMPLATES / file, settings or [], out)


@app.command()
@_friendly
def audit(
    config: Annotated[Path, typer.Argument(help="YAML file; 'pixleak init' writes one.")],
    out: Out = Path("runs/audit"),
    settings: Settings = None,
) -> None:
    """Audit a segmentation model or a generator as CONFIG says, and write a report.

    A run that was interrupted goes on where it stopped when the same command is given again.
    """
    _audit(config, settings or [], out)


@app.command()
@_friendly
def study(
    config: Annotated[Path, typer.Argument(help="YAML file; 'pixleak init --kind study'.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The study's folder; made if missing.")
    ] = Path("runs/study"),
    settings: Settings = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say what would be done, and how long it takes.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes side by side; one a core.")
    ] = None,
) -> None:
    """Run a grid of audits (defences, poisons, networks, sizes, seeds) and compare them.

    What cells have in common is computed once. A study that was interrupted goes on where it
    stopped when the same command is given again.
    """
    from rich.console import Console

    from pixleak.core.progress import shown
    from pixleak.studies.plan.study_config import read_study_config
    from pixleak.studies.run.run_study import plan_study, run_study

    parsed = read_study_config(config, settings or [])
    if plan:
        with shown() as progress:
            work, estimate = plan_study(parsed, out, progress, workers=workers, where=str(config))
        Console().print(work.as_table(estimate))
        return
    with shown() as progress:
        result = run_study(
            parsed,
            out,
            progress,
            workers=workers,
            where=str(config),
            on_plan=lambda work, left: Console(stderr=True).print(work.as_table(left)),
        )
    typer.echo(
        f"{len(result.cells) - len(result.failed)} of {len(result.cells)} cells are in {out}"
    )
    typer.echo(f"\nReport: {out / 'study.html'}")
    for cell in result.failed:
        _fail(f"cell {cell.label!r}: {cell.error}")
    if result.failed:
        raise typer.Exit(2)


Json = Annotated[
    Path | None, typer.Option("--out", "-o", help="Also write the answer as JSON, to this file.")
]


@app.command()
@_friendly
def query(
    config: Annotated[Path, typer.Argument(help="YAML file: target, record, nonmembers.")],
    given: Annotated[Path, typer.Argument(metavar="INPUT", help="Image file: the model's input.")],
    wanted: Annotated[
        Path, typer.Argument(metavar="TRUTH", help="Image file: its true output, or label map.")
    ],
    out: Json = None,
    settings: Settings = None,
) -> None:
    """Ask about one record: its error, its difficulty, and what they say of membership."""
    from pixleak.audit.questions.query import query_config
    from pixleak.request.file import read_model
    from pixleak.request.questions import QueryConfig

    answer = query_config(read_model(config, QueryConfig, settings or []), given, wanted)
    _print(answer)
    if out is not None:
        answer.save(out)


@app.command("set-test")
@_friendly
def set_test(
    config: Annotated[Path, typer.Argument(help="YAML file: target, owned, comparable.")],
    out: Json = None,
    settings: Settings = None,
) -> None:
    """Test whether a whole set was used, against comparable records that cannot have been."""
    from pixleak.audit.questions.set_test import set_test_config
    from pixleak.request.file import read_model
    from pixleak.request.questions import SetTestConfig

    answer = set_test_config(read_model(config, SetTestConfig, settings or []))
    _print(answer)
    if out is not None:
        answer.save(out)


@app.command()
@_friendly
def evaluate(
    file: Annotated[
        Path, typer.Argument(help="CSV or Parquet with score, member and, optionally, id, subject.")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Also write a run folder with a report.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
) -> None:
    """Evaluate scores that you have already: higher score = more likely a member."""
    from pixleak.audit.api import evaluate_file

    finding = evaluate_file(file, seed=seed)
    if out is not None:
        finding.save(out)
    _print(finding)
    if out is not None:
        typer.echo(f"\nReport: {out / 'report.html'}")


@app.command()
@_friendly
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished run or study.")],
) -> None:
    """Write the report of a saved run or study again; needs neither the model nor torch."""
    if (folder / "study.json").is_file():
        from pixleak.studies.output.page import write_page

        typer.echo(f"Report: {write_page(folder)}")
        return
    from pixleak.report.html.render import render

    typer.echo(f"Report: {render(folder)}")


_NEXT = {
    "study": "pixleak study {} --plan",
    "audit": "pixleak audit {} --out runs/mine",
    "query": "fill it in, then pixleak query {} INPUT TRUTH",
    "set-test": "fill it in, then pixleak set-test {}",
}


@app.command()
@_friendly
def init(
    file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("audit.yaml"),
    kind: Annotated[
        Literal["audit", "study", "query", "set-test"],
        typer.Option(help="What it is to configure."),
    ] = "audit",
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a commented configuration to start from."""
    from pixleak.core.files import write_whole

    if file.exists() and not force:
        raise InputError(f"{file} exists already; choose another name, or overwrite with --force")
    write_whole(file, (TEMPLATES / f"{kind}.yaml").read_bytes())
    typer.echo(f"Wrote {file}. Next: {_NEXT[kind].format(file)}")


@app.command("list")
@_friendly
def list_methods(
    family: Annotated[str | None, typer.Argument(help="Only this family.")] = None,
) -> None:
    """List signals, attacks, data sets and networks: need, summary, source."""
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


@data.command("list")
@_friendly
def data_list() -> None:
    """List the named data sets and how to get them."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from pixleak.records.named import DATASETS

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


@data.command("fetch")
@_friendly
def data_fetch(
    name: Annotated[str, typer.Argument(help="A name of 'pixleak data list'.")],
    root: Annotated[Path, typer.Argument(help="Folder to put it in; made if missing.")],
) -> None:
    """Fetch a data set that may be fetched without an account; resumes where it stopped."""
    from pixleak.core.progress import shown_bytes
    from pixleak.records.named.get import get

    with shown_bytes() as report:
        get(name, root, on_progress=report)
    typer.echo(f"{name} is in {root}. Use it with --set records.root={root}")


def main() -> None:
    """Entry point of the ``pixleak`` command."""
    # A closed pipe (pixleak list | head) is no error of anybody's.
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None
