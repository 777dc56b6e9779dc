"""What an audit measures of its models beside the signals, and that no attack sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from pixleak.auditing.run import run_plan
from pixleak.core.access import Access
from pixleak.core.truth import LabelTruth
from pixleak.pipeline.clock import Clock
from pixleak.pipeline.plan.build import build
from pixleak.pipeline.utility import Confusion, names_of
from pixleak.request.audit import AuditRequest
from pixleak.request.file import parse_request
from pixleak.results.audit import Result
from pixleak.signals import SIGNALS
from pixleak.signals.pixels.labels import Pixels
from pixleak.targets.base import Prediction


def _config(**more: object) -> AuditRequest:
    return parse_request(
        {
            "records": {"reader": "phantom", "count": 60, "size": 16, "seed": 2},
            "target": {"recipe": {"network": "tiny", "epochs": 2}},
            "attacker": {"learned": ["type-i-logistic"]},
            "evaluation": {"replicates": 100},
            "run": {"exhibits": 0},
            **more,
        }
    )


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("audit")
    return folder, run_plan(build(_config()), folder)


def test_confusion_counts_pixels_by_class_and_nothing_of_ignored_ones() -> None:
    truth = LabelTruth(3, ignore=9)
    labels = torch.tensor([[[0, 1, 1, 9], [2, 2, 0, 9]]])
    answer = torch.tensor([[[0, 1, 2, 2], [2, 0, 0, 1]]])
    columns = Confusion().measure(Pixels(Prediction(Access.LABEL, answer), labels, truth))
    right, true, predicted = np.split(columns.values[0], 3)
    assert right.tolist() == [2, 1, 1]
    assert true.tolist() == [2, 2, 2]
    assert predicted.tolist() == [3, 1, 2]


def test_no_attack_sees_it(audited: tuple[Path, Result]) -> None:
    folder, result = audited
    assert not [name for name in SIGNALS if name.startswith("confusion")]
    assert not [a for a in result.attacks if "confusion" in a.signal]
    columns = pq.read_table(folder / "signals.parquet").column_names
    assert not [name for name in columns if name.startswith("confusion")]
    assert len(names_of(LabelTruth(2))) == 6


def test_every_model_has_its_utility_and_time(audited: tuple[Path, Result]) -> None:
    _, result = audited
    assert [model.name for model in result.models] == ["target", "shadow", "untrained"]
    for model in result.models:
        assert [one.name for one in model.utility] == ["dice", "miou"]
        assert model.inference_seconds is not None
        assert model.inference_seconds > 0
        for one in model.utility:
            assert one.heldout is not None
            assert 0 <= one.heldout.low <= one.heldout.value <= one.heldout.high <= 1
            assert 5 <= one.heldout_units <= 15
    assert {"models", "inference", "attack-training", "controls", "evaluation"} <= set(
        result.timings
    )
    assert sum(result.timings.values()) <= result.seconds + 0.1


def test_time_and_utility_survive_a_resume(audited: tuple[Path, Result]) -> None:
    folder, first = audited
    again = run_plan(build(_config()), folder)
    for one, other in zip(first.models, again.models, strict=True):
        assert one.inference_seconds == other.inference_seconds
        assert one.utility == other.utility
    assert "inference" not in again.timings


def test_phases_within_phases_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 3.0, 7.0])
    monkeypatch.setattr("pixleak.pipeline.clock.time.perf_counter", lambda: next(now))
    clock = Clock()
    with clock("outer"), clock("inner"):
        pass
    assert clock.seconds == {"outer": 1.0 + 4.0, "inner": 2.0}
    clock.moved(0.5, "inference")
    assert clock.seconds["inference"] == 0.5
