"""The configuration of a study: what may stand in ``pixleak study STUDY.yaml``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pixleak.request.file import override, read_content, validated
from pixleak.studies.summary.published import Published, lines_of


class StudyConfig(BaseModel):
    """A grid of audits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = "Study"
    base: dict[str, Any] = Field(
        description="an audit's configuration, or in a file the path of another with one"
    )
    axes: dict[str, list[Any] | dict[str, Any]] = Field(
        description="name of an axis -> its levels; the cells are the product of all"
    )
    skip: tuple[dict[str, Any], ...] = Field(
        (), description="cells left out, by some of their levels"
    )
    only: tuple[dict[str, Any], ...] = Field(
        (), description="the only cells kept, by some of their levels; empty: all"
    )
    acceptable_auc: float = Field(
        0.6, ge=0.5, le=1, description="AUC that the strongest attack may reach on what is shipped"
    )
    published: Published | None = Field(
        None, description="published figures to show beside ours: a CSV, and how to read it"
    )

    @field_validator("axes", mode="before")
    @classmethod
    def _levels(cls, axes: object) -> object:
        if not isinstance(axes, dict):
            raise ValueError("axes needs names with levels, such as seed: [0, 1, 2]")
        for name, levels in axes.items():
            if not isinstance(levels, list | dict):
                raise ValueError(
                    f"axis {name!r} needs a list of levels, or names with settings, got {levels!r}"
                )
        return axes

    @model_validator(mode="after")
    def _something_varies(self) -> StudyConfig:
        if not self.axes:
            raise ValueError("axes is empty: name at least one axis, such as seed: [0, 1, 2]")
        return self


def read_study(path: Path, settings: Sequence[str] = ()) -> StudyConfig:
    """A study's configuration from its file, with ``--set`` overrides.

    A base that is a path is read first, so that settings can reach into it; its own paths are
    relative to itself.

    Raises:
        InputError: a file is missing, not YAML, or not a valid configuration.
    """
    content = read_content(path)
    if isinstance(base := content.get("base"), str):
        content["base"] = read_content(path.parent / Path(base).expanduser())
    override(content, settings)
    parsed = validated(content, StudyConfig, str(path))
    if parsed.published is None:
        return parsed
    # The page is written again from anywhere, so the path must not depend on where that is.
    file = (path.parent / parsed.published.file.expanduser()).resolve()
    lines_of(parsed.published, file)  # said now, rather than when all cells have been run
    return parsed.model_copy(
        update={"published": parsed.published.model_copy(update={"file": file})}
    )
