"""Copies of private images that this process has left in the temporary folder."""

from __future__ import annotations

import os
import platform
import tempfile
from pathlib import Path

from pixleak.core.disk.private_folder import PREFIX


def left_behind() -> list[Path]:
    """Folders of this process that still exist."""
    start = f"{PREFIX}{platform.node()}-{os.getpid()}-"
    return list(Path(tempfile.gettempdir()).glob(f"{start}*"))
