from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pixleak.core.errors import InputError
from pixleak.records.readers.pairs import read_pairs

Save = Callable[[Path, object], Path]


def test_pairs_must_be_complete_and_of_one_size(tmp_path: Path, save: Save) -> None:
    save(tmp_path / "a" / "x.png", np.zeros((2, 5), dtype=np.uint8))
    save(tmp_path / "b" / "x.png", np.zeros((2, 4), dtype=np.uint8))
    with pytest.raises(InputError, match="they must be equal"):
        read_pairs(tmp_path / "a", tmp_path / "b", size=(4, 4))[0]
    save(tmp_path / "a" / "y.png", np.zeros((2, 5), dtype=np.uint8))
    with pytest.raises(InputError, match=r"input .*y\.png has no target"):
        read_pairs(tmp_path / "a", tmp_path / "b")
