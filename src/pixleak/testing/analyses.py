"""Checks that an analysis keeps its contract.

For authors of analyses, here and elsewhere; the analysis must be installed (entry point
``pixleak.analyses``), so that the audit finds it::

    from pixleak.testing import check_analysis

    def test_my_analysis(tmp_path):
        pixleak.audit(request, out=tmp_path)
        check_analysis(MyAnalysis(), tmp_path)

Passing them is necessary and not sufficient: test what it finds on numbers that are known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pixleak.analyses.base import Analysis
from pixleak.report.html.render import to_html
from pixleak.report.terminal import result_text
from pixleak.results.audit import Result
from pixleak.results.sections import Section
from pixleak.testing.common import assert_kebab_case


def check_analysis(analysis: Analysis[Any], folder: Path) -> None:
    """Run every contract check.

    Args:
        analysis: the analysis.
        folder: run folder of an audit that it took part in, and to which it applies.

    Raises:
        AssertionError: with the check that failed, and how.
        InputError: the folder holds no audit.
    """
    check_description(analysis)
    result = Result.read(folder)
    section = result.section(analysis.section)
    assert section is not None, (
        f"{analysis.name}: the audit in {folder.name} has no such section; give one to which the "
        "analysis applies, or install the analysis"
    )
    check_section(analysis, section, result)
    check_words(analysis, section, result)
    check_columns(analysis, section)
    check_files(analysis, folder)
    check_page(analysis, section, result, folder)


def check_description(analysis: Analysis[Any]) -> None:
    """It says what it is, and its section has its name."""
    name = analysis.name
    assert_kebab_case(name)
    for field in ("title", "summary"):
        assert getattr(analysis, field).strip(), f"{name}: {field} is empty"
    assert issubclass(analysis.section, Section), f"{name}: section is no Section"
    assert isinstance(analysis.place, int), f"{name}: place is no whole number"
    kind = type(analysis)
    assert isinstance(kind(), kind), f"{name}: it cannot be made without arguments"


def check_section(analysis: Analysis[Any], section: Section, result: Result) -> None:
    """The section survives writing and reading, and refuses fields that it does not know."""
    written = section.model_dump_json()
    again = analysis.section.model_validate_json(written)
    assert again == section, f"{analysis.name}: its section is another when it is read again"
    back = Result.model_validate_json(result.to_json()).section(analysis.section)
    assert back == section, f"{analysis.name}: a result that is read again has another section"
    strict = analysis.section.model_config.get("extra") == "forbid"
    assert strict, f"{analysis.name}: its section takes fields that it does not know"


def check_words(analysis: Analysis[Any], section: Section, result: Result) -> None:
    """Sentence and warnings are lines of text, and the terminal shows the sentence."""
    name, sentence = analysis.name, analysis.sentence(section)
    warnings = analysis.warnings(section)
    assert isinstance(warnings, Sequence), f"{name}: warnings are no list of sentences"
    assert not isinstance(warnings, str), f"{name}: warnings are one text, not a list"
    for line in (sentence, *warnings):
        assert isinstance(line, str), f"{name}: {line!r} is no text"
        assert "\n" not in line, f"{name}: {line!r} is more than one line"
    missing = [line for line in warnings if line not in result.warnings]
    assert not missing, f"{name}: the result lacks the warning {missing[:1]}"
    result_text(result)


def check_columns(analysis: Analysis[Any], section: Section) -> None:
    """Columns of a study's table are plain values under names of their own."""
    for column, value in analysis.columns(section).items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", column), f"{analysis.name}: column {column!r}"
        plain = value is None or isinstance(value, str | bool | int | float)
        assert plain, f"{analysis.name}: column {column!r} holds {value!r}"


def check_files(analysis: Analysis[Any], folder: Path) -> None:
    """Files that it leaves in the run folder are files in it, and no others are named."""
    for name in analysis.leaves:
        assert Path(name).name == name, f"{analysis.name}: leaves names {name!r}, not a file"
        path = folder / name
        assert path.is_file() or not path.exists(), f"{analysis.name}: {name!r} is no file"


def check_page(analysis: Analysis[Any], section: Section, result: Result, folder: Path) -> None:
    """What its template uses can be read from the run folder, and the page has its section."""
    view = analysis.view(section, result, folder)
    taken = {"section", "result"} & set(view)
    assert not taken, f"{analysis.name}: view returns the name {sorted(taken)}, which is taken"
    anchor = f'id="{analysis.name}"'
    assert anchor in to_html(folder), f"{analysis.name}: the page has no section of this name"
