from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth
from pixleak.records.readers.side_by_side import read_side_by_side

Save = Callable[[Path, object], Path]


def test_halves_are_input_and_target_by_direction(tmp_path: Path, save: Save) -> None:
    both = np.zeros((2, 6), dtype=np.uint8)
    both[:, 3:] = 255
    save(tmp_path / "s" / "a.png", both)
    forth = read_side_by_side(tmp_path / "s", channels=1, target_channels=3)
    assert forth.truth == ImageTruth(3)
    assert forth[0].image.shape == (1, 2, 3)
    assert forth[0].image.max() == 0
    assert forth[0].truth.shape == (3, 2, 3)
    assert forth[0].truth.min() == 1
    back = read_side_by_side(tmp_path / "s", direction="BtoA")
    assert back[0].image.min() == 1
    assert back[0].truth.max() == 0


def test_bad_side_by_side_files_are_named(tmp_path: Path, save: Save) -> None:
    save(tmp_path / "s" / "a.png", np.zeros((2, 5), dtype=np.uint8))
    with pytest.raises(InputError, match=r"a\.png is 5 pixels wide"):
        read_side_by_side(tmp_path / "s")[0]
    with pytest.raises(InputError, match="direction must be 'AtoB' or 'BtoA', got 'AB'"):
        read_side_by_side(tmp_path / "s", direction="AB")  # type: ignore[arg-type]
