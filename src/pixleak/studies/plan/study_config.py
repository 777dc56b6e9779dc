"""The configuration of a study: what may be written in ``pixleak study STUDY.yaml``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pixleak.request.file import absolute, check_command, override, read_content, validated
from pixleak.studies.summary.decision import ACCEPTABLE_AUC
from pixleak.studies.summary.published import PublishedFile, read_lines


class StudyConfig(BaseModel):
    """A grid of audits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = "Study"
    base: dict[str, Any] = Field(
        description="an audit's configuration; in a file also the path of another file with one"
    )
    axes: dict[str, list[Any] | dict[str, Any]] = Field(
        description="name of an axis -> its levels; the cells are the product of all axes"
    )
    skip: tuple[dict[str, Any], ...] = Field(
        (), description="cells to leave out, by some of their levels"
    )
    only: tuple[dict[str, Any], ...] = Field(
        (), description="the only cells to keep, by some of their levels; empty: all"
    )
    acceptable_auc: float = Field(
        ACCEPTABLE_AUC,
        ge=0.5,
        le=1,
        description="AUC that the strongest attack may reach on a model that is shipped",
    )
    published: PublishedFile | None = Field(
        None, description="a CSV of published figures to compare with, and how to read it"
    )

    @field_validator("axes", mode="before")
    @classmethod
    def _levels(cls, axes: object) -> object:
        if not isinstance(axes, dict):
            raise ValueError("axes needs names with levels, such as seed: [0, 1, 2]")
        if not axes:
            raise ValueError("axes is empty: name at least one axis, such as seed: [0, 1, 2]")
        for name, levels in axes.items():
            if not isinstance(levels, list | dict):
                raise ValueError(
                    f"axis {name!r} needs a list of levels, or names with settings, got {levels!r}"
                )
        return axes


def read_study_config(path: Path, settings: Sequence[str] = ()) -> StudyConfig:
    """Read a study's configuration from its file, with ``--set`` overrides.

    A base that is a path is read first, so that settings can reach into it; paths in that file are
    relative to the file itself.

    Raises:
        InputError: a file is missing, not YAML, or not a valid configuration.
    """
    content = read_content(path)
    check_command(content, path, "study")
    if isinstance(base := content.get("base"), str):
        file = path.parent / Path(base).expanduser()
        content["base"] = absolute(read_content(file), file.parent)
    content = absolute(content, path.parent)
    override(content, settings)
    config = validated(content, StudyConfig, str(path))
    if config.published is None:
        return config
    # The page can be rewritten from any working directory, so the path must be absolute.
    file = (path.parent / config.published.file.expanduser()).resolve()
    published = config.published.model_copy(update={"file": file})
    read_lines(published, file)  # mistakes are reported now rather than when all cells have run
    return config.model_copy(update={"published": published})
