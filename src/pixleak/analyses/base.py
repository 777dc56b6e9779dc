"""The interface of an analysis: what an audit finds out beside the figures of its attacks.

One analysis is one file: it computes a section of the result from what the audit has measured and
scored, and says how the section is shown in the terminal, on the page and in a study's table. The
verdict does not depend on analyses.

To add one, write a :class:`~pixleak.results.sections.Section` and a subclass of :class:`Analysis`
for it, and list the subclass in :data:`pixleak.analyses.ANALYSES`, or offer it through an entry
point of the group ``pixleak.analyses``. Modules that need torch are imported inside
:meth:`Analysis.compute` and :meth:`Analysis.files` only, since a report is made without torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from rich.text import Text

from pixleak.results.sections import Section

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pixleak.core.progress import Progress
    from pixleak.pipeline.attacking import Victims
    from pixleak.pipeline.clock import Clock
    from pixleak.pipeline.judging import Judged
    from pixleak.pipeline.measuring.measured import Measured
    from pixleak.pipeline.models import Models
    from pixleak.pipeline.plan.choosing import Chosen
    from pixleak.pipeline.plan.plan import Plan
    from pixleak.records.prepared.prepare import PreparedRecords
    from pixleak.results.audit import Result

S = TypeVar("S", bound=Section)


@dataclass(frozen=True, eq=False)
class Context:
    """All that an audit knows when its analyses are computed.

    Args:
        plan: what was asked for.
        chosen: signals and attacks.
        models: that can be asked.
        measured: the signal tables.
        judged: the attacks' scores and figures, and the controls.
        victims: scores of the same attacks on every model of the pool; empty without one.
        records: all records that have a role, prepared.
        evaluated: of these, the target members and non-members.
        progress: shows how far it has come.
        clock: of the run.
    """

    plan: Plan
    chosen: Chosen
    models: Models
    measured: Measured
    judged: Judged
    victims: Sequence[Victims]
    records: PreparedRecords
    evaluated: PreparedRecords
    progress: Progress
    clock: Clock


class Analysis(ABC, Generic[S]):
    """One analysis; it has no parameters.

    Attributes:
        name: kebab-case; the section stands under it in ``result.json``, and it is the anchor of
            the section on the page.
        title: heading on the page, and the first words in the terminal.
        summary: one line for ``pixleak list``.
        place: rank on the page and in the terminal; ours are tens.
        section: the model of what it finds, with the same name.
        leaves: names of the files that it may leave in the run folder.
        template: what the page shows below heading and sentence: the name of a template of ours, or
            the source of a Jinja template. It sees ``section``, ``result``, what :meth:`view`
            returns, the filters of :func:`pixleak.report.html.render.environment_of` and the
            macros of ``macros.html.j2``.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    place: ClassVar[int]
    section: ClassVar[type[Section]]
    leaves: ClassVar[tuple[str, ...]] = ()
    template: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if cls.section.name != cls.name:
            raise TypeError(
                f"analysis {cls.name!r} and its section {cls.section.name!r} must have one name"
            )

    @abstractmethod
    def compute(self, context: Context) -> S | None:
        """What there is to say, or None where the analysis does not apply."""

    def files(self, section: S, context: Context) -> Mapping[str, bytes]:
        """Files to leave in the run folder, of those named in ``leaves``: name -> content."""
        return {}

    def warnings(self, section: S) -> Sequence[str]:
        """Sentences for the warnings of the audit."""
        return ()

    def sentence(self, section: S) -> str:
        """What the terminal prints after the title and the page leads with; may be empty."""
        return ""

    def terminal(self, section: S) -> RenderableType | None:
        """What the terminal shows: title and sentence; nothing where there is no sentence."""
        told = self.sentence(section)
        return Text(f"{self.title}: {told}") if told else None

    def view(self, section: S, result: Result, folder: Path) -> dict[str, Any]:
        """The names that the template uses, beside ``section`` and ``result``.

        Args:
            section: what was found.
            result: the result that contains it.
            folder: run folder, where the files of the analysis are.
        """
        return {}

    def columns(self, section: S) -> dict[str, str | float | int | bool | None]:
        """Columns of ``study.parquet``, the same for all attacks of a cell: name -> value."""
        return {}
