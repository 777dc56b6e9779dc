"""What a training method is: how a model is obtained from records and a seed.

Target, shadow model and reference models are all trained through this interface. The method that
pixleak brings is :class:`~pixleak.training.recipe.Recipe`; another package adds its own as a
subclass of :class:`TrainingMethod` through an entry point of the group
``pixleak.training-methods``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pixleak.core.access import Access
from pixleak.core.part import Part
from pixleak.core.truth import Truth

if TYPE_CHECKING:
    from torch import nn

    from pixleak.records.base import Records
    from pixleak.training.loop.trainer import TrainingDefence
    from pixleak.training.trained import OnEpoch, Trained


class TrainingMethod(Part, ABC):
    """A way to train models; its fields are its settings.

    The modules that it trains answer with logits (b, K, h, w) for K classes, or with images
    (b, c, h, w). An object must be picklable and its class importable, since trainings run in
    processes of their own.
    """

    name: ClassVar[str]
    """The key under which a configuration gives its settings, unless there is a :attr:`key`."""
    key: ClassVar[str] = ""
    """The key where it is not the name: of methods that stand under ``recipe``, and that are known
    there by the setting that is called like them."""
    summary: ClassVar[str]
    """One line for lists of methods."""
    suffix: ClassVar[str] = ".safetensors"
    """What its files of weights end in."""

    @property
    @abstractmethod
    def description(self) -> str:
        """One line for tables and reports."""

    @property
    def label(self) -> str:
        """A few words, where there is no room for the description."""
        return self.name

    @property
    def identity(self) -> Mapping[str, Any]:
        """What determines the weights beside records, seed and defences, in plain JSON values."""
        return self.model_dump(mode="json")

    @property
    def written(self) -> Mapping[str, Any]:
        """Its settings as a configuration gives them, in plain JSON values."""
        return self.identity

    @property
    def answers_with(self) -> Access:
        """What a trained segmenter answers with: logits, or probabilities."""
        return Access.LOGIT

    @property
    def trains_on_pixels(self) -> bool:
        """Whether it is given images and truths; False where it finds them itself, by ids."""
        return True

    @property
    def steps(self) -> int | None:
        """How many epochs it reports; None where that is not known beforehand."""
        return None

    @property
    def has_discriminator(self) -> bool:
        """Whether it trains a discriminator beside the model."""
        return False

    def check(self, truth: Truth) -> None:
        """Refuse records that it cannot be trained on.

        Raises:
            InputError: naming what does not fit.
        """

    def check_sampling(self, samples: int) -> None:
        """Refuse to draw several answers from a model whose answers do not vary.

        Raises:
            InputError: all ``samples`` answers would be equal.
        """

    def trial(self) -> tuple[Self, int] | None:
        """A short version to estimate the training time with.

        Returns:
            The method with few epochs, two at least, and how many records to time it on; None
            where the time cannot be estimated.
        """
        return None

    @abstractmethod
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
        """Train a fresh model; the same arguments give the same weights.

        Args:
            records: on what; all of one size.
            seed: at least 0; every random choice follows from it.
            device: where.
            on_epoch: called after each epoch.
            partial: a file for the state of an unfinished training, to resume from; a method
                may ignore it.
            pictures: whether to keep a generator's answers on the first records.
            defences: what changes the training. Only a recipe is ever given any.
            reserve: records that the defender holds beside those trained on.

        Raises:
            InputError: these records cannot be trained on, or the training diverged.
        """

    @abstractmethod
    def untrained(self, channels: int, truth: Truth, size: tuple[int, int], seed: int) -> nn.Module:
        """A model of this method with random weights.

        Args:
            channels: of the images.
            truth: what the model answers with.
            size: (h, w) of the images.
            seed: of the initialisation; torch's global generators stay as they are.

        Raises:
            InputError: it cannot be built.
        """

    def untrained_twin(
        self,
        trained: Callable[[], nn.Module],
        channels: int,
        truth: Truth,
        size: tuple[int, int],
        seed: int,
    ) -> nn.Module | str:
        """The model that was trained, with random weights, for the control.

        Args:
            trained: loads the trained model.
            channels: of the images.
            truth: what the model answers with.
            size: (h, w) of the images.
            seed: of the initialisation.

        Returns:
            The model, or the reason why there is none.
        """
        return self.untrained(channels, truth, size, seed)

    def untrained_discriminator(
        self, channels: int, truth: Truth, size: tuple[int, int], seed: int
    ) -> nn.Module | None:
        """A discriminator with random weights; None where the method trains none."""
        return None

    def outputs(self, path: Path) -> tuple[Path, ...]:
        """The files that :meth:`save` writes, the weights first."""
        return (path,)

    @abstractmethod
    def save(self, trained: Trained, records: Records, path: Path) -> None:
        """Write what is needed to load the model again.

        Args:
            trained: by this method.
            records: that it was trained on.
            path: of the weights.
        """

    @abstractmethod
    def load(self, path: Path) -> nn.Module:
        """The model that :meth:`save` wrote, in evaluation mode.

        Raises:
            InputError: the file is missing or damaged.
        """

    def load_discriminator(self, path: Path) -> nn.Module | None:
        """The discriminator beside the weights at ``path``; None where there is none."""
        return None
