"""Write what a reader sees of a study: one page, its figures and tables as files beside it.

Everything is made from ``study.parquet`` and ``study.json`` alone, without torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup
from pydantic import ValidationError

from pixleak.core.errors import InputError
from pixleak.core.files import write_whole
from pixleak.report.html.render import environment_of, source_of
from pixleak.studies.output.figures import standalone
from pixleak.studies.output.layout import markdown
from pixleak.studies.output.parts import Compared, compared_in, grids_of, sizes_of
from pixleak.studies.output.price import price_csv
from pixleak.studies.output.table import attack_csv, attack_table, entries, row_axes
from pixleak.studies.summary.conditions import Condition, conditions
from pixleak.studies.summary.gain import gain_csv, gain_table, gains
from pixleak.studies.summary.published import (
    Comparison,
    Published,
    compared,
    published_csv,
    published_table,
)
from pixleak.studies.summary.rows import Study, read_study
from pixleak.studies.summary.saved import CellInfo
from pixleak.studies.summary.sentence import LEVEL

COPY = "published.csv"
"""What a file of published figures is called in the study's folder."""


def write(folder: Path) -> Path:
    """Write ``study.html`` into a study's folder, and figures and tables beside it.

    Args:
        folder: with ``study.parquet`` and ``study.json``.

    Returns:
        The path of the page.

    Raises:
        InputError: a file is missing or cannot be read, the file of published figures does not
            fit, or the folder cannot be written to.
    """
    study = read_study(Path(folder))
    found = conditions(study)
    published = published_of(study)
    beside = None if published is None else _beside(study, found, published)
    content = _content(study, found, published, beside)
    for drawn in content["drawn"]:
        write_whole(study.folder / f"{drawn.name}.svg", standalone(drawn.svg))
    for name, text in _files(study, found, content, beside).items():
        write_whole(study.folder / name, text)
    path = study.folder / "study.html"
    write_whole(path, _html(content))
    return path


def published_of(study: Study) -> Published | None:
    """Where the study says that published figures stand.

    Raises:
        InputError: it says it in a way that is not understood.
    """
    written = study.result.arguments.get("published")
    if written is None:
        return None
    try:
        return Published.model_validate(written)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"published: {first['msg']} at {first['loc']}") from error


def _beside(study: Study, found: Sequence[Condition], published: Published) -> list[Comparison]:
    """Published figures beside ours, from a copy that stays with the study."""
    copy = study.folder / COPY
    if published.file.is_file():
        write_whole(copy, published.file.read_bytes())
    return compared(entries(found), published, copy if copy.is_file() else published.file)


def _content(
    study: Study,
    found: Sequence[Condition],
    published: Published | None,
    beside: Sequence[Comparison] | None,
) -> dict[str, Any]:
    """The names that the template uses."""
    result = study.result
    level = float(result.arguments.get("acceptable_auc", LEVEL))
    groups = compared_in(study, found, level)
    grids, sizes = grids_of(study, found), sizes_of(study, found)
    poisoned = gains(found)
    drawn = [one for group in groups for one in (*group.figures, *group.more)] + grids + sizes
    return {
        "result": result,
        "level": level,
        "groups": groups,
        "attacks": attack_table(study, found) if found else None,
        "published": published_table(beside, published) if beside and published else None,
        "unmatched": published is not None and not beside,
        "poison": gain_table(poisoned, row_axes(study)) if poisoned else None,
        "grids": grids,
        "sizes": sizes,
        "drawn": drawn,
        "cells": [(cell, _report(study.folder, cell)) for cell in result.cells],
        "seeds": sorted({len(one.cells) for one in found}),
        "settings": yaml.safe_dump(_portable(study), sort_keys=False, allow_unicode=True).rstrip(),
        "gained": poisoned,
    }


def _portable(study: Study) -> dict[str, Any]:
    """The configuration, with the copy of published figures instead of where they once lay."""
    arguments = dict(study.result.arguments)
    if isinstance(written := arguments.get("published"), dict):
        arguments["published"] = {**written, "file": COPY}
    return arguments


def _report(folder: Path, cell: CellInfo) -> str:
    """The address of a cell's report, within the study's folder; ``""`` where there is none."""
    path = Path(cell.folder) / "report.html"
    inside = not path.is_absolute() and ".." not in path.parts
    return path.as_posix() if inside and (folder / path).is_file() else ""


def _files(
    study: Study,
    found: Sequence[Condition],
    content: Mapping[str, Any],
    beside: Sequence[Comparison] | None,
) -> dict[str, str]:
    """Tables as files: CSV for programs, Markdown for people."""
    groups: Sequence[Compared] = content["groups"]
    tables = [*(group.price for group in groups), content["attacks"], content["published"]]
    shown = [table for table in (*tables, content["poison"]) if table is not None]
    files = {
        "attacks.csv": attack_csv(study, found),
        "defences.csv": price_csv([group.found for group in groups if group.found]),
        "published-compared.csv": published_csv(beside or ()),
        "poison.csv": gain_csv(content["gained"]),
        "tables.md": "\n".join(map(markdown, shown)),
    }
    return {name: text for name, text in files.items() if text}


def _html(content: Mapping[str, Any]) -> str:
    environment = environment_of("pixleak.studies.output", "pixleak.report.html")
    # Both are files of these packages and hold nothing of the study.
    style = Markup("\n".join(source_of(environment, name) for name in _SHEETS))
    return environment.get_template("study.html.j2").render(content, style=style)


_SHEETS = ("report.css", "study.css")
