"""Walk over analyses and over the sections of a result, in the order of the report."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from pixleak.analyses import ANALYSES
from pixleak.analyses.base import Analysis
from pixleak.results.audit import Result
from pixleak.results.sections import Section


def in_order() -> list[Analysis[Any]]:
    """Every analysis that is installed, by place."""
    return sorted((kind() for kind in ANALYSES.values()), key=lambda one: (one.place, one.name))


def sections_of(result: Result) -> list[tuple[Analysis[Any], Section]]:
    """The sections of a result, each with its analysis, by place.

    Raises:
        InputError: a section does not fit the model of its analysis.
    """
    found = ((one, result.section(one.section)) for one in in_order())
    return [(analysis, section) for analysis, section in found if section is not None]


def not_installed(result: Result) -> list[str]:
    """One sentence for each section whose analysis is not installed."""
    return [
        f"section {name!r} was written by an analysis that is not installed here"
        for name in result.sections
        if name not in ANALYSES
    ]


def result_schema() -> dict[str, Any]:
    """The JSON Schema of ``result.json``, with the sections of every analysis that is installed.

    Example:
        >>> sorted(result_schema()["$defs"]["Result"]["properties"]["sections"]["properties"])[:2]
        ['canaries', 'defences']
    """
    analyses = in_order()
    kinds: list[type[Any]] = [Result, *(one.section for one in analyses)]
    references, definitions = models_json_schema([(kind, "serialization") for kind in kinds])
    definitions["$defs"]["Result"]["properties"]["sections"] |= {
        "properties": {one.name: references[one.section, "serialization"] for one in analyses},
        "additionalProperties": {"type": "object"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **references[Result, "serialization"],
        **definitions,
    }
