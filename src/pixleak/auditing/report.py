"""What a person holds after an audit: a result that can be printed, and saved with its report."""

from __future__ import annotations

import shutil
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pydantic import PrivateAttr

from pixleak.core.errors import InputError
from pixleak.pipeline.storage.save import write_parquet, write_result
from pixleak.pipeline.storage.store import check_writable
from pixleak.results.audit import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

FILES = (
    "config.yaml",
    "split.csv",
    "membership.csv",
    "scores.parquet",
    "signals.parquet",
    "references.parquet",
    "leave_one_out.parquet",
    "training.png",
)
"""What a run folder holds beside ``result.json``, the report and the files of the analyses."""


class AuditReport(Result):
    """What :func:`pixleak.audit` and :func:`pixleak.evaluate` return, to print and to save."""

    _folder: Path | None = PrivateAttr(None)
    _scores: pa.Table | None = PrivateAttr(None)

    @classmethod
    def of(
        cls,
        result: Result,
        *,
        folder: Path | None = None,
        scores: pa.Table | None = None,
        temporary: bool = False,
    ) -> AuditReport:
        """A result with the run folder, or the table of scores, that it came with.

        Args:
            result: what was found.
            folder: the run folder.
            scores: the table of scores, where there is no folder.
            temporary: whether the folder is deleted when the report is.
        """
        report = cls(**dict(result))
        report._folder = folder
        report._scores = scores
        if temporary and folder is not None:
            weakref.finalize(report, shutil.rmtree, folder, ignore_errors=True)
        return report

    def __rich__(self) -> RenderableType:
        from pixleak.report.terminal import result_table

        return result_table(self)

    def __str__(self) -> str:
        from pixleak.report.terminal import result_text

        return result_text(self)

    def share(self, folder: str | Path, *, pictures: bool = False) -> Path:
        """Write ``result.json`` and ``report.html`` that can be passed on.

        Absolute paths, the names of user and machine in paths, ids and subjects of records, and
        (unless ``pictures``) pictures of records are left out.

        Returns:
            The path of the report.

        Raises:
            InputError: the folder cannot be written to.
        """
        from pixleak.core.private_folder import private_folder
        from pixleak.report.share import write_shared_copy

        with private_folder() as whole:
            self.save(whole)
            return write_shared_copy(whole, folder, pictures=pictures)

    def save(self, folder: str | Path) -> Path:
        """Write ``result.json``, ``scores.parquet``, pictures and ``report.html``.

        Returns:
            The path of the report.

        Raises:
            InputError: the folder cannot be written to.
        """
        from pixleak.analyses.walk import in_order
        from pixleak.report.html.render import render

        if not str(folder):
            raise InputError("save needs the name of a folder, got an empty one")
        folder = Path(folder)
        check_writable(folder)
        if self._folder is not None and self._folder.resolve() != folder.resolve():
            for name in (*FILES, *(name for one in in_order() for name in one.leaves)):
                if (self._folder / name).is_file():
                    shutil.copyfile(self._folder / name, folder / name)
        if self._scores is not None:
            write_parquet(folder / "scores.parquet", self._scores)
        write_result(folder, self)
        return render(folder)
