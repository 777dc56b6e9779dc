"""Train one model by a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pixleak.records.base import Records
from pixleak.training.loop.trainer import Trainer, TrainingDefence
from pixleak.training.recipe_settings import RecipeSettings
from pixleak.training.trained import OnEpoch, Trained


def fit(
    recipe: RecipeSettings,
    records: Records,
    *,
    seed: int,
    device: str = "cpu",
    on_epoch: OnEpoch | None = None,
    partial: Path | None = None,
    pictures: bool = False,
    defences: Sequence[TrainingDefence] = (),
    reserve: Records | None = None,
) -> Trained:
    """Train a fresh model by a recipe.

    The same seed gives the same weights bit for bit, on one CPU thread (or the same number of
    them) and the same version of torch; torch's global generators stay as they were. Records are
    held in memory where they need at most 1 GiB, and else loaded batch by batch.

    Args:
        recipe: how to train.
        records: what to train on; all of one size. A loss of ``dice``, ``ce`` or both needs label
            maps, ``l1`` or ``l2`` true images in [0, 1].
        seed: at least 0.
        device: where to train.
        on_epoch: called after each epoch.
        partial: file for the state of an unfinished training, and to resume from where it
            exists; the weights are those of an uninterrupted training, bit for bit.
        pictures: keep a generator's answers on the first records after some epochs.
        defences: what changes the steps; they must have modified the recipe already.
        reserve: records beside those trained on that the defender holds, for defences that need
            some.

    Raises:
        InputError: records that cannot be trained on, or the loss became infinite or NaN.
        MissingExtraError: a package that the network needs is not installed.
    """
    kind = trainer_for(recipe, defences)
    trainer = kind(
        recipe, records, seed=seed, device=device, defences=tuple(defences), reserve=reserve
    )
    return trainer.run(on_epoch, partial=partial, pictures=pictures)


def trainer_for(recipe: RecipeSettings, defences: Sequence[TrainingDefence]) -> type[Trainer]:
    """The steps of this training; those of the last defence are the outermost."""
    kind: type[Trainer] = Trainer
    if recipe.adversary is not None:
        from pixleak.training.loop.adversarial import AdversarialTrainer

        kind = AdversarialTrainer
    changed = [steps for defence in defences if (steps := defence.trainer()) is not None]
    if not changed:
        return kind
    return type("DefendedTrainer", (*reversed(changed), kind), {})
