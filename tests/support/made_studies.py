"""Studies with made-up figures: the files that a study leaves, without running one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pixleak.results.environment import Environment
from pixleak.studies.summary.study_folder import Study, read_study_folder
from pixleak.studies.summary.study_result import AxisInfo, CellInfo, LevelInfo, StudyResult

ATTACKS = {
    "Global loss": ("threshold", "cross-entropy"),
    "Type-I": ("threshold", "type-i-network"),
    "Type-II": ("threshold", "type-ii-network"),
    "LiRA": ("lira-online", "margin"),
}
"""Title -> attack and signal."""

Figure = float | tuple[float, float, float] | None
"""A value, or value, low and high."""


def spread(name: str, figure: Figure, half: float = 0.0) -> dict[str, float | None]:
    """A figure as three columns; a bare value has an interval of ``half`` to each side."""
    if figure is None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    value, low, high = (
        figure if isinstance(figure, tuple) else (figure, figure - half, figure + half)
    )
    return {name: value, f"{name}_low": low, f"{name}_high": high}


@dataclass
class MadeStudy:
    """Cells, one after another; ``read`` saves them and reads them back.

    Args:
        half: half the width of the intervals that are not given.
        default: title of the default attack.
    """

    half: float = 0.03
    default: str = "Global loss"
    title: str = "Defences of a segmenter"
    arguments: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    cells: list[CellInfo] = field(default_factory=list)

    def cell(
        self,
        levels: Mapping[str, str],
        attacks: Mapping[str, Figure],
        utility: Figure = 0.8,
        **more: Any,
    ) -> MadeStudy:
        """Add a cell.

        Args:
            levels: axis -> level; those of defence, poison and attacker become columns as well.
            attacks: title of :data:`ATTACKS` -> AUC.
            utility: on held-out records.
            more: any other column, for all attacks of the cell, or ``title -> value``.
        """
        name = f"c{len(self.cells):03d}"
        label = ", ".join(levels.values())
        self.cells.append(
            CellInfo(
                id=name, label=label, levels=dict(levels), folder=f"cells/{name}",
                status="finished", seconds=12.0,
            )
        )  # fmt: skip
        defence = levels.get("defence", "none")
        for title, auc in attacks.items():
            attack, signal = ATTACKS[title]
            row: dict[str, Any] = {f"axis:{axis}": level for axis, level in levels.items()}
            row |= {"cell": name, "attack": attack, "signal": signal, "title": title}
            row |= {"defence": defence, "poison": levels.get("poison", "none")}
            row |= {"defence_names": "" if defence == "none" else defence.rstrip("0123456789-.")}
            row |= {"attacker": levels.get("attacker", "adaptive"), "utility": "dice"}
            row |= {"seed": int(levels.get("seed", "0")), "default": title == self.default}
            row |= {"control_failed": False}
            row |= spread("auc", auc, self.half) | spread("utility_heldout", utility, self.half)
            for column, value in more.items():
                if isinstance(value, Mapping):
                    value = value.get(title)
                if isinstance(value, tuple):
                    row |= spread(column, value)
                else:
                    row[column] = value
            self.rows.append(row)
        return self

    def seeds(
        self,
        levels: Mapping[str, str],
        attacks: Mapping[str, Sequence[Figure]],
        utility: Sequence[Figure],
        **more: Any,
    ) -> MadeStudy:
        """Add one cell per seed; AUCs and utility by seed."""
        for seed, worth in enumerate(utility):
            at_seed = {title: figures[seed] for title, figures in attacks.items()}
            self.cell({**levels, "seed": str(seed)}, at_seed, worth, **more)
        return self

    def failed(self, levels: Mapping[str, str], error: str) -> MadeStudy:
        """Add a cell without a result."""
        name = f"c{len(self.cells):03d}"
        self.cells.append(
            CellInfo(
                id=name, label=", ".join(levels.values()), levels=dict(levels),
                folder=f"cells/{name}", status="failed", error=error,
            )
        )  # fmt: skip
        return self

    def write(self, folder: Path) -> Path:
        """Save the study's two files."""
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(self._complete()), folder / "study.parquet")
        axes: dict[str, dict[str, None]] = {}
        for cell in self.cells:
            for axis, level in cell.levels.items():
                axes.setdefault(axis, {})[level] = None
        result = StudyResult(
            title=self.title,
            created="2026-11-25T12:00:00+00:00",
            seconds=600.0,
            arguments=self.arguments,
            environment=Environment(
                pixleak="0.1.0", python="3.11", platform="Linux",
                versions={"torch": "2.7.0"}, device="cpu", threads=1,
            ),
            axes=[
                AxisInfo(name=name, levels=[LevelInfo(label=one, settings=one) for one in levels])
                for name, levels in axes.items()
            ],
            cells=self.cells,
            models=[],
            timings={},
        )  # fmt: skip
        (folder / "study.json").write_text(result.model_dump_json(), encoding="utf-8")
        return folder

    def read(self, folder: Path) -> Study:
        """Save it and read it back."""
        return read_study_folder(self.write(folder))

    def _complete(self) -> list[dict[str, Any]]:
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        return [{name: row.get(name) for name in names} for row in self.rows]
