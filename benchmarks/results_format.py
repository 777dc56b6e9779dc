"""Where the pages' results lie, and how they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def spread(row: dict[str, float]) -> str:
    return f"{row['mean']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"


def machine(found: dict[str, Any]) -> str:
    return f"{found['processor']}, {found['cores']} cores, torch {found['versions']['torch']}"
