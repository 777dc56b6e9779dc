"""What every test shares: a quiet, deterministic process, and where the real images lie."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

# Two cores are shared by the test workers and by the processes that tests start. Set before
# numpy or torch are imported, since they read it once.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["MPLBACKEND"] = "Agg"

# Models are trained in the process that asks for them: another one would spend seconds on importing
# torch. Tests of workers, and one audit as a user runs it, say how many they want.
os.environ["PIXLEAK_WORKERS"] = "0"

# Each test worker keeps to one core, with everything it starts.
if "PYTEST_XDIST_WORKER" in os.environ and hasattr(os, "sched_setaffinity"):
    _cores = sorted(os.sched_getaffinity(0))
    _number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
    os.sched_setaffinity(0, {_cores[_number % len(_cores)]})

import pytest
from hypothesis import HealthCheck, settings

import torchvision_ops

ROOT = Path(__file__).resolve().parent.parent
SUPPORT = ROOT / "tests" / "support"

# Child processes (the CLI, spawned training workers) get the hook through sitecustomize.
_path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
if str(SUPPORT) not in _path:
    os.environ["PYTHONPATH"] = os.pathsep.join([str(SUPPORT), *filter(None, _path)])
torchvision_ops.install()

settings.register_profile(
    "deterministic",
    derandomize=True,
    deadline=None,
    max_examples=50,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("deterministic")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name byte strings by their argument: an archive's bytes hold the time it was made, so that
    parallel workers would disagree about the names of the tests."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def repo() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture
def subprocess_env() -> dict[str, str]:
    """An environment for child processes in which every optional dependency imports."""
    return {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "120"}


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """``shared_data("kvasir-seg")``: a folder of real images beside the checkout, or skip."""

    def find(name: str) -> Path:
        folder = ROOT.parent / "shared" / "data" / name
        if not folder.is_dir():
            pytest.skip(f"real images are not here: no folder ../shared/data/{name}")
        return folder

    return find
