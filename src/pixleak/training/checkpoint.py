"""Weights on disk: safetensors with the metadata needed to build the network again.

A file is written under a temporary name, fsynced and renamed, so that it is never incomplete.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import nn

from pixleak.core.disk.whole_files import replaced
from pixleak.core.errors import InputError
from pixleak.targets.state_dict import load_state
from pixleak.training.networks import NETWORKS, Network
from pixleak.version import __version__


def save_weights(module: nn.Module, path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a module's state as safetensors.

    Args:
        module: on any device.
        path: usually ``*.safetensors``; folders are made.
        metadata: stored in the file beside ``pixleak``, the version that wrote it. To be
            loadable by :func:`load_network` it needs ``network``, see :func:`network_metadata`.

    Raises:
        InputError: no permission or no space.
    """
    # Cloned, since safetensors refuses tensors that share memory (tied weights).
    state = {
        key: value.detach().cpu().contiguous().clone() for key, value in module.state_dict().items()
    }
    with replaced(path) as temporary:
        # Not save_file, which leaves a file that only its owner may read.
        temporary.write_bytes(save(state, {**(metadata or {}), "pixleak": __version__}))


def network_metadata(
    name: str,
    options: Mapping[str, object],
    channels: int,
    outputs: int,
    size: tuple[int, int],
    *,
    group_norm: bool = False,
) -> dict[str, str]:
    """The safetensors metadata that :func:`load_network` needs."""
    described = {
        "name": name,
        "options": dict(options),
        "channels": channels,
        "outputs": outputs,
        "size": list(size),
        "group_norm": group_norm,
    }
    return {"network": json.dumps(described)}


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file.

    Raises:
        InputError: it is missing or damaged.
    """
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}")
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a readable safetensors file: {error}") from error


def load_weights(module: nn.Module, path: Path) -> None:
    """Fill a module from a file of :func:`save_weights`.

    Raises:
        InputError: the file is missing or damaged, or of another architecture.
    """
    read_metadata(path)
    load_state(module, load_file(path), str(path), "the network")


def load_network(path: Path, network: Network | None = None) -> nn.Module:
    """Build the network that a checkpoint describes, with its weights, in evaluation mode.

    Pretrained weights that its recipe started from are not fetched again.

    Args:
        path: of the checkpoint.
        network: the network that was trained, if its class is not in the table.

    Raises:
        InputError: the file is missing or damaged, does not describe its network, or holds
            weights of another architecture than it describes.
        MissingExtraError: a package that the network needs is not installed.
    """
    metadata = read_metadata(path)
    if "network" not in metadata:
        raise InputError(f"{path} does not describe its network; it was not written by pixleak")
    described = json.loads(metadata["network"])
    height, width = described["size"]
    if network is None:
        network = NETWORKS[described["name"]].configured(described["options"])
    module = network.blank().build(described["channels"], described["outputs"], (height, width))
    if described.get("group_norm", False):
        from pixleak.training.networks.group_norm import group_normed

        module = group_normed(module)
    load_weights(module, path)
    return module.eval()
