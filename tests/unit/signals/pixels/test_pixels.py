import numpy as np
import pytest
import torch
from tests.unit.signals.slow_twin import band_of

from pixleak.core.access import Access
from pixleak.core.errors import InputError, UnmetNeedError
from pixleak.core.truth import LabelTruth
from pixleak.signals.pixels import labels as module
from pixleak.signals.pixels.bands import border_bands
from pixleak.signals.pixels.labels import QUANTITIES, Pixels
from pixleak.targets.base import Prediction
from pixleak.testing.worlds.label_maps import overfitted_world


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (7, 26), (20, 20)])
@pytest.mark.parametrize("classes", [2, 130])
@pytest.mark.parametrize("ignoring", [False, True])
def test_bands_equal_a_search_for_the_nearest_other_label(
    shape: tuple[int, int], classes: int, ignoring: bool
) -> None:
    generator = np.random.default_rng(sum(shape) + classes)
    labels = np.zeros((2, *shape), dtype=np.int64)
    for _ in range(4):  # a few lone pixels, far apart
        place = tuple(generator.integers(0, labels.shape))
        labels[place] = generator.integers(0, classes)
    valid = generator.random(labels.shape) > 0.2 if ignoring else np.ones(labels.shape, dtype=bool)
    small = labels.astype(np.uint8) * valid
    found = border_bands(small, valid if ignoring else None)
    seen = np.where(valid, labels, -1)
    for i, y, x in zip(*np.nonzero(valid), strict=True):
        assert found[i, y, x] == band_of(seen[i], -1, y, x), (i, y, x)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = LabelTruth(3, ignore=255)
    world = overfitted_world(truth, records=7)
    batch = next(world.records.batches(7))
    prediction = world.target().predict(batch.images)
    whole = Pixels(prediction, batch.truths, truth)
    expected = {name: whole.sums(name) for name in QUANTITIES}
    losses, worst = whole.cross_entropy, whole.worst_loss(0.1)
    # Two records a block, one record a block, and a record in three pieces.
    for block in (2 * 24 * 24, 24 * 24, 200):
        monkeypatch.setattr(module, "BLOCK", block)
        pixels = Pixels(prediction, batch.truths, truth)
        assert np.array_equal(pixels.stratum_count, whole.stratum_count)
        for name, sums in expected.items():
            np.testing.assert_allclose(pixels.sums(name), sums, rtol=1e-5, atol=1e-4, err_msg=name)
        assert torch.equal(pixels.cross_entropy, losses)
        assert np.array_equal(pixels.worst_loss(0.1), worst)


def test_as_predicted_knows_the_prediction_only() -> None:
    truth = LabelTruth(2, ignore=255)
    answer = Prediction(Access.LOGIT, torch.tensor([[[[2.0, -1.0, 3.0]]]]))
    right = Pixels(answer, torch.tensor([[[1, 0, 255]]]), truth).as_predicted
    wrong = Pixels(answer, torch.tensor([[[0, 1, 255]]]), truth).as_predicted
    assert right.truths.tolist() == wrong.truths.tolist() == [[[1, 0, 255]]]
    assert wrong.margin[0, 0, :2].tolist() == [2.0, 1.0]


def test_any_map_is_averaged_over_valid_pixels() -> None:
    answer = Prediction(Access.LOGIT, torch.zeros(1, 1, 1, 3))
    pixels = Pixels(answer, torch.tensor([[[1, 0, 255]]]), LabelTruth(2, ignore=255))
    values = torch.tensor([[[1.0, 4.0, torch.inf]]])
    assert pixels.mean_of(values).tolist() == [2.5]


def test_one_hot_truth_is_zero_where_ignored() -> None:
    answer = Prediction(Access.LOGIT, torch.zeros(1, 1, 1, 3))
    pixels = Pixels(answer, torch.tensor([[[1, 0, 255]]]), LabelTruth(2, ignore=255))
    assert pixels.truth_one_hot.tolist() == [[[[0, 1, 0]], [[1, 0, 0]]]]


@pytest.mark.parametrize(
    ("values", "truths", "complaint"),
    [
        (torch.zeros(1, 1, 2, 2), torch.full((1, 2, 2), 255), "every pixel of record 'a'"),
        (torch.zeros(1, 1, 2, 2), torch.full((1, 2, 2), 2), "label 2, expected 0..1 or 255"),
        (torch.zeros(1, 1, 2, 2), torch.full((1, 2, 2), -1), "label -1, expected 0..1"),
        (torch.zeros(1, 3, 2, 2), torch.zeros(1, 2, 2), r"shape \(1, 3, 2, 2\) does not fit 2"),
        (torch.zeros(1, 1, 2, 3), torch.zeros(1, 2, 2), "does not fit"),
        (torch.zeros(1, 1, 2, 2), torch.zeros(2, 2), r"must be \(b, h, w\)"),
    ],
)
def test_what_does_not_fit_is_refused(
    values: torch.Tensor, truths: torch.Tensor, complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        Pixels(Prediction(Access.LOGIT, values), truths.long(), LabelTruth(2, ignore=255), ["a"])


def test_hard_labels_have_no_probabilities() -> None:
    pixels = Pixels(
        Prediction(Access.LABEL, torch.ones(1, 1, 2).long()),
        torch.tensor([[[1, 0]]]),
        LabelTruth(2),
    )
    assert pixels.mean("right").tolist() == [0.5]
    with pytest.raises(UnmetNeedError, match="hard labels carry no probabilities"):
        _ = pixels.margin
