"""The networks that recipes can name: ``NETWORKS``. Importing it needs no torch."""

from pixleak.core.registry import Registry
from pixleak.training.networks.base import Network
from pixleak.training.networks.generators import Pix2Pix, Pix2PixHD, Spade
from pixleak.training.networks.monai_networks import AttentionUNet, BasicUNet, SegResNet, UNet
from pixleak.training.networks.smp import SMP_NETWORKS
from pixleak.training.networks.tiny import Tiny

__all__ = ["NETWORKS", "Network", "Tiny"]

_ALL: tuple[type[Network], ...] = (
    UNet,
    BasicUNet,
    AttentionUNet,
    SegResNet,
    *SMP_NETWORKS,
    Tiny,
    Pix2Pix,
    Pix2PixHD,
    Spade,
)

NETWORKS: Registry[type[Network]] = Registry(
    "networks", {one.name: one for one in _ALL}, base=Network
)
