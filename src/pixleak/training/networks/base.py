"""What a network of the table is: its options, how it is built, and the sizes it can take.

All networks answer with K channels for K classes, to be read through a softmax; a binary network
has two channels, not one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from pixleak.core.errors import InputError
from pixleak.core.registry import nearest
from pixleak.training.networks.sizes import fitting_size

if TYPE_CHECKING:
    from torch import nn


class Network(BaseModel, ABC):
    """An architecture that recipes can name; its fields are its options.

    A subclass declares the options as fields with defaults, and writes :meth:`make`.

    Example:
        >>> from pixleak.training.networks import NETWORKS
        >>> NETWORKS["unet"].configured({"widths": [8, 16, 32]}).stride
        4
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: ClassVar[str]
    """In kebab-case."""
    summary: ClassVar[str]
    """One line for ``pixleak list``."""
    source: ClassVar[str]
    """Paper or package."""
    least: ClassVar[int] = 1
    """The smallest side of an image, in strides."""
    extra: ClassVar[str | None] = None
    """The extra of pixleak that installs the package it needs."""
    kind: ClassVar[Literal["any", "images"]] = "any"
    """What it can answer with: anything, or as a generator images in [0, 1]."""

    @property
    def stride(self) -> int:
        """What height and width must be a multiple of."""
        return 1

    @abstractmethod
    def make(self, channels: int, outputs: int) -> nn.Module:
        """The bare module, freshly initialised from torch's global generator.

        Args:
            channels: of the image.
            outputs: channels of the answer.
        """

    def blank(self) -> Self:
        """The same architecture without pretrained weights, to be filled from a checkpoint."""
        return self

    @classmethod
    def configured(cls, options: Mapping[str, Any]) -> Self:
        """The network with these options; defaults for those left out.

        Raises:
            InputError: an option is unknown or has a wrong value.
        """
        known = cls.model_fields
        for key in options:
            if key not in known:
                raise InputError(
                    f"network {cls.name!r} has no option {key!r}{nearest(key, known)} "
                    f"(options: {', '.join(known) or 'none'})"
                )
        try:
            return cls(**options)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"network {cls.name!r}, option {where}: {first['msg']}") from error

    def build(self, channels: int, outputs: int, size: tuple[int, int]) -> nn.Module:
        """A freshly initialised module, from torch's global generator (see ``seeded``).

        Args:
            channels: of the image.
            outputs: channels of the answer, K for K classes.
            size: (h, w) of the images. Where the network cannot take it, the module pads the
                image by repeating its last row and column, and crops its answer.

        Raises:
            InputError: the package refuses to build it.
            MissingExtraError: the package that it needs is not installed.
        """
        module = self.make(channels, outputs)
        if fitting_size(size, self.stride, self.least) == size:
            return module
        from pixleak.training.networks.padding import Padded

        return Padded(module, self.stride, self.least)
