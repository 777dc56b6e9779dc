"""What a person holds after an audit: a result that can be printed, and saved with its report."""

from __future__ import annotations

import shutil
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pydantic import PrivateAttr

from pixleak.core.paths import named_folder
from pixleak.pipeline.storage.save import write_parquet, write_result
from pixleak.request.doors import speaking
from pixleak.results.audit import Result

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pixleak.core.disk.private_folder import PrivateFolder


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
        temporary: PrivateFolder | None = None,
    ) -> AuditReport:
        """A result with the run folder, or the table of scores, that it came with.

        Args:
            result: what was found.
            folder: the run folder.
            scores: the table of scores, where there is no folder.
            temporary: the run folder, where it is removed with the report.
        """
        report = cls(**dict(result))
        report._folder = folder if temporary is None else temporary.path
        report._scores = scores
        if temporary is not None:
            weakref.finalize(report, temporary.remove)
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
        from pixleak.core.disk.private_folder import private_folder
        from pixleak.report.share import write_shared_copy

        folder = named_folder(folder, "folder")
        with private_folder() as whole:
            self.save(whole)
            return write_shared_copy(whole, folder, pictures=pictures)

    def save(self, folder: str | Path) -> Path:
        """Write ``result.json``, ``scores.parquet``, pictures and ``report.html``.

        The result of another audit that the folder holds is moved to ``earlier/`` inside it.

        Returns:
            The path of the report.

        Raises:
            InputError: the folder cannot be written to.
        """
        from pixleak.auditing.writing import check_folder, files_beside, keep_earlier
        from pixleak.report.html.render import render

        folder = named_folder(folder, "folder")
        with speaking(_argument):
            check_folder(folder)
        names = files_beside()
        if self._folder is None or self._folder.resolve() != folder.resolve():
            records = None if self.records is None else self.records.digest
            keep_earlier(folder, self.arguments, self.attacks, records=records)
        if self._folder is not None and self._folder.resolve() != folder.resolve():
            for name in names:
                if (self._folder / name).is_file():
                    shutil.copyfile(self._folder / name, folder / name)
        if self._scores is not None:
            write_parquet(folder / "scores.parquet", self._scores)
        write_result(folder, self, names)
        return render(folder)


def _argument(path: str) -> str:
    """What a caller of ``save`` calls the folder that a report is written to."""
    return "folder" if path == "run.folder" else path
