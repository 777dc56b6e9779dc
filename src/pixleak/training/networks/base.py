"""What a network of the table is: its options, how it is built, and the sizes it can take.

Convention for all of them: K outputs for K classes, to be read through a softmax; a binary
network has two channels, not one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from pixleak.core.errors import InputError
from pixleak.core.registry import nearest

if TYPE_CHECKING:
    from torch import nn


class Options(BaseModel):
    """Options of a network; a subclass declares them with their defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def blank(self) -> Self:
        """The same architecture without a start from weights that lie elsewhere."""
        return self


Make = Callable[[int, int, Any], "nn.Module"]
"""(input channels, outputs, options) -> module."""


@dataclass(frozen=True)
class Network:
    """An architecture that recipes can name.

    Args:
        name: kebab-case.
        summary: one line for ``pixleak list``.
        source: paper or package.
        options: its options with their defaults.
        make: builds the bare module.
        stride: options -> what height and width must be a multiple of.
        least: how many strides an image must be long at least.
        extra: the extra of pixleak that brings the package it needs, or None.
        kind: what it can answer with: ``"any"``, or ``"images"`` for generators in [0, 1].
    """

    name: str
    summary: str
    source: str
    options: type[Options]
    make: Make
    stride: Callable[[Any], int]
    least: int = 1
    extra: str | None = None
    kind: Literal["any", "images"] = "any"

    def check(self, options: dict[str, Any]) -> Options:
        """The options, completed with defaults.

        Raises:
            InputError: an option is unknown or has a wrong value.
        """
        known = self.options.model_fields
        for key in options:
            if key not in known:
                raise InputError(
                    f"network {self.name!r} has no option {key!r}{nearest(key, known)} "
                    f"(options: {', '.join(known) or 'none'})"
                )
        try:
            return self.options(**options)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"network {self.name!r}, option {where}: {first['msg']}") from error

    def build(
        self, channels: int, outputs: int, size: tuple[int, int], **options: object
    ) -> nn.Module:
        """A freshly initialised module, from torch's global generator (see ``seeded``).

        Args:
            channels: of the image.
            outputs: channels of the answer, K for K classes.
            size: (h, w) of the images. Where the network cannot take it, the module pads the
                image by repeating its last row and column, and crops its answer.
            **options: see ``options``.

        Raises:
            InputError: a wrong option, or the package refuses to build it.
            MissingExtraError: the package that it needs is not installed.
        """
        return self._build(channels, outputs, size, self.check(options))

    def blank(
        self, channels: int, outputs: int, size: tuple[int, int], **options: object
    ) -> nn.Module:
        """As :meth:`build`, without fetching pretrained weights: for weights that come anyway."""
        return self._build(channels, outputs, size, self.check(options).blank())

    def _build(
        self, channels: int, outputs: int, size: tuple[int, int], options: Options
    ) -> nn.Module:
        module = self.make(channels, outputs, options)
        stride = self.stride(options)
        if fitting_size(size, stride, self.least) == size:
            return module
        from pixleak.training.networks.padding import Padded

        return Padded(module, stride, self.least)


def fitting_size(size: tuple[int, int], stride: int, least: int) -> tuple[int, int]:
    """The smallest (h, w) not below ``size`` that a network of this stride can take.

    Example:
        >>> fitting_size((100, 64), stride=8, least=2)
        (104, 64)
        >>> fitting_size((3, 3), stride=8, least=2)
        (16, 16)
    """
    height, width = (max(-(-side // stride), least) * stride for side in size)
    return height, width
