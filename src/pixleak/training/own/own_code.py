"""Code of the user's own in a recipe: its network, loss or optimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pixleak.core.errors import InputError
from pixleak.training.own.given_code import (
    CodeGiven,
    check_arguments,
    files_of_code,
    loaded_code,
    name_of_code,
    written_code,
)
from pixleak.training.own.source import digest_of_function


class OwnCode(BaseModel):
    """A callable of the user's, and the digest by which it is recognised."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    what: ClassVar[str] = "code"
    """What it is in the recipe."""

    name: CodeGiven = Field(description="file.py:name, or in Python anything callable")
    code: str = Field("", description="digest of the code that was run; null: any")

    @classmethod
    def from_given(cls, given: Any) -> Any:
        """What a recipe names as a mapping for this class, if it is code; else as it is.

        Args:
            given: a name, ``file.py:name``, a callable, or a mapping with ``name``.
        """
        if isinstance(given, str):
            return {"name": given} if ":" in given else given
        return {"name": given} if callable(given) else given

    @model_validator(mode="after")
    def _recognised(self) -> Self:
        self.check(loaded_code(self.name))
        digest = self._digest()
        if self.code and self.code != digest:
            raise InputError(
                f"{self.what} {self} is no longer the code that was run then; leave its code out "
                "to train with it as it is now"
            )
        self.__dict__["code"] = digest
        return self

    def check(self, function: Callable[..., Any]) -> None:
        """Refuse what cannot be called as it will be.

        Raises:
            InputError: naming the arguments.
        """

    def _digest(self) -> str:
        return digest_of_function(loaded_code(self.name), str(self), *files_of_code(self.name))

    def __eq__(self, other: object) -> bool:
        # A functools.partial is equal to itself alone, and not to what it is in another process.
        return type(other) is type(self) and self.written == other.written

    def __hash__(self) -> int:
        return hash(self.code)

    def __str__(self) -> str:
        return name_of_code(self.name)

    @property
    def written(self) -> dict[str, Any]:
        """As a configuration gives it."""
        return {"name": written_code(self.name), "code": self.code}

    def loaded(self) -> Callable[..., Any]:
        """The callable.

        Raises:
            InputError: its file was changed since the training was planned.
        """
        if self._digest().partition("-")[0] != self.code.partition("-")[0]:
            raise InputError(
                f"{self.what} {self} was changed while models were trained with it, so that they "
                "would not all be of one kind: start again"
            )
        return loaded_code(self.name)


class OwnLoss(OwnCode):
    """A loss, ``loss(answers, truths)``: one number per image, or one for the batch."""

    what: ClassVar[str] = "loss"

    def check(self, function: Callable[..., Any]) -> None:
        if not isinstance(function, type) and not _is_module(function):
            check_arguments(function, f"loss {self}", ("answers", "truths"), {}, {})


class OwnOptimizer(OwnCode):
    """An optimizer's class, or a function ``make(parameters, lr)`` that returns one."""

    what: ClassVar[str] = "optimizer"
    offered: ClassVar[Mapping[str, str]] = {
        "lr": "the learning rate at the start",
        "weight_decay": "the recipe's weight decay",
    }

    def check(self, function: Callable[..., Any]) -> None:
        self.asked(function)

    def asked(self, function: Callable[..., Any]) -> tuple[str, ...]:
        """Which arguments it takes beside the parameters.

        Raises:
            InputError: it takes no learning rate.
        """
        asked = check_arguments(function, f"optimizer {self}", ("parameters",), self.offered, {})
        if "lr" not in asked:
            raise InputError(
                f"optimizer {self} does not take the learning rate of the recipe: define it with "
                "the arguments parameters and lr"
            )
        return asked


class OwnNetworkCode(OwnCode):
    """The class of a torch module, or a function that makes one."""

    what: ClassVar[str] = "network"

    def check(self, function: Callable[..., Any]) -> None:
        if _is_module(function):
            raise InputError(
                f"network {self} is a module that is made already, but every model starts from new "
                "weights: give its class, or a function that makes it"
            )


CHANNELS = ("channels", "in_channels", "n_channels", "input_channels", "in_chans")
"""What a network may call the number of channels of the images."""

OUTPUTS = ("outputs", "classes", "num_classes", "n_classes", "out_channels", "output_channels")
"""What it may call the number of channels of the answer."""


def network_arguments(
    function: Callable[..., Any], name: str, options: Mapping[str, Any], channels: int, outputs: int
) -> dict[str, Any]:
    """The arguments that a network of the user's is made with, by the names that it gives them.

    Raises:
        InputError: it has no such argument, or needs one more.
    """
    offered = dict.fromkeys(CHANNELS, "channels of the images")
    offered |= dict.fromkeys(OUTPUTS, "channels of the answer")
    for key in options:
        offered.pop(key, None)
    asked = check_arguments(function, name, (), offered, options)
    found = {key: channels if key in CHANNELS else outputs for key in asked}
    return {**found, **options}


def _is_module(given: object) -> bool:
    """Whether it is an object of a torch module's class, without importing torch."""
    return not isinstance(given, type) and hasattr(given, "state_dict") and hasattr(given, "eval")
