"""Training by a recipe: a network, a loss, an optimizer and a number of epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pixleak.core.errors import InputError, setting
from pixleak.core.truth import Truth
from pixleak.training.method import TrainingMethod
from pixleak.training.own.own_code import OwnCode
from pixleak.training.recipe_settings import RecipeSettings

if TYPE_CHECKING:
    from torch import nn

    from pixleak.records.base import Records
    from pixleak.training.loop.trainer import TrainingDefence
    from pixleak.training.trained import OnEpoch, Trained

TRIAL_EPOCHS = 2
"""Epochs of a short version: the first warms up, the second is timed."""

TRIAL_BATCHES = 4
"""How many batches an epoch of a short version has."""


class Recipe(RecipeSettings, TrainingMethod):
    """How a model is trained: everything but the records and the seed.

    A segmenter answers with logits, (b, K, h, w); a generator, which has a pixel loss, with images.

    Example:
        >>> Recipe(network="tiny", epochs=3).description
        'tiny (width=8, layers=2), dice+ce, 3 epochs, batch 8, adam 0.001 cosine'
    """

    name: ClassVar[str] = "recipe"
    summary: ClassVar[str] = "a network, a loss, an optimizer and a number of epochs"

    @property
    def label(self) -> str:
        return self.network.name

    @property
    def written(self) -> Mapping[str, Any]:
        content: dict[str, Any] = dict(self.identity)
        for key, own in (("loss", self.loss), ("optimizer", self.optimizer)):
            if isinstance(own, OwnCode):
                content[key] = own.written
        if self.network.code is not None:
            content["network"] = {**content["network"], **self.network.code.written}
        return content

    @property
    def steps(self) -> int:
        return self.epochs

    @property
    def has_discriminator(self) -> bool:
        return self.adversary is not None

    def check(self, truth: Truth) -> None:
        self.check_loss(truth)

    def check_sampling(self, samples: int) -> None:
        options = self.network.options
        if samples < 2 or options.get("sampling", False):
            return
        raise InputError(
            f"{setting('target.samples')} is {samples}, but network {self.network.name!r} gives "
            "the same answer however often it is asked: "
            + ("set sampling: true in its options" if "sampling" in options else "leave it at 1")
        )

    def trial(self) -> tuple[Self, int]:
        short = self.model_copy(update={"epochs": TRIAL_EPOCHS})
        return short, TRIAL_BATCHES * self.batch_size

    def train(
        self,
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
        from pixleak.training.loop.fit import fit

        return fit(
            self,
            records,
            seed=seed,
            device=device,
            on_epoch=on_epoch,
            partial=partial,
            pictures=pictures,
            defences=defences,
            reserve=reserve,
        )

    def untrained(self, channels: int, truth: Truth, size: tuple[int, int], seed: int) -> nn.Module:
        from pixleak.training.untrained import untrained

        return untrained(self, channels, truth, size, seed)

    def untrained_discriminator(
        self, channels: int, truth: Truth, size: tuple[int, int], seed: int
    ) -> nn.Module | None:
        if self.adversary is None:
            return None
        from pixleak.training.discriminators import Discriminator
        from pixleak.training.seeded import seeded
        from pixleak.training.untrained import outputs_of

        with seeded(seed):
            return Discriminator(self.adversary, channels, outputs_of(truth), size)

    def outputs(self, path: Path) -> tuple[Path, ...]:
        return (path,) if self.adversary is None else (path, discriminator_path(path))

    def save(self, trained: Trained, records: Records, path: Path) -> None:
        from pixleak.training.checkpoint import network_metadata, save_weights
        from pixleak.training.untrained import outputs_of

        channels, height, width = records[0].image.shape
        outputs, size = outputs_of(records.truth), (height, width)
        network = self.network
        metadata = network_metadata(
            network.name, network.options, channels, outputs, size, group_norm=network.group_norm
        )
        save_weights(trained.module, path, metadata)
        if self.adversary is not None:
            from pixleak.training.discriminators import describe

            save_weights(
                trained.companions["discriminator"],
                discriminator_path(path),
                describe(self.adversary, channels, outputs, size),
            )

    def load(self, path: Path) -> nn.Module:
        from pixleak.training.checkpoint import load_network

        return load_network(path, self.network.outside_the_table)

    def load_discriminator(self, path: Path) -> nn.Module | None:
        return discriminator_beside(path)


def discriminator_path(weights: Path) -> Path:
    """Where the weights of the discriminator are that a generator was trained against."""
    return weights.with_suffix(".discriminator.safetensors")


def discriminator_beside(weights: Path) -> nn.Module | None:
    """The discriminator that was trained with these weights; None where its file is missing.

    Raises:
        InputError: the file is damaged.
    """
    path = discriminator_path(weights)
    if not path.is_file():
        return None
    from pixleak.training.discriminators import load_discriminator

    return load_discriminator(path)
