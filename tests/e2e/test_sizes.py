"""Records that differ in size are audited as they are, where nothing needs one size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import pixleak
from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth
from pixleak.records.base import RecordKey, Records
from pixleak.signals import SIGNALS
from pixleak.signals.measure import measure
from pixleak.targets.target_for import target_for

SIZES = ((24, 32), (32, 32), (40, 24))
EVALUATION = pixleak.Evaluation(replicates=100)


def _folder(root: Path, count: int, seed: int) -> None:
    """Bright discs on noise, in images of three sizes."""
    draws = np.random.default_rng(seed)
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for i in range(count):
        height, width = SIZES[i % 3]
        rows, columns = np.mgrid[:height, :width]
        y, x = draws.integers(8, 16, 2)
        inside = (rows - y) ** 2 + (columns - x) ** 2 < draws.integers(9, 36)
        grey = np.clip(draws.normal(80, 30, (height, width)) + 90 * inside, 0, 255)
        Image.fromarray(grey.astype(np.uint8)).save(root / "images" / f"{seed}-{i:02d}.png")
        Image.fromarray(inside.astype(np.uint8)).save(root / "masks" / f"{seed}-{i:02d}.png")


def _read(root: Path, count: int, seed: int) -> Records:
    _folder(root, count, seed)
    return pixleak.read_folders(root / "images", root / "masks", channels=1)


def _network() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 2, 3, padding=1)
    )


def test_an_audit_of_several_sizes_is_that_of_its_records(tmp_path: Path) -> None:
    inside, outside = _read(tmp_path / "in", 24, 1), _read(tmp_path / "out", 24, 2)
    report = pixleak.audit(_network(), inside, outside, evaluation=EVALUATION, out=tmp_path / "run")
    assert report.records is not None
    assert report.records.image_sizes == 3
    assert (tmp_path / "run" / "report.html").read_text().count("median of 3 sizes") == 1
    names = {one.name: one for one in report.controls}
    assert names["image-dependence"].passed is True
    # The slow twin: every record on its own.
    target = target_for(_network(), inside.truth, pixleak.Access.LOGIT)
    signals = [SIGNALS.make(name) for name in ("cross-entropy", "dice-loss")]
    together = measure(target, inside, signals, batch_size=5)
    for position, key in enumerate(inside.ids):
        alone = measure(target, inside.select([key]), signals)
        np.testing.assert_allclose(together.values[position], alone.values[0], rtol=1e-5)


@pytest.mark.slow
def test_generators_of_several_sizes_are_audited(tmp_path: Path) -> None:
    def make(seed: int) -> Records:
        draws = torch.Generator().manual_seed(seed)
        pairs = []
        for i in range(24):
            height, width = SIZES[i % 3]
            image = torch.rand(1, height, width, generator=draws)
            pairs.append((image, image.sqrt()))
        keys = [RecordKey(f"{seed}-{i:02d}") for i in range(24)]
        return Records(keys, pairs.__getitem__, ImageTruth(1), "sizes")

    model = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3, padding=1), torch.nn.Sigmoid())
    report = pixleak.audit(model, make(1), make(2), evaluation=EVALUATION)
    assert report.records is not None
    assert report.records.image_sizes == 3


def test_whatever_is_trained_needs_one_size(tmp_path: Path) -> None:
    inside, outside = _read(tmp_path / "in", 24, 1), _read(tmp_path / "out", 24, 2)
    sentence = (
        r"images differ in size \(height, width\), from \(24, 32\) to \(40, 24\), but reference-"
        "000 is trained on batches of one size, and learned attacks with it: resize them, with size"
    )
    references = pixleak.References(models=2, training=pixleak.Recipe(network="tiny", epochs=1))
    with pytest.raises(InputError, match=sentence):
        pixleak.audit(_network(), inside, outside, references=references)
    own = pixleak.read_folders(
        tmp_path / "in" / "images", tmp_path / "in" / "masks", channels=1, size=(24, 24)
    )
    assert len({record.image.shape for record in own}) == 1
