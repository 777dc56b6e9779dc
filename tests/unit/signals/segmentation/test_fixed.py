"""Each fixed signal on examples worked by hand, and against its pixel-by-pixel twin."""

from math import log

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from tests.unit.signals.slow_twin import slow_signals

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.signals import signals_on
from pixleak.signals.pixels.labels import Pixels
from pixleak.signals.segmentation.worst_cross_entropy import WorstCrossEntropy
from pixleak.targets.base import Prediction

EVERY = [kind() for kind in signals_on(LabelTruth(2)).values()]


def measured(pixels: Pixels) -> list[dict[str, float | None]]:
    """Every column of every signal of one query, a record a dictionary; None where not measured."""
    rows: list[dict[str, float | None]] = [{} for _ in pixels.ids]
    for signal in EVERY:
        if signal.info.queries > 1:
            continue
        columns = signal.measure(pixels)
        for j, info in enumerate(signal.infos(pixels.truth_kind)):
            for i, row in enumerate(rows):
                row[info.name] = columns.values[i, j] if columns.measured[i, j] else None
    return rows


def assert_agrees(
    found: dict[str, float | None], expected: dict[str, float | None], rel: float = 1e-6
) -> None:
    for name, value in expected.items():
        assert found[name] == (None if value is None else pytest.approx(value, rel=rel)), name


# One row of four pixels, binary. p is the probability of class 1, so the true class has
# 3/4, 1/2, 3/4, 1/2. All pixels lie within 2 of the edge in the middle.
TRUTH = torch.tensor([[[0, 0, 1, 1]]])
P = torch.tensor([[[[0.25, 0.5, 0.75, 0.5]]]])
HALVES = (log(4 / 3) + log(2)) / 2
BINARY: dict[str, float | None] = {
    "cross-entropy": HALVES,
    "log-cross-entropy": log(HALVES),
    "cross-entropy-second-moment": (log(4 / 3) ** 2 + log(2) ** 2) / 2,
    "worst-cross-entropy": log(2),  # a tenth of four pixels, rounded up: one
    "margin": log(3) / 2,
    "confidence": 0.625,
    "entropy": (-0.75 * log(0.75) - 0.25 * log(0.25) + log(2)) / 2,
    "modified-entropy": (2 * 0.25 * log(4 / 3) + 2 * 0.5 * log(2)) / 2,
    "dice-loss": 1 - 2 * (0.75 + 0.5) / (0.25 + 0.5 + 0.75 + 0.5 + 2),
    "label-agreement": 0.75,  # a tie goes to class 0
    "label-dice": 2 / 3,
    "mask-share": 0.5,
    "cross-entropy-class-0": HALVES,
    "cross-entropy-class-1": HALVES,
    "cross-entropy-at-border": HALVES,
    "cross-entropy-near-border": None,
    "cross-entropy-inside": None,
    "margin-class-0-at-border": log(3) / 2,
    "margin-class-0-near-border": None,
    "margin-class-0-inside": None,
    "margin-class-1-at-border": log(3) / 2,
    "margin-class-1-near-border": None,
    "margin-class-1-inside": None,
}


@pytest.mark.parametrize(
    "prediction",
    [
        Prediction(Access.PROBABILITY, P),
        Prediction(Access.PROBABILITY, torch.cat([1 - P, P], dim=1)),
        Prediction(Access.LOGIT, P.logit()),
        Prediction(Access.LOGIT, torch.cat([5 - P.logit(), 0 * P + 5], dim=1)),
    ],
    ids=["one probability", "two probabilities", "one logit", "two logits"],
)
def test_binary_by_hand(prediction: Prediction) -> None:
    (found,) = measured(Pixels(prediction, TRUTH, LabelTruth(2)))
    assert found.keys() == BINARY.keys()
    assert_agrees(found, BINARY)


def test_three_classes_and_an_ignored_pixel_by_hand() -> None:
    # Three valid pixels of classes 0, 1, 2 with p = 1/2, 3/5, 4/5; the fourth, certain of
    # class 0, is ignored.
    p = torch.tensor([[0.5, 0.25, 0.25], [0.2, 0.6, 0.2], [0.1, 0.1, 0.8], [1.0, 0.0, 0.0]])
    pixels = Pixels(
        Prediction(Access.PROBABILITY, p.T.reshape(1, 3, 2, 2)),
        torch.tensor([[[0, 1], [2, 255]]]),
        LabelTruth(3, ignore=255),
    )
    (found,) = measured(pixels)
    expected: dict[str, float | None] = {
        "cross-entropy": (log(2) + log(5 / 3) + log(5 / 4)) / 3,
        "margin": (0 + log(3 / 2) + log(4)) / 3,
        "confidence": 1.9 / 3,
        "entropy": -(
            (0.5 * log(0.5) + 0.5 * log(0.25))
            + (0.4 * log(0.2) + 0.6 * log(0.6))
            + (0.2 * log(0.1) + 0.8 * log(0.8))
        )
        / 3,
        "modified-entropy": (
            (-0.5 * log(0.5) - 0.5 * log(0.75))
            + (-0.4 * log(0.6) - 0.4 * log(0.8))
            + (-0.2 * log(0.8) - 0.2 * log(0.9))
        )
        / 3,
        # The foreground classes are 1 and 2; what the ignored pixel says counts in neither.
        "dice-loss": 1 - (1.2 / (0.25 + 0.6 + 0.1 + 1) + 1.6 / (0.25 + 0.2 + 0.8 + 1)) / 2,
        "label-agreement": 1.0,
        "label-dice": 1.0,
        "mask-share": 2 / 3,
        "cross-entropy-class-1": log(5 / 3),
        "margin-class-2-at-border": log(4),
        "margin-class-2-inside": None,
    }
    assert_agrees(found, expected)


def test_an_empty_mask_has_no_dice_but_a_loss() -> None:
    pixels = Pixels(
        Prediction(Access.LOGIT, torch.zeros(1, 1, 2, 2)), TRUTH.new_zeros(1, 2, 2), LabelTruth(2)
    )
    (found,) = measured(pixels)
    assert found["dice-loss"] is None
    assert found["label-dice"] is None
    assert found["mask-share"] == 0
    assert found["cross-entropy"] == pytest.approx(log(2))
    # Where no class is background, the same record consists of class 0.
    whole = Pixels(pixels.prediction, pixels.truths, LabelTruth(2, background=None))
    assert measured(whole)[0]["dice-loss"] == pytest.approx(1 - 2 * 2 / (2 + 4))


def test_bands_by_hand() -> None:
    # Twelve pixels of each class in a row: distances 12 ... 1 | 1 ... 12 to the other class, so
    # 4 are inside, 6 near the border and 2 at it on each side. Loss ln 2 at p = 1/2 throughout,
    # but ln 4 at the border of class 1.
    odds = torch.zeros(1, 1, 1, 24)
    odds[..., 12:14] = -log(3)
    truth = (torch.arange(24) >= 12).long().reshape(1, 1, 24)
    pixels = Pixels(Prediction(Access.LOGIT, odds), truth, LabelTruth(2))
    assert pixels.stratum_count.tolist() == [[[2, 6, 4], [2, 6, 4]]]
    (found,) = measured(pixels)
    assert found["cross-entropy-at-border"] == pytest.approx((log(2) + log(4)) / 2)
    assert found["cross-entropy-near-border"] == pytest.approx(log(2))
    assert found["cross-entropy-class-1"] == pytest.approx((2 * log(4) + 10 * log(2)) / 12)
    assert found["margin-class-1-at-border"] == pytest.approx(-log(3))
    assert found["margin-class-0-inside"] == pytest.approx(0)


def test_worst_pixels_by_hand() -> None:
    # Losses ln 2, ln 4, ln 5, ln 10: the worst half are the last two.
    p = torch.tensor([0.5, 0.25, 0.2, 0.1]).reshape(1, 1, 1, 4)
    pixels = Pixels(Prediction(Access.PROBABILITY, p), torch.ones(1, 1, 4).long(), LabelTruth(2))
    worst = WorstCrossEntropy(share=0.5).measure(pixels)
    assert worst.values[0, 0] == pytest.approx((log(5) + log(10)) / 2)
    with pytest.raises(InputError, match=r"share must be in \(0, 1\], got 0"):
        WorstCrossEntropy(share=0)


def test_margins_are_clipped_and_losses_stay_finite() -> None:
    for classes in (2, 3):
        odds = torch.zeros(1, classes, 1, 2)
        odds[0, 1] = torch.tensor([1e4, -1e4])
        truth = torch.ones(1, 1, 2).long()
        for prediction in (
            Prediction(Access.LOGIT, odds),
            Prediction(Access.PROBABILITY, odds.softmax(dim=1)),
        ):
            pixels = Pixels(prediction, truth, LabelTruth(classes))
            assert pixels.margin.flatten().tolist() == [15.0, -15.0]
            assert pixels.cross_entropy.flatten().tolist() == pytest.approx(
                [np.exp(-15), 15], rel=1e-5
            )


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    classes=st.sampled_from([2, 2, 3, 5]),
    access=st.sampled_from([Access.LOGIT, Access.PROBABILITY]),
    one_channel=st.booleans(),
    ignore=st.sampled_from([None, 255, -1]),
    background=st.sampled_from([None, 0, 1]),
    height=st.integers(1, 11),
    width=st.integers(1, 11),
    steepness=st.sampled_from([0.5, 3.0, 30.0]),
)
def test_every_signal_equals_its_slow_twin(
    seed: int,
    classes: int,
    access: Access,
    one_channel: bool,
    ignore: int | None,
    background: int | None,
    height: int,
    width: int,
    steepness: float,
) -> None:
    generator = np.random.default_rng(seed)
    channels = 1 if one_channel and classes == 2 else classes
    logits = torch.from_numpy(steepness * generator.standard_normal((3, channels, height, width)))
    values = logits.float()
    if access is Access.PROBABILITY:
        values = values.sigmoid() if channels == 1 else values.softmax(dim=1)
    labels = np.kron(generator.integers(0, classes, (3, 4, 4)), np.ones((1, 4, 4), dtype=np.int64))[
        :, :height, :width
    ]
    if ignore is not None:
        labels = np.where(generator.random(labels.shape) < 0.3, ignore, labels)
        labels[:, 0, 0] = 0  # no record is ignored whole
    kind = LabelTruth(classes, ignore=ignore, background=background)
    found = measured(Pixels(Prediction(access, values), torch.from_numpy(labels), kind))
    for i, row in enumerate(found):
        expected = slow_signals(access, values[i].numpy(), labels[i], kind)
        assert row.keys() == expected.keys()
        for name, value in row.items():
            twin = expected[name]
            assert (value is None) == (twin is None), name
            if value is not None and twin is not None:
                assert_allclose(value, twin, rtol=2e-4, atol=2e-5, err_msg=name)
