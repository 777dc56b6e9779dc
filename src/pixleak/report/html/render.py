"""Write ``report.html`` into a run folder, from what lies in that folder and nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path

import yaml
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pixleak.core.disk.whole_files import write_whole
from pixleak.report.folder import read_run
from pixleak.report.html.page import page
from pixleak.report.html.sections import page_parts
from pixleak.report.html.tiles import gap_of
from pixleak.results import numbers


def render(folder: Path) -> Path:
    """Render the report of a finished run.

    The file is complete in itself: no script, font or picture is fetched from anywhere, and its
    content security policy forbids it. It replaces an earlier report only once it is whole.

    Args:
        folder: a run folder with ``result.json``, ``scores.parquet`` and the files that the
            analyses of the result left.

    Returns:
        The path of the report.

    Raises:
        InputError: a part is missing, cannot be read or does not fit the others, or the folder
            cannot be written to.
    """
    folder = Path(folder)
    path = folder / "report.html"
    write_whole(path, to_html(folder))
    return path


def to_html(folder: Path) -> str:
    """The report of a finished run as text.

    Raises:
        InputError: as for :func:`render`.
    """
    environment = environment_of("pixleak.report.html")
    style, script = (source_of(environment, name) for name in ("report.css", "report.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    run = read_run(Path(folder))
    return environment.get_template("report.html.j2").render(
        page(run, page_parts(run, environment)),
        # Both are files of this package and hold nothing of the run.
        style=Markup(style),
        script=Markup(script),
        script_digest=f"sha256-{digest}",
    )


@lru_cache(maxsize=8)  # a template is compiled once in a process
def environment_of(*packages: str) -> Environment:
    """Where templates are looked for, and the filters that write numbers for readers.

    Args:
        packages: each with a folder ``templates``; the first that has a template is used.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "area": numbers.area,
        "area_range": numbers.area_range,
        "percent": numbers.percent,
        "rate": numbers.rate,
        "rate_range": numbers.rate_range,
        "unbroken": numbers.unbroken,
        "plain": numbers.plain,
        "p_value": numbers.p_value,
        "duration": numbers.duration,
        "moment": numbers.moment,
        "count": numbers.count,
        "gap": gap_of,
        "yaml": _yaml,
    }
    return environment


def source_of(environment: Environment, name: str) -> str:
    """A template, a style sheet or a script as it stands in its file."""
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]


def _yaml(content: object) -> str:
    return yaml.safe_dump(
        content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=90
    ).rstrip("\n")
