from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.unit.report.runs import RunFactory


@pytest.fixture
def factory() -> RunFactory:
    """A run that found a leak; change it, then ``write`` it."""
    return RunFactory("leak", n=120)


@pytest.fixture(scope="session")
def _written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return RunFactory("leak", n=120).write(tmp_path_factory.mktemp("report") / "run")


@pytest.fixture
def folder(tmp_path: Path, _written: Path) -> Path:
    """The same run, written: a copy that a test may damage."""
    return Path(shutil.copytree(_written, tmp_path / "run"))
