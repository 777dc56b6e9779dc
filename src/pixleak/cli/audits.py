"""The commands that run audits and studies, and write their reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pixleak.cli.failures import fail, friendly
from pixleak.cli.options import Out, Settings
from pixleak.core.errors import InputError
from pixleak.request.doors import Word, command_line, speaking, yaml
from pixleak.request.templates import TEMPLATES


def _audit(config: Path, settings: list[str], out: Path, word: Word) -> None:
    from rich.console import Console

    from pixleak.auditing.api import run_into
    from pixleak.core.progress import shown
    from pixleak.request.audit import AuditRequest
    from pixleak.request.file import read_request

    with speaking(word):
        request = read_request(config, AuditRequest, settings)
        with shown() as progress:
            found = run_into(request, out, progress)
    Console().print(found)
    typer.echo(f"\nReport: {out / 'report.html'}")


def _announced(config: Path, settings: list[str], out: Path) -> None:
    from rich.console import Console

    from pixleak.auditing.announcement import announce
    from pixleak.core.progress import shown
    from pixleak.request.audit import AuditRequest
    from pixleak.request.file import read_request

    with speaking(yaml):
        request = read_request(config, AuditRequest, settings)
        with shown() as progress:
            found = announce(request, out, progress)
        Console().print(found.as_table())
        found.check()


@friendly
def demo(
    out: Out = Path("runs/demo"),
    generator: Annotated[
        bool, typer.Option("--generator", help="A generator, from label maps to images.")
    ] = False,
    settings: Settings = None,
) -> None:
    """Audit a small model on images that pixleak generates itself; no download."""
    file = "demo-generator.yaml" if generator else "demo.yaml"
    _audit(TEMPLATES / file, settings or [], out, command_line)


@friendly
def audit(
    config: Annotated[Path, typer.Argument(help="YAML file; 'pixleak init' writes one.")],
    out: Out = Path("runs/audit"),
    settings: Settings = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say what would be done, and how often asked.")
    ] = False,
) -> None:
    """Audit a segmentation model or a generator as CONFIG says, and write a report.

    A run that was interrupted resumes where it stopped when the same command is given again.
    """
    if plan:
        _announced(config, settings or [], out)
        return
    _audit(config, settings or [], out, yaml)


@friendly
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
        int | None, typer.Option(min=1, help="Processes side by side; one per core.")
    ] = None,
) -> None:
    """Run a grid of audits (defences, poisons, networks, sizes, seeds) and compare them.

    Models that several cells share are trained once. A study that was interrupted goes on where
    it stopped when the same command is given again.
    """
    from rich.console import Console

    from pixleak.core.progress import shown
    from pixleak.studies.plan.study_config import read_study_config
    from pixleak.studies.run.run_study import plan_study, run_study

    with speaking(yaml):
        parsed = read_study_config(config, settings or [])
        if plan:
            with shown() as progress:
                work, estimate = plan_study(
                    parsed, out, progress, workers=workers, where=str(config)
                )
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
        fail(f"cell {cell.label!r}: {cell.error}")
    if result.failed:
        raise typer.Exit(2)


@friendly
def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished run or study.")],
    share: Annotated[
        Path | None,
        typer.Option(help="Write a copy to pass on into this folder: no paths, names, pictures."),
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Keep pictures of records in the shared copy.")
    ] = False,
) -> None:
    """Write the report of a saved run or study again; needs neither the model nor torch."""
    if pictures and share is None:
        raise InputError("--pictures goes with --share, which leaves pictures out otherwise")
    if share is not None:
        from pixleak.report.share import write_shared_copy

        typer.echo(f"Report to pass on: {write_shared_copy(folder, share, pictures=pictures)}")
        return
    if (folder / "study.json").is_file():
        from pixleak.studies.output.page import write_page

        typer.echo(f"Report: {write_page(folder)}")
        return
    from pixleak.report.html.render import render

    typer.echo(f"Report: {render(folder)}")
