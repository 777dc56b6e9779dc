"""Random streams of defences."""

from __future__ import annotations

import torch

from pixleak.defences.steps.streams import cycled


def test_no_position_repeats_before_all_have_occurred() -> None:
    drawn = cycled(5, 12, torch.Generator().manual_seed(0)).tolist()
    assert sorted(drawn[:5]) == sorted(drawn[5:10]) == list(range(5))
    assert len(drawn) == 12
