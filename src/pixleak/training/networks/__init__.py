"""The networks that recipes can name: ``NETWORKS``. Importing it needs no torch."""

from pixleak.core.registry import Registry
from pixleak.training.networks import generators, monai_networks, smp, tiny
from pixleak.training.networks.base import Network

NETWORKS: Registry[Network] = Registry(
    "networks",
    {
        network.name: network
        for network in (
            *monai_networks.NETWORKS,
            *smp.NETWORKS,
            tiny.NETWORK,
            *generators.NETWORKS,
        )
    },
)
