"""Writing what an audit found into its run folder, beside what an earlier audit left there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pixleak.analyses.walk import in_order
from pixleak.core.disk.whole_files import set_aside, write_whole
from pixleak.core.errors import InputError, setting
from pixleak.pipeline.storage.save import (
    RUN_FILES,
    scores_table,
    signals_table,
    write_config,
    write_files,
    write_parquet,
    write_pool,
)
from pixleak.pipeline.storage.store import check_writable
from pixleak.results.audit import Result
from pixleak.results.run_files import SEALS
from pixleak.training.jobs import pictures_path

if TYPE_CHECKING:
    from pixleak.analyses.base import Context
    from pixleak.results.attacks import AttackResult
    from pixleak.results.models import ModelInfo


class UnsavedError(InputError):
    """A result that was computed cannot be saved; ``result`` holds it."""

    result: Result

    @classmethod
    def of(cls, error: Exception, result: Result) -> UnsavedError:
        """The error that keeps what was computed."""
        told = error.args[0] if isinstance(error, InputError) else error
        unsaved = cls(f"the result was computed, but it cannot be saved: {told}")
        unsaved.result = result
        return unsaved


def files_beside() -> tuple[str, ...]:
    """The files that a run folder may hold beside ``result.json`` and the report."""
    return (*RUN_FILES, *(name for one in in_order() for name in one.leaves))


def check_folder(folder: Path) -> None:
    """Make a run folder, and refuse one with files of others that a run would overwrite.

    Raises:
        InputError: it cannot be written to, or holds such a file and is no run folder.
    """
    check_writable(folder)
    if (folder / "result.json").is_file() or (folder / "artefacts").is_dir():
        return
    for name in (*files_beside(), "report.html"):
        if (folder / name).is_file():
            raise InputError(
                f"{folder} is no run folder, but holds a file {name}, which would be overwritten; "
                f"choose another folder with {setting('run.folder')}"
            )


def keep_earlier(
    folder: Path,
    arguments: Mapping[str, Any],
    attacks: Sequence[AttackResult],
    *,
    records: str | None,
) -> None:
    """Move the result of another audit that a folder holds into ``earlier/`` inside it.

    An audit is another one if its configuration or its records differ. What the part ``run`` says
    changes no figure and does not count. A configuration does not describe an object that was
    given in Python, nor scores that were given; there the figures of the attacks decide.

    Args:
        folder: run folder.
        arguments: configuration of the audit that is to be written.
        attacks: what it found.
        records: digest of its records, or None.
    """
    file = folder / "result.json"
    if not file.is_file():
        return
    found = _content(file)
    same = (
        _compared(found.get("arguments")) == _compared(arguments)
        and (found.get("records") or {}).get("digest") == records
        and (
            _describes(arguments)
            or found.get("attacks") == [json.loads(one.model_dump_json()) for one in attacks]
        )
    )
    if not same:
        names = (
            *files_beside(),
            SEALS,
            "report.html",
            file.name,
        )  # the result last: it stands for all
        paths = [folder / name for name in names]
        set_aside(paths, str(found.get("created", "")))


def _content(file: Path) -> dict[str, Any]:
    """What a result says, of whatever version; nothing if it cannot be read."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _compared(arguments: object) -> object:
    if not isinstance(arguments, Mapping):
        return None
    return json.loads(json.dumps({k: v for k, v in arguments.items() if k != "run"}, default=str))


def _describes(arguments: Mapping[str, Any]) -> bool:
    """Whether a configuration says which model was asked."""
    target = arguments.get("target")
    return isinstance(target, Mapping) and "given" not in target


def write_run(
    folder: Path, context: Context, files: Mapping[str, bytes], target: ModelInfo
) -> None:
    """Everything but ``result.json``, which is written when all of this is there.

    Args:
        folder: run folder.
        context: of the audit.
        files: of the analyses, name -> content.
        target: the model that was audited.
    """
    plan, measured, judged = context.plan, context.measured, context.judged
    keep_earlier(folder, plan.arguments, judged.attacks, records=context.records.digest)
    # An earlier result stands until all of this one is known, and never beside parts of it.
    for old in ("result.json", "report.html"):
        (folder / old).unlink(missing_ok=True)
    write_config(folder, plan)
    plan.split.save(folder / "split.csv", context.records)
    write_parquet(folder / "signals.parquet", signals_table(measured.target))
    write_parquet(folder / "scores.parquet", scores_table(plan, judged, context.evaluated))
    write_pool(folder, plan, measured, context.victims)
    write_files(folder, files, [name for one in in_order() for name in one.leaves])
    _keep_pictures(folder, target)


def _keep_pictures(folder: Path, target: ModelInfo) -> None:
    """Pictures of a generator's training, where there are any, beside the report."""
    shown = folder / "training.png"
    shown.unlink(missing_ok=True)
    if target.weights is not None:
        pictures = pictures_path(folder / target.weights)
        if pictures.is_file():
            write_whole(shown, pictures.read_bytes())
