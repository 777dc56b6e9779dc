"""How a model wants its images, and what its answers are: so that nobody has to wrap a model.

Records hold plain images, and attacks, pictures and checks for duplicates see those. What a model
was trained on may be something else: normalised images, bytes as floats, other orders of the
channels. Its answers may be something else as well: an entry of a tuple, bytes, values of a tanh.
An adapter stands between the two, around every query::

    x' = low + (high - low) x   or   scale x          the range that the model was trained on
    x  = (x' - mean) / std                            per channel, in units of x'

    answer -> key, index -> channels -> activation -> range -> resize -> checked as declared
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from pixleak.core.errors import InputError, setting
from pixleak.core.part import Part
from pixleak.core.truth import ImageTruth, Truth
from pixleak.targets.check import plain_array

Finite = Annotated[float, Field(allow_inf_nan=False)]
PerChannel = Finite | tuple[Finite, ...]
"""One number for all channels, or one for each."""
Span = tuple[Finite, Finite]
"""Lowest and highest value."""
Channels = tuple[Annotated[int, Field(ge=0)], ...]


class InputAdapter(Part):
    """What is done to the images before the model is asked.

    Example:
        Images in [0, 1] for a network that was trained on -1..1:

        >>> InputAdapter(range=(-1, 1)).applied(torch.tensor([[[[0.0, 0.5, 1.0]]]])).tolist()
        [[[[-1.0, 0.0, 1.0]]]]
    """

    channels: Channels | None = Field(
        None, min_length=1, description="channels in the model's order; [2, 1, 0] for BGR"
    )
    range: Span | None = Field(
        None, description="what the model takes for images of 0 to 1, such as [-1, 1] or [0, 255]"
    )
    scale: Finite | None = Field(None, description="factor instead of a range")
    mean: PerChannel | None = Field(
        None, description="subtracted afterwards, one number or one per channel"
    )
    std: PerChannel | None = Field(
        None, description="divided by at last, one number or one per channel"
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> InputAdapter:
        if self.range is not None and self.scale is not None:
            raise ValueError("give a range or a scale, not both")
        if self.range is not None and self.range[0] >= self.range[1]:
            raise ValueError(f"range must ascend, got {list(self.range)}")
        if self.scale == 0:
            raise ValueError("a scale of 0 makes all images alike")
        spread = self.std if isinstance(self.std, tuple) else (self.std,)
        if any(one is not None and one <= 0 for one in spread):
            raise ValueError(f"std must be above 0, got {self.std}")
        return self

    def applied(self, images: Tensor) -> Tensor:
        """(b, c, h, w) images as the model wants them.

        Raises:
            InputError: the images have other channels than this adapter was given numbers for.
        """
        if self.channels is not None:
            _check_channels(self.channels, images.shape[1], "target.input.channels", "images have")
            images = images[:, list(self.channels)]
        if self.range is not None:
            images = self.range[0] + (self.range[1] - self.range[0]) * images
        if self.scale is not None:
            images = self.scale * images
        if self.mean is not None:
            images = images - _per_channel(self.mean, images, "mean")
        if self.std is not None:
            images = images / _per_channel(self.std, images, "std")
        return images


class OutputAdapter(Part):
    """What is done to the model's answers before they are taken for what the access declares.

    Example:
        Answers of a tanh, where true images are in [0, 1]:

        >>> adapter = OutputAdapter(range=(-1, 1))
        >>> answer = torch.tensor([[[[-1.0, 0.0, 1.0]]]])
        >>> adapter.applied(answer, ImageTruth(1), (1, 3), "target").tolist()
        [[[[0.0, 0.5, 1.0]]]]
    """

    key: str | None = Field(None, description="entry of a dict, or attribute, that is the answer")
    index: int | None = Field(None, description="entry of a list or tuple that is the answer")
    channels: Channels | None = Field(
        None, min_length=1, description="channels of the answer, in the order of the classes"
    )
    activation: Literal["softmax", "sigmoid", "tanh", "argmax"] | None = Field(
        None, description="over the classes: softmax, argmax; per value: sigmoid, tanh"
    )
    range: Span | None = Field(
        None,
        description="range of the answers, which becomes that of the true images (or 0 to 1): "
        "[-1, 1] of a tanh, [0, 255] of bytes",
    )
    resize: Literal["nearest", "bilinear", "bicubic"] | None = Field(
        None, description="how answers are brought to the image's height and width"
    )

    @model_validator(mode="after")
    def _ascends(self) -> OutputAdapter:
        if self.range is not None and self.range[0] >= self.range[1]:
            raise ValueError(f"range must ascend, got {list(self.range)}")
        return self

    def applied(self, answer: object, truth: Truth, size: tuple[int, int], name: str) -> object:
        """The answer in pixleak's terms.

        Args:
            answer: of the model.
            truth: what it should look like.
            size: height and width of the image.
            name: of the target, for errors.

        Raises:
            InputError: there is no such entry or channel, or the answer is no tensor of
                (b, channels, h, w) or (b, h, w).
        """
        answer = self._entry(answer, name)
        rest = (self.channels, self.activation, self.range, self.resize)
        if all(one is None for one in rest):
            return answer
        answer = plain_array(answer)
        values = answer.detach() if isinstance(answer, Tensor) else torch.as_tensor(answer)
        values = values.to(device="cpu", dtype=torch.float32)
        if values.ndim not in (3, 4):
            raise InputError(
                f"target {name!r} answered with shape {tuple(values.shape)}; its output can be "
                "adapted where it is (images, channels, height, width) or (images, height, width)"
            )
        flat = values.ndim == 3
        values = values[:, None] if flat else values
        if self.channels is not None:
            _check_channels(
                self.channels, values.shape[1], "target.output.channels", "answers have"
            )
            values = values[:, list(self.channels)]
        if self.activation is not None:
            values, flat = _activated(values, self.activation), flat or self.activation == "argmax"
        if self.range is not None:
            low, high = (truth.low, truth.high) if isinstance(truth, ImageTruth) else (0.0, 1.0)
            share = (values - self.range[0]) / (self.range[1] - self.range[0])
            values = low + (high - low) * share
        if self.resize is not None and tuple(values.shape[-2:]) != size:
            smooth = {} if self.resize == "nearest" else {"align_corners": False}
            values = functional.interpolate(values, size=size, mode=self.resize, **smooth)
        return values[:, 0] if flat else values

    def undone(self, images: Tensor, truth: Truth) -> Tensor:
        """True images in the model's own range, for a discriminator that was trained with it."""
        if self.range is None or not isinstance(truth, ImageTruth):
            return images
        share = (images - truth.low) / (truth.high - truth.low)
        return self.range[0] + (self.range[1] - self.range[0]) * share

    def _entry(self, answer: object, name: str) -> object:
        if self.key is not None:
            if isinstance(answer, Mapping) and self.key in answer:
                answer = answer[self.key]
            elif not isinstance(answer, Mapping) and hasattr(answer, self.key):
                answer = getattr(answer, self.key)
            else:
                known = list(answer) if isinstance(answer, Mapping) else []
                found = f"the keys {', '.join(map(repr, known[:8]))}" if known else "no such entry"
                raise InputError(
                    f"target {name!r} answered with a {type(answer).__name__}, of which "
                    f"{self.key!r} was asked for; it has {found}"
                )
        if self.index is not None:
            if not isinstance(answer, Sequence) or isinstance(answer, str):
                raise InputError(
                    f"target {name!r} answered with a {type(answer).__name__}, of which entry "
                    f"{self.index} was asked for; that goes with a list or tuple"
                )
            if not -len(answer) <= self.index < len(answer):
                raise InputError(
                    f"target {name!r} answered with {len(answer)} entries, of which entry "
                    f"{self.index} was asked for; the first is 0"
                )
            answer = answer[self.index]
        return answer


class Adapter(Part):
    """Both sides of a model; nothing is changed where nothing is given."""

    plain: ClassVar[Adapter]
    """Changes nothing."""

    input: InputAdapter = InputAdapter()
    output: OutputAdapter = OutputAdapter()

    @property
    def settings(self) -> dict[str, Any]:
        """What was given, as plain values; empty where nothing was."""
        written = self.model_dump(mode="json", exclude_none=True)
        return {side: chosen for side, chosen in written.items() if chosen}


Adapter.plain = Adapter()


def _activated(values: Tensor, activation: str) -> Tensor:
    if activation == "softmax":
        return torch.softmax(values, dim=1)
    if activation == "sigmoid":
        return torch.sigmoid(values)
    if activation == "tanh":
        return torch.tanh(values)
    if values.shape[1] == 1:
        raise InputError(
            f"{setting('target.output.activation')} is argmax, but the answers have one "
            "channel; give sigmoid and probability access, or leave the activation out"
        )
    return values.argmax(dim=1, keepdim=True).float()


def _per_channel(given: PerChannel, images: Tensor, what: str) -> Tensor:
    numbers = given if isinstance(given, tuple) else (given,)
    if len(numbers) not in (1, images.shape[1]):
        raise InputError(
            f"{setting(f'target.input.{what}')} has {len(numbers)} numbers, but the images have "
            f"{images.shape[1]} channels; give one number, or one for each channel"
        )
    return torch.tensor(numbers, dtype=images.dtype, device=images.device).view(1, -1, 1, 1)


def _check_channels(chosen: Channels, channels: int, where: str, whose: str) -> None:
    if max(chosen) >= channels:
        raise InputError(
            f"{setting(where)} names channel {max(chosen)}, but the {whose} {channels} "
            f"(0..{channels - 1})"
        )
