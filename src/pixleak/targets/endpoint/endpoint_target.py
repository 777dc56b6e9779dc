"""A model behind an address as a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pixleak.core.access import Access
from pixleak.core.errors import InputError, setting
from pixleak.core.truth import Truth
from pixleak.targets.base import Target, Untwinned
from pixleak.targets.check import checked
from pixleak.targets.endpoint.meter import Meter
from pixleak.targets.state_dict import tensor_digest


class EndpointTarget(Target):
    """Asks through a meter, which keeps every answer.

    It is recognised by its address, by the version that is known, and by its answers on a few
    records.

    Args:
        meter: asks, keeps and counts.
        truth: what its output should look like.
        access: what it gives away.

    Raises:
        InputError: the access includes a discriminator.
    """

    def __init__(self, meter: Meter, truth: Truth, access: Access) -> None:
        if access is Access.DISCRIMINATOR:
            raise InputError(
                f"an endpoint gives no discriminator away: set {setting('target.access')} to image"
            )
        super().__init__(truth, access, meter.protocol.url)
        self.meter: Meter = meter

    def identity(self, answers: Sequence[Tensor]) -> Mapping[str, Any]:
        return {
            "endpoint": self.meter.introduced(),
            "answers": [tensor_digest(values) for values in answers],
        }

    def untrained(self, seed: int) -> Untwinned:
        return Untwinned("the weights behind an endpoint are out of reach")

    def _query(self, images: Tensor) -> object:
        for name in ("key", "index"):
            if getattr(self.adapter.output, name) is not None:
                raise InputError(
                    f"{setting(f'target.output.{name}')} does not go with an endpoint: name the "
                    f"entry of its answer with {setting('target.answer_key')} or "
                    f"{setting('target.output_name')}"
                )
        array = images.numpy(force=True).astype(np.float32)
        return torch.from_numpy(self.meter.answers(array, self._check))

    def _check(self, answers: NDArray[Any], images: NDArray[np.float32]) -> None:
        size = (images.shape[-2], images.shape[-1])
        given = torch.from_numpy(images)
        values = self.adapter.output.applied(torch.from_numpy(answers), self.truth, size, self.name)
        checked(values, given, self.truth, self.access, self.name, None)
