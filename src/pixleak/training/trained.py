"""What a training leaves behind, whichever method it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

OnEpoch = Callable[[int, float], None]
"""(epoch from 1, mean loss of its images); epoch 0 is of another model that is trained before."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained model.

    Args:
        module: in evaluation mode, on the device it was trained on, without gradients.
        epoch_losses: mean training loss of the images of each epoch.
        seconds: wall time, that of interrupted attempts included.
        companions: what was trained beside it, by name: ``"discriminator"``.
        facts: what the training says about itself: epsilon, the epoch that was kept, ...
        pictures: epoch -> (n, c, h, w) answers on the first records, where they were asked for.
    """

    module: nn.Module
    epoch_losses: tuple[float, ...]
    seconds: float
    companions: Mapping[str, nn.Module] = field(default_factory=dict)
    facts: Mapping[str, float | str] = field(default_factory=dict)
    pictures: Mapping[int, Tensor] = field(default_factory=dict, repr=False)
