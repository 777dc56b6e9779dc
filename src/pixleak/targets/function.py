"""Any callable as a target."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError
from pixleak.core.truth import Truth
from pixleak.targets.base import Target, Untwinned


class FunctionTarget(Target):
    """A function: a wrapped service, another framework's model, an ensemble.

    Args:
        function: (b, c, h, w) float32 tensor -> tensor or numpy array of what ``access``
            declares. It gets a copy, so it may write into its argument. If it has a parameter
            ``ids``, it gets the ids of the records as well.
        truth: what its output should look like.
        access: what it gives away.
        name: its name in errors and reports.
    """

    def __init__(
        self,
        function: Callable[[Tensor], object],
        truth: Truth,
        access: Access,
        *,
        name: str = "target",
    ) -> None:
        super().__init__(truth, access, name)
        self.function = function
        self._by_id = _takes_ids(function)

    def untrained(self, seed: int) -> Untwinned:
        return Untwinned("a function has no weights to take away")

    def _ask(self, images: Tensor, ids: Sequence[str] | None) -> object:
        if not self._by_id:
            return self._query(images)
        if ids is None:
            raise InputError(
                f"target {self.name!r} asks for ids, which a query about other images has not; "
                "leave out its parameter ids, or the defence in front of it"
            )
        with torch.no_grad():
            return self.function(images.clone(), ids=tuple(ids))  # type: ignore[call-arg]

    def _query(self, images: Tensor) -> object:
        with torch.no_grad():
            return self.function(images.clone())


def _takes_ids(function: Callable[..., object]) -> bool:
    try:
        return "ids" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # a callable without a signature
        return False
