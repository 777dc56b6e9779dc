"""Crop training: what the network sees, and that what is served is put together from tiles."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor, nn

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.defences.training.crop_training import CropTrainer, CropTraining
from pixleak.defences.training.cut_mix import CutMix
from pixleak.defences.training.ema import Ema
from pixleak.records.base import RecordKey, Records
from pixleak.targets.base import Target
from pixleak.targets.function import FunctionTarget
from pixleak.targets.restricted import restricted
from pixleak.targets.target_for import target_for
from pixleak.training.defence import check_defences
from pixleak.training.loop.trainer import Epoch
from pixleak.training.networks import NETWORKS
from pixleak.training.networks.padding import Padded
from pixleak.training.recipe import Recipe
from pixleak.training.seeded import seeded
from toy_records import bright_squares
from trainings import TINY, defended, interrupted, pictures, refused, same

RECORDS = bright_squares(size=(16, 12))


def images_of(count: int, *size: int) -> Tensor:
    return torch.rand(count, 1, *size, generator=Generator().manual_seed(0))


def network(layers: int = 2, outputs: int = 3, width: int = 4) -> nn.Module:
    options = {"layers": layers, "width": width}
    with seeded(0):
        return NETWORKS["tiny"].configured(options).build(1, outputs, (16, 16)).eval()


def test_crops_have_the_size_asked_for_and_their_own_truth() -> None:
    # Every pixel has a value of its own, which its label repeats.
    images = torch.arange(16 * 12).float().view(1, 1, 16, 12).repeat(6, 1, 1, 1)
    truths = images[:, 0].long()
    records = Records(
        [RecordKey(str(i)) for i in range(6)],
        lambda i: (images[i], truths[i]),
        LabelTruth(16 * 12),
    )
    for size, side in ((0.5, 6), (4, 4), (12, 12)):
        trainer = CropTrainer(TINY, records, seed=0, defences=(CropTraining(size=size),))
        trainer.before(None, None)
        draws, corners = Generator().manual_seed(0), set()
        for _ in range(60):
            crops, answers = trainer.change(images, truths, draws)
            assert crops.shape == (6, 1, side, side)
            assert torch.equal(crops[:, 0].long(), answers)
            for crop in answers:
                top, left = divmod(int(crop[0, 0]), 12)
                assert torch.equal(crop, truths[0, top : top + side, left : left + side])
                corners.add((top, left))
        # Every place, the last row and column included.
        assert {top for top, _ in corners} == set(range(16 - side + 1))
        assert {left for _, left in corners} == set(range(12 - side + 1))


def test_the_network_trains_on_crops_only_and_three_times_as_long() -> None:
    seen = []

    class Listening(CropTrainer):
        def losses(self, module: nn.Module, images: Tensor, truths: Tensor, epoch: Epoch) -> Tensor:
            seen.append(tuple(images.shape))
            return super().losses(module, images, truths, epoch)

    class Heard(CropTraining):
        def trainer(self) -> type[CropTrainer]:
            return Listening

    trained = defended(TINY, RECORDS, Heard(size=4))
    assert set(seen) == {(4, 1, 4, 4)}
    assert len(trained.epoch_losses) == 3 * TINY.epochs
    assert len(seen) == 3 * TINY.epochs * 3


def twin(target: Target, images: Tensor, side: int, step: int) -> Tensor:
    """Tile after tile and pixel after pixel; the answers of a label target are votes."""
    answers = []
    for image in images:
        h, w = image.shape[-2:]
        said: dict[tuple[int, int], list[Tensor]] = {}
        tops, lefts = (
            sorted({min(start, length - side) for start in range(0, length, step)})
            for length in (h, w)
        )
        for top, left in itertools.product(tops, lefts):
            tile = target.predict(image[None, :, top : top + side, left : left + side]).values[0]
            for y, x in itertools.product(range(side), range(side)):
                said.setdefault((top + y, left + x), []).append(tile[..., y, x])
        if target.access is Access.LABEL:
            rows = [
                [int(torch.stack(said[y, x]).mode().values) for x in range(w)] for y in range(h)
            ]
            answers.append(torch.tensor(rows))
        else:
            rows = [[torch.stack(said[y, x]).mean(dim=0) for x in range(w)] for y in range(h)]
            answers.append(torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2))
    return torch.stack(answers)


@pytest.mark.parametrize("access", [Access.LOGIT, Access.PROBABILITY, Access.LABEL])
@pytest.mark.parametrize(("overlap", "step"), [(0.25, 6), (0.5, 4), (0.0, 8)])
def test_overlapping_tiles_are_averaged(access: Access, overlap: float, step: int) -> None:
    inner = restricted(target_for(network(), LabelTruth(3), Access.LOGIT), access)
    served = CropTraining(size=8, overlap=overlap).wrap_target(inner)
    assert served.access is access
    images = images_of(2, 16, 13)
    torch.testing.assert_close(
        served.predict(images).values, twin(inner, images, 8, step), rtol=1e-5, atol=1e-6
    )


def test_tiles_of_a_pixelwise_network_say_what_the_whole_says() -> None:
    with seeded(0):
        pixelwise = nn.Conv2d(1, 3, 1).eval()
    for access in (Access.LOGIT, Access.PROBABILITY, Access.LABEL):
        inner = restricted(target_for(pixelwise, LabelTruth(3), Access.LOGIT), access)
        images = images_of(3, 20, 17)
        served = CropTraining().wrap_target(inner)
        torch.testing.assert_close(served.predict(images).values, inner.predict(images).values)
    module = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Sigmoid())
    generator = target_for(module, ImageTruth(2), Access.IMAGE)
    torch.testing.assert_close(
        CropTraining().wrap_target(generator).predict(images).values,
        generator.predict(images).values,
    )


def test_the_network_is_asked_about_tiles_only() -> None:
    sizes = []

    def answer(images: Tensor) -> Tensor:
        sizes.append(tuple(images.shape[-2:]))
        return torch.cat([images, -images], dim=1)

    served = CropTraining(size=0.5).wrap_target(FunctionTarget(answer, LabelTruth(2), Access.LOGIT))
    served.predict(images_of(2, 10, 14))
    assert set(sizes) == {(5, 5)}


def test_one_channel_is_tiled_too() -> None:
    inner = FunctionTarget(lambda images: images - 0.5, LabelTruth(2), Access.LOGIT)
    images = images_of(2, 9, 9)
    answer = CropTraining(size=4).wrap_target(inner).predict(images).values
    torch.testing.assert_close(answer, images - 0.5)


def test_a_network_that_pads_takes_crops_as_they_are() -> None:
    """Images of 20 are no multiple of 8, but the crops are, and must not be padded up to 24."""
    options = {"widths": [4, 4, 4, 4]}
    module = NETWORKS["unet"].configured(options).build(1, 2, (20, 20))
    assert isinstance(module, Padded)
    seen = []
    module.network.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[-2:]))
    module(images_of(1, 16, 16))
    module(images_of(1, 20, 20))
    assert [tuple(size) for size in seen] == [(16, 16), (24, 24)]
    recipe = Recipe(network={"name": "unet", "options": options}, epochs=1, batch_size=4)
    defended(recipe, bright_squares(4, size=(20, 20)), CropTraining(size=16, epochs_factor=1))


def test_what_does_not_fit() -> None:
    unet = Recipe(network={"name": "unet", "options": {"widths": [4, 4, 4, 4]}})
    refused(
        "multiples of 8, at least 16: give size: 16, in pixels", unet, RECORDS, CropTraining(size=9)
    )
    with pytest.raises(InputError, match="crops of 6 x 6 does not go with network 'unet'"):
        defended(unet, RECORDS, CropTraining())
    with pytest.raises(InputError, match="crops of 13 x 13 do not fit into images of 16 x 12"):
        defended(TINY, RECORDS, CropTraining(size=13))
    served = CropTraining(size=32).wrap_target(target_for(network(), LabelTruth(3), Access.LOGIT))
    with pytest.raises(InputError, match="32 x 32 do not fit into images of 16 x 40"):
        served.predict(images_of(1, 16, 40))
    for size in (0.0, 1.0, -4, 8.5, float("nan")):
        with pytest.raises(InputError, match="a share between 0 and 1 or in whole pixels"):
            CropTraining(size=size)
    with pytest.raises(InputError, match="epochs_factor of 1, 2"):
        CropTraining(epochs_factor=0)
    with pytest.raises(InputError, match="overlap from 0 to below 1"):
        CropTraining(overlap=1.0)
    assert CropTraining(size=128).settings == CropTraining(size=128.0).settings


def test_crops_of_a_generator_against_an_adversary() -> None:
    records = pictures(4, size=32)
    recipe = Recipe(
        network={"name": "pix2pix", "options": {"width": 4, "depth": 3}},
        adversary={"name": "pix2pix", "width": 4, "layers": 2},
        epochs=1,
        batch_size=4,
    )
    trained = defended(recipe, records, CropTraining(size=16))
    assert len(trained.epoch_losses) == 3
    with pytest.raises(InputError, match="images of 8 x 8 are too small for a discriminator"):
        defended(recipe, records, CropTraining(size=8))


def test_crop_training_resumes_and_stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = (CutMix(), CropTraining(epochs_factor=1), Ema())
    whole = defended(TINY, RECORDS, *stack)
    assert same(whole, defended(TINY, RECORDS, *stack))
    assert same(whole, interrupted(monkeypatch, tmp_path, TINY, RECORDS, *stack))
    for less in itertools.combinations(stack, 2):
        assert not same(whole, defended(TINY, RECORDS, *less))


def test_tiles_can_be_put_around_a_model_that_exists() -> None:
    check_defences((CropTraining(),), None, LabelTruth(2), reserve=False)
    with pytest.raises(InputError, match="nothing is trained here"):
        check_defences((CutMix(),), None, LabelTruth(2), reserve=False)
