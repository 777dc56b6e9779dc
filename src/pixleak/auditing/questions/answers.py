"""The reports of the two smaller questions: answers that can be printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixleak.results.query import Query
from pixleak.results.set_test import SetResult

if TYPE_CHECKING:
    from rich.console import RenderableType


class QueryReport(Query):
    """What :func:`pixleak.query` returns."""

    def __rich__(self) -> RenderableType:
        from pixleak.report.questions import query_table

        return query_table(self)

    def __str__(self) -> str:
        from pixleak.report.questions import query_table
        from pixleak.report.terminal import as_text

        return as_text(query_table(self))


class SetTestReport(SetResult):
    """What :func:`pixleak.set_test` returns."""

    def __rich__(self) -> RenderableType:
        from pixleak.report.questions import set_table

        return set_table(self)

    def __str__(self) -> str:
        from pixleak.report.questions import set_table
        from pixleak.report.terminal import as_text

        return as_text(set_table(self))
