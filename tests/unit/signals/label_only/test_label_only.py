"""Signals that ask more than once, on answers worked by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.signals.label_only.dice_of_labels import every_dice, foreground_dice, joint_counts
from pixleak.signals.label_only.noise_robustness import NoiseRobustness
from pixleak.signals.label_only.transform_agreement import TransformAgreement, transforms
from pixleak.signals.measure import measure
from pixleak.targets.function import FunctionTarget
from pixleak.testing.worlds.label_maps import echo_records

TRUTH = LabelTruth(2)


def test_transforms_are_all_different_and_come_back() -> None:
    maps = torch.arange(20).reshape(1, 4, 5)
    found = list(transforms(4, 5, 1, turns=True))
    assert len(found) == 3 + 4
    square = torch.arange(16).reshape(1, 4, 4)
    assert len(list(transforms(4, 4, 1))) == 3 + 4
    turned = list(transforms(4, 4, 1, turns=True))
    assert len(turned) == 7 + 4
    assert len({tuple(t.forth(square).flatten().tolist()) for t in turned}) == 11
    for whole, every in ((maps, found), (square, turned)):
        for transform in every:
            back = transform.back(transform.forth(whole))
            assert torch.equal(back[:, transform.kept], whole[:, transform.kept])
    assert [int(t.kept.sum()) for t in found] == [20, 20, 20, 15, 15, 16, 16]


def test_a_shift_by_hand() -> None:
    down = list(transforms(3, 2, 1))[3]
    before = torch.tensor([[1, 2], [3, 4], [5, 6]])
    assert down.forth(before).tolist() == [[1, 2], [1, 2], [3, 4]]
    assert down.back(down.forth(before)).tolist() == [[1, 2], [3, 4], [3, 4]]
    assert down.kept.tolist() == [[True, True], [True, True], [False, False]]


def test_dice_by_hand() -> None:
    truth = torch.tensor([[[0, 1, 1, 2]], [[0, 0, 0, 0]]])
    said = torch.tensor([[[0, 1, 2, 2]], [[0, 0, 0, 1]]])
    kept = torch.ones(2, 1, 4, dtype=torch.bool)
    counts = joint_counts(truth, said, kept, 3)
    assert counts[0].tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    # Class 1: 2 * 1 / (2 + 1), class 2: 2 * 1 / (1 + 2); the second record has no foreground.
    values, measured = foreground_dice(counts, LabelTruth(3))
    assert values[0] == pytest.approx(2 / 3)
    assert measured.tolist() == [True, False]
    # All classes of either: (1 + 2/3 + 2/3) / 3, and (2 * 3 / (4 + 3) + 0) / 2.
    values, measured = every_dice(counts)
    assert values.tolist() == [pytest.approx(7 / 9), pytest.approx(3 / 7)]
    assert measured.tolist() == [True, True]


def blind_on_the_left(images: Tensor) -> Tensor:
    """Sees foreground where the image is bright, but never in the left column."""
    labels = (images[:, 0] > 0.5).long()
    labels[:, :, 0] = 0
    return labels


def test_agreement_of_a_network_that_is_not_equivariant_by_hand() -> None:
    # Foreground: the right two of four columns, in both of two rows.
    truth = torch.tensor([[0, 0, 1, 1], [0, 0, 1, 1]])
    records = echo_records([truth[None].float()], [truth], TRUTH)
    target = FunctionTarget(blind_on_the_left, TRUTH, Access.LABEL)
    table = measure(target, records, [TransformAgreement()])
    found = dict(zip(table.names, table.values[0], strict=True))
    # Mirrored left-right (and both), the blind column lies on the last of the truth: 2 of 4 pixels
    # are found, 2 * 2 / (4 + 2). Mirrored up-down and not at all: everything is.
    one_lost = 2 * 2 / (4 + 2)
    assert found["mirror-dice"] == pytest.approx((1 + one_lost + 1 + one_lost) / 4)
    # Shifts up and down keep one row; to the right three columns, one of which is foreground; to
    # the left the last three. Nothing that counts is ever in the blind column.
    assert found["shift-dice"] == pytest.approx(1)
    # Of the background 4 pixels are 4 of 6.
    both = (one_lost + 2 * 4 / (4 + 6)) / 2
    assert found["transform-consistency"] == pytest.approx((both + 1 + both + 4) / 7)


def brightness(images: Tensor) -> Tensor:
    return (images[:, 0] > 0.5).long()


def test_a_robust_target_outranks_a_fragile_one() -> None:
    # Both are right about the clean image. One decides by the mean of 3 x 3 pixels.
    truth = torch.zeros(16, 16, dtype=torch.int64)
    truth[4:12, 4:12] = 1
    wide = torch.nn.functional.max_pool2d(truth[None, None].float(), 3, 1, 1)[0]
    records = echo_records([wide], [truth], TRUTH)

    def robust(images: Tensor) -> Tensor:
        mean = torch.nn.functional.avg_pool2d(images, 3, 1, 1)
        return (mean[:, 0] > 0.95).long()

    def fragile(images: Tensor) -> Tensor:
        least = -torch.nn.functional.max_pool2d(-images, 3, 1, 1)
        return (least[:, 0] > 0.95).long()

    signal = NoiseRobustness(levels=(0.01, 0.05, 0.2, 0.8), repeats=4)
    tables = [
        measure(FunctionTarget(target, TRUTH, Access.LABEL), records, [signal]).values[0]
        for target in (robust, fragile)
    ]
    assert (tables[0] > tables[1]).all()


def test_the_level_that_breaks_a_mask_by_hand() -> None:
    signal = NoiseRobustness(levels=(1.0, 2.0, 4.0))
    curves = np.array(
        [
            [1.0, 0.8, 0.6, 0.4],  # half way from 2 to 4
            [0.7, 0.3, 0.1, 0.0],  # half way from 0 to 1
            [0.5, 0.4, 0.4, 0.4],  # broken from the start
            [0.9, 0.9, 0.8, 0.7],  # never
        ]
    )
    np.testing.assert_allclose(signal.breaking(curves), [3.0, 0.5, 0.0, 4.0])


def test_noise_is_in_units_of_the_image_and_the_same_for_every_model() -> None:
    truth = torch.tensor([[0, 1], [1, 0]])
    asked: list[Tensor] = []

    def keeping(images: Tensor) -> Tensor:
        asked.append(images)
        return brightness(images)

    for factor in (1.0, 10.0):
        records = echo_records([factor * truth[None].float()], [truth], TRUTH)
        target = FunctionTarget(keeping, TRUTH, Access.LABEL)
        measure(target, records, [NoiseRobustness(levels=(1.0, 2.0), repeats=1)])
    small, large = asked[:3], asked[3:]
    for first, second in zip(small, large, strict=True):
        torch.testing.assert_close(10 * first, second)
    torch.testing.assert_close(2 * (small[1] - small[0]), small[2] - small[0])


def test_a_constant_image_is_not_measured() -> None:
    truth = torch.tensor([[0, 1], [1, 0]])
    records = echo_records([torch.ones(1, 2, 2)], [truth], TRUTH)
    target = FunctionTarget(brightness, TRUTH, Access.LABEL)
    assert not measure(target, records, [NoiseRobustness()]).measured.any()


@pytest.mark.parametrize(
    "make",
    [
        lambda: TransformAgreement(shift=0),
        lambda: NoiseRobustness(levels=()),
        lambda: NoiseRobustness(levels=(0.5, 0.2)),
        lambda: NoiseRobustness(levels=(0.0, 1.0)),
        lambda: NoiseRobustness(repeats=0),
    ],
)
def test_settings_out_of_range_are_refused(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match="got"):
        make()
