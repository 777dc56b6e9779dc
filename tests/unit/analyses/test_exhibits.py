"""Pictures of single records are read back, and every fault of their file is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.unit.report.runs import RunFactory

from pixleak.analyses.exhibits import FILE, read_exhibits
from pixleak.analyses.exposed_records import Exposures
from pixleak.core.errors import InputError


@pytest.fixture
def factory() -> RunFactory:
    return RunFactory("leak", n=60)


@pytest.fixture
def folder(tmp_path: Path, factory: RunFactory) -> Path:
    return factory.write(tmp_path / "run")


@pytest.fixture
def exposures(factory: RunFactory) -> Exposures:
    found = factory.result().section(Exposures)
    assert found is not None
    return found


def test_every_picture_is_read(folder: Path, factory: RunFactory, exposures: Exposures) -> None:
    found = read_exhibits(folder / FILE, exposures.records)
    assert set(found) == {one.exhibit for one in exposures.records}
    for number, exhibit in found.items():
        assert (exhibit.loss == factory.arrays[f"loss/{number}"]).all()
        assert (exhibit.truth == factory.arrays[f"truth/{number}"]).all()


def change_arrays(folder: Path, **changes: object) -> None:
    path = folder / "exhibits.npz"
    with np.load(path) as archive:
        arrays = dict(archive) | {key.replace("_", "/"): value for key, value in changes.items()}
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no exhibits": (lambda f: (f / "exhibits.npz").unlink(), "exhibits.npz is missing"),
    "exhibits empty": (lambda f: (f / "exhibits.npz").write_bytes(b""), "cannot be read"),
    "exhibits not a zip": (lambda f: (f / "exhibits.npz").write_bytes(b"PK??"), "cannot be read"),
    "exhibits cut off": (
        lambda f: (f / "exhibits.npz").write_bytes((f / "exhibits.npz").read_bytes()[:-300]),
        "cannot be read",
    ),
    "array missing": (lambda f: change_arrays(f, loss_2=None), "no array 'loss/2'"),
    "array of another size": (
        lambda f: change_arrays(f, truth_1=np.zeros((3, 3), np.int16)),
        "array 'truth/1' of type int16 and shape (3, 3)",
    ),
    "labels with channels": (
        lambda f: change_arrays(f, truth_1=np.zeros((64, 64, 3), np.int16)),
        "array 'truth/1'",
    ),
    "image of floats": (
        lambda f: change_arrays(f, image_0=np.zeros((64, 64))),
        "array 'image/0' of type float64",
    ),
    "loss is NaN": (
        lambda f: change_arrays(f, loss_0=np.full((64, 64), np.nan, np.float32)),
        "array 'loss/0' holds NaN",
    ),
    "pickled objects": (
        lambda f: change_arrays(f, loss_0=np.array([{}], dtype=object)),
        "cannot be read",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_one_sentence_that_names_the_file(
    folder: Path, exposures: Exposures, fault: str
) -> None:
    damage, expected = FAULTS[fault]
    damage(folder)

    with pytest.raises(InputError) as raised:
        read_exhibits(folder / FILE, exposures.records)

    message = str(raised.value)
    assert expected in message
    assert str(folder) in message
    assert "\n" not in message
