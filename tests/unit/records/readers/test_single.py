from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pixleak.core.errors import InputError
from pixleak.records.readers.single import RecordFormat, read_single


@pytest.mark.parametrize("kind", ["image-to-image", "labels-to-photo", "photo-to-labels"])
def test_one_record_of_two_files(tmp_path: Path, kind: str) -> None:
    photo, labels = tmp_path / "photo.png", tmp_path / "labels.png"
    Image.fromarray(np.full((4, 4, 3), 51, dtype=np.uint8)).save(photo)
    Image.fromarray(np.full((4, 4), 2, dtype=np.uint8)).save(labels)
    files = (labels, photo) if kind == "labels-to-photo" else (photo, labels)
    form = RecordFormat(kind=kind, classes=3, ignore=255)  # type: ignore[arg-type]
    record = read_single(*files, form)[0]
    if kind == "photo-to-labels":
        assert record.truth.unique().tolist() == [2]
    elif kind == "labels-to-photo":
        assert record.image[:, 0, 0].tolist() == [0, 0, 1]
        assert torch.allclose(record.truth, torch.tensor(0.2))
    else:
        assert torch.allclose(record.image, torch.tensor(0.2))
    with pytest.raises(InputError, match="there is no file"):
        read_single(tmp_path / "none.png", photo, form)
