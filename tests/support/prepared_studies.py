"""Prepared cells of a small study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pixleak.core.progress import Silent
from pixleak.studies.plan.grid import build_grid
from pixleak.studies.plan.shared_records import (
    OpenSources,
    PreparedCell,
    plan_cells,
    prepare_cells,
)
from pixleak.studies.plan.study_config import StudyConfig

SMALL: dict[str, Any] = {
    "records": {"reader": "phantom", "count": 60, "size": 16},
    "target": {"recipe": {"network": "tiny", "epochs": 2}},
    "attacker": {"learned": ["type-i-logistic"]},
}
"""The base of the study."""


def prepared_cells(
    axes: dict[str, Any], folder: Path, base: dict[str, Any] | None = None
) -> list[PreparedCell]:
    """The cells of a study whose records are prepared in ``folder``."""
    grid = build_grid(StudyConfig(base=base or SMALL, axes=axes))
    sources = OpenSources()
    plans = plan_cells(grid.cells, sources)
    return prepare_cells(grid.cells, plans, sources, folder, Silent())
