"""Does what a user installs work? ``make wheel-check`` runs this file; it needs a package index.

    python tests/packaging/check_distributions.py

1. An sdist is built from the checkout, and a wheel from the sdist.
2. In the unpacked sdist all tests can be collected, and those that read its files pass.
3. The wheel is installed in a fresh environment, without extras, and from an empty folder
   ``pixleak demo`` writes its report there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FROM_SDIST = ("tests/packaging", "tests/unit/core", "tests/unit/studies/plan/test_grid.py")
"""Quick tests, some of which read files outside ``src`` and ``tests``."""

SMALL = (
    "records.count=80",
    "records.size=32",
    "target.recipe.epochs=2",
    "attacker.learned=[type-i-logistic]",
    "evaluation.replicates=100",
)


def call(*command: str | Path, cwd: Path, path: Path | None = None) -> None:
    """Run a command in ``cwd``, with ``path`` as the only folder on PYTHONPATH.

    Raises:
        subprocess.CalledProcessError: it failed; its output has been shown.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    subprocess.run(list(map(str, command)), cwd=cwd, env=environment, check=True)


def only(folder: Path, pattern: str) -> Path:
    """The one file of this kind."""
    (found,) = folder.glob(pattern)
    return found


def build(folder: Path) -> tuple[Path, Path]:
    """The paths of the sdist and of the wheel that is built from it."""
    call(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    return only(folder, "*.tar.gz"), only(folder, "*.whl")


def check_sdist(archive: Path, folder: Path) -> None:
    """The sdist holds everything that its tests need."""
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    pytest = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    call(*pytest, "--collect-only", "--no-header", "-qq", cwd=root, path=root / "src")
    call(*pytest, *FROM_SDIST, cwd=root, path=root / "src")


def check_wheel(wheel: Path, folder: Path) -> None:
    """The wheel runs the demo where there is nothing but its requirements."""
    venv.create(folder / "venv", with_pip=True)
    binaries = folder / "venv" / "bin"
    install = (binaries / "python", "-m", "pip", "install", "--quiet")
    call(*install, "-c", ROOT / "constraints.txt", wheel, cwd=folder)
    empty = folder / "elsewhere"
    empty.mkdir()
    settings = [part for setting in SMALL for part in ("--set", setting)]
    call(binaries / "pixleak", "demo", "--out", "demo", *settings, cwd=empty)
    report = empty / "demo" / "report.html"
    assert report.is_file(), f"the demo wrote no {report}"


def main() -> None:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pixleak-") as name:
        folders = [Path(name) / part for part in ("built", "sdist", "wheel")]
        for folder in folders:
            folder.mkdir()
        sdist, wheel = build(folders[0])
        check_sdist(sdist, folders[1])
        check_wheel(wheel, folders[2])
    print(f"sdist and wheel are whole ({time.monotonic() - begun:.0f} seconds)")


if __name__ == "__main__":
    main()
