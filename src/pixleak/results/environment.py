"""Where an audit ran."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from pixleak.results.base import SavedModel
from pixleak.version import __version__


class Environment(SavedModel):
    """Where it ran."""

    pixleak: str
    python: str
    platform: str
    versions: dict[str, str]
    device: str
    threads: int


def environment_here(*packages: str, device: str = "cpu") -> Environment:
    """Where this process runs, and the versions of those packages that are installed."""
    versions = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return Environment(
        pixleak=__version__,
        python=platform.python_version(),
        platform=platform.platform(terse=True),
        versions=versions,
        device=device,
        threads=int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1),
    )
