from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from pixleak.core.disk.whole_files import write_sealed
from pixleak.training.loop.partial import Partial


def _saved(path: Path, described: dict[str, Any]) -> nn.Linear:
    torch.manual_seed(0)
    module = nn.Linear(3, 2)
    Partial(path, described).save({"module": module}, {"losses": [1.0]})
    return module


def _loaded(path: Path, described: dict[str, Any]) -> tuple[nn.Linear, dict[str, Any] | None]:
    torch.manual_seed(1)
    module = nn.Linear(3, 2)
    return module, Partial(path, described).load({"module": module})


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    module = _saved(tmp_path / "a", {"seed": 1})
    again, course = _loaded(tmp_path / "a", {"seed": 1})
    assert course == {"losses": [1.0]}
    assert torch.equal(module.weight, again.weight)


@pytest.mark.parametrize("damage", ["flipped", "truncated", "described", "moved", "other parts"])
def test_what_is_damaged_or_of_another_training_changes_nothing_and_a_line_says_so(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, described = tmp_path / "one" / "a", {"seed": 1}
    _saved(path, described)
    content = path.read_bytes()
    if damage == "flipped":
        at = random.Random(0).randrange(len(content))
        path.write_bytes(content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :])
    elif damage == "truncated":
        path.write_bytes(content[:-1])
    elif damage == "described":
        described = {"seed": 2}
    elif damage == "moved":  # the state of another artefact, of other records
        path = tmp_path / "two" / "a"
        path.parent.mkdir()
        path.write_bytes(content)
    else:
        Partial(path, described).save({"module": nn.Linear(3, 5)}, {})
    fresh, _ = _loaded(tmp_path / "none", described)
    module, course = _loaded(path, described)
    assert course is None
    assert torch.equal(module.weight, fresh.weight)
    assert ["computed again" in line for line in caplog.messages] == [True]


def test_a_state_with_a_seal_that_torch_cannot_read_is_started_again(tmp_path: Path) -> None:
    kept = Partial(tmp_path / "a", {})
    write_sealed(tmp_path / "a", b"no state", kept._belongs_to)
    assert _loaded(tmp_path / "a", {})[1] is None
