"""Cut-mix: images and truths are joined at the same column."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.defences.training.cut_mix import CutMix, CutMixTrainer
from pixleak.records.base import RecordKey, Records
from trainings import TINY


def constant(count: int, width: int, truth: LabelTruth | ImageTruth) -> tuple[Tensor, Tensor]:
    """Images whose every value names their record, and truths likewise."""
    names = torch.arange(count)
    images = names.float().view(-1, 1, 1, 1).expand(count, 1, 4, width).clone()
    if isinstance(truth, ImageTruth):
        return images, images / 10
    return images, names.view(-1, 1, 1).expand(count, 4, width).clone()


@pytest.mark.parametrize("truth", [LabelTruth(5), ImageTruth(1)])
@pytest.mark.parametrize("width", [2, 9])
def test_cut_mix_joins_two_records_and_their_truths(
    truth: LabelTruth | ImageTruth, width: int
) -> None:
    images, truths = constant(5, width, truth)
    records = Records([RecordKey("a")], lambda i: (images[i], truths[i]), truth)
    recipe = TINY.model_copy(update={"loss": "l1"}) if isinstance(truth, ImageTruth) else TINY
    trainer = CutMixTrainer(recipe, records, seed=0, defences=(CutMix(),))
    draws, cuts = Generator().manual_seed(0), set()
    for _ in range(20):
        joined, answers = trainer.change(images, truths, draws)
        scaled = answers * 10 if isinstance(truth, ImageTruth) else answers[:, None]
        torch.testing.assert_close(joined, scaled.float())
        for i, image in enumerate(joined):
            assert (image == image[0, 0]).all()  # nothing is mixed within a column
            row = image[0, 0].tolist()
            assert row[0] == i
            assert row[-1] != i
            cut = next(k for k, value in enumerate(row) if value != i)
            assert row == [i] * cut + [row[-1]] * (width - cut)
            cuts.add(cut)
    assert cuts == set(range(1, width))
    assert (images == constant(5, width, truth)[0]).all()
