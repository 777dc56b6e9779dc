"""Write what a reader sees of a study: one page, and its figures and tables as files beside it.

Everything is made from ``study.parquet`` and ``study.json`` alone, without torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup
from pydantic import ValidationError

from pixleak.core.disk.whole_files import write_whole
from pixleak.core.errors import InputError
from pixleak.report.html.render import environment_of, source_of
from pixleak.studies.output.attack_table import attack_lines, attack_table
from pixleak.studies.output.axis_figures import training_size_figures, victim_shadow_figures
from pixleak.studies.output.comparison import compare_defences
from pixleak.studies.output.drawing import standalone
from pixleak.studies.output.poisoning_table import poisoning_table
from pixleak.studies.output.published_table import published_table
from pixleak.studies.output.text_tables import as_csv, markdown
from pixleak.studies.summary.attack_columns import summarise_attacks
from pixleak.studies.summary.conditions import Condition, find_conditions
from pixleak.studies.summary.decision import ACCEPTABLE_AUC
from pixleak.studies.summary.poisoning_gain import poisoning_gains
from pixleak.studies.summary.published import (
    PublishedComparison,
    PublishedFile,
    compare_with_published,
)
from pixleak.studies.summary.study_folder import Study, read_study_folder
from pixleak.studies.summary.study_result import CellInfo

COPY = "published.csv"
"""Name of the copy of the file of published figures in the study's folder."""


def write_page(folder: Path) -> Path:
    """Write ``study.html`` into a study's folder, and figures and tables beside it.

    Returns:
        The path of the page.

    Raises:
        InputError: a file is missing or cannot be read, the file of published figures does not
            fit, or the folder cannot be written to.
    """
    study = read_study_folder(folder)
    result = study.result
    conditions = find_conditions(study)
    acceptable = acceptable_auc(study)
    comparisons = compare_defences(study, conditions, acceptable)
    grids = victim_shadow_figures(study, conditions)
    sizes = training_size_figures(study, conditions)
    attacks = attack_table(study, conditions) if conditions else None
    published = published_file(study)
    compared = [] if published is None else _compare_published(study, conditions, published)
    published_beside = published_table(compared, published) if compared and published else None
    gains = poisoning_gains(conditions)
    poisoning = poisoning_table(gains, study.row_axes) if gains else None

    by_defence = [one for each in comparisons for one in (*each.figures, *each.more_figures)]
    files = {f"{one.name}.svg": standalone(one.svg) for one in (*by_defence, *grids, *sizes)}
    tables = [*(one.shown_costs for one in comparisons), attacks, published_beside, poisoning]
    costs = [line for one in comparisons if one.costs for line in one.costs.lines]
    files |= {
        "attacks.csv": as_csv(attack_lines(study, conditions)),
        "defences.csv": as_csv(costs),
        "published-compared.csv": as_csv(published_beside.lines if published_beside else ()),
        "poison.csv": as_csv(poisoning.lines if poisoning else ()),
        "tables.md": "\n".join(markdown(table) for table in tables if table is not None),
    }
    for name, text in files.items():
        if text:
            write_whole(study.folder / name, text)
    path = study.folder / "study.html"
    environment = environment_of("pixleak.studies.output", "pixleak.report.html")
    sheets = [source_of(environment, name) for name in ("report.css", "study.css")]
    text = environment.get_template("study.html.j2").render(
        result=result,
        acceptable=acceptable,
        comparisons=comparisons,
        attacks=attacks,
        published=published_beside,
        unmatched=published is not None and not compared,
        poisoning=poisoning,
        grids=grids,
        sizes=sizes,
        cells=[(cell, _report(study.folder, cell)) for cell in result.cells],
        seeds=sorted({len(one.cells) for one in conditions}),
        settings=yaml.safe_dump(_portable(study), sort_keys=False, allow_unicode=True).rstrip(),
        # The style sheets are files of these packages and hold nothing of the study.
        style=Markup("\n".join(sheets)),
    )
    write_whole(path, text)
    return path


def acceptable_auc(study: Study) -> float:
    """AUC that the strongest attack may reach in this study."""
    return float(study.result.arguments.get("acceptable_auc", ACCEPTABLE_AUC))


def published_file(study: Study) -> PublishedFile | None:
    """The published figures that the study is compared with.

    Raises:
        InputError: the study's configuration of them is not valid.
    """
    written = study.result.arguments.get("published")
    if written is None:
        return None
    try:
        return PublishedFile.model_validate(written)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"published: {first['msg']} at {first['loc']}") from error


def _compare_published(
    study: Study, conditions: Sequence[Condition], published: PublishedFile
) -> list[PublishedComparison]:
    """Published figures and ours, from a copy of the file that stays with the study."""
    copy = study.folder / COPY
    if published.file.is_file():
        write_whole(copy, published.file.read_bytes())
    path = copy if copy.is_file() else published.file
    return compare_with_published(summarise_attacks(conditions), published, path)


def _portable(study: Study) -> dict[str, Any]:
    """The configuration, with the copy of published figures in place of the original."""
    arguments = dict(study.result.arguments)
    if isinstance(written := arguments.get("published"), dict):
        arguments["published"] = {**written, "file": COPY}
    return arguments


def _report(folder: Path, cell: CellInfo) -> str:
    """The address of a cell's report, within the study's folder; ``""`` where there is none."""
    path = Path(cell.folder) / "report.html"
    inside = not path.is_absolute() and ".." not in path.parts
    return path.as_posix() if inside and (folder / path).is_file() else ""
