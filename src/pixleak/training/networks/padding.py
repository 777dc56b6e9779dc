"""Any image size for a network that needs multiples of its stride."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from pixleak.training.networks.sizes import fitting_size


class Padded(nn.Module):
    """Pads the image on the right and below to what the network takes, and crops its answer.

    The image's last column and row are repeated, which adds no new edge. An image whose size fits
    is not padded.

    Args:
        network: the module inside.
        stride: what height and width must be a multiple of.
        least: the smallest height and width, in strides.
    """

    def __init__(self, network: nn.Module, stride: int, least: int = 1) -> None:
        super().__init__()
        self.network = network
        self.stride = stride
        self.least = least

    def forward(self, images: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, K, h, w)."""
        h, w = images.shape[-2:]
        height, width = fitting_size((h, w), self.stride, self.least)
        padded = functional.pad(images, (0, width - w, 0, height - h), mode="replicate")
        answer: Tensor = self.network(padded)
        return answer[..., :h, :w]
