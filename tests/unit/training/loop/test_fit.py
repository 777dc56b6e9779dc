from __future__ import annotations

import re

import pytest
import torch
from torch import Generator, Tensor, nn

from pixleak.core.errors import InputError
from pixleak.core.truth import ImageTruth, LabelTruth
from pixleak.records.base import RecordKey, Records
from pixleak.training.loop import trainer as trainer_module
from pixleak.training.loop.feed import feed
from pixleak.training.loop.fit import fit
from pixleak.training.loop.losses import LOSSES
from pixleak.training.loop.trainer import Trainer
from pixleak.training.recipe import Recipe
from pixleak.training.trained import Trained
from pixleak.training.untrained import untrained
from toy_records import bright_squares

TINY = Recipe(network="tiny", epochs=3, batch_size=4, lr=0.01)


def vector(trained: Trained) -> Tensor:
    return nn.utils.parameters_to_vector(trained.module.parameters()).detach()


@pytest.fixture(autouse=True)
def _one_thread() -> object:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("augment", ["none", "flips+intensity"])
def test_same_seed_same_weights_bit_for_bit(augment: str) -> None:
    network = {"name": "unet", "options": {"widths": [4, 8], "dropout": 0.2}}
    recipe = Recipe(network=network, epochs=2, batch_size=4, augment=augment)
    records = bright_squares()
    torch.manual_seed(1)
    one = fit(recipe, records, seed=5)
    state = torch.get_rng_state()
    two = fit(recipe, records, seed=5)
    assert torch.equal(vector(one), vector(two))
    assert one.epoch_losses == two.epoch_losses
    assert torch.equal(state, torch.get_rng_state())
    assert not torch.equal(vector(one), vector(fit(recipe, records, seed=6)))


def test_learns_and_reports() -> None:
    heard: list[tuple[int, float]] = []
    recipe = TINY.model_copy(update={"epochs": 40})
    trained = fit(
        recipe, bright_squares(), seed=0, on_epoch=lambda e, loss: heard.append((e, loss))
    )
    assert heard == list(enumerate(trained.epoch_losses, start=1))
    assert trained.epoch_losses[-1] < 0.3 * trained.epoch_losses[0]
    assert trained.seconds > 0
    assert not trained.module.training
    assert all(p.grad is None for p in trained.module.parameters())
    unseen = bright_squares(seed=9)
    images, truths = feed(unseen)(torch.arange(len(unseen)))
    with torch.no_grad():
        predicted = trained.module(images).argmax(dim=1)
    assert (predicted == truths).float().mean() > 0.97


def test_one_full_batch_of_sgd_by_hand() -> None:
    """Three records in one batch, one epoch: w - lr (gradient of the mean loss + decay w)."""
    recipe = Recipe(
        network={"name": "tiny", "options": {"layers": 1}},
        loss="ce",
        epochs=1,
        batch_size=3,
        lr=0.5,
        optimizer="sgd",
        weight_decay=0.1,
    )
    records = bright_squares(3)
    module = untrained(recipe, 1, LabelTruth(2), (8, 8), seed=4)
    images, truths = feed(records)(torch.arange(3))
    loss = nn.functional.cross_entropy(module(images), truths)
    loss.backward()
    expected = [p.detach() - 0.5 * (p.grad + 0.1 * p.detach()) for p in module.parameters()]
    trained = fit(recipe, records, seed=4)
    assert trained.epoch_losses == (pytest.approx(loss.item(), rel=1e-6),)
    for got, wanted in zip(trained.module.parameters(), expected, strict=True):
        torch.testing.assert_close(got.detach(), wanted)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "nadam", "sgd"])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_optimizer_lowers_every_loss(optimizer: str, loss: str) -> None:
    recipe = TINY.model_copy(update={"optimizer": optimizer, "loss": loss, "epochs": 15})
    losses = fit(recipe, bright_squares(), seed=0).epoch_losses
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [("cosine", [1, 0.75, 0.25]), ("linear", [1, 2 / 3, 1 / 3]), ("constant", [1, 1, 1])],
)
def test_schedule_by_hand(schedule: str, expected: list[float]) -> None:
    # Three steps: cosine 0.5 (1 + cos(pi t / 3)).
    recipe = TINY.model_copy(update={"schedule": schedule, "batch_size": 4})
    rates: list[float] = []

    class Listening(Trainer):
        def step(self, module, optimizer, images, truths, epoch):  # type: ignore[no-untyped-def]
            rates.append(optimizer.param_groups[0]["lr"] / recipe.lr)
            return super().step(module, optimizer, images, truths, epoch)

    Listening(recipe.model_copy(update={"epochs": 1}), bright_squares(12), seed=0).run()
    assert rates == pytest.approx(expected)


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [
        (9, 4, [4, 5]),
        (8, 4, [4, 4]),
        (10, 4, [4, 4, 2]),
        (1, 4, [1]),
        (3, 1, [1, 1, 1]),
        (3, 2, [3]),
    ],
)
def test_batches_hold_every_record_once(count: int, size: int, expected: list[int]) -> None:
    recipe = TINY.model_copy(update={"batch_size": size})
    trainer = Trainer(recipe, bright_squares(count), seed=0)
    draws = Generator().manual_seed(0)
    first, second = trainer.batches(draws), trainer.batches(draws)
    assert [len(batch) for batch in first] == expected
    assert sorted(torch.cat(first).tolist()) == list(range(count))
    if count > 8:
        assert torch.cat(first).tolist() != torch.cat(second).tolist()


def test_one_left_over_record_trains_with_batch_normalisation() -> None:
    # 17 x 17 is padded to 32 x 32, where the bottom of this network is a single pixel.
    pytest.importorskip("segmentation_models_pytorch")
    network = {"name": "smp-deeplabv3plus", "options": {"encoder": "mobilenet_v2"}}
    recipe = Recipe(network=network, epochs=1, batch_size=2)
    fit(recipe, bright_squares(3, size=(17, 17)), seed=0)
    with pytest.raises(InputError, match="needs at least 2 records and batch_size >= 2"):
        fit(recipe, bright_squares(1, size=(17, 17)), seed=0)


def test_streaming_gives_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    records = bright_squares()
    held = fit(TINY, records, seed=0)
    loaded: list[int] = []

    def load(index: int) -> tuple[Tensor, Tensor]:
        loaded.append(index)
        return records.load(index)

    counted = Records(records.keys, load, records.truth)
    monkeypatch.setattr(trainer_module, "feed", lambda records: feed(records, memory_limit=0))
    assert torch.equal(vector(held), vector(fit(TINY, counted, seed=0)))
    assert len(loaded) >= TINY.epochs * len(records)


def test_divergence_is_a_sentence() -> None:
    recipe = Recipe(network="tiny", optimizer="sgd", lr=1e30, epochs=9)
    with pytest.raises(
        InputError,
        match=r"training diverged in epoch \d: the loss became (nan|inf); use a lower learning "
        r"rate than lr=1e\+30",
    ):
        fit(recipe, bright_squares(), seed=0)


def of(records: list[tuple[Tensor, Tensor]], truth: LabelTruth | ImageTruth) -> Records:
    keys = [RecordKey(name) for name, _ in zip("abcdef", records, strict=False)]
    return Records(keys, lambda i: records[i], truth, "mine")


def test_records_that_cannot_be_trained_on() -> None:
    def refused(records: Records, sentence: str) -> None:
        with pytest.raises(InputError, match=re.escape(sentence)):
            fit(TINY, records, seed=0)

    image, truth = torch.zeros(1, 4, 4), torch.zeros(4, 4, dtype=torch.int64)
    larger = torch.zeros(1, 5, 4), torch.zeros(5, 4, dtype=torch.int64)
    refused(
        of([(image, truth), larger], LabelTruth(2)),
        "mine: record 'b' has an image of (1, 5, 4) and a truth of (5, 4), the first record "
        "(1, 4, 4) and (4, 4); training needs one size: resize the records",
    )
    refused(
        of([(image, truth), (image, truth + 7)], LabelTruth(2, ignore=255)),
        "mine: record 'b' has label 7, which is none of the 2 classes (0..1) nor ignored (255)",
    )
    refused(of([(image, truth - 1)], LabelTruth(2)), "record 'a' has label -1")
    refused(of([(image, image)], ImageTruth(1)), "the truth of these records is an image; use l")
    ignored = of([(image, truth), (image, truth + 255)], LabelTruth(2, ignore=255))
    assert len(fit(TINY, ignored, seed=0).epoch_losses) == TINY.epochs


def test_a_step_can_be_replaced() -> None:
    class Clipped(Trainer):
        """Trains on half of each image."""

        def change(self, images: Tensor, truths: Tensor, draws: Generator) -> tuple[Tensor, Tensor]:
            images, truths = super().change(images, truths, draws)
            return images[..., :4], truths[..., :4]

    records = bright_squares()
    left = of([(r.image[..., :4], r.truth[..., :4]) for r in list(records)[:6]], records.truth)
    few = records.select(records.ids[:6])
    assert torch.equal(vector(Clipped(TINY, few, seed=0).run()), vector(fit(TINY, left, seed=0)))


@pytest.mark.gpu
def test_trains_on_the_gpu() -> None:
    recipe = TINY.model_copy(update={"epochs": 15})
    trained = fit(recipe, bright_squares(), seed=0, device="cuda")
    assert next(trained.module.parameters()).is_cuda
    assert trained.epoch_losses[-1] < trained.epoch_losses[0]
