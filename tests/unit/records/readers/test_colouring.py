from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pixleak.records.base import RecordKey
from pixleak.records.readers.colouring import read_colouring


def test_grey_to_colour(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 6, 3), (255, 0, 0), dtype=np.uint8)).save(tmp_path / "p1-a.png")
    records = read_colouring(tmp_path, subject="(p[0-9])-")
    assert records.keys[0] == RecordKey("p1-a", "p1")
    assert torch.allclose(records[0].image, torch.full((1, 4, 6), 0.299))
    assert records[0].truth[:, 0, 0].tolist() == [1, 0, 0]
