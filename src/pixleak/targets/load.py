"""Functions and modules that a configuration names as ``file.py:name``, and checkpoints."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from pixleak.core.code import load_function
from pixleak.core.errors import InputError, setting, told
from pixleak.core.registry import alternatives
from pixleak.targets.state_dict import load_state

# Where training scripts put the weights among a checkpoint's other contents.
_NESTS = (
    "state_dict",
    "model_state_dict",
    "network_weights",  # nnU-Net
    "model",
    "network",
    "net",
    "ema_state_dict",
)


def load_module(
    spec: str,
    checkpoint: str | Path | None = None,
    *,
    allow_pickle: bool = False,
    key: str | None = None,
    prefix: str | None = None,
) -> nn.Module:
    """Build a module with ``"file.py:factory"`` and fill it from a checkpoint.

    Args:
        spec: names a function without arguments that returns the module (or the module).
        checkpoint: safetensors, or torch's own format; a state dict, alone or nested under
            ``state_dict``, ``model``, ...; names may carry the prefixes of DataParallel,
            Lightning or torch.compile. None: the factory loads its weights itself.
        allow_pickle: read a checkpoint that holds arbitrary pickled objects, which runs whatever
            code its author put there.
        key: entry of the checkpoint that holds the weights, ``"ema.model"`` for one inside another;
            None: the first of the usual ones.
        prefix: what stands before the names of the weights; None: to be found.

    Raises:
        InputError: as :func:`load_function`; the factory fails or returns no module; the
            checkpoint cannot be read, needs ``allow_pickle``, or is of another architecture.
    """
    factory = load_function(spec)
    if isinstance(factory, nn.Module):
        module: object = factory
    else:
        try:
            module = factory()
        except Exception as error:
            raise InputError(f"calling {spec} fails with {told(error)}") from error
    if not isinstance(module, nn.Module):
        raise InputError(
            f"{spec} must return a torch.nn.Module, it returned a {type(module).__name__}"
        )
    if checkpoint is not None:
        path = Path(checkpoint).expanduser()
        state = read_state(path, allow_pickle=allow_pickle, key=key)
        load_state(module, state, str(checkpoint), spec, prefix=prefix)
    return module


def read_state(
    path: Path, *, allow_pickle: bool = False, key: str | None = None
) -> dict[str, Tensor]:
    """The state dict in a checkpoint of safetensors' or torch's format.

    Args:
        path: of the checkpoint.
        allow_pickle: as of :func:`load_module`.
        key: as of :func:`load_module`.

    Raises:
        InputError: the file is missing or damaged, has no such key, holds no weights, or needs
            ``allow_pickle``.
    """
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}")
    safe = path.suffix == ".safetensors"
    content: object = _read_safetensors(path) if safe else _read_torch(path, allow_pickle)
    if key is not None:
        content = _entry(content, key, path)
    # At most as deep as {"model": {"state_dict": {...}}}; a key says exactly where.
    for _ in range(2 if key is None else 0):
        if isinstance(content, nn.Module):
            content = content.state_dict()
        if isinstance(content, Mapping):
            nest = [key for key in _NESTS if isinstance(content.get(key), (Mapping, nn.Module))]
            content = content[nest[0]] if nest else content
    if isinstance(content, nn.Module):
        content = content.state_dict()
    tensors = (
        {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
        if isinstance(content, Mapping)
        else {}
    )
    if not tensors:
        raise InputError(
            f"{path} holds no weights: a state dict is needed, alone or under one of "
            f"{', '.join(map(repr, _NESTS))}"
        )
    return tensors


def _entry(content: object, key: str, path: Path) -> object:
    """What a checkpoint holds under a key, or under keys with dots between them.

    Raises:
        InputError: there is no such key.
    """
    for part in (key,) if isinstance(content, Mapping) and key in content else key.split("."):
        if not isinstance(content, Mapping) or part not in content:
            known = [str(one) for one in content] if isinstance(content, Mapping) else []
            raise InputError(
                f"{path} has no entry {part!r} ({setting('target.checkpoint_key')} is {key!r})"
                f"{alternatives(part, known[:20])}"
            )
        content = content[part]
    return content


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not a readable safetensors file: {error}") from error


def _read_torch(path: Path, allow_pickle: bool) -> object:
    with path.open("rb") as file:
        start = file.read(2)
    if start != b"PK" and not start.startswith(b"\x80"):
        raise InputError(
            f"{path} is not a torch checkpoint: it begins neither as an archive nor as a pickle"
        )
    try:
        with warnings.catch_warnings():
            # torch warns of what the error below says anyway.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=not allow_pickle)
    except pickle.UnpicklingError as error:
        if allow_pickle:
            raise InputError(f"{path} is not a torch checkpoint: {told(error)}") from error
        raise InputError(
            f"{path} is a pickle that holds more than weights, and reading it would run code "
            "that its author put there; save the state dict alone, or, if you trust the file, "
            "set allow_pickle: true"
        ) from error
    except Exception as error:
        # torch.load raises whatever its parser fails with on a damaged file.
        raise InputError(f"{path} is damaged or not a torch checkpoint ({told(error)})") from error
