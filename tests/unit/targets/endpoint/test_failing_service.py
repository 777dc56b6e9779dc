"""Against a real server that fails: every answer is paid for once, and none is lost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from typer.testing import Result

from loopback import Service, serving
from small_audit import invoke

SECRET = "tok-3f9a1c77"
FAILURES = ("500", "429 0.05", "late", "cut", "html", "size", "type", "401", "403", "kill")


class Killer:
    """Fails four requests of ten, in every way once or ``times``; two times if it ends a run.

    One way is to kill the process that asks, before its request is answered; while that may
    happen, runs have a process of their own.
    """

    def __init__(self, times: int) -> None:
        self.draw = random.Random(7)
        self.plan = [
            how for how in FAILURES for _ in range(min(times, 2 if how in FAILURES[-3:] else 3))
        ]
        self.draw.shuffle(self.plan)
        self.process: subprocess.Popen[str] | None = None
        self.told: Counter[str] = Counter()

    def __call__(self, number: int) -> str | None:
        if not self.plan or self.draw.random() > 0.4:
            return None
        how = self.plan.pop()
        self.told[how.split()[0]] += 1
        if how == "kill":
            assert self.process is not None
            self.process.kill()
            self.process.wait()
            return "cut"
        return how


def _config(url: str, **more: object) -> dict[str, object]:
    return {
        "members": {"reader": "phantom", "count": 24, "size": 16, "seed": 1},
        "nonmembers": {"reader": "phantom", "count": 24, "size": 16, "seed": 2},
        "target": {
            "http": url, "access": "probability", "token": "env:SERVICE_TOKEN", "pause": 0.01,
            "timeout": 2, "budget": 500, **more,
        },
        "attacker": {"signals": ["cross-entropy"], "attacks": []},
    }  # fmt: skip


def _run(killer: Killer, folder: Path) -> tuple[int, str]:
    """Exit status and output of an audit; negative for the signal that ended it."""
    if "kill" not in killer.plan:
        ran = invoke("--debug", "audit", "audit.yaml", "-o", "out")
        return ran.exit_code, ran.output
    killer.process = subprocess.Popen(
        [sys.executable, "-m", "pixleak", "--debug", "audit", "audit.yaml", "-o", "out"],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    told = killer.process.communicate(timeout=300)[0]
    return killer.process.returncode, told


@pytest.mark.parametrize("times", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_nothing_is_paid_twice_and_nothing_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SERVICE_TOKEN", SECRET)
    killer = Killer(times)
    runs, ends, told = 0, Counter[int](), ""
    with serving(Service(token=SECRET, fails=killer)) as service:
        (tmp_path / "audit.yaml").write_text(yaml.safe_dump(_config(service.url)))
        while runs < 40:
            runs += 1
            status, said = _run(killer, tmp_path)
            told += said
            ends[status] += 1
            if status == 0:
                break
        before = service.requests
        again = invoke("audit", "audit.yaml", "-o", "out")
    assert again.exit_code == 0, again.output
    assert service.requests == before, "a finished run asks nothing when it is run again"
    kept = len(list(tmp_path.glob("out/artefacts/answers/*/??/*.answer")))
    # Two records are asked about twice on purpose: whether answers repeat.
    twice = sum(count - 1 for count in service.paid.values()) - 2
    lost = sum(service.paid.values()) - kept
    failed = sum(killer.told.values())
    rows = {
        "runs": runs, "requests": service.requests, "failures": failed,
        "answers": sum(service.paid.values()), "kept": kept, "paid twice": twice, "lost": lost,
    }  # fmt: skip
    table = "\n".join(f"{name:12}{n:6}" for name, n in {**killer.told, **rows}.items())
    sys.stdout.write(f"\n{table}\n")  # shown by pytest -s
    assert ends[0] == 1
    assert set(ends) <= {0, 2, -9}
    assert failed == (10 if times == 1 else 27)
    assert not killer.plan
    assert (twice, lost) == (0, 0)
    everywhere = told.encode() + b"".join(
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    )
    assert SECRET.encode() not in everywhere


def test_the_budget_that_is_announced_is_what_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SERVICE_TOKEN", SECRET)

    def cli(*more: str) -> Result:
        return invoke("audit", "audit.yaml", "-o", "out", *more)

    with serving(Service(token=SECRET)) as service:
        # 48 records, 2 of them again, 8 in one batch, 3 of them in 3 other conventions.
        whole = 48 + 2 + 6 + 9
        (tmp_path / "audit.yaml").write_text(yaml.safe_dump(_config(service.url, batch=8)))
        announced = cli("--plan")
        lines = [line.split() for line in announced.stdout.splitlines()]
        assert ["queries,", "at", "most", str(whole)] in lines
        refused = cli("--set", f"target.budget={whole - 1}")
        assert refused.exit_code == 2
        assert f"up to {whole} queries" in refused.stderr
        assert "target.budget" in refused.stderr
        assert service.requests == 0
        ran = cli("--set", f"target.budget={whole}")
        assert ran.exit_code == 0, ran.output
        assert sum(service.paid.values()) == whole


@pytest.mark.parametrize(("how", "status"), [("404", 0), ("403", 2)])
def test_images_in_other_conventions_may_be_refused_but_access_may_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, status: int
) -> None:
    monkeypatch.chdir(tmp_path)
    # Twelve records alone, two of them again, then three other conventions.
    with serving(Service(fails=lambda number: how if 15 <= number <= 17 else None)) as service:
        config = _config(service.url)
        del config["target"]["token"]  # type: ignore[attr-defined]
        (tmp_path / "audit.yaml").write_text(yaml.safe_dump(config))
        ran = invoke("audit", "audit.yaml", "-o", "out")
    assert ran.exit_code == status, ran.output
    assert service.requests == (48 + 2 + 3 if status == 0 else 15)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_rate_limit_holds_however_many_ask(tmp_path: Path, concurrency: int) -> None:
    import torch

    from pixleak.core.access import Access
    from pixleak.core.truth import LabelTruth
    from pixleak.targets import HttpEndpoint

    with serving(Service()) as service:
        kind = HttpEndpoint(service.url, per_second=20, concurrency=concurrency)
        images = torch.rand(8, 1, 6, 6, generator=torch.Generator().manual_seed(0))
        kind.open(LabelTruth(2), Access.PROBABILITY).predict(images)
    assert service.requests == 8
    # The first is late by its connection; arrivals jitter.
    assert max(service.moments) - sorted(service.moments)[1] > 6 / 20 * 0.9
