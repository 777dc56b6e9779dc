"""The sections of a result as parts of the page, each with the template of its analysis."""

from __future__ import annotations

from dataclasses import dataclass

from jinja2 import Environment
from markupsafe import Markup

from pixleak.analyses.walk import sections_of
from pixleak.report.folder import RunFolder

OURS = ".html.j2"
"""What the names of our templates end with; anything else is the source of a template."""


@dataclass(frozen=True)
class PagePart:
    """One section on the page.

    Args:
        name: anchor.
        title: heading, and entry of the navigation.
        sentence: what it leads with; may be empty.
        html: what stands below.
    """

    name: str
    title: str
    sentence: str
    html: Markup


def page_parts(run: RunFolder, environment: Environment) -> list[PagePart]:
    """Every section of a run, by place.

    Raises:
        InputError: a section does not fit its analysis, or a file of it cannot be read.
    """
    parts = []
    for analysis, section in sections_of(run.result):
        if analysis.template.endswith(OURS):
            template = environment.get_template(analysis.template)
        else:
            template = environment.from_string(analysis.template)
        names = {"section": section, "result": run.result}
        html = template.render(names | analysis.view(section, run.result, run.folder))
        # Templates escape what comes from a run, as the page itself does.
        parts.append(
            PagePart(analysis.name, analysis.title, analysis.sentence(section), Markup(html))
        )
    return parts
