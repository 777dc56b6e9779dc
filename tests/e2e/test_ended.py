"""A run that a signal ends says so, leaves no copy of a private image, and can be resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

MODEL = """
import time
from pathlib import Path

def slow(images):
    Path(__file__).with_name("asked").touch()
    time.sleep(0.2)
    return images - 0.5
"""

CONFIG = {
    "members": {"reader": "phantom", "count": 24, "size": 16, "seed": 1},
    "nonmembers": {"reader": "phantom", "count": 24, "size": 16, "seed": 2},
    "target": {"function": "model.py:slow"},
    "attacker": {"signals": ["cross-entropy"], "attacks": []},
}


def _usual_signals() -> None:
    """What ignores signals, such as nohup, hands that on to the processes that it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, marks=pytest.mark.slow),
        pytest.param(signal.SIGQUIT, marks=pytest.mark.slow),
    ],
)
def test_a_signal_ends_a_run_without_leaving_private_images(
    tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    (tmp_path / "audit.yaml").write_text(yaml.safe_dump(CONFIG))
    private = tmp_path / "private"
    private.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "pixleak", "audit", "audit.yaml", "-o", "out"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(private)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        preexec_fn=_usual_signals,
    ) as process:
        until = time.monotonic() + 60
        while not (tmp_path / "asked").exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert list(private.iterdir())
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 128 + number, told
    how = "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
    assert f"error: {how}; finished models and signals are kept" in told
    assert list(private.iterdir()) == []
    assert not (tmp_path / "out" / "result.json").exists()
