"""The command line: parse, call one function, print.

Heavy imports happen inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pixleak.cli import audits, data, failures, lists, questions
from pixleak.version import __version__

app = typer.Typer(
    help="Can an outsider tell which images a model was trained on, and with what certainty?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"pixleak {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Print the traceback of an error as well.")
    ] = False,
) -> None:
    """Membership inference audits of models whose output is an image."""
    failures.show_tracebacks(debug)


app.command()(audits.demo)
app.command()(audits.audit)
app.command()(audits.study)
app.command()(questions.query)
app.command("set-test")(questions.set_test)
app.command()(questions.evaluate)
app.command()(audits.report)
app.command()(data.records)
app.command()(lists.init)
app.command("list")(lists.list_methods)
app.add_typer(data.app, name="data", no_args_is_help=True)


def main() -> None:
    """Entry point of the ``pixleak`` command."""
    # A closed pipe (pixleak list | head) is no error of anybody's.
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None
