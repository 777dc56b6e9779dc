"""Let a network that needs sizes divisible by its stride take any size."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class Padded(nn.Module):
    """Pad the image on the right and below to what the network takes, and crop its answer.

    The image's last column and row are repeated, which adds no edge that was not there. An image
    that is larger than ``size`` goes to the network as it is.

    Args:
        network: the module inside.
        size: (h, w) to pad to.
    """

    def __init__(self, network: nn.Module, size: tuple[int, int]) -> None:
        super().__init__()
        self.network = network
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, K, h, w)."""
        h, w = images.shape[-2:]
        right, below = max(self.size[1] - w, 0), max(self.size[0] - h, 0)
        padded = functional.pad(images, (0, right, 0, below), mode="replicate")
        answer: Tensor = self.network(padded)
        return answer[..., :h, :w]
