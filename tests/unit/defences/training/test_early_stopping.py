"""Early stopping: the best epoch on the reserve is kept."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pixleak.core.errors import InputError
from pixleak.core.truth import LabelTruth
from pixleak.defences.training.early_stopping import EarlyStopping, EarlyStoppingTrainer
from pixleak.defences.training.ema import Ema
from pixleak.records.base import Records
from pixleak.training.defence import check_defences
from pixleak.training.loop.feed import feed
from pixleak.training.loop.fit import fit
from pixleak.training.loop.losses import LOSSES
from pixleak.training.loop.trainer import Epoch
from pixleak.training.recipe import Recipe
from toy_records import bright_squares
from trainings import TINY, defended, interrupted, pictures, same

RECORDS, RESERVE = bright_squares(), bright_squares(6, seed=5)
NORMED = Recipe(
    network={"name": "unet", "options": {"widths": [4, 8], "norm": "batch", "dropout": 0.3}},
    epochs=6,
    batch_size=4,
    lr=0.05,
    schedule="constant",
)


def _contrary(index: int) -> tuple[Tensor, Tensor]:
    image, truth = RESERVE.load(index)
    return image, 1 - truth


CONTRARY = Records(RESERVE.keys, _contrary, RESERVE.truth, "contrary")
"""A reserve whose loss rises as the others' falls, so that the last epoch is not the best."""


def loss_on(module: nn.Module, records: Records = RESERVE) -> float:
    images, truths = feed(records)(torch.arange(len(records)))
    with torch.no_grad():
        return float(LOSSES["dice+ce"](module.eval()(images), truths, LabelTruth(2)).mean())


class Remembering(EarlyStoppingTrainer):
    """Keeps a copy of every epoch."""

    def over(self, epoch: int, module: nn.Module) -> bool:
        self.seen = [*getattr(self, "seen", []), copy.deepcopy(module)]
        assert module.training
        return super().over(epoch, module)


def test_the_best_epoch_is_kept_exactly() -> None:
    trainer = Remembering(
        NORMED, RECORDS, defences=(EarlyStopping(patience=99),), seed=0, reserve=CONTRARY
    )
    trained = trainer.run()
    losses = [loss_on(module, CONTRARY) for module in trainer.seen]
    best = min(range(6), key=losses.__getitem__)
    assert best < 5, "the last epoch would be kept without any stopping"
    assert trained.facts["epoch kept"] == best + 1
    assert trained.facts["loss on the reserve"] == pytest.approx(losses[best], rel=1e-5)
    for key, value in trainer.seen[best].state_dict().items():
        assert torch.equal(trained.module.state_dict()[key], value)
    # Looking changes nothing: the epochs are those of an undefended training.
    assert trained.epoch_losses == fit(NORMED, RECORDS, seed=0).epoch_losses


@pytest.mark.parametrize("patience", [1, 2])
def test_patience_by_hand(patience: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses 5 4 4 3 3 3 ...: with a patience of 1 the second 4 ends it, with 2 the third 3."""
    coming = iter([5.0, 4.0, 4.0, 3.0, 3.0, 3.0, 9.0])
    monkeypatch.setattr(EarlyStoppingTrainer, "loss_on_reserve", lambda *_: next(coming))
    recipe = TINY.model_copy(update={"epochs": 7})
    trained = defended(recipe, RECORDS, EarlyStopping(patience=patience), reserve=RESERVE)
    stopped, kept = {1: (3, 2), 2: (6, 4)}[patience]
    assert len(trained.epoch_losses) == stopped
    assert trained.facts == {"epoch kept": kept, "loss on the reserve": {1: 4.0, 2: 3.0}[patience]}


def test_stopping_resumes_with_what_was_best_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = EarlyStopping(patience=99)
    whole = defended(NORMED, RECORDS, stopping, reserve=CONTRARY)
    kept = int(whole.facts["epoch kept"])
    # Broken off after the best epoch, whose weights only the file still has.
    again = interrupted(
        monkeypatch,
        tmp_path,
        NORMED,
        RECORDS,
        stopping,
        reserve=CONTRARY,
        at=kept + 2,
    )
    assert same(whole, again)
    assert whole.facts == again.facts
    assert whole.epoch_losses == again.epoch_losses


class Penalised(EarlyStoppingTrainer):
    """With what another defence might do to the loss."""

    def losses(self, module: nn.Module, images: Tensor, truths: Tensor, epoch: Epoch) -> Tensor:
        return super().losses(module, images, truths, epoch) + 1


def test_the_reserve_is_judged_by_the_recipes_loss_alone() -> None:
    defences = (EarlyStopping(),)
    trained = Penalised(TINY, RECORDS, seed=0, defences=defences, reserve=RESERVE).run()
    assert trained.epoch_losses[0] > 1.5
    assert trained.facts["loss on the reserve"] == pytest.approx(loss_on(trained.module), rel=1e-5)


def test_a_generators_reserve() -> None:
    recipe = Recipe(network="tiny", loss="l1", epochs=3, batch_size=4)
    trained = defended(recipe, pictures(), EarlyStopping(), reserve=pictures(4, seed=1))
    images, truths = feed(pictures(4, seed=1))(torch.arange(4))
    with torch.no_grad():
        error = float((trained.module(images) - truths).abs().mean())
    assert trained.facts["loss on the reserve"] == pytest.approx(error, rel=1e-5)


def test_stopping_needs_a_reserve_and_patience() -> None:
    with pytest.raises(InputError, match=r"set split\.reserve"):
        check_defences((EarlyStopping(),), TINY, RECORDS.truth, reserve=False)
    with pytest.raises(InputError, match=r"set split\.reserve"):
        fit(TINY, RECORDS, seed=0, defences=(EarlyStopping(),))
    with pytest.raises(InputError, match="patience of at least 1"):
        EarlyStopping(patience=0)


@pytest.mark.parametrize("order", [1, -1])
def test_stopping_looks_at_averages_whichever_comes_first(order: int) -> None:
    defences = (Ema(), EarlyStopping(patience=99))[::order]
    trained = defended(NORMED, RECORDS, *defences, reserve=CONTRARY)
    assert trained.facts["loss on the reserve"] == pytest.approx(
        loss_on(trained.module, CONTRARY), rel=1e-5
    )
    shorter = NORMED.model_copy(update={"epochs": int(trained.facts["epoch kept"])})
    assert same(trained, defended(shorter, RECORDS, Ema()))
